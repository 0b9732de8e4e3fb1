//! Known devices: the browsers somebody has signed in from. A sign-in from a new one is told by mail; one that is known is
//! not slowed down by others' failures; one that is trusted stands for the second factor for 30 days, where the role does
//! not insist on it (specs/axtech.md §2.4).
//!
//! A device is recognised by a random cookie of its account alone: it is renewed at each sign-in, people who share a
//! browser have one each, and a stolen one is worth nothing without the password, nor for anybody else.

pub(crate) mod api;
pub(super) mod pages;
mod sql;
pub mod words;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

pub use sql::Known;

use super::entry::UnderWay;
use super::sessions;
use crate::db::{Caller, Tx};
use crate::error::KEYS_UNAVAILABLE;
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::security::{Event, Severity};
use crate::web::Lang;
use crate::web::instants::{instant, zone};
use crate::{App, Error, Result, audit, security, tokens, typed_id};

typed_id!(DeviceId, "a known device");

/// How long "trust this device" stands for the second factor.
pub const TRUSTED_FOR: TimeDelta = TimeDelta::days(30);

/// A device somebody signs in from, found by its cookie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recognised {
    pub id: DeviceId,
    /// Since when it stands for the second factor; `None` when it does not, or no more.
    pub trusted_at: Option<DateTime<Utc>>,
}

/// A device somebody has signed in from, with its new cookie.
pub(super) struct Arrived {
    pub id: DeviceId,
    pub cookie: String,
}

/// The hashes of what a browser sent: the cookies of everybody who uses it.
fn hashes(cookies: &str) -> Vec<Vec<u8>> {
    cookies.split('.').map(tokens::hash).collect()
}

/// The device of the transaction's account among a browser's cookies.
pub(super) async fn recognise(tx: &mut Tx, account: AccountId, cookies: Option<&str>) -> Result<Option<Recognised>> {
    match cookies {
        Some(cookies) => sql::recognise(tx, account, &hashes(cookies)).await,
        None => Ok(None),
    }
}

/// The one of a browser's cookies by which this account has signed in from it before: then others' failures do not slow
/// them down. The others beside it, which anybody can add, play no part. An account that does not exist has none, and takes
/// as long.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn known<'a>(
    caller: &Caller,
    account: Option<AccountId>,
    cookies: Option<&'a str>,
) -> Result<Option<&'a str>> {
    let Some(cookies) = cookies else { return Ok(None) };
    let account = account.unwrap_or(AccountId(uuid::Uuid::nil()));
    let mut tx = caller.begin_as_account(account, None).await?;
    let mut found = None;
    for cookie in cookies.split('.') {
        if recognise(&mut tx, account, Some(cookie)).await?.is_some() {
            found = Some(cookie);
        }
    }
    Ok(found)
}

/// Makes the browser of a sign-in known, or renews its cookie. A new one is told by mail, unless it is the account's very
/// first; it is trusted when the person said so and the second factor was given.
pub(super) async fn arrive(app: &App, tx: &mut Tx, account: AccountId, under_way: &UnderWay) -> Result<Arrived> {
    let cookie = tokens::fresh()?;
    let hash = tokens::hash(&cookie);
    let known = match under_way.device {
        Some(id) => sql::renew(tx, DeviceId(id), &hash).await?.then_some(DeviceId(id)),
        None => None,
    };
    let id = match known {
        Some(id) => id,
        None => first_seen(app, tx, account, &hash).await?,
    };
    if under_way.trust && under_way.may_trust && under_way.second_factor_at.is_some() {
        trust(tx, id).await?;
    }
    Ok(Arrived { id, cookie })
}

async fn first_seen(app: &App, tx: &mut Tx, account: AccountId, hash: &[u8]) -> Result<DeviceId> {
    let id = DeviceId::fresh(tx.caller().now());
    let the_very_first = !sql::any(tx, account).await?;
    sql::insert(tx, (id, account), hash).await?;
    audit::record(tx, audit::Entry::done("device.known", "KnownDevice", id.0)).await?;
    if !the_very_first {
        let new = Event::new("NEW_DEVICE", Severity::Low, Some(account)).with(json!({ "device": id }));
        security::record(tx, new).await?;
        tell(app, tx, account).await?;
    }
    Ok(id)
}

/// The mail about a sign-in from a new device. It carries no link: whoever gets one like it must not learn to follow it.
async fn tell(app: &App, tx: &mut Tx, account: AccountId) -> Result<()> {
    let (email, language) = sql::address(tx, account).await?;
    let language = Lang::parse(&language).unwrap_or(Lang::Fr);
    let caller = tx.caller().clone();
    let place = caller.trace().ip.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
    let letter = Letter::new("new-device", language)
        .with("device", &words::Agent::of(caller.trace().user_agent.as_deref()).in_words(language))
        .with("place", &place)
        .with("time", &instant(caller.now(), zone("Europe/Paris"), language));
    match mail::send_by(app, tx, &email, letter).await {
        // Signing in goes on without the key service; the security event tells of the device all the same.
        Err(error) if error.code == KEYS_UNAVAILABLE => {
            tracing::warn!(cause = error.cause, "nobody was told of a new device");
            Ok(())
        }
        sent => sent.map(drop),
    }
}

/// Trusts a device of the transaction's account for [`TRUSTED_FOR`]: the second factor was given on it just now.
///
/// # Errors
/// 404 when it is none of theirs, or was forgotten.
pub(super) async fn trust(tx: &mut Tx, device: DeviceId) -> Result<()> {
    let until = tx.caller().now() + TRUSTED_FOR;
    if !sql::trust(tx, device, until).await? {
        return Err(Error::not_found());
    }
    audit::record(tx, audit::Entry::done("device.trusted", "KnownDevice", device.0)).await
}

/// Ends the trust in every device of the transaction's account: its password was changed, or a factor of it. They stay
/// known.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn distrust_all(tx: &mut Tx, account: AccountId) -> Result<()> {
    let ended = sql::distrust_all(tx, account).await?;
    if ended > 0 {
        let entry = audit::Entry::done("device.distrusted", "Account", account.0);
        audit::record(tx, entry.with(json!({ "devices": ended }))).await?;
    }
    Ok(())
}

/// The known devices of the caller, the one used last first, and which of them this session is on.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn list(caller: &Caller) -> Result<(Vec<Known>, Option<DeviceId>)> {
    let person = caller.person()?;
    let mut tx = caller.begin().await?;
    let this = sql::device_of(&mut tx, person.session).await?;
    Ok((sql::list(&mut tx, person.account).await?, this))
}

/// Forgets a device of the caller: its sessions end, its trust too, and the next sign-in from it is one from a new device.
/// Returns whether the caller's own session was among them.
///
/// # Errors
/// 403 `AUTH_STEP_UP` when they have not proved lately who they are, 404 when it is none of theirs.
pub async fn forget(caller: &Caller, device: DeviceId) -> Result<bool> {
    let person = caller.person()?;
    person.proved_lately(caller.now())?;
    let mut tx = caller.begin().await?;
    let this = sql::device_of(&mut tx, person.session).await? == Some(device);
    if !sql::forget(&mut tx, (device, person.account)).await? {
        return Err(Error::not_found());
    }
    sessions::end_on_device(&mut tx, person.account, device).await?;
    audit::record(&mut tx, audit::Entry::done("device.forgotten", "KnownDevice", device.0)).await?;
    tx.commit().await?;
    Ok(this)
}
