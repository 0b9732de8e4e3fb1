//! The owner's pages of the team.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use socle::db::Tx;
use socle::identity::invitations::{self, InvitationId, Pending};
use socle::ids::AccountId;
use socle::web::{FieldError, Form, Page, Path, Product, field_errors, html, problem, see_other};
use socle::{Caller, Result};
use uuid::Uuid;

use super::actions::{self, Wanted, begin};
use super::model::Member;
use super::sql;
use crate::{Physiotraq, devices, people, wording};

const TEAM: &str = "/physiotraq/admin/team";

/// A member in the list, and on their own page.
struct MemberView {
    id: String,
    name: String,
    role: String,
    devices: Vec<String>,
    since: String,
    /// The owner cannot be taken out; ownership is transferred.
    removable: bool,
}

struct InvitedView {
    id: String,
    email: String,
    name: String,
    devices: Vec<String>,
    until: String,
    over: bool,
}

/// A device to tick.
struct DeviceChoice {
    id: String,
    name: String,
    serial: String,
    /// Since when, for one that is assigned.
    since: Option<String>,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "team/list.html")]
struct Team {
    page: Page,
    people: Vec<MemberView>,
    invited: Vec<InvitedView>,
}

#[derive(Template)]
#[template(path = "team/new.html")]
struct Invitation {
    page: Page,
    asked: Asked,
    devices: Vec<DeviceChoice>,
    problems: Vec<FieldError>,
}

impl Invitation {
    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

#[derive(Template)]
#[template(path = "team/show.html")]
struct MemberPage {
    page: Page,
    person: MemberView,
    devices: Vec<DeviceChoice>,
}

#[derive(Template)]
#[template(path = "team/edit.html")]
struct EditMember {
    page: Page,
    id: String,
    name: String,
    first_name: String,
    last_name: String,
    problems: Vec<FieldError>,
}

impl EditMember {
    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

#[derive(Template)]
#[template(path = "team/assignments.html")]
struct Assignments {
    page: Page,
    person: MemberView,
    devices: Vec<DeviceChoice>,
}

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    device: Vec<Uuid>,
}

fn view(product: &Physiotraq, caller: &Caller, page: &Page, member: Member) -> MemberView {
    MemberView {
        id: member.id.to_string(),
        name: member.name(),
        role: product.role_label(&member.role, page.language()),
        since: wording::instant(member.since, people::zone_of(caller), page.language()),
        removable: member.role != "admin",
        devices: member.devices,
    }
}

/// Every device of the licence, the chosen ones ticked.
async fn choices(tx: &mut Tx, chosen: &[Uuid]) -> Result<Vec<DeviceChoice>> {
    let choice = |device: devices::Device| DeviceChoice {
        chosen: chosen.contains(&device.id.0),
        id: device.id.to_string(),
        name: device.name,
        serial: device.serial_number,
        since: None,
    };
    Ok(devices::sql::list(tx, None).await?.into_iter().map(choice).collect())
}

pub(super) async fn list(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let members = sql::members(&mut tx).await?;
    let pending = invitations::pending(&mut tx).await?;
    let brought = sql::brought(&mut tx).await?;
    drop(tx);
    let invited = |pending: Pending| InvitedView {
        name: format!("{} {}", pending.first_name, pending.last_name).trim().to_owned(),
        devices: brought.iter().filter(|one| one.invitation == pending.id).map(|one| one.name.clone()).collect(),
        until: wording::instant(pending.expires_at, people::zone_of(&caller), page.language()),
        over: pending.expires_at <= caller.now(),
        id: pending.id.to_string(),
        email: pending.email,
    };
    let invited = pending.into_iter().map(invited).collect();
    let people = members.into_iter().map(|member| view(&product, &caller, &page, member)).collect();
    Ok(html(&Team { page, people, invited })?.into_response())
}

pub(super) async fn new(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    form(&product, &caller, page, (Asked::default(), Vec::new())).await
}

async fn form(
    product: &Physiotraq,
    caller: &Caller,
    page: Page,
    (asked, problems): (Asked, Vec<FieldError>),
) -> Result<Response> {
    let mut tx = begin(product, caller).await?;
    let devices = choices(&mut tx, &asked.device).await?;
    drop(tx);
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&Invitation { page, asked, devices, problems })?).into_response())
}

pub(super) async fn invite(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    let wanted = Wanted {
        email: asked.email.clone(),
        first_name: asked.first_name.clone(),
        last_name: asked.last_name.clone(),
        devices: asked.device.clone(),
    };
    let error = match actions::invite(&product, &caller, wanted).await {
        Ok(_) => return Ok(back("?notice=invited")),
        // A second click at the same moment: the first one has invited.
        Err(error) if error.code == "BIZ_INVITED_ALREADY" => return Ok(back("?notice=invited")),
        Err(error) => error,
    };
    let fault = |field: &str, key: &str| FieldError { field: field.to_owned().into(), message: page.t(key) };
    let name_or_email = |field: &str| if field == "email" { "team-email-error" } else { "invitation-name-error" };
    let problems: Vec<FieldError> = match error.status {
        StatusCode::BAD_REQUEST => error.details.iter().map(|d| fault(&d.field, name_or_email(&d.field))).collect(),
        StatusCode::CONFLICT => vec![fault("email", "team-member-already")],
        _ => return Err(error),
    };
    form(&product, &caller, page, (asked, problems)).await
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<AccountId>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let member = sql::find(&mut tx, id).await?;
    let devices = dated(&mut tx, &page, id).await?;
    drop(tx);
    let person = view(&product, &caller, &page, member);
    let devices = devices.into_iter().filter(|device| device.chosen).collect();
    Ok(html(&MemberPage { page, person, devices })?.into_response())
}

/// Every device of the licence, those of a member ticked and with their date.
async fn dated(tx: &mut Tx, page: &Page, id: AccountId) -> Result<Vec<DeviceChoice>> {
    let assigned = sql::assignments(tx, id).await?;
    let chosen: Vec<Uuid> = assigned.iter().map(|one| one.device).collect();
    let (zone, lang) = (people::zone_of(tx.caller()), page.language());
    let mut devices = choices(tx, &chosen).await?;
    for device in &mut devices {
        let of = assigned.iter().find(|one| one.device.to_string() == device.id);
        device.since = of.map(|one| wording::instant(one.at, zone, lang));
    }
    Ok(devices)
}

pub(super) async fn edit(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<AccountId>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let member = sql::find(&mut tx, id).await?;
    let (name, problems) = (member.name(), Vec::new());
    let Member { first_name, last_name, .. } = member;
    Ok(html(&EditMember { page, id: id.to_string(), name, first_name, last_name, problems })?.into_response())
}

#[derive(Deserialize)]
pub(super) struct Names {
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

pub(super) async fn rename(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<AccountId>,
    Form(Names { first_name, last_name }): Form<Names>,
) -> Result<Response> {
    let faults = match actions::rename(&product, &caller, id, (&first_name, &last_name)).await {
        Ok(()) => return Ok(back_to(id, "?notice=saved")),
        Err(error) if error.code == "VAL_FIELDS" => error.details,
        Err(error) => return Err(error),
    };
    let name = sql::find(&mut begin(&product, &caller).await?, id).await?.name();
    let problems = field_errors(&page, &faults);
    let refused = EditMember { page, id: id.to_string(), name, first_name, last_name, problems };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&refused)?).into_response())
}

pub(super) async fn assignments(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<AccountId>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let member = sql::find(&mut tx, id).await?;
    let devices = dated(&mut tx, &page, id).await?;
    drop(tx);
    let person = view(&product, &caller, &page, member);
    Ok(html(&Assignments { page, person, devices })?.into_response())
}

#[derive(Deserialize)]
pub(super) struct Ticked {
    #[serde(default)]
    device: Vec<Uuid>,
}

pub(super) async fn assign(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
    Form(ticked): Form<Ticked>,
) -> Result<Response> {
    actions::assign(&product, &caller, id, &ticked.device).await?;
    Ok(back_to(id, "?notice=saved"))
}

pub(super) async fn remove(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
) -> Result<Response> {
    actions::remove(&product, &caller, id).await?;
    Ok(back("?notice=member-removed"))
}

pub(super) async fn resend(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<InvitationId>,
) -> Result<Response> {
    actions::resend(&product, &caller, id).await?;
    Ok(back("?notice=invited"))
}

pub(super) async fn cancel(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<InvitationId>,
) -> Result<Response> {
    actions::cancel(&product, &caller, id).await?;
    Ok(back("?notice=invitation-cancelled"))
}

fn back(query: &str) -> Response {
    see_other(&format!("{TEAM}{query}"))
}

fn back_to(id: AccountId, query: &str) -> Response {
    see_other(&format!("{TEAM}/{id}{query}"))
}
