//! The team for the owner's programs: members and their devices.
#![expect(unused_qualifications, reason = "the documentation macro writes paths in full")]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::ids::AccountId;
use socle::web::cursor::{Cursor, Pagination, Paging};
use socle::web::{JsonFields, Lang, Path, Query};
use socle::{Caller, Error, Result};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::actions::{self, begin};
use super::model::{Assignment, Member};
use super::sql;
use crate::{CATALOGUE, Physiotraq};

/// A member of the licence.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberBody {
    /// The account.
    id: Uuid,
    /// In this licence.
    #[schema(example = "Odile")]
    first_name: String,
    /// In this licence.
    #[schema(example = "Martin")]
    last_name: String,
    /// admin (the owner) or operator.
    #[schema(example = "operator")]
    role: String,
    /// Since when.
    joined_at: DateTime<Utc>,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            first_name: member.first_name,
            last_name: member.last_name,
            role: member.role,
            joined_at: member.since,
        }
    }
}

/// Members, who joined last first.
#[derive(Serialize, ToSchema)]
pub(super) struct Members {
    /// The page.
    data: Vec<MemberBody>,
    /// Where it goes on.
    pagination: Pagination,
}

/// How much of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Slice {
    /// Rows of the answer, 20 by default.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100, example = 20)]
    limit: Option<String>,
    /// pagination.cursor of the answer before.
    cursor: Option<String>,
}

/// The members of the licence.
#[utoipa::path(
    get,
    path = "/api/v1/team",
    operation_id = "listTeam",
    tag = "team",
    params(Slice),
    responses(
        (status = 200, description = "A page of members.", body = Members),
        (status = 400, description = "limit or cursor cannot be read; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence sees the team.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(slice): Query<Slice>,
) -> Result<Response> {
    let paging = Paging::read(slice.limit.as_deref(), slice.cursor.as_deref()).map_err(Error::invalid)?;
    let members = sql::listed(&mut begin(&product, &caller).await?, &paging).await?;
    let (page, pagination) = paging.cut(members, |member| Cursor { at: member.since, id: member.id });
    let data = page.into_iter().map(MemberBody::from).collect();
    Ok(axum::Json(Members { data, pagination }).into_response())
}

/// One member of the licence.
#[utoipa::path(
    get,
    path = "/api/v1/team/{id}",
    operation_id = "getTeamMember",
    tag = "team",
    params(("id" = Uuid, Path, description = "The member's account.")),
    responses(
        (status = 200, description = "The member.", body = MemberBody),
        (status = 403, description = "Only the owner of the licence sees the team.", body = Envelope),
        (status = 404, description = "They are no member.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
) -> Result<Response> {
    let member = sql::find(&mut begin(&product, &caller).await?, id).await?;
    Ok(axum::Json(MemberBody::from(member)).into_response())
}

/// A member's names.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NamesBody {
    /// 1 to 80 characters.
    #[schema(example = "Odile")]
    first_name: String,
    /// 1 to 80 characters.
    #[schema(example = "Martin")]
    last_name: String,
}

/// Gives a member another name in the licence.
#[utoipa::path(
    patch,
    path = "/api/v1/team/{id}",
    operation_id = "updateTeamMember",
    tag = "team",
    params(("id" = Uuid, Path, description = "The member's account.")),
    request_body = NamesBody,
    responses(
        (status = 200, description = "The member as they are now.", body = MemberBody),
        (status = 400, description = "A name is wrong; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence changes the team.", body = Envelope),
        (status = 404, description = "They are no member.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn rename(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
    JsonFields(body): JsonFields<NamesBody>,
) -> Result<Response> {
    let named = |fault: Detail| {
        let field = if fault.field == "first_name" { "firstName" } else { "lastName" };
        Detail::new(field, fault.code, CATALOGUE.text(Lang::En, &fault.message))
    };
    let done = actions::rename(&product, &caller, id, (&body.first_name, &body.last_name)).await;
    done.map_err(|error| match error.code.as_ref() {
        "VAL_FIELDS" => Error { details: error.details.into_iter().map(named).collect(), ..error },
        _ => error,
    })?;
    let member = sql::find(&mut begin(&product, &caller).await?, id).await?;
    Ok(axum::Json(MemberBody::from(member)).into_response())
}

/// Takes a member out of the licence: their sessions end, live streams within five seconds.
#[utoipa::path(
    delete,
    path = "/api/v1/team/{id}",
    operation_id = "removeTeamMember",
    tag = "team",
    params(("id" = Uuid, Path, description = "The member's account.")),
    responses(
        (status = 204, description = "They are out."),
        (status = 403, description = "Only the owner of the licence changes the team.", body = Envelope),
        (status = 404, description = "They are no member.", body = Envelope),
        (status = 409, description = "The owner cannot leave.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn remove(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
) -> Result<StatusCode> {
    actions::remove(&product, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A member's devices.
#[derive(Serialize, ToSchema)]
pub(super) struct MemberDevices {
    /// By name.
    data: Vec<MemberDevice>,
}

/// A device that is assigned to a member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberDevice {
    /// The device.
    device_id: Uuid,
    /// Its name.
    #[schema(example = "CoreTraQer005")]
    name: String,
    /// Since when.
    assigned_at: DateTime<Utc>,
}

fn devices(assignments: Vec<Assignment>) -> Response {
    let one = |one: Assignment| MemberDevice { device_id: one.device, name: one.name, assigned_at: one.at };
    axum::Json(MemberDevices { data: assignments.into_iter().map(one).collect() }).into_response()
}

/// The devices that are assigned to a member.
#[utoipa::path(
    get,
    path = "/api/v1/team/{id}/assignments",
    operation_id = "getTeamMemberAssignments",
    tag = "team",
    params(("id" = Uuid, Path, description = "The member's account.")),
    responses(
        (status = 200, description = "Their devices.", body = MemberDevices),
        (status = 403, description = "Only the owner of the licence sees the team.", body = Envelope),
        (status = 404, description = "They are no member.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn assigned(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    sql::find(&mut tx, id).await?;
    Ok(devices(sql::assignments(&mut tx, id).await?))
}

/// Which devices a member is to have.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DevicesBody {
    /// Exactly these devices of the licence; an id that is no device adds nothing.
    #[schema(max_items = 500)]
    device_ids: Vec<Uuid>,
}

/// Makes the devices of a member exactly these. What is taken away loses its live stream within five seconds.
#[utoipa::path(
    put,
    path = "/api/v1/team/{id}/assignments",
    operation_id = "setTeamMemberAssignments",
    tag = "team",
    params(("id" = Uuid, Path, description = "The member's account.")),
    request_body = DevicesBody,
    responses(
        (status = 200, description = "Their devices now.", body = MemberDevices),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence assigns.", body = Envelope),
        (status = 404, description = "They are no member.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn assign(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<AccountId>,
    JsonFields(body): JsonFields<DevicesBody>,
) -> Result<Response> {
    if body.device_ids.len() > 500 {
        return Err(Error::invalid(vec![Detail::new("deviceIds", "TOO_MANY", "At most 500 devices.")]));
    }
    actions::assign(&product, &caller, id, &body.device_ids).await?;
    let assignments = sql::assignments(&mut begin(&product, &caller).await?, id).await?;
    Ok(devices(assignments))
}
