//! The device's side of firmware: check, download, confirm. In snake_case, as devices speak.
#![expect(unused_qualifications, reason = "the documentation macro writes paths in full")]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use socle::error::Envelope;
use socle::files::{self, Signed};
use socle::web::{Json, Path, Query};
use socle::{Caller, Error, Result};
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, Told};
use super::{Install, InstallState};
use crate::Physiotraq;
use crate::devices::DeviceId;
use crate::firmware::Version;
use crate::measurements::Text;

/// What a device says of itself when it asks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::firmware) struct CheckQuery {
    /// The firmware it runs.
    #[param(example = "03.0.0")]
    #[serde(default)]
    current_version: String,
    /// The hardware that is burnt into it; may be left out once it was said.
    #[param(example = "CT1")]
    hardware: Option<String>,
}

/// What there is for a device.
#[derive(Serialize, ToSchema)]
pub(in crate::firmware) struct Checked {
    /// Whether it is to install something now.
    update_available: bool,
    /// What it said that it runs.
    #[schema(example = "03.0.0")]
    current_version: String,
    /// What it is to install.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "03.1.0")]
    available_version: Option<String>,
    /// Only then may it install a lower version than it runs.
    rollback: bool,
    /// SHA-256 of the binary, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    /// Bytes of the binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i64>,
    /// Ed25519 signature in hexadecimal digits, over the lines `physiotraq firmware 1`, checksum, version and hardware, each
    /// ended by a line feed. The device verifies it with the vendor's public key before it installs anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    /// Where the binary is, on this server; for this device alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/physiotraq/api/v1/firmware/download/03.1.0?expires=1795256100&signature=qr8y")]
    url: Option<String>,
    /// Until when that address is good; afterwards check again.
    #[serde(skip_serializing_if = "Option::is_none")]
    url_expires_at: Option<DateTime<Utc>>,
    /// Why there is nothing: up_to_date, not_yet, incompatible, auto_update_off, in_treatment, given_up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "up_to_date")]
    reason: Option<&'static str>,
}

/// What there is for this device.
///
/// An update is offered when a rollout has it for this device; its turn may come later. Checking again while it downloads
/// gives a new address for the same update.
#[utoipa::path(
    get,
    path = "/api/v1/firmware/check",
    operation_id = "checkFirmware",
    tag = "device",
    params(CheckQuery),
    responses(
        (status = 200, description = "What to install, or why there is nothing.", body = Checked),
        (status = 401, description = "The credential is unknown; register the device.", body = Envelope),
        (status = 422, description = "The version cannot be read, or the hardware is not known.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(in crate::firmware) async fn check(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(asked): Query<CheckQuery>,
) -> Result<Response> {
    let running = readable(&asked.current_version)?;
    said(&product, &caller, &running).await?;
    let told = actions::check(&product, &caller, running.clone(), asked.hardware.as_deref()).await?;
    let nothing = Checked {
        update_available: false,
        current_version: running.text().to_owned(),
        available_version: None,
        rollback: false,
        checksum: None,
        size: None,
        signature: None,
        url: None,
        url_expires_at: None,
        reason: None,
    };
    let body = match told {
        Told::Nothing(refusal) => Checked { reason: Some(refusal.name()), ..nothing },
        Told::Install(offer, url) => Checked {
            update_available: true,
            available_version: Some(offer.version.text().to_owned()),
            rollback: offer.replaces.is_some(),
            checksum: Some(offer.checksum),
            size: Some(offer.bytes),
            signature: Some(offer.signature),
            url: Some(url),
            url_expires_at: Some(caller.now() + actions::LINK_LASTS),
            ..nothing
        },
    };
    Ok(axum::Json(body).into_response())
}

/// The binary, whole or one range of it.
///
/// With the address that the check gave, `Range` and `If-Range` (the ETag is the checksum), so that a download which was cut
/// off goes on where it was.
#[utoipa::path(
    get,
    path = "/api/v1/firmware/download/{version}",
    operation_id = "downloadFirmware",
    tag = "device",
    params(
        ("version" = String, Path, description = "The version of the check."),
        ("expires" = String, Query, description = "Of the check's address."),
        ("signature" = String, Query, description = "Of the check's address."),
        ("Range" = Option<String>, Header, description = "One range of bytes: bytes=65536-"),
        ("If-Range" = Option<String>, Header, description = "The ETag of what the device has the beginning of."),
    ),
    responses(
        (status = 200, description = "The whole binary.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 401, description = "The credential is unknown; register the device.", body = Envelope),
        (status = 403, description = "The address is over, or is another device's; check again.", body = Envelope),
        (status = 404, description = "This device is not to have that version now.", body = Envelope),
        (status = 416, description = "The range begins after the end; Content-Range says how long it is.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(in crate::firmware) async fn download(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(version): Path<String>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Result<Response> {
    let version = Version::parse(&version).ok_or_else(Error::not_found)?;
    let device = DeviceId(caller.machine()?.device);
    let place = (actions::path(&version), actions::audience(device));
    product.app.files.links.verify((&place.0, &place.1), &signed, caller.now())?;
    let file = actions::fetch(&product, &caller, &version).await?;
    files::answer(&product.app, &file, &headers).await
}

/// What a device runs after an update.
#[derive(Deserialize, ToSchema)]
pub(in crate::firmware) struct ConfirmBody {
    /// The version actually running, also when the update did not work.
    #[schema(value_type = String, example = "03.1.0")]
    version: Text,
}

/// How the device's update stands.
#[derive(Serialize, ToSchema)]
pub(in crate::firmware) struct Confirmed {
    /// installed, failed or waiting; none when the device was never offered anything.
    #[schema(example = "installed")]
    state: &'static str,
    /// What it was last offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "03.1.0")]
    wanted_version: Option<String>,
}

/// The device says which version is actually running.
///
/// The wanted version makes the update a success; any other makes it a failure.
#[utoipa::path(
    post,
    path = "/api/v1/firmware/confirm",
    operation_id = "confirmFirmware",
    tag = "device",
    request_body = ConfirmBody,
    responses(
        (status = 200, description = "How the update stands now.", body = Confirmed),
        (status = 401, description = "The credential is unknown; register the device.", body = Envelope),
        (status = 422, description = "The version cannot be read.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(in crate::firmware) async fn confirm(
    State(product): State<Physiotraq>,
    caller: Caller,
    Json(body): Json<ConfirmBody>,
) -> Result<Response> {
    let version = readable(&body.version.0)?;
    said(&product, &caller, &version).await?;
    let install = actions::confirm(&product, &caller, version).await?;
    let state = |install: &Install| install.state.stored().0;
    let body = Confirmed {
        state: install.as_ref().map_or("none", state),
        wanted_version: install
            .filter(|one| one.state != InstallState::Installed)
            .map(|one| one.wanted.text().to_owned()),
    };
    Ok(axum::Json(body).into_response())
}

fn readable(text: &str) -> Result<Version> {
    let message = "A version is one to four numbers with dots between them, as in 03.1.0.";
    Version::parse(text).ok_or_else(|| Error::unprocessable("VAL_FIRMWARE_VERSION", message))
}

/// It was heard, and this is what it runs: that, and nothing that was wanted, is what its page shows.
async fn said(product: &Physiotraq, caller: &Caller, version: &Version) -> Result<()> {
    let device = DeviceId(caller.machine()?.device);
    let heard = (caller.now(), caller.trace().ip, Some(version.text().to_owned()));
    product.monitor.contact(device, heard).await;
    Ok(())
}
