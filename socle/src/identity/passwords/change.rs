//! Somebody changes their own password: the present one is asked for, other sessions end, this one goes on under a new id.
//! It is also where people are led whose password has expired, or who were given one that they must not keep.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use super::policy::{Context, Fault};
use super::sql;
use crate::db::Caller;
use crate::error::Detail;
use crate::identity::accounts;
use crate::identity::actions::{self, Client, Opened, ProvedBy};
use crate::identity::sql as sessions;
use crate::web::Product;
use crate::{Error, Result, audit};

/// Tries of the present password within [`WITHIN`].
const TRIES: i64 = 5;
/// How far back tries count.
const WITHIN: TimeDelta = TimeDelta::minutes(15);

/// The present password and the new one.
#[derive(Debug)]
pub struct Change {
    /// The present one.
    pub current: SecretString,
    /// The new one.
    pub new: SecretString,
}

/// The session that goes on.
pub struct Changed {
    /// Under its new id, with a new secret.
    pub opened: Opened,
    /// What it is for.
    pub client: Client,
}

/// Changes the caller's password.
///
/// # Errors
/// 401 `AUTH_PASSWORD` when the present one is wrong, 429 after five wrong ones, 400 when the new one does not do.
pub async fn change<P: Product>(product: &P, caller: &Caller, given: Change) -> Result<Changed> {
    let (app, branding) = (product.app(), product.branding());
    let person = caller.person()?.clone();
    let about = prove(product, caller, given.current.clone()).await?;
    if given.new.expose_secret() == given.current.expose_secret() {
        return Err(Error::invalid(vec![Detail::new("password", Fault::Same.code(), Fault::Same.message())]));
    }
    let context = Context::of(branding).and(&person.name).and(&about.email);
    let context = context.and(about.user_name.as_deref().unwrap_or_default());
    let hash = app.passwords.choose("password", given.new, context).await?;
    let mut tx = caller.begin().await?;
    sessions::lock_account(&mut tx, person.account).await?;
    let client = if sql::is_browser(&mut tx, person.session).await? { Client::Browser } else { Client::Api };
    let (device, expires_at) = sessions::kept_of(&mut tx, person.session).await?;
    let (authenticated_at, second_factor_at) = (caller.now(), person.second_factor_at);
    let proof = ProvedBy { authenticated_at, second_factor_at, device, expires_at };
    accounts::set_password(app, &mut tx, &branding.realm, (person.account, &hash)).await?;
    let (session, token) = actions::insert(&mut tx, (person.account, person.tenant), client, &proof).await?;
    tx.commit().await?;
    Ok(Changed { opened: Opened { session, token, language: person.language, device: None }, client })
}

/// Refuses unless the present password fits. The try is counted before it is checked.
async fn prove<P: Product>(product: &P, caller: &Caller, current: SecretString) -> Result<accounts::About> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    let about = accounts::locked(&mut tx, account).await?;
    let about = about.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))?;
    let tries = sql::count_try(&mut tx, account, caller.now() - WITHIN).await?;
    if tries > TRIES {
        // Dropped with the transaction: who is refused adds nothing to the time that they wait.
        let seconds = u32::try_from(WITHIN.num_seconds()).unwrap_or(u32::MAX);
        return Err(Error::too_many("AUTH_PASSWORD_TRIES", "Too many wrong passwords. Wait a while.", seconds));
    }
    tx.commit().await?;
    let fits = product.app().passwords.verify(current, about.password_hash.clone()).await?;
    let mut tx = caller.begin().await?;
    if fits {
        sql::forget_tries_of(&mut tx, account).await?;
    } else {
        audit::record(&mut tx, audit::Entry::refused("password.change", "Account", Some(account.0))).await?;
    }
    tx.commit().await?;
    if fits { Ok(about) } else { Err(Error::unauthenticated("AUTH_PASSWORD", "The present password does not fit.")) }
}
