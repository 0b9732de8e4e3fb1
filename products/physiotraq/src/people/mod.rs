//! The people of a licence: profile and preferences. (Invitations and the team pages come with the whole product.)

mod sql;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use socle::db::{Person, Tx};
use socle::ids::{AccountId, TenantId};
use socle::web::{Access, Form, Method, Product, Routes, see_other};
use socle::{Caller, Error, Result, audit, identity};

use crate::units::Unit;
use crate::{Physiotraq, roles};

pub use sql::{Member, SIGNED_IN, members};

/// The profile's routes.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes.page(Method::Post, "/app/profile/preferences", Access::To(roles::USE_APP), preferences)
}

#[derive(Deserialize)]
struct Preferences {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    back: String,
}

async fn preferences(
    State(product): State<Physiotraq>,
    caller: Caller,
    Form(form): Form<Preferences>,
) -> Result<Response> {
    let unit = Unit::parse(&form.unit).ok_or_else(|| Error::malformed("unit is celsius or fahrenheit."))?;
    prefer_unit(&caller, unit).await?;
    Ok(see_other(&product.branding().landing(&form.back)))
}

/// Sets the caller's own unit.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn prefer_unit(caller: &Caller, unit: Unit) -> Result<()> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    sql::set_unit(&mut tx, account, unit).await?;
    tx.commit().await
}

/// A person's unit, from what was read with the session.
#[must_use]
pub fn unit_of(caller: &Caller) -> Unit {
    let profile = caller.person().ok().and_then(|person| person.profile.get("unit")?.as_str().and_then(Unit::parse));
    profile.unwrap_or(Unit::Celsius)
}

/// The licence's zone, from what was read with the session.
#[must_use]
pub fn zone_of(caller: &Caller) -> chrono_tz::Tz {
    let person = caller.person().ok();
    let name = person.and_then(|person| person.profile.get("zone")?.as_str());
    crate::wording::zone(name.unwrap_or("Europe/Paris"))
}

/// Whether the caller owns the licence.
#[must_use]
pub fn is_admin(caller: &Caller) -> bool {
    caller.person().is_ok_and(|person| person.role == "admin")
}

/// The caller as they are now: the session lives, role and licence are read again. For streams that outlive a request.
///
/// # Errors
/// 401 when the session has ended or the person has left the licence.
pub async fn session_lives(tx: &mut Tx) -> Result<Box<Person>> {
    let caller = tx.caller().clone();
    let mut person = Box::new(caller.person()?.clone());
    if !identity::session_lives(tx, person.session).await? {
        return Err(Error::unauthenticated("AUTH_REQUIRED", "Sign in again."));
    }
    let role = sql::role_of(tx, person.account).await?;
    person.role = role.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))?;
    Ok(person)
}

/// A person about to join a licence.
#[derive(Clone, Copy, Debug)]
pub struct NewMember<'a> {
    /// The account, already made.
    pub account: AccountId,
    /// The licence.
    pub license: TenantId,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// `admin` or `operator`.
    pub role: &'a str,
}

/// Adds a person to the transaction's licence.
///
/// # Errors
/// 409 when the licence has its one admin already.
pub async fn join(tx: &mut Tx, new: NewMember<'_>) -> Result<()> {
    sql::insert(tx, new).await?;
    let details = serde_json::json!({ "role": new.role });
    audit::record(tx, audit::Entry::done("user.joined", "User", new.account.0).with(details)).await
}
