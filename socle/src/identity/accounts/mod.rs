//! Accounts themselves: what stands in the row, a new password in it, and its standing (active, suspended).
//!
//! Nobody sets or sees another person's password: who is responsible for people can only make them choose a new one.

mod sql;

use chrono::TimeDelta;
use serde_json::json;

use super::challenges::{self, Purpose};
use super::{Realm, actions, devices, sql as sessions};
use crate::db::{Caller, Tx};
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::security::{Event, Severity};
use crate::web::Lang;
use crate::{App, Error, Result, audit, security};

/// How far back the messages of an account count.
const HOUR: TimeDelta = TimeDelta::hours(1);
/// Messages of one kind that an account is written within an hour.
pub(super) const PER_HOUR: i64 = 3;

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its address is not proved yet: it cannot sign in.
    Pending,
    /// It can sign in.
    Active,
    /// Suspended or deleted: it can do nothing, and is not told from an address without an account.
    Closed,
}

/// An account as its own transaction sees it.
#[derive(Clone, Debug)]
pub struct About {
    /// Sign-in address.
    pub email: String,
    /// User name.
    pub user_name: Option<String>,
    /// Language of its mails.
    pub language: Lang,
    /// How it stands.
    pub status: Status,
    /// Argon2id PHC string.
    pub password_hash: Option<String>,
    /// Sealed, E.164.
    pub phone: Option<Vec<u8>>,
    /// Whether its phone is verified.
    pub phone_verified: bool,
}

/// The transaction's account, its row held until the transaction ends.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn locked(tx: &mut Tx, account: AccountId) -> Result<Option<About>> {
    sessions::lock_account(tx, account).await?;
    sql::about(tx, account).await
}

/// The transaction's account.
///
/// # Errors
/// 503 when the database cannot be reached.
pub(super) async fn about(tx: &mut Tx, account: AccountId) -> Result<Option<About>> {
    sql::about(tx, account).await
}

/// Whether an account may be written one more message of these templates within the hour. Its row is held.
pub(super) async fn may_write(tx: &mut Tx, account: AccountId, templates: &[&str]) -> Result<bool> {
    let since = tx.caller().now() - HOUR;
    Ok(mail::written_since(tx, account, templates, since).await? < PER_HOUR)
}

/// Sets a new password that its owner has chosen, in a transaction of the account: every session and every family of refresh
/// tokens ends, no device is trusted any more, open links for forgotten passwords and sign-ins under way are void, and the
/// owner is told by mail. Factors, known devices and everything else stay.
pub(super) async fn set_password(
    app: &App,
    tx: &mut Tx,
    realm: &Realm,
    (account, hash): (AccountId, &str),
) -> Result<()> {
    let expires = realm.rules.password_expires(tx.caller().now());
    sql::set_password(tx, account, hash, expires).await?;
    actions::end_all_sessions(tx, account, None).await?;
    devices::distrust_all(tx, account).await?;
    for purpose in [Purpose::ResetPassword, Purpose::SignIn] {
        challenges::close(tx, account, purpose).await?;
    }
    audit::record(tx, audit::Entry::done("password.changed", "Account", account.0)).await?;
    security::record(tx, Event::new("PASSWORD_CHANGED", Severity::Medium, Some(account))).await?;
    let about = sql::about(tx, account).await?.ok_or_else(|| Error::internal("the account vanished"))?;
    mail::send_to_account(app, tx, account, (&about.email, Letter::new("changed-password", about.language))).await?;
    Ok(())
}

/// The address of an account that waited for it is proved: it can sign in. False when it did not wait.
pub(super) async fn activate(tx: &mut Tx, account: AccountId) -> Result<bool> {
    if !sql::activate(tx, account).await? {
        return Ok(false);
    }
    audit::record(tx, audit::Entry::done("account.verified", "Account", account.0)).await?;
    Ok(true)
}

/// Makes a member of the transaction's tenant choose a new password before anything else. Who may ask for it decides the
/// caller.
///
/// # Errors
/// 404 when they are no member of that tenant.
pub async fn force_password_change(tx: &mut Tx, account: AccountId) -> Result<()> {
    if !sql::force_password_change(tx, account).await? {
        return Err(Error::not_found());
    }
    audit::record(tx, audit::Entry::done("password.change_forced", "Account", account.0)).await?;
    security::record(tx, Event::new("PASSWORD_CHANGE_FORCED", Severity::Medium, Some(account))).await
}

/// An operator's word on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Its sessions end at once and it cannot sign in.
    Suspend,
    /// It may sign in again.
    Reactivate,
}

/// Suspends an account of a realm, or lets it in again. Only from the platform's own tenant; the policies have been asked.
///
/// # Errors
/// 403 `AUTH_STEP_UP` when the operator has not proved lately who they are, 404 when no account with this address has a
/// standing to be changed so, 409 when it is the operator's own.
pub async fn decide(caller: &Caller, (realm, email): (&str, &str), word: Word) -> Result<()> {
    let operator = caller.person()?.clone();
    operator.proved_lately(caller.now())?;
    let mut tx = caller.begin().await?;
    let (changed, action, kind) = match word {
        Word::Suspend => (sql::suspend(&mut tx, (realm, email)).await?, "account.suspended", "ACCOUNT_SUSPENDED"),
        Word::Reactivate => {
            (sql::reactivate(&mut tx, (realm, email)).await?, "account.reactivated", "ACCOUNT_REACTIVATED")
        }
    };
    let account = changed.ok_or_else(Error::not_found)?;
    if account == operator.account {
        return Err(Error::conflict("BIZ_OWN_ACCOUNT", "This is your own account. Another operator must do it."));
    }
    let details = json!({ "realm": realm });
    audit::record(&mut tx, audit::Entry::done(action, "Account", account.0).with(details)).await?;
    let by = json!({ "by": operator.account });
    security::record(&mut tx, Event::new(kind, Severity::High, Some(account)).with(by)).await?;
    tx.commit().await
}
