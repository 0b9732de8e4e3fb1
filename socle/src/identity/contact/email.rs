//! A new address: proved by a code or a link that is sent to it; the old one is told, and stays until then.
//!
//! Whether the new address has an account already is not looked up: a code goes out in any case. Only who has proved that
//! the address is theirs learns that it is taken.

use serde_json::Value;

use super::{bounded, proved, sql};
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::identity::accounts;
use crate::identity::challenges::{self, New, Purpose};
use crate::identity::requests::address;
use crate::identity::verification::{CODE_LIVES, LINK_LIVES, unfit};
use crate::identity::{Realm, contact::phone};
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::sealed::Field;
use crate::security::{Event, Severity};
use crate::web::Product;
use crate::{App, Error, Result, audit, security};

const TO_NEW: &str = "email-confirm";
const ASKED: &str = "email-change-asked";
const CHANGED: &str = "email-changed";

/// Where a new address waits.
fn field(account: AccountId) -> Field<'static> {
    Field { table: "socle.challenges", column: "sealed", row: account.0 }
}

/// Asks for a change of the caller's address.
///
/// # Errors
/// 403 `AUTH_STEP_UP`, 400 when it is no address or the present one, 429 after three within an hour.
pub async fn ask<P: Product>(product: &P, caller: &Caller, wanted: &str) -> Result<()> {
    let (app, branding) = (product.app(), product.branding());
    let wanted = address(wanted)?;
    let (mut tx, account, about) = proved(caller).await?;
    if wanted == about.email {
        return Err(Error::invalid(vec![Detail::new("email", "UNCHANGED", "This is the present address.")]));
    }
    bounded(&mut tx, account, &[TO_NEW]).await?;
    let keys = app.vault.person_keys(&mut tx, account).await?;
    let sealed = Some(keys.seal(field(account), &wanted)?);
    let new = |purpose, lifetime| New { purpose, lifetime, payload: Value::Null, sealed: sealed.clone() };
    let realm = &branding.realm;
    let code = challenges::issue(app, &mut tx, realm, account, new(Purpose::ChangeEmail, CODE_LIVES)).await?.code;
    let link = challenges::issue(app, &mut tx, realm, account, new(Purpose::ChangeEmailLink, LINK_LIVES)).await?;
    let letter = Letter::new(TO_NEW, about.language)
        .with("code", &code)
        .link(&format!("{}/confirm_email?token={}", branding.base, link.secret));
    mail::send_to_account(app, &mut tx, account, (&wanted, letter)).await?;
    let notice = Letter::new(ASKED, about.language).link(&format!("{}/account/password", branding.base));
    mail::send_to_account(app, &mut tx, account, (&about.email, notice)).await?;
    audit::record(&mut tx, audit::Entry::done("email.change_asked", "Account", account.0)).await?;
    tx.commit().await
}

/// Confirms the caller's new address by its code.
///
/// # Errors
/// 422 `AUTH_CODE` when the code does not fit or is over, 409 when the address has an account by now.
pub async fn by_code(app: &App, caller: &Caller, code: &str) -> Result<()> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    let open = challenges::newest(&mut tx, account, Purpose::ChangeEmail).await?.ok_or_else(unfit)?;
    if !challenges::code_fits(app, &mut tx, &open, code).await? {
        audit::record(&mut tx, audit::Entry::refused("email.change", "Account", Some(account.0))).await?;
        tx.commit().await?;
        return Err(unfit());
    }
    finish(app, tx, account, open.sealed).await
}

/// Whether a link still works; nothing is used up.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn is_open(caller: &Caller, realm: &Realm, secret: &str) -> Result<bool> {
    Ok(challenges::whose(caller, realm, Purpose::ChangeEmailLink, secret).await?.is_some())
}

/// Confirms a new address by the link in its mail: of the account that asked for it, whoever's browser it is.
///
/// # Errors
/// 422 `AUTH_CODE` when the link was used or is over, 409 when the address has an account by now.
pub async fn by_link(app: &App, caller: &Caller, realm: &Realm, secret: &str) -> Result<()> {
    let found = challenges::whose(caller, realm, Purpose::ChangeEmailLink, secret).await?;
    let (id, account) = found.ok_or_else(unfit)?;
    let mut tx = caller.begin_as_account(account, None).await?;
    let open = challenges::open(&mut tx, id).await?.ok_or_else(unfit)?;
    finish(app, tx, account, open.sealed).await
}

/// The address changes; the old one is told, and the phone when it is verified. Links that went to the old address are void.
async fn finish(app: &App, mut tx: Tx, account: AccountId, sealed: Option<Vec<u8>>) -> Result<()> {
    let about = accounts::locked(&mut tx, account).await?;
    let about = about.filter(|about| about.status == accounts::Status::Active).ok_or_else(unfit)?;
    let sealed = sealed.ok_or_else(|| Error::internal("a change of address without one"))?;
    let wanted = app.vault.person_keys(&mut tx, account).await?.open(field(account), &sealed)?;
    for purpose in [Purpose::ChangeEmail, Purpose::ChangeEmailLink, Purpose::ResetPassword] {
        challenges::close(&mut tx, account, purpose).await?;
    }
    if !sql::take_email(&mut tx, account, &wanted).await? {
        return Err(Error::conflict("BIZ_ACCOUNT_EXISTS", "This address has an account already. Sign in with it."));
    }
    mail::send_to_account(app, &mut tx, account, (&about.email, Letter::new(CHANGED, about.language))).await?;
    phone::notify(app, &mut tx, account, Letter::new(CHANGED, about.language)).await?;
    audit::record(&mut tx, audit::Entry::done("email.changed", "Account", account.0)).await?;
    security::record(&mut tx, Event::new("EMAIL_CHANGED", Severity::High, Some(account))).await?;
    tx.commit().await
}
