//! What the owner's programs do to devices: claim, rename, assign, open the window for a new credential, release.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::web::{JsonFields, Lang, Path};
use socle::{Caller, Error, Result};
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::{DeviceBody, shown};
use super::model::REGISTRATION_WINDOW;
use super::{Claim, DeviceId, actions, record, sql};
use crate::{CATALOGUE, Physiotraq};

/// The faults of a form in the language of programs, under the names that they send.
fn named(error: Error) -> Error {
    if error.code != "VAL_FIELDS" {
        return error;
    }
    let named = |fault: Detail| {
        let field = if fault.field == "serial_number" { "serialNumber".into() } else { fault.field };
        Detail::new(field, fault.code, CATALOGUE.text(Lang::En, &fault.message))
    };
    Error { details: error.details.into_iter().map(named).collect(), ..error }
}

/// A device that is claimed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClaimBody {
    /// On the QR code.
    #[schema(example = "PT-2025-00123")]
    serial_number: String,
    /// The claim secret, on the QR code.
    #[schema(example = "the-secret-of-the-qr-code")]
    secret: String,
    /// What to call it: 1 to 60 characters.
    #[schema(example = "CoreTraQer005")]
    name: String,
}

/// Claims a device for the licence.
#[utoipa::path(
    post,
    path = "/api/v1/devices",
    operation_id = "claimDevice",
    tag = "devices",
    params(("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 visible ASCII characters; with the same body it claims once.")),
    request_body = ClaimBody,
    responses(
        (status = 201, description = "It is the licence's.", body = DeviceBody),
        (status = 400, description = "A field is wrong, or serial and secret do not fit; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence claims devices.", body = Envelope),
        (status = 409, description = "It is claimed already, or the licence has no unit left.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn claim(
    State(product): State<Physiotraq>,
    caller: Caller,
    JsonFields(body): JsonFields<ClaimBody>,
) -> Result<Response> {
    let claim = Claim { serial_number: body.serial_number, secret: body.secret, name: body.name };
    let id = actions::claim(&product, &caller, claim).await.map_err(named)?;
    let mut tx = caller.begin().await?;
    let device = sql::find(&mut tx, id).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(&product, device))).into_response())
}

/// What is changed of a device.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RenameBody {
    /// 1 to 60 characters.
    #[schema(example = "CoreTraQer005")]
    name: String,
}

/// Renames a device.
#[utoipa::path(
    patch,
    path = "/api/v1/devices/{id}",
    operation_id = "updateDevice",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device.")),
    request_body = RenameBody,
    responses(
        (status = 200, description = "The device as it is now.", body = DeviceBody),
        (status = 400, description = "The name is empty or too long.", body = Envelope),
        (status = 403, description = "Only the owner of the licence changes devices.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn rename(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    JsonFields(body): JsonFields<RenameBody>,
) -> Result<Response> {
    actions::rename(&product, &caller, id, &body.name).await.map_err(named)?;
    let mut tx = caller.begin().await?;
    let device = sql::find(&mut tx, id).await?;
    Ok(axum::Json(shown(&product, device)).into_response())
}

/// Releases a device: it becomes an archive, and another licence may claim it.
#[utoipa::path(
    delete,
    path = "/api/v1/devices/{id}",
    operation_id = "releaseDevice",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device.")),
    responses(
        (status = 204, description = "Released; its credential works no longer."),
        (status = 403, description = "Only the owner of the licence releases devices.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = 409, description = "A treatment runs on it.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn release(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<StatusCode> {
    actions::release(&product, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Until when a device may fetch a new credential.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowBody {
    /// The window closes then, or when the device has fetched it.
    open_until: DateTime<Utc>,
}

/// Opens the window of 15 minutes in which a device may fetch a new credential; the old one works until then.
#[utoipa::path(
    post,
    path = "/api/v1/devices/{id}/registration-window",
    operation_id = "openRegistrationWindow",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device.")),
    responses(
        (status = 200, description = "It is open.", body = WindowBody),
        (status = 403, description = "Only the owner of the licence opens it.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn open(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    actions::open_registration(&product, &caller, id).await?;
    Ok(axum::Json(WindowBody { open_until: caller.now() + REGISTRATION_WINDOW }).into_response())
}

/// Who a device is assigned to.
#[derive(Serialize, ToSchema)]
pub(super) struct AssignedBody {
    /// Everybody who sees it and may start a treatment on it.
    data: Vec<AssignmentBody>,
}

/// A person that a device is assigned to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssignmentBody {
    /// The person.
    user_id: Uuid,
    /// Since when.
    assigned_at: DateTime<Utc>,
}

async fn assignments(tx: &mut socle::Tx, id: DeviceId) -> Result<Response> {
    let data = record::sql::assigned(tx, id).await?;
    let data = data.into_iter().map(|one| AssignmentBody { user_id: one.user, assigned_at: one.at }).collect();
    Ok(axum::Json(AssignedBody { data }).into_response())
}

/// Who a device is assigned to.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/assignments",
    operation_id = "getDeviceAssignments",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device.")),
    responses(
        (status = 200, description = "Everybody it is assigned to.", body = AssignedBody),
        (status = 403, description = "Only the owner of the licence sees them.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn assigned(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    actions::managed(&product, &mut tx, id).await?;
    assignments(&mut tx, id).await
}

/// Who a device is to be assigned to.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AssignBody {
    /// Exactly these people of the licence; an id that is nobody's adds nobody.
    #[schema(max_items = 500)]
    user_ids: Vec<Uuid>,
}

/// Makes a device's assignments exactly these people. Who is taken off loses its live stream within five seconds.
#[utoipa::path(
    put,
    path = "/api/v1/devices/{id}/assignments",
    operation_id = "setDeviceAssignments",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device.")),
    request_body = AssignBody,
    responses(
        (status = 200, description = "Everybody it is assigned to now.", body = AssignedBody),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence assigns.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn assign(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    JsonFields(body): JsonFields<AssignBody>,
) -> Result<Response> {
    if body.user_ids.len() > 500 {
        return Err(Error::invalid(vec![Detail::new("userIds", "TOO_MANY", "At most 500 people.")]));
    }
    actions::assign(&product, &caller, id, &body.user_ids).await?;
    assignments(&mut caller.begin().await?, id).await
}
