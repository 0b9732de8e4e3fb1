//! Second factors: an authenticator app, passkeys, and ten recovery codes for the day when neither is at hand.
//!
//! An account that has one proves it at every sign-in ([`second_step`]), and once more before sensitive changes
//! ([`step_up`]). A passkey is password and second factor in one, so it also signs in alone ([`passkeys::sign_in`]).
//! Where a realm's rules demand a second factor of a role, its people can set one up and do nothing else before.

pub mod api;
pub mod apps;
mod changes;
pub mod pages;
pub mod passkeys;
mod recovery;
pub mod second_step;
mod sql;
pub mod step_up;
pub mod totp;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use apps::{Enrolled, enrol};
pub use changes::{Added, remove_app, remove_passkey, renew_recovery_codes};
use passkeys::Signature;

use super::Realm;
use crate::db::{Caller, Person, Tx};
use crate::ids::AccountId;
use crate::security::{Event, Severity};
use crate::{App, Error, Result, security};

/// Recovery codes of a set.
pub const RECOVERY_CODES: usize = 10;
/// So few left are warned of.
const FEW: i64 = 3;

/// The second factors of an account.
#[derive(Clone, Debug)]
pub struct Held {
    /// Since when it has an authenticator app.
    pub app_since: Option<DateTime<Utc>>,
    /// Its passkeys, the oldest first.
    pub passkeys: Vec<PasskeyInfo>,
    /// Recovery codes that were not used yet.
    pub recovery_codes: i64,
}

/// A passkey, as its owner tells it from others.
#[derive(Clone, Debug)]
pub struct PasskeyInfo {
    /// Its id.
    pub id: Uuid,
    /// The name its owner gave it.
    pub name: String,
    /// Since when it is registered.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Held {
    /// Factors that a sign-in can be proved with; recovery codes alone are none.
    #[must_use]
    pub fn count(&self) -> usize {
        self.passkeys.len() + usize::from(self.app_since.is_some())
    }

    /// Whether it is time for a new set of recovery codes.
    #[must_use]
    pub fn few_codes(&self) -> bool {
        self.count() > 0 && self.recovery_codes <= FEW
    }
}

/// What the transaction's account has.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn held(tx: &mut Tx, account: AccountId) -> Result<Held> {
    let sql::Held { app_since, recovery_codes } = sql::held(tx, account).await?;
    let info = |sql::StoredPasskey { id, name, created_at, last_used_at, .. }| PasskeyInfo {
        id,
        name,
        created_at,
        last_used_at,
    };
    let passkeys = sql::passkeys(tx, account).await?.into_iter().map(info).collect();
    Ok(Held { app_since, passkeys, recovery_codes })
}

/// What the caller's own account has.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn own(caller: &Caller) -> Result<Held> {
    let account = caller.person()?.account;
    held(&mut caller.begin().await?, account).await
}

/// Whether a membership of the account demands a second factor: it cannot give up its last one.
async fn required(tx: &mut Tx, realm: &Realm, account: AccountId) -> Result<bool> {
    let memberships = super::sql::memberships(tx, account).await?;
    Ok(memberships.iter().any(|one| realm.rules.second_factor.contains(&one.role.as_str())))
}

/// Adding a factor to an account without any is proved by the password; changing anything later, by a factor.
fn proved(person: &Person, now: DateTime<Utc>) -> Result<()> {
    if person.second_factor_at.is_some() { person.second_factor_lately(now) } else { person.proved_lately(now) }
}

/// What somebody answers when they are asked for a second factor.
#[derive(Debug)]
pub enum Answer {
    /// A code of the authenticator app.
    App(String),
    /// A recovery code.
    Recovery(String),
    /// A passkey's signature.
    Passkey(Box<Signature>),
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It proves the account's second factor, and is used up.
    Fits,
    /// It does not.
    Wrong,
    /// Codes of the app are not looked at before this instant.
    Paused(DateTime<Utc>),
}

/// Judges an answer of the transaction's account. Whatever the verdict, the transaction is to be committed: codes are used
/// up, wrong ones counted, and what a security officer looks at is written in it. `of` is what the answer is for, a sign-in
/// or a session: a passkey's signature for another one does not fit.
async fn judge(
    app: &App,
    tx: &mut Tx,
    realm: &Realm,
    (account, answer, of): (AccountId, Answer, Uuid),
) -> Result<Verdict> {
    // First of all, so that who changes the factors and who proves one never wait for each other.
    super::sql::lock_account(tx, account).await?;
    let (verdict, factor) = match answer {
        Answer::App(code) => (apps::judge(app, tx, account, &code).await?, "app"),
        Answer::Recovery(code) => (recovery::judge(app, tx, account, &code).await?, "recovery_code"),
        Answer::Passkey(signature) => (passkeys::judge(app, tx, realm, (account, &signature, of)).await?, "passkey"),
    };
    if verdict == Verdict::Wrong {
        let event = Event::new("SECOND_FACTOR_FAILED", Severity::Low, Some(account));
        security::record(tx, event.with(serde_json::json!({ "factor": factor }))).await?;
    }
    Ok(verdict)
}

/// 401: the answer does not fit.
fn wrong() -> Error {
    Error::unauthenticated(
        "AUTH_FACTOR",
        "The code or passkey does not fit. Wait for the app's next code, or use a recovery code.",
    )
}

/// 429: too many wrong codes; recovery codes and passkeys still work.
fn paused(until: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let seconds = u32::try_from((until - now).num_seconds().max(1)).unwrap_or(u32::MAX);
    let message = "Too many wrong codes: the app's codes are paused. Use a recovery code or a passkey.";
    Error::too_many("AUTH_CODES_PAUSED", message, seconds)
}
