//! The team of a licence, for its owner: who is in it, who is invited, invite, invite again, take back, end.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use socle::access::Resource;
use socle::db::Tx;
use socle::identity::invitations::{self, InvitationId, Invite, Pending};
use socle::identity::members;
use socle::ids::AccountId;
use socle::web::{Access, FieldError, Form, Lang, Method, Page, Path, Product, Routes, html, problem, see_other};
use socle::{Caller, Error, Result};

use super::{Member, members as of_licence};
use crate::{Physiotraq, roles, wording};

const TEAM: &str = "/physiotraq/admin/team";

pub(super) fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let manage = Access::To(roles::MANAGE_TEAM);
    routes
        .page(Method::Get, "/admin/team", manage, show)
        .page(Method::Post, "/admin/team", manage, invite)
        .page(Method::Post, "/admin/team/invitations/{id}/resend", manage, resend)
        .page(Method::Post, "/admin/team/invitations/{id}/cancel", manage, cancel)
        .page(Method::Post, "/admin/team/{id}/remove", manage, remove)
}

#[derive(Template)]
#[template(path = "people/team.html")]
struct Team {
    page: Page,
    people: Vec<Row>,
    invited: Vec<Invited>,
    asked: Asked,
    problems: Vec<FieldError>,
}

impl Team {
    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

struct Row {
    id: String,
    name: String,
    role: String,
    /// The owner cannot be taken out; ownership is transferred.
    removable: bool,
}

struct Invited {
    id: String,
    email: String,
    name: String,
    until: String,
    over: bool,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

async fn show(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    team(&product, &caller, page, (Asked::default(), Vec::new())).await
}

async fn team(
    product: &Physiotraq,
    caller: &Caller,
    page: Page,
    (asked, problems): (Asked, Vec<FieldError>),
) -> Result<Response> {
    let mut tx = begin(product, caller).await?;
    let people = of_licence(&mut tx).await?;
    let pending = invitations::pending(&mut tx).await?;
    drop(tx);
    let zone = super::zone_of(caller);
    let row = |member: Member| Row {
        removable: member.role != "admin",
        role: product.role_label(&member.role, page.language()),
        id: member.id.to_string(),
        name: member.name,
    };
    let invited = |pending: Pending| Invited {
        id: pending.id.to_string(),
        email: pending.email,
        name: format!("{} {}", pending.first_name, pending.last_name).trim().to_owned(),
        until: wording::instant(pending.expires_at, zone, page.language()),
        over: pending.expires_at <= caller.now(),
    };
    let (people, invited) = (people.into_iter().map(row).collect(), pending.into_iter().map(invited).collect());
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&Team { page, people, invited, asked, problems })?).into_response())
}

/// A transaction of somebody who may manage the team of their own licence.
pub(super) async fn begin(product: &Physiotraq, caller: &Caller) -> Result<Tx> {
    let person = caller.person()?;
    if !product.policies.allows(person, roles::MANAGE_TEAM, &Resource::of(person.tenant.0)) {
        return Err(Error::forbidden());
    }
    caller.begin().await
}

async fn invite(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let Asked { email, first_name, last_name } = &asked;
    let (email, first_name, last_name) = (email.clone(), first_name.clone(), last_name.clone());
    let language = Lang::parse(&caller.person()?.language).unwrap_or(Lang::Fr);
    let new = Invite { email, role: "operator", first_name, last_name, language };
    let error = match invitations::invite(&product, &mut tx, new).await {
        Ok(_) => {
            tx.commit().await?;
            return Ok(see_other(&format!("{TEAM}?notice=invited")));
        }
        // A second click at the same moment: the first one has invited.
        Err(error) if error.code == "BIZ_INVITED_ALREADY" => return Ok(see_other(&format!("{TEAM}?notice=invited"))),
        Err(error) => error,
    };
    drop(tx);
    let fault = |field: &str, key: &str| FieldError { field: field.to_owned().into(), message: page.t(key) };
    let name_or_email = |field: &str| if field == "email" { "team-email-error" } else { "invitation-name-error" };
    let problems: Vec<FieldError> = match error.status {
        StatusCode::BAD_REQUEST => error.details.iter().map(|d| fault(&d.field, name_or_email(&d.field))).collect(),
        StatusCode::CONFLICT => vec![fault("email", "team-member-already")],
        _ => return Err(error),
    };
    team(&product, &caller, page, (asked, problems)).await
}

async fn resend(State(product): State<Physiotraq>, caller: Caller, Path(id): Path<InvitationId>) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    invitations::resend(&product, &mut tx, id).await?;
    tx.commit().await?;
    Ok(see_other(&format!("{TEAM}?notice=invited")))
}

async fn cancel(State(product): State<Physiotraq>, caller: Caller, Path(id): Path<InvitationId>) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    invitations::revoke(&mut tx, id).await?;
    tx.commit().await?;
    Ok(see_other(&format!("{TEAM}?notice=invitation-cancelled")))
}

async fn remove(State(product): State<Physiotraq>, caller: Caller, Path(id): Path<AccountId>) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    if of_licence(&mut tx).await?.iter().any(|member| member.id == id.0 && member.role == "admin") {
        let message = "The owner cannot leave; transfer the ownership first.";
        return Err(Error::conflict("BIZ_OWNER", message));
    }
    members::leave(&product, &mut tx, id).await?;
    tx.commit().await?;
    Ok(see_other(&format!("{TEAM}?notice=member-removed")))
}
