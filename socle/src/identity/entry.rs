//! From a proved password to a session: the second factor, the choice when there are too many sessions, the session.
//!
//! Before the last step there is no session: what stands between is a challenge, which opens nothing else.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::actions::{self, Client, Known, Opened, ProvedBy};
use super::challenges::{self, ChallengeId, Purpose};
use super::{ABSOLUTE_LIMIT, Realm, devices, sql};
use crate::db::{Caller, Tx};
use crate::error::NETWORK;
use crate::ids::{AccountId, TenantId};
use crate::limits::networks;
use crate::privacy::erasure;
use crate::{App, Error, Result};

/// How long the second step may take.
pub const STEP_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// What somebody wants to sign in to, and with what.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The tenant; the one used last when none is named.
    pub tenant: Option<TenantId>,
    /// What for.
    pub client: Client,
    /// The browser's cookies of known devices, as [`crate::web::device_cookies`] reads them.
    pub device: Option<String>,
}

/// What a proved password leads to.
pub enum Step {
    /// A session.
    In(Opened),
    /// The second factor is asked for; the secret of the challenge that waits for it.
    SecondFactor(String),
    /// There are as many sessions as the realm allows: which is to end? The secret of the challenge that waits.
    TooManySessions(String),
}

/// What a challenge of a sign-in waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// A second factor.
    SecondFactor,
    /// A session to end.
    Choice,
}

/// What is known of a sign-in under way; the payload of its challenge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnderWay {
    /// Where to.
    pub tenant: TenantId,
    /// What for.
    pub client: Client,
    /// What is asked for next.
    pub waits: Waits,
    /// The second factor was given at.
    pub second_factor_at: Option<DateTime<Utc>>,
    /// The known device it comes from.
    pub device: Option<Uuid>,
    /// A trusted device may stand for the second factor: it is a browser, and the role does not insist on the factor.
    #[serde(default)]
    pub may_trust: bool,
    /// The person said "trust this device" with the second factor.
    #[serde(default)]
    pub trust: bool,
}

/// A sign-in under way, found again by its secret.
pub struct Found {
    /// The transaction of its account, in which the challenge is locked.
    pub tx: Tx,
    /// The challenge.
    pub challenge: ChallengeId,
    /// Whose.
    pub account: AccountId,
    /// How far it is.
    pub under_way: UnderWay,
}

/// Goes on from a proved password: to the second factor, unless a trusted device stands for it.
///
/// # Errors
/// 422 when the wanted tenant is none of theirs.
pub async fn enter(app: &App, caller: &Caller, realm: &Realm, known: Known, wish: Wish) -> Result<Step> {
    let tenant = actions::choose(&known.memberships, wish.tenant)?;
    let mut tx = caller.begin_as_account(known.account, Some(tenant)).await?;
    let device = devices::recognise(&mut tx, known.account, wish.device.as_deref()).await?;
    let insists = known.insists_on_second_factor(realm, tenant);
    let under_way = UnderWay {
        tenant,
        client: wish.client,
        waits: Waits::SecondFactor,
        second_factor_at: device.and_then(|device| device.trusted_at).filter(|_| !insists),
        device: device.map(|device| device.id.0),
        may_trust: wish.client == Client::Browser && !insists,
        trust: false,
    };
    if known.has_second_factor && under_way.second_factor_at.is_none() {
        let secret = wait(app, &mut tx, realm, (known.account, under_way)).await?;
        tx.commit().await?;
        return Ok(Step::SecondFactor(secret));
    }
    admit(app, tx, realm, (known.account, under_way)).await
}

/// Goes on for an account whose password was proved in another way: an accepted invitation, a reset password.
///
/// # Errors
/// 401 when it has no membership.
pub async fn enter_account(app: &App, caller: &Caller, realm: &Realm, account: AccountId, wish: Wish) -> Result<Step> {
    let mut tx = caller.begin_as_account(account, None).await?;
    let memberships = sql::memberships(&mut tx, account).await?;
    let (language, has_second_factor) = sql::about_entering(&mut tx, account).await?;
    drop(tx);
    enter(app, caller, realm, Known { account, language, has_second_factor, memberships }, wish).await
}

/// Goes on once everything asked for was proved: opens the session, or asks which one to end for it. The transaction is
/// the account's; it is committed.
///
/// # Errors
/// 401 when the membership has ended meanwhile.
pub async fn admit(app: &App, mut tx: Tx, realm: &Realm, (account, under_way): (AccountId, UnderWay)) -> Result<Step> {
    if let Some(most) = realm.rules.sessions {
        // Of two sign-ins at once the second waits for the first, and counts its session.
        sql::lock_account(&mut tx, account).await?;
        if sql::live_sessions(&mut tx, account).await? >= i64::from(most) {
            let under_way = UnderWay { waits: Waits::Choice, ..under_way };
            let secret = wait(app, &mut tx, realm, (account, under_way)).await?;
            tx.commit().await?;
            return Ok(Step::TooManySessions(secret));
        }
    }
    let language = sql::signed_in_now(&mut tx, account).await?;
    let device = match under_way.client {
        Client::Browser => Some(devices::arrive(app, &mut tx, account, &under_way).await?),
        Client::Api => None,
    };
    let proof = ProvedBy {
        authenticated_at: tx.caller().now(),
        second_factor_at: under_way.second_factor_at,
        device: device.as_ref().map(|device| device.id.0),
        expires_at: tx.caller().now() + ABSOLUTE_LIMIT,
    };
    erasure::undo(app, &mut tx, account).await?;
    let opened = actions::insert(&mut tx, (account, under_way.tenant), under_way.client, &proof).await;
    let (session, token) = match opened {
        Err(error) if error.code == NETWORK => {
            let caller = tx.caller().clone();
            drop(tx);
            networks::refused(app, &caller, (account, under_way.tenant)).await?;
            return Err(error);
        }
        opened => opened?,
    };
    tx.commit().await?;
    let device = device.map(|device| (account, device.cookie));
    Ok(Step::In(Opened { session, token, language, device }))
}

/// Goes on from a passkey, which is password and second factor in one.
///
/// # Errors
/// 422 when the wanted tenant is none of theirs.
pub async fn enter_proved(app: &App, caller: &Caller, realm: &Realm, (known, wish): (Known, Wish)) -> Result<Step> {
    let tenant = actions::choose(&known.memberships, wish.tenant)?;
    let mut tx = caller.begin_as_account(known.account, Some(tenant)).await?;
    let device = devices::recognise(&mut tx, known.account, wish.device.as_deref()).await?;
    let second_factor_at = Some(caller.now());
    let under_way = UnderWay {
        tenant,
        client: wish.client,
        waits: Waits::SecondFactor,
        second_factor_at,
        device: device.map(|device| device.id.0),
        may_trust: false,
        trust: false,
    };
    admit(app, tx, realm, (known.account, under_way)).await
}

/// The sign-in under way behind a secret, which waits for this.
///
/// # Errors
/// 401 `AUTH_CHALLENGE` when it is unknown, over, or waits for something else.
pub async fn find(caller: &Caller, realm: &Realm, secret: &str, waits: Waits) -> Result<Found> {
    let (challenge, account) = challenges::whose(caller, realm, Purpose::SignIn, secret).await?.ok_or_else(over)?;
    // Where it leads to is in the challenge; what follows is done in that tenant.
    let mut tx = caller.begin_as_account(account, None).await?;
    let under_way = read(&mut tx, challenge).await?.ok_or_else(over)?;
    drop(tx);
    let mut tx = caller.begin_as_account(account, Some(under_way.tenant)).await?;
    // The account before the challenge, as everywhere: two that wait for each other would both fail.
    sql::lock_account(&mut tx, account).await?;
    let under_way = read(&mut tx, challenge).await?.filter(|now| now.waits == waits).ok_or_else(over)?;
    Ok(Found { tx, challenge, account, under_way })
}

async fn read(tx: &mut Tx, challenge: ChallengeId) -> Result<Option<UnderWay>> {
    let Some(open) = challenges::open(tx, challenge).await? else { return Ok(None) };
    let under_way = serde_json::from_value(open.payload);
    under_way.map_err(|e| Error::internal(format!("payload of challenge {challenge}: {e}")))
}

/// 401: there is no such sign-in any more.
#[must_use]
pub fn over() -> Error {
    Error::unauthenticated("AUTH_CHALLENGE", "This sign-in is over. Begin again with address and password.")
}

async fn wait(app: &App, tx: &mut Tx, realm: &Realm, (account, under_way): (AccountId, UnderWay)) -> Result<String> {
    let payload = serde_json::to_value(&under_way).map_err(|e| Error::internal(format!("payload: {e}")))?;
    let new = challenges::New { purpose: Purpose::SignIn, lifetime: STEP_WITHIN, payload, sealed: None };
    Ok(challenges::issue(app, tx, realm, account, new).await?.secret)
}
