//! From a proved password to a session: the second factor, the choice when there are too many sessions, the session.
//!
//! Before the last step there is no session: what stands between is a challenge, which opens nothing else.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::actions::{self, Client, Known, Opened, ProvedBy};
use super::challenges::{self, ChallengeId, Purpose};
use super::{Realm, sql};
use crate::db::{Caller, Tx};
use crate::ids::{AccountId, TenantId};
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
    /// The cookie of a known device, when the browser has one.
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

/// Goes on from a proved password.
///
/// # Errors
/// 422 when the wanted tenant is none of theirs.
pub async fn enter(app: &App, caller: &Caller, realm: &Realm, known: Known, wish: Wish) -> Result<Step> {
    let tenant = actions::choose(&known.memberships, wish.tenant)?;
    let mut tx = caller.begin_as_account(known.account, Some(tenant)).await?;
    let under_way =
        UnderWay { tenant, client: wish.client, waits: Waits::SecondFactor, second_factor_at: None, device: None };
    if known.has_second_factor {
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
    let proof = ProvedBy {
        authenticated_at: tx.caller().now(),
        second_factor_at: under_way.second_factor_at,
        device: under_way.device,
    };
    let language = sql::signed_in_now(&mut tx, account).await?;
    let (session, token) = actions::insert(&mut tx, (account, under_way.tenant), under_way.client, &proof).await?;
    tx.commit().await?;
    Ok(Step::In(Opened { session, token, language }))
}

/// Goes on from a passkey, which is password and second factor in one.
///
/// # Errors
/// 422 when the wanted tenant is none of theirs.
pub async fn enter_proved(app: &App, caller: &Caller, realm: &Realm, (known, wish): (Known, Wish)) -> Result<Step> {
    let tenant = actions::choose(&known.memberships, wish.tenant)?;
    let tx = caller.begin_as_account(known.account, Some(tenant)).await?;
    let second_factor_at = Some(caller.now());
    let under_way =
        UnderWay { tenant, client: wish.client, waits: Waits::SecondFactor, second_factor_at, device: None };
    admit(app, tx, realm, (known.account, under_way)).await
}

/// The sign-in under way behind a secret, which waits for this.
///
/// # Errors
/// 401 `AUTH_CHALLENGE` when it is unknown, over, or waits for something else.
pub async fn find(caller: &Caller, realm: &Realm, secret: &str, waits: Waits) -> Result<Found> {
    let found = challenges::whose(caller, realm, Purpose::SignIn, secret).await?;
    let (challenge, account) = found.ok_or_else(over)?;
    let mut tx = caller.begin_as_account(account, None).await?;
    let under_way = under_way(&mut tx, challenge).await?;
    drop(tx);
    // Again, in the tenant it leads to: the membership can only be read, and mails only be written, in there.
    let mut tx = caller.begin_as_account(account, Some(under_way.tenant)).await?;
    let under_way = self::under_way(&mut tx, challenge).await?;
    if under_way.waits != waits {
        return Err(over());
    }
    Ok(Found { tx, challenge, account, under_way })
}

async fn under_way(tx: &mut Tx, challenge: ChallengeId) -> Result<UnderWay> {
    let open = challenges::open(tx, challenge).await?.ok_or_else(over)?;
    serde_json::from_value(open.payload).map_err(|e| Error::internal(format!("payload of challenge {challenge}: {e}")))
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
