//! What devices say of themselves, and the licence's devices for people's programs.
#![expect(unused_qualifications, reason = "the documentation macro writes paths in full")]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::web::cursor::{Cursor, Pagination, Paging};
use socle::web::{Json, Path, Query};
use socle::{Caller, Error, Result};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::actions::{self, Registration};
use super::model::Device;
use super::{DeviceId, Presence, sql};
use crate::firmware::updates;
use crate::measurements::{Facts, Number, Text};
use crate::{Physiotraq, people, roles, wifi};

/// What a claimed device proves itself with.
#[derive(Deserialize, ToSchema)]
pub(super) struct RegisterBody {
    /// On the QR code.
    #[schema(value_type = String, example = "PT-2025-00123")]
    serial_number: Text,
    /// Its identifier on the network.
    #[schema(value_type = String, example = "A4:CF:12:8B:3D:E7")]
    mac_address: Text,
    /// The claim secret, on the QR code.
    #[schema(value_type = String, example = "the-secret-of-the-qr-code")]
    secret: Text,
    /// The firmware it runs, at most 40 characters.
    #[schema(value_type = Option<String>, example = "03.1.0")]
    firmware_version: Option<Text>,
}

/// A device's credential: given once, kept by the device, never shown again.
#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    /// The device.
    device_id: Uuid,
    /// The bearer token of everything it sends from now on.
    #[schema(example = "p3Jm0yq0m6n0Xn7b1rJm1o0v5r4k2c8d9e0f1g2h3i4")]
    credential: String,
}

/// A claimed device fetches its credential.
///
/// Once; a second time only in the 15 minutes after the owner opened the window for it.
#[utoipa::path(
    post,
    path = "/api/v1/devices/register",
    operation_id = "registerDevice",
    tag = "device",
    request_body = RegisterBody,
    responses(
        (status = 201, description = "The credential, this once.", body = Registered),
        (status = 404, description = "No claimed device has that serial, MAC and secret.", body = Envelope),
        (status = 409, description = "The credential was given already and no window is open.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(()),
)]
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
    let body = axum::Json(Registered { device_id: id.0, credential });
    Ok((StatusCode::CREATED, body).into_response())
}

/// How a device is; every field may be left out.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct HeartbeatBody {
    /// Percent.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100, example = 87)]
    battery_level: Option<Number>,
    /// Volts.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100, example = 3.91)]
    battery_voltage: Option<Number>,
    /// The network it is on, at most 64 characters.
    #[schema(value_type = Option<String>, example = "Hospital-WiFi")]
    wifi_ssid: Option<Text>,
    /// dBm, -200 to 50.
    #[schema(value_type = Option<f64>, example = json!(-61))]
    wifi_strength: Option<Number>,
    /// The firmware it runs, at most 40 characters.
    #[schema(value_type = Option<String>, example = "03.1.0")]
    firmware_version: Option<Text>,
    /// The version of the WiFi networks that it has applied; 0 when it has none from here.
    #[schema(value_type = Option<i32>, minimum = 0, maximum = 2147483647, example = 3)]
    wifi_version: Option<Number>,
}

/// The version of WiFi networks that a device says it has applied.
fn wifi_version(said: Option<Number>) -> Result<Option<i32>> {
    let Some(Number(version)) = said else { return Ok(None) };
    if version.fract() != 0.0 || !(0.0..=f64::from(i32::MAX)).contains(&version) {
        let message = "wifi_version is the version that /devices/wifi_credentials gave, or 0.";
        return Err(Error::unprocessable("VAL_WIFI_VERSION", message));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    Ok(Some(version as i32))
}

/// The device was heard.
#[derive(Serialize, ToSchema)]
pub(super) struct Heard {
    /// The device.
    device_id: Uuid,
    /// The server's clock, for a device that has lost its own.
    server_time: DateTime<Utc>,
    /// To a device that said its own: the version of the WiFi networks that is wanted. Another one is to be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4)]
    wifi_version: Option<i32>,
}

/// A device says that it is there.
///
/// It counts as online for two minutes after it was heard.
#[utoipa::path(
    post,
    path = "/api/v1/devices/heartbeat",
    operation_id = "heartbeat",
    tag = "device",
    request_body = HeartbeatBody,
    responses(
        (status = 200, description = "Heard.", body = Heard),
        (status = 401, description = "The credential is unknown.", body = Envelope),
        (status = 422, description = "A figure is out of its range; the code names it.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(super) async fn heartbeat(
    State(product): State<Physiotraq>,
    caller: Caller,
    Json(body): Json<HeartbeatBody>,
) -> Result<Response> {
    let machine = caller.machine()?;
    let applied = wifi_version(body.wifi_version)?;
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
    updates::compare(&product, &caller, (firmware.as_deref(), now)).await;
    product.monitor.contact(DeviceId(machine.device), (now, ip, firmware)).await;
    let wifi_version = match applied {
        Some(applied) => Some(wifi::actions::report(&caller, applied).await?),
        None => None,
    };
    Ok(axum::Json(Heard { device_id: machine.device, server_time: now, wifi_version }).into_response())
}

/// A device with its newest reading.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceBody {
    /// Its id.
    id: Uuid,
    /// On the QR code.
    #[schema(example = "PT-2025-00123")]
    serial_number: String,
    /// What its owner calls it.
    #[schema(example = "CoreTraQer005")]
    name: String,
    /// Online while it was heard less than two minutes ago.
    status: Presence,
    /// When it was last heard.
    last_seen_at: Option<DateTime<Utc>>,
    /// The firmware it last reported.
    #[schema(example = "03.1.0")]
    firmware_version: Option<String>,
    /// °C, with the device's calibration.
    #[schema(value_type = Option<String>, example = "38.712")]
    temperature: Option<Decimal>,
    /// The device's clock at that reading.
    measured_at: Option<DateTime<Utc>>,
    /// The treatment that runs on it.
    treatment_id: Option<Uuid>,
}

pub(super) fn shown(product: &Physiotraq, device: Device) -> DeviceBody {
    let now = product.monitor.glance(device.id);
    DeviceBody {
        id: device.id.0,
        serial_number: device.serial_number,
        name: device.name,
        status: now.presence,
        last_seen_at: now.seen_at,
        firmware_version: device.firmware_version,
        temperature: now.latest.as_ref().map(|latest| latest.temperature.decimal()),
        measured_at: now.latest.as_ref().map(|latest| latest.measured_at),
        treatment_id: now.treatment,
    }
}

/// One device with its newest reading.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}",
    operation_id = "getDevice",
    tag = "devices",
    params(("id" = Uuid, Path, description = "The device.")),
    responses(
        (status = 200, description = "The device.", body = DeviceBody),
        (status = 404, description = "There is none, or it is not yours to see.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = sql::find(&mut tx, id).await?;
    drop(tx);
    product.policies.require(caller.person()?, (roles::SEE_DEVICE, roles::SEE_DEVICE), &device.resource())?;
    Ok(axum::Json(shown(&product, device)).into_response())
}

/// How much of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Rows of the answer, 20 by default.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100, example = 20)]
    limit: Option<String>,
    /// pagination.cursor of the answer before.
    cursor: Option<String>,
}

/// Devices, newest claimed first.
#[derive(Serialize, ToSchema)]
pub(super) struct Devices {
    /// The page.
    data: Vec<DeviceBody>,
    /// Where it goes on.
    pagination: Pagination,
}

/// The devices assigned to the caller; all of the licence for its owner.
#[utoipa::path(
    get,
    path = "/api/v1/devices",
    operation_id = "listDevices",
    tag = "devices",
    params(Wanted),
    responses(
        (status = 200, description = "A page of devices.", body = Devices),
        (status = 400, description = "limit or cursor cannot be read; see details.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    let paging = Paging::read(wanted.limit.as_deref(), wanted.cursor.as_deref()).map_err(Error::invalid)?;
    let own = (!people::is_admin(&caller)).then_some(caller.person()?.account.0);
    let mut tx = caller.begin().await?;
    let devices = sql::listed(&mut tx, own, &paging).await?;
    drop(tx);
    let (page, pagination) = paging.cut(devices, |device| Cursor { at: device.claimed_at, id: device.id.0 });
    let data = page.into_iter().map(|device| shown(&product, device)).collect();
    Ok(axum::Json(Devices { data, pagination }).into_response())
}
