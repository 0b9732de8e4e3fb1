//! What a change of the factors brings with it: the account's mark, recovery codes, other sessions, the present one under
//! a new id, a mail, the trail.

use serde_json::json;
use uuid::Uuid;

use super::{held, recovery, required, sql};
use crate::db::{Caller, Person, Tx};
use crate::identity::actions::{self, Client, Opened, ProvedBy};
use crate::identity::devices;
use crate::mail::{self, Letter};
use crate::security::{Event, Severity};
use crate::web::{Lang, Product};
use crate::{Error, Result, audit, security};

/// Kinds of factors, as mails and the trail name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    App,
    Passkey,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Passkey => "passkey",
        }
    }
}

/// A factor was added.
pub struct Added {
    /// The new recovery codes, when it is the account's first factor: they are shown this once.
    pub recovery_codes: Vec<String>,
    /// The present session, under a new id.
    pub opened: Opened,
    /// What its client gets for it.
    pub client: Client,
}

/// The rest of adding a factor, in its transaction, which is committed: all other sessions of the account end, and the
/// present one goes on under a new id.
pub(super) async fn added<P: Product>(product: &P, mut tx: Tx, kind: Kind) -> Result<Added> {
    let caller = tx.caller().clone();
    let person = caller.person()?;
    let recovery_codes = if sql::begin_factors(&mut tx, person.account).await? {
        recovery::issue(product.app(), &mut tx, person.account).await?
    } else {
        Vec::new()
    };
    let (opened, client) = renewed(&mut tx, person, (true, true)).await?;
    trail(&mut tx, person, ("FACTOR_ADDED", Severity::Medium), kind).await?;
    audit::record(&mut tx, entry("factor.added", person, kind)).await?;
    let template = match kind {
        Kind::App => "app-added",
        Kind::Passkey => "passkey-added",
    };
    notice(product, &mut tx, person, template).await?;
    tx.commit().await?;
    Ok(Added { recovery_codes, opened, client })
}

fn entry(action: &'static str, person: &Person, kind: Kind) -> audit::Entry {
    audit::Entry::done(action, "Account", person.account.0).with(json!({ "factor": kind.name() }))
}

async fn trail(tx: &mut Tx, person: &Person, (event, severity): (&'static str, Severity), kind: Kind) -> Result<()> {
    let event = Event::new(event, severity, Some(person.account)).with(json!({ "factor": kind.name() }));
    security::record(tx, event).await
}

/// Tells the account's address what was done to it.
pub(super) async fn notice<P: Product>(
    product: &P,
    tx: &mut Tx,
    person: &Person,
    template: &'static str,
) -> Result<()> {
    let letter = Letter::new(template, Lang::parse(&person.language).unwrap_or(Lang::Fr));
    mail::send(product, tx, &person.email, letter.with("first_name", "")).await.map(drop)
}

/// Ends the present session and opens it again under a new id, with what was proved just now. `others`: all other sessions
/// of the account end too. `factor`: it was a second factor.
///
/// # Errors
/// 401 when the session has ended meanwhile: none may outlive that.
pub(super) async fn renewed(tx: &mut Tx, person: &Person, (others, factor): (bool, bool)) -> Result<(Opened, Client)> {
    let now = tx.caller().now();
    let over = || Error::unauthenticated("AUTH_REQUIRED", "Sign in again.");
    let browser = sql::is_browser(tx, person.session).await?.ok_or_else(over)?;
    let client = if browser { Client::Browser } else { Client::Api };
    // The session goes on: its end stays where it was.
    let (device, expires_at) = crate::identity::sql::kept_of(tx, person.session).await?;
    let second_factor_at = if factor { Some(now) } else { person.second_factor_at };
    let proof = ProvedBy { authenticated_at: now, second_factor_at, device, expires_at };
    if others {
        actions::end_all_sessions(tx, person.account, None).await?;
        devices::distrust_all(tx, person.account).await?;
    } else {
        crate::identity::sql::end_session(tx, person.session, now).await?;
    }
    let (session, token) = actions::insert(tx, (person.account, person.tenant), client, &proof).await?;
    Ok((Opened { session, token, language: person.language.clone(), device: None }, client))
}

/// Removes the caller's authenticator app.
///
/// # Errors
/// 404 when there is none, 409 `BIZ_LAST_FACTOR` when a role of theirs demands a second factor and it is the last one, 403
/// `AUTH_STEP_UP` when no second factor was proved lately.
pub async fn remove_app<P: Product>(product: &P, caller: &Caller) -> Result<()> {
    let (mut tx, person) = begin(caller).await?;
    if !sql::delete_app(&mut tx, person.account, true).await? {
        return Err(Error::not_found());
    }
    removed(product, tx, person, Kind::App).await
}

/// Removes one of the caller's passkeys.
///
/// # Errors
/// As [`remove_app`].
pub async fn remove_passkey<P: Product>(product: &P, caller: &Caller, id: Uuid) -> Result<()> {
    let (mut tx, person) = begin(caller).await?;
    if !sql::delete_passkey(&mut tx, person.account, id).await? {
        return Err(Error::not_found());
    }
    removed(product, tx, person, Kind::Passkey).await
}

/// A transaction in which the factors of the caller's account do not change under it.
async fn begin(caller: &Caller) -> Result<(Tx, &Person)> {
    let person = caller.person()?;
    super::proved(person, caller.now())?;
    let mut tx = caller.begin().await?;
    crate::identity::sql::lock_account(&mut tx, person.account).await?;
    Ok((tx, person))
}

async fn removed<P: Product>(product: &P, mut tx: Tx, person: &Person, kind: Kind) -> Result<()> {
    if held(&mut tx, person.account).await?.count() == 0 {
        if required(&mut tx, &product.branding().realm, person.account).await? {
            let message = "Your role needs a second factor: add another one, then remove this one.";
            return Err(Error::conflict("BIZ_LAST_FACTOR", message));
        }
        sql::end_factors(&mut tx, person.account).await?;
        sql::delete_recovery_codes(&mut tx, person.account).await?;
    }
    devices::distrust_all(&mut tx, person.account).await?;
    trail(&mut tx, person, ("FACTOR_REMOVED", Severity::High), kind).await?;
    audit::record(&mut tx, entry("factor.removed", person, kind)).await?;
    let template = match kind {
        Kind::App => "app-removed",
        Kind::Passkey => "passkey-removed",
    };
    notice(product, &mut tx, person, template).await?;
    tx.commit().await
}

/// A new set of recovery codes, shown once; the former set is over.
///
/// # Errors
/// 409 `BIZ_NO_FACTOR` when the account has no second factor, 403 `AUTH_STEP_UP` when none was proved lately.
pub async fn renew_recovery_codes<P: Product>(product: &P, caller: &Caller) -> Result<Vec<String>> {
    let (mut tx, person) = begin(caller).await?;
    if held(&mut tx, person.account).await?.count() == 0 {
        return Err(Error::conflict("BIZ_NO_FACTOR", "Set up a second factor first; recovery codes come with it."));
    }
    let codes = recovery::issue(product.app(), &mut tx, person.account).await?;
    let event = Event::new("RECOVERY_CODES_RENEWED", Severity::Medium, Some(person.account));
    security::record(&mut tx, event).await?;
    audit::record(&mut tx, audit::Entry::done("factor.codes_renewed", "Account", person.account.0)).await?;
    notice(product, &mut tx, person, "recovery-codes-renewed").await?;
    tx.commit().await?;
    Ok(codes)
}
