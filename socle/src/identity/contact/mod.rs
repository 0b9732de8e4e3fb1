//! Where an account is reached, and by what name it signs in: address, phone, user name. A change asks that password or
//! second factor was proved lately.

pub mod api;
pub mod email;
pub mod pages;
pub mod phone;
mod sql;
pub mod user_name;

use crate::db::{Caller, Tx};
use crate::identity::accounts::{self, About};
use crate::identity::challenges::{self, Purpose};
use crate::ids::AccountId;
use crate::{App, Error, Result};

/// What the account's page shows.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Sign-in address.
    pub email: String,
    /// User name.
    pub user_name: Option<String>,
    /// Phone in E.164.
    pub phone: Option<String>,
    /// Whether it is verified.
    pub phone_verified: bool,
    /// Whether a code to a new address is under way.
    pub email_waits: bool,
    /// Whether a code to a phone is under way.
    pub phone_waits: bool,
}

/// The caller's own.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn of(app: &App, caller: &Caller) -> Result<Contact> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    let about = accounts::about(&mut tx, account).await?.ok_or_else(Error::not_found)?;
    let phone = match &about.phone {
        Some(sealed) => Some(phone::opened(app, &mut tx, account, sealed).await?),
        None => None,
    };
    Ok(Contact {
        email: about.email,
        user_name: about.user_name,
        phone,
        phone_verified: about.phone_verified,
        email_waits: challenges::newest(&mut tx, account, Purpose::ChangeEmail).await?.is_some(),
        phone_waits: challenges::newest(&mut tx, account, Purpose::VerifyPhone).await?.is_some(),
    })
}

/// The caller's own account, held, for a change that wants a recent proof.
async fn proved(caller: &Caller) -> Result<(Tx, AccountId, About)> {
    let person = caller.person()?;
    person.proved_lately(caller.now())?;
    let mut tx = caller.begin().await?;
    let about = accounts::locked(&mut tx, person.account).await?.ok_or_else(Error::not_found)?;
    Ok((tx, person.account, about))
}

/// Refuses a further message within the hour. Only the account itself learns of its own bound.
async fn bounded(tx: &mut Tx, account: AccountId, templates: &[&str]) -> Result<()> {
    if accounts::may_write(tx, account, templates).await? {
        return Ok(());
    }
    Err(Error::too_many("AUTH_MESSAGES", "Three messages were sent within the hour. Come back in an hour.", 3_600))
}
