//! What devices say of themselves, and one device for programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use socle::error::Detail;
use socle::web::{Json, Path};
use socle::{Caller, Error, Result};

use super::actions::{self, Registration};
use super::{DeviceId, sql};
use crate::measurements::{Facts, Number, Text};
use crate::{Physiotraq, roles};

#[derive(Deserialize)]
pub(super) struct RegisterBody {
    serial_number: Text,
    mac_address: Text,
    secret: Text,
    firmware_version: Option<Text>,
}

/// `POST /api/v1/devices/register`
pub(super) async fn register(caller: Caller, Json(body): Json<RegisterBody>) -> Result<Response> {
    let registration = Registration {
        serial_number: body.serial_number.0,
        mac_address: body.mac_address.0,
        secret: body.secret.0,
        firmware_version: body.firmware_version.map(|version| version.0),
    };
    let version = registration.firmware_version.as_deref().unwrap_or_default();
    let long = version.chars().count() > 40 || version.contains('\0');
    let strings = [&registration.serial_number, &registration.mac_address];
    if long || strings.iter().any(|text| text.contains('\0')) {
        return Err(Error::invalid(vec![Detail::new(
            "firmware_version",
            "INVALID_FORMAT",
            "At most 40 characters, no NUL.",
        )]));
    }
    let (id, credential) = actions::register(&caller, &registration).await?;
    let body = axum::Json(json!({ "device_id": id, "credential": credential }));
    Ok((StatusCode::CREATED, body).into_response())
}

#[derive(Default, Deserialize)]
pub(super) struct HeartbeatBody {
    battery_level: Option<Number>,
    battery_voltage: Option<Number>,
    wifi_ssid: Option<Text>,
    wifi_strength: Option<Number>,
    firmware_version: Option<Text>,
}

/// `POST /api/v1/devices/heartbeat`
pub(super) async fn heartbeat(
    State(product): State<Physiotraq>,
    caller: Caller,
    Json(body): Json<HeartbeatBody>,
) -> Result<Response> {
    let machine = caller.machine()?;
    let facts = Facts {
        battery_level: body.battery_level,
        battery_voltage: body.battery_voltage,
        wifi_ssid: body.wifi_ssid,
        wifi_strength: body.wifi_strength,
        firmware_version: body.firmware_version,
    };
    let firmware =
        facts.checked().map_err(|code| Error::unprocessable(code, "A heartbeat field is out of range."))?.firmware;
    let now = caller.now();
    let ip = caller.trace().ip;
    product.monitor.contact(DeviceId(machine.device), (now, ip, firmware)).await;
    Ok(axum::Json(json!({ "device_id": machine.device, "server_time": now })).into_response())
}

/// `GET /api/v1/devices/{id}`: a device with its latest reading, for signed-in people.
pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = sql::find(&mut tx, id).await?;
    drop(tx);
    product.policies.require(caller.person()?, (roles::SEE_DEVICE, roles::SEE_DEVICE), &device.resource())?;
    let now = product.monitor.glance(id);
    Ok(axum::Json(json!({
        "id": device.id,
        "serialNumber": device.serial_number,
        "name": device.name,
        "status": now.presence.name(),
        "lastSeenAt": now.seen_at,
        "firmwareVersion": device.firmware_version,
        "temperature": now.latest.as_ref().map(|latest| latest.temperature.decimal()),
        "measuredAt": now.latest.as_ref().map(|latest| latest.measured_at),
        "treatmentId": now.treatment,
    }))
    .into_response())
}
