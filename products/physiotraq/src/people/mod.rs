//! The people of a licence: profile, preferences, the team and its invitations.

mod network;
mod rights;
mod sql;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use socle::db::{Person, Tx};
use socle::identity::members::Newcomer;
use socle::web::{Access, Form, Method, Product, Routes, see_other};
use socle::{Caller, Error, Result, identity};

use crate::units::Unit;
use crate::{Physiotraq, roles, team, vendor};

pub(crate) use rights::{FATES, KEPT, RULES, erase, personal_data, uses};
pub use socle::web::instants::zone_of;
pub use sql::{Member, SIGNED_IN, members};

/// The routes of profile and team.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let routes = routes.page(Method::Post, "/app/profile/preferences", Access::To(roles::USE_APP), preferences);
    network::routes(routes)
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

/// Whether the caller owns the licence.
#[must_use]
pub fn is_admin(caller: &Caller) -> bool {
    caller.person().is_ok_and(|person| person.role == "admin")
}

/// The caller as they are now: the session lives, role and licence are read again. For streams that outlive a request.
///
/// # Errors
/// 401 when the session has ended or the person has left the licence.
pub async fn present(tx: &mut Tx) -> Result<Box<Person>> {
    let mut person = Box::new(tx.caller().person()?.clone());
    person.role = identity::present_role(tx).await?;
    Ok(person)
}

/// Writes the profile row of somebody who joins the vendor or a licence, and assigns to them what their invitation brings.
pub(crate) async fn joined(tx: &mut Tx, newcomer: &Newcomer) -> Result<()> {
    if newcomer.tenant == vendor::TENANT {
        return vendor::joined(tx, newcomer).await;
    }
    sql::insert(tx, newcomer).await?;
    team::sql::take_brought(tx, newcomer.tenant, newcomer.account).await
}
