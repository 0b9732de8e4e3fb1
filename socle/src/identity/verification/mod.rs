//! The address of a new account is proved: by a code that is typed (15 minutes, 5 wrong ones) or by the mail's link (24
//! hours). The link's page changes nothing when it is only looked at: mail scanners follow links.

pub mod api;
pub mod pages;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::accounts::{self, Status};
use super::challenges::{self, New, Purpose};
use super::requests::{self, What};
use super::{Realm, sql};
use crate::db::{Caller, Tx};
use crate::ids::AccountId;
use crate::jobs::{self as queues, NOTIFICATIONS, NewJob};
use crate::mail::{self, Letter};
use crate::web::{Branding, Product};
use crate::{App, Error, Result, audit};

/// How long a code can be typed.
pub const CODE_LIVES: TimeDelta = TimeDelta::minutes(15);
/// How long a link works.
pub const LINK_LIVES: TimeDelta = TimeDelta::hours(24);
/// The job that sends a verification again.
pub(super) const AGAIN: &str = "identity.verify";
const TEMPLATE: &str = "prove-address";

/// Writes the verification once more, when the account still waits for one: at most three an hour.
pub(super) async fn again(app: &App, caller: &Caller, branding: &Branding, account: AccountId) -> Result<()> {
    let mut tx = caller.begin_as_account(account, None).await?;
    write(app, &mut tx, branding, account).await?;
    tx.commit().await
}

/// Writes a verification to an account that waits for one, in its own transaction.
pub(super) async fn write(app: &App, tx: &mut Tx, branding: &Branding, account: AccountId) -> Result<()> {
    let about = accounts::locked(tx, account).await?.filter(|about| about.status == Status::Pending);
    let Some(about) = about else { return Ok(()) };
    if !accounts::may_write(tx, account, &[TEMPLATE]).await? {
        return Ok(());
    }
    let realm = &branding.realm;
    let new = |purpose, lifetime| New { purpose, lifetime, payload: Value::Null, sealed: None };
    let code = challenges::issue(app, tx, realm, account, new(Purpose::VerifyEmail, CODE_LIVES)).await?.code;
    let link = challenges::issue(app, tx, realm, account, new(Purpose::VerifyEmailLink, LINK_LIVES)).await?.secret;
    let letter = Letter::new(TEMPLATE, about.language)
        .with("code", &code)
        .link(&format!("{}/verify_email?token={link}", branding.base));
    mail::send_to_account(app, tx, account, (&about.email, letter)).await?;
    Ok(())
}

/// Has the verification sent again after a sign-in with the right password, in the transaction that notes its refusal.
pub(super) async fn remind(tx: &mut Tx, account: AccountId) -> Result<()> {
    let job = NewJob::now(AGAIN, NOTIFICATIONS, json!({ "account": account }));
    queues::enqueue(tx, job.once(account.to_string())).await?;
    Ok(())
}

/// Asks for the verification once more, for an address that may have no account at all.
///
/// # Errors
/// 400 when it is no address.
pub async fn resend(app: &App, caller: &Caller, email: &str) -> Result<()> {
    requests::ask(app, caller, What::Verify, email).await
}

/// Proves an address by its code.
///
/// # Errors
/// 422 `AUTH_CODE` when the code does not fit or is over, and as well when no account waits for one.
pub async fn by_code<P: Product>(product: &P, caller: &Caller, email: &str, code: &str) -> Result<()> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let email = email.trim().to_lowercase();
    let found = sql::by_email(caller.db(), realm.name, &email).await?.ok_or_else(unfit)?;
    let mut tx = caller.begin_as_account(found.account, None).await?;
    let open = challenges::newest(&mut tx, found.account, Purpose::VerifyEmail).await?.ok_or_else(unfit)?;
    if !challenges::code_fits(app, &mut tx, &open, code).await? {
        let refused = audit::Entry::refused("account.verification", "Account", Some(found.account.0));
        audit::record(&mut tx, refused).await?;
        tx.commit().await?;
        return Err(unfit());
    }
    finish(tx, found.account).await
}

/// Whether a link still works; nothing is used up.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn is_open(caller: &Caller, realm: &Realm, secret: &str) -> Result<bool> {
    Ok(challenges::whose(caller, realm, Purpose::VerifyEmailLink, secret).await?.is_some())
}

/// Proves an address by the link in its mail.
///
/// # Errors
/// 422 `AUTH_CODE` when the link was used or is over.
pub async fn by_link(caller: &Caller, realm: &Realm, secret: &str) -> Result<()> {
    let (id, account) = challenges::whose(caller, realm, Purpose::VerifyEmailLink, secret).await?.ok_or_else(unfit)?;
    let mut tx = caller.begin_as_account(account, None).await?;
    challenges::open(&mut tx, id).await?.ok_or_else(unfit)?;
    finish(tx, account).await
}

/// The account can sign in; code and link are over, both.
async fn finish(mut tx: Tx, account: AccountId) -> Result<()> {
    for purpose in [Purpose::VerifyEmail, Purpose::VerifyEmailLink] {
        challenges::close(&mut tx, account, purpose).await?;
    }
    if !accounts::activate(&mut tx, account).await? {
        return Err(unfit());
    }
    tx.commit().await
}

/// The one answer to every code and link that does not fit.
pub(super) fn unfit() -> Error {
    Error::unprocessable("AUTH_CODE", "The code or link does not fit, was used or is over. Ask for a new one.")
}
