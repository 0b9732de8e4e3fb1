//! Known devices for people's programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::Agent;
use super::{DeviceId, Known, forget, list};
use crate::Result;
use crate::db::Caller;
use crate::error::Envelope;
use crate::web::{self, Access, Lang, Method, Path, Product, Routes};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.api(Method::Get, "/api/v1/me/known_devices", Access::Account, mine).api(
        Method::Delete,
        "/api/v1/me/known_devices/{id}",
        Access::Account,
        one::<P>,
    )
}

/// A browser that somebody has signed in from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnownDevice {
    /// Its id.
    id: Uuid,
    /// Browser and system, in words.
    #[schema(example = "Firefox on Windows")]
    device: String,
    /// First sign-in from it.
    created_at: DateTime<Utc>,
    /// Last sign-in from it.
    last_seen_at: DateTime<Utc>,
    /// Until when it stands for the second factor; null when it does not.
    trusted_until: Option<DateTime<Utc>>,
    /// Whether the session that asks was opened on it.
    current: bool,
}

/// Known devices, the one used last first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownDevices {
    /// At most 100.
    data: Vec<KnownDevice>,
}

/// The browsers the caller has signed in from.
#[utoipa::path(get, path = "/api/v1/me/known_devices", operation_id = "listKnownDevices", tag = "auth",
    security(("person" = []), ("session" = [])), responses(
    (status = 200, description = "The devices.", body = KnownDevices),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
))]
pub(crate) async fn mine(caller: Caller) -> Result<Response> {
    let lang = Lang::parse(&caller.person()?.language).unwrap_or(Lang::Fr);
    let (known, this) = list(&caller).await?;
    let device = |known: Known| KnownDevice {
        id: known.id.0,
        device: Agent::of(known.user_agent.as_deref()).in_words(lang),
        created_at: known.created_at,
        last_seen_at: known.last_seen_at,
        trusted_until: known.trusted_until,
        current: this == Some(known.id),
    };
    Ok(axum::Json(KnownDevices { data: known.into_iter().map(device).collect() }).into_response())
}

/// Forgets a known device: its sessions end, its trust too.
#[utoipa::path(delete, path = "/api/v1/me/known_devices/{id}", operation_id = "forgetKnownDevice", tag = "auth",
    params(("id" = Uuid, Path, description = "The device.")),
    security(("person" = []), ("session" = [])), responses(
    (status = 204, description = "It is forgotten."),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "AUTH_STEP_UP: prove once more who you are.", body = Envelope),
    (status = 404, description = "It is none of theirs.", body = Envelope),
))]
pub(crate) async fn one<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(device): Path<DeviceId>,
) -> Result<Response> {
    let own = forget(&caller, device).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if own {
        web::leave(&mut response, &product.branding().realm);
    }
    Ok(response)
}
