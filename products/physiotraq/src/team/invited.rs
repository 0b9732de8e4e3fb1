//! Invitations for the owner's programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::identity::invitations::{self, InvitationId};
use socle::web::{JsonFields, Path};
use socle::{Caller, Error, Result};
use utoipa::ToSchema;
use uuid::Uuid;

use super::actions::{self, Wanted, begin};
use super::sql;
use crate::Physiotraq;

/// A pending invitation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvitationBody {
    /// Its id; sending it again replaces it.
    id: Uuid,
    /// Where the mail went.
    #[schema(example = "paul@example.com")]
    email: String,
    /// Prefilled.
    first_name: String,
    /// Prefilled.
    last_name: String,
    /// What they will be assigned to.
    device_ids: Vec<Uuid>,
    /// When the link ends, or ended.
    expires_at: DateTime<Utc>,
}

/// Pending invitations, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Invitations {
    /// At most 200.
    data: Vec<InvitationBody>,
}

async fn pending(product: &Physiotraq, caller: &Caller) -> Result<Vec<InvitationBody>> {
    let mut tx = begin(product, caller).await?;
    let brought = sql::brought(&mut tx).await?;
    let body = |pending: invitations::Pending| InvitationBody {
        device_ids: brought.iter().filter(|one| one.invitation == pending.id).map(|one| one.device).collect(),
        id: pending.id.0,
        email: pending.email,
        first_name: pending.first_name,
        last_name: pending.last_name,
        expires_at: pending.expires_at,
    };
    Ok(invitations::pending(&mut tx).await?.into_iter().map(body).collect())
}

async fn one(product: &Physiotraq, caller: &Caller, id: InvitationId) -> Result<InvitationBody> {
    let found = pending(product, caller).await?.into_iter().find(|pending| pending.id == id.0);
    found.ok_or_else(Error::not_found)
}

/// Invitations that nobody has accepted yet.
#[utoipa::path(
    get,
    path = "/api/v1/team/invitations",
    operation_id = "listInvitations",
    tag = "team",
    responses(
        (status = 200, description = "The newest first.", body = Invitations),
        (status = 403, description = "Only the owner of the licence sees them.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list(State(product): State<Physiotraq>, caller: Caller) -> Result<Response> {
    Ok(axum::Json(Invitations { data: pending(&product, &caller).await? }).into_response())
}

/// Who is invited.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InviteBody {
    /// Where the mail goes.
    #[schema(example = "paul@example.com")]
    email: String,
    /// At most 80 characters; they may change it.
    #[serde(default)]
    #[schema(example = "Paul")]
    first_name: String,
    /// At most 80 characters; they may change it.
    #[serde(default)]
    #[schema(example = "Martin")]
    last_name: String,
    /// What they are assigned to once they accept.
    #[serde(default)]
    #[schema(max_items = 500)]
    device_ids: Vec<Uuid>,
}

/// Invites a field user: a mail brings a link that works once, for seven days.
#[utoipa::path(
    post,
    path = "/api/v1/team",
    operation_id = "inviteTeamMember",
    tag = "team",
    params(("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 visible ASCII characters; with the same body it sends no second mail.")),
    request_body = InviteBody,
    responses(
        (status = 201, description = "The mail is on its way.", body = InvitationBody),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence invites.", body = Envelope),
        (status = 409, description = "They are a member, or were invited a moment ago.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn invite(
    State(product): State<Physiotraq>,
    caller: Caller,
    JsonFields(body): JsonFields<InviteBody>,
) -> Result<Response> {
    if body.device_ids.len() > 500 {
        return Err(Error::invalid(vec![Detail::new("deviceIds", "TOO_MANY", "At most 500 devices.")]));
    }
    let InviteBody { email, first_name, last_name, device_ids } = body;
    let wanted = Wanted { email, first_name, last_name, devices: device_ids };
    let id = actions::invite(&product, &caller, wanted).await.map_err(|mut error| {
        for fault in &mut error.details {
            fault.field = match fault.field.as_ref() {
                "first_name" => "firstName".into(),
                "last_name" => "lastName".into(),
                _ => std::mem::take(&mut fault.field),
            };
        }
        error
    })?;
    Ok((StatusCode::CREATED, axum::Json(one(&product, &caller, id).await?)).into_response())
}

/// Sends an invitation again, with a new link and as another invitation.
#[utoipa::path(
    post,
    path = "/api/v1/team/invitations/{id}/resend",
    operation_id = "resendInvitation",
    tag = "team",
    params(("id" = Uuid, Path, description = "The invitation.")),
    responses(
        (status = 200, description = "The invitation that replaces it.", body = InvitationBody),
        (status = 403, description = "Only the owner of the licence invites.", body = Envelope),
        (status = 404, description = "It is not pending.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn resend(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<InvitationId>,
) -> Result<Response> {
    let again = actions::resend(&product, &caller, id).await?;
    Ok(axum::Json(one(&product, &caller, again).await?).into_response())
}

/// Takes an invitation back: its link opens nothing.
#[utoipa::path(
    delete,
    path = "/api/v1/team/invitations/{id}",
    operation_id = "cancelInvitation",
    tag = "team",
    params(("id" = Uuid, Path, description = "The invitation.")),
    responses(
        (status = 204, description = "Taken back."),
        (status = 403, description = "Only the owner of the licence invites.", body = Envelope),
        (status = 404, description = "It is not pending.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn cancel(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<InvitationId>,
) -> Result<StatusCode> {
    actions::cancel(&product, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
