//! What a device fetches, and what the owner's program sees and sets: names without passwords.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::web::{JsonFields, Lang, Path};
use socle::{Caller, Error, Result};
use utoipa::ToSchema;

use super::model::{Password, SLOTS, Set, Slot};
use super::{actions, sql};
use crate::devices::{self, DeviceId};
use crate::{CATALOGUE, Physiotraq};

/// The networks of a device, as it gets them.
#[derive(Serialize, ToSchema)]
pub(super) struct Fetched {
    /// The version of this set. Say it as `wifi_version` in the heartbeat once it is applied.
    #[schema(example = 3)]
    version: i32,
    /// At most four, the one to try first in front.
    wifi_credentials: Vec<FetchedNetwork>,
}

/// A network with its password.
#[derive(Serialize, ToSchema)]
pub(super) struct FetchedNetwork {
    /// 1 to 4.
    #[schema(example = 1)]
    priority: i16,
    /// Its name.
    #[schema(example = "Hospital-WiFi")]
    ssid: String,
    /// Empty for an open network.
    #[schema(example = "a long password")]
    password: String,
}

/// The networks of the device that asks.
///
/// Ask when the heartbeat's answer names another version than the one that is applied.
#[utoipa::path(
    get,
    path = "/api/v1/devices/wifi_credentials",
    operation_id = "fetchWifiCredentials",
    tag = "device",
    responses(
        (status = 200, description = "Its own networks, by priority.", body = Fetched),
        (status = 401, description = "The credential is unknown.", body = Envelope),
        (status = 503, description = "The passwords cannot be opened now; keep what is applied.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(super) async fn fetch(State(product): State<Physiotraq>, caller: Caller) -> Result<Response> {
    let (version, networks) = actions::fetch(&product, &caller).await?;
    let shown = |network: actions::Network| FetchedNetwork {
        priority: network.priority,
        ssid: network.ssid,
        password: network.password.expose_secret().to_owned(),
    };
    let wifi_credentials = networks.into_iter().map(shown).collect();
    Ok(axum::Json(Fetched { version, wifi_credentials }).into_response())
}

/// The networks of a device without their passwords, and whether the device has applied them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WifiBody {
    /// By priority.
    networks: Vec<NetworkBody>,
    /// The version that is wanted; 0 while nothing was ever set.
    wanted_version: i32,
    /// When it was set.
    wanted_at: Option<DateTime<Utc>>,
    /// The version that the device has said it applied.
    applied_version: Option<i32>,
    /// When it said so first.
    applied_at: Option<DateTime<Utc>>,
}

/// A network without its password.
#[derive(Serialize, ToSchema)]
pub(super) struct NetworkBody {
    /// 1 to 4.
    #[schema(example = 1)]
    priority: i16,
    /// Its name.
    #[schema(example = "Hospital-WiFi")]
    ssid: String,
}

impl From<Set> for WifiBody {
    fn from(set: Set) -> Self {
        let networks = set.networks.into_iter().map(|(priority, ssid)| NetworkBody { priority, ssid }).collect();
        Self {
            networks,
            wanted_version: set.wanted,
            wanted_at: set.wanted_at,
            applied_version: set.applied,
            applied_at: set.applied_at,
        }
    }
}

/// The networks of a device. Passwords are never shown.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/wifi",
    operation_id = "getDeviceWifi",
    tag = "devices",
    params(("id" = uuid::Uuid, Path, description = "The device.")),
    responses(
        (status = 200, description = "Names, priorities and versions.", body = WifiBody),
        (status = 403, description = "Only the owner of the licence sees them.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    Ok(axum::Json(seen(&product, &caller, id).await?).into_response())
}

async fn seen(product: &Physiotraq, caller: &Caller, id: DeviceId) -> Result<WifiBody> {
    let mut tx = caller.begin().await?;
    devices::actions::managed(product, &mut tx, id).await?;
    Ok(sql::set(&mut tx, id).await?.into())
}

/// The networks that a device is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetBody {
    /// At most four, the one to try first in front; an empty list takes all away.
    #[schema(max_items = 4)]
    networks: Vec<WrittenNetwork>,
}

/// A network that is written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenNetwork {
    /// 1 to 32 bytes, each name once.
    #[schema(example = "Hospital-WiFi")]
    ssid: String,
    /// 8 to 63 characters, or 64 hexadecimal digits. Left out, the network of that name keeps its password; an empty text
    /// says that the network is open.
    #[schema(value_type = Option<String>, example = "a long password", write_only)]
    password: Option<SecretString>,
}

/// A fault of the form, under the name that the program sent and in the language of its messages.
fn named(fault: Detail) -> Detail {
    let (field, place) = fault.field.rsplit_once('_').unwrap_or((&fault.field, "1"));
    let place = place.parse::<i16>().map_or(0, |place| place - 1);
    Detail::new(format!("networks[{place}].{field}"), fault.code, CATALOGUE.text(Lang::En, &fault.message))
}

/// Sets the networks of a device; it fetches them when it says in a heartbeat that it has others.
#[utoipa::path(
    put,
    path = "/api/v1/devices/{id}/wifi",
    operation_id = "setDeviceWifi",
    tag = "devices",
    params(("id" = uuid::Uuid, Path, description = "The device.")),
    request_body = SetBody,
    responses(
        (status = 200, description = "Set; wantedVersion is the version of it.", body = WifiBody),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence sets them.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn set(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    JsonFields(body): JsonFields<SetBody>,
) -> Result<Response> {
    if body.networks.len() > usize::from(SLOTS.unsigned_abs()) {
        let message = CATALOGUE.text(Lang::En, "wifi-error-priority");
        return Err(Error::invalid(vec![Detail::new("networks", "TOO_MANY", message)]));
    }
    let slot = |(priority, network): (i16, WrittenNetwork)| Slot {
        priority,
        ssid: network.ssid,
        password: match network.password {
            None => Password::Keep,
            Some(password) if password.expose_secret().is_empty() => Password::Open,
            Some(password) => Password::New(password),
        },
    };
    let slots = (1..).zip(body.networks).map(slot).collect();
    actions::set(&product, &caller, id, slots).await.map_err(|error| match error.code.as_ref() {
        "VAL_FIELDS" => Error::invalid(error.details.into_iter().map(named).collect()),
        _ => error,
    })?;
    Ok(axum::Json(seen(&product, &caller, id).await?).into_response())
}
