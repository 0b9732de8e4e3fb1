//! A forgotten password: a mail brings a link, the link lets its reader choose a new password, once, within an hour. The
//! second factor is still asked for. The link's page changes nothing when it is only looked at.

pub mod api;
pub mod pages;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Realm;
use super::accounts::{self, About, Status};
use super::challenges::{self, New, Purpose};
use super::passwords::policy::{Context, Fault};
use super::requests::{self, What};
use crate::db::Caller;
use crate::error::Detail;
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::web::{Branding, Product};
use crate::{App, Error, Result, audit};

/// How long a link works.
pub const LINK_LIVES: TimeDelta = TimeDelta::hours(1);
const TEMPLATE: &str = "forgotten-password";

/// Asks for a new password, for an address that may have no account at all.
///
/// # Errors
/// 400 when it is no address.
pub async fn ask(app: &App, caller: &Caller, email: &str) -> Result<()> {
    requests::ask(app, caller, What::Reset, email).await
}

/// Sends the link to an active account: at most three an hour.
pub(super) async fn offer(app: &App, caller: &Caller, branding: &Branding, account: AccountId) -> Result<()> {
    let mut tx = caller.begin_as_account(account, None).await?;
    let about = accounts::locked(&mut tx, account).await?.filter(|about| about.status == Status::Active);
    let Some(about) = about else { return Ok(()) };
    if !accounts::may_write(&mut tx, account, &[TEMPLATE]).await? {
        return Ok(());
    }
    let new = New { purpose: Purpose::ResetPassword, lifetime: LINK_LIVES, payload: Value::Null, sealed: None };
    let link = challenges::issue(app, &mut tx, &branding.realm, account, new).await?.secret;
    let letter = Letter::new(TEMPLATE, about.language);
    let letter = letter.link(&format!("{}/password/reset?token={link}", branding.base));
    mail::send_to_account(app, &mut tx, account, (&about.email, letter)).await?;
    tx.commit().await
}

/// Whether a link still works; nothing is used up.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn is_open(caller: &Caller, realm: &Realm, secret: &str) -> Result<bool> {
    Ok(challenges::whose(caller, realm, Purpose::ResetPassword, secret).await?.is_some())
}

/// Sets the new password; [`super::entry::enter_account`] goes on to a session.
///
/// # Errors
/// 422 `AUTH_CODE` when the link was used, is over or void, 400 when the password does not do.
pub async fn confirm<P: Product>(
    product: &P,
    caller: &Caller,
    secret: &str,
    password: SecretString,
) -> Result<AccountId> {
    let (app, branding) = (product.app(), product.branding());
    let (id, account) = challenges::whose(caller, &branding.realm, Purpose::ResetPassword, secret)
        .await?
        .ok_or_else(super::verification::unfit)?;
    let mut tx = caller.begin_as_account(account, None).await?;
    let about = active(accounts::about(&mut tx, account).await?)?;
    drop(tx);
    let context = Context::of(branding).and(&about.email).and(about.user_name.as_deref().unwrap_or_default());
    let present = SecretString::from(password.expose_secret());
    let hash = app.passwords.choose("password", password, context).await?;
    if app.passwords.verify(present, about.password_hash).await? {
        // Who was to give up a password does not get it back this way.
        return Err(Error::invalid(vec![Detail::new("password", Fault::Same.code(), Fault::Same.message())]));
    }
    let mut tx = caller.begin_as_account(account, None).await?;
    active(accounts::locked(&mut tx, account).await?)?;
    // Of two at once the second waits for the row, and finds the link used up.
    challenges::open(&mut tx, id).await?.ok_or_else(super::verification::unfit)?;
    audit::record(&mut tx, audit::Entry::done("password.reset", "Account", account.0)).await?;
    accounts::set_password(app, &mut tx, &branding.realm, (account, &hash)).await?;
    tx.commit().await?;
    Ok(account)
}

fn active(about: Option<About>) -> Result<About> {
    about.filter(|about| about.status == Status::Active).ok_or_else(super::verification::unfit)
}
