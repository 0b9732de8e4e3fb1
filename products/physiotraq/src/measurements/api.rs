//! `POST /measurements` and `/measurements/batch`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socle::error::Envelope;
use socle::readings::{Outcome, Tally};
use socle::web::Json;
use socle::{Caller, Error, Result};
use utoipa::ToSchema;

use super::Measurement;
use super::model::LIVE_FOR;
use super::parse::{Checked, Sent};
use crate::Physiotraq;
use crate::devices::{DeviceId, Known};
use crate::firmware::updates;

/// What became of the readings of a request.
#[derive(Serialize, ToSchema)]
pub(super) struct Stored {
    /// How many were sent.
    #[schema(example = 3)]
    received: i64,
    /// How many are durably stored now.
    #[schema(example = 1)]
    stored: i64,
    /// How many were stored before, with the same value.
    #[schema(example = 1)]
    duplicate: i64,
    /// How many will never be stored; do not send them again.
    #[schema(example = 1)]
    rejected: i64,
    /// Those that were not stored now, by their place in the request.
    items: Vec<NotStored>,
}

/// A reading that was not stored by this request.
#[derive(Serialize, ToSchema)]
pub(super) struct NotStored {
    /// Its place, from 0.
    #[schema(example = 2)]
    index: usize,
    /// Why.
    status: NotStoredAs,
    /// Of a rejected one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "VAL_TEMPERATURE")]
    code: Option<&'static str>,
    /// What is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "temperature is a number of °C between -999.999 and 999.999.")]
    message: Option<&'static str>,
}

/// Why a reading was not stored by this request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum NotStoredAs {
    /// It is stored already.
    Duplicate,
    /// It cannot be stored.
    Rejected,
}

/// One reading.
///
/// Answered once it is durably stored. Sending it again does no harm: device, device time and sequence name it.
#[utoipa::path(
    post,
    path = "/api/v1/measurements",
    operation_id = "sendReading",
    tag = "device",
    request_body = Sent,
    responses(
        (status = 201, description = "Stored, now or before.", body = Stored),
        (status = 401, description = "The credential is unknown; register the device.", body = Envelope),
        (status = 422, description = "The reading cannot be stored; the code says why.", body = Envelope),
        (status = 429, description = "This device sends too much at once; nothing was taken.", body = Envelope),
        (status = 503, description = "The server cannot take it now; nothing was taken.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(super) async fn one(State(product): State<Physiotraq>, caller: Caller, Json(sent): Json<Sent>) -> Result<Response> {
    let outcomes = store(&product, &caller, vec![sent.checked()]).await?;
    if let Some(Outcome::Rejected(code)) = outcomes.first() {
        return Err(Error::unprocessable(*code, reason(code)));
    }
    Ok((StatusCode::CREATED, axum::Json(answer(&outcomes))).into_response())
}

/// Readings kept while there was no network, oldest first.
#[derive(Deserialize, ToSchema)]
pub(super) struct Batch<'a> {
    /// The readings; the whole body has at most 2 MiB.
    #[serde(borrow)]
    #[schema(value_type = Vec<Sent>)]
    measurements: Vec<&'a RawValue>,
}

/// Many readings; each stands for itself.
///
/// One that cannot be stored does not keep the others out: the answer counts them and names it by its place.
#[utoipa::path(
    post,
    path = "/api/v1/measurements/batch",
    operation_id = "sendReadings",
    tag = "device",
    request_body = Batch,
    responses(
        (status = 200, description = "What became of each.", body = Stored),
        (status = 401, description = "The credential is unknown; register the device.", body = Envelope),
        (status = 413, description = "The body is larger than 2 MiB; send smaller batches.", body = Envelope),
        (status = 429, description = "This device sends too much at once; nothing was taken.", body = Envelope),
        (status = 503, description = "The server cannot take it now; nothing was taken.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("device" = [])),
)]
pub(super) async fn batch(
    State(product): State<Physiotraq>,
    caller: Caller,
    body: Json<Box<RawValue>>,
) -> Result<Response> {
    let batch: Batch<'_> = serde_json::from_str(body.0.get())
        .map_err(|error| Error::malformed(format!("The body is {{\"measurements\": […]}}: {error}.")))?;
    let read = |item: &&RawValue| match serde_json::from_str::<Sent>(item.get()) {
        // An array would be read as an object's fields in order.
        Ok(sent) if item.get().starts_with('{') => sent.checked(),
        Ok(_) | Err(_) => Err("VAL_FIELDS"),
    };
    let checked: Vec<_> = batch.measurements.iter().map(read).collect();
    let outcomes = store(&product, &caller, checked).await?;
    Ok(axum::Json(answer(&outcomes)).into_response())
}

/// Writes what is in order; the outcomes are in the order of the request.
async fn store(
    product: &Physiotraq,
    caller: &Caller,
    items: Vec<Result<Checked, &'static str>>,
) -> Result<Vec<Outcome>> {
    let machine = caller.machine()?;
    let device = DeviceId(machine.device);
    let known = product.credentials.calibration(device).ok_or_else(|| Error::unavailable(1))?;
    let now = caller.now();
    let context =
        Context { known, now, newest: product.monitor.newest(device), running: product.monitor.running(device) };
    let mut rows = Vec::with_capacity(items.len());
    let mut places = Vec::with_capacity(items.len());
    for item in items {
        match item.and_then(|checked| measurement(product, &context, checked)) {
            Ok(row) => {
                rows.push(row);
                places.push(None);
            }
            Err(code) => places.push(Some(Outcome::Rejected(code))),
        }
    }
    let refused = places.iter().flatten().count();
    let newest = rows.iter().filter(|row| !row.late && row.firmware_version.is_some());
    let newest = newest.max_by_key(|row| row.measured_at);
    let runs = newest.map(|row| (row.firmware_version.clone(), row.measured_at));
    let mut written = product.writer.write(device.0, rows).await?.into_iter();
    product.monitor.refused(device, refused);
    product.monitor.contact(device, (now, caller.trace().ip, None)).await;
    if let Some((version, at)) = runs {
        updates::compare(product, caller, (version.as_deref(), at)).await;
    }
    let outcome = |place: Option<Outcome>| place.or_else(|| written.next()).unwrap_or(Outcome::Rejected("VAL_UNKNOWN"));
    Ok(places.into_iter().map(outcome).collect())
}

/// What all readings of a request share.
struct Context {
    known: Known,
    now: DateTime<Utc>,
    /// Device time of the newest reading so far.
    newest: Option<DateTime<Utc>>,
    /// The running treatment and its start.
    running: Option<(uuid::Uuid, DateTime<Utc>)>,
}

fn measurement(product: &Physiotraq, context: &Context, sent: Checked) -> Result<Measurement, &'static str> {
    let Context { known, now, newest, running } = context;
    let temperature = sent.raw.calibrated(known.slope, known.intercept).ok_or("VAL_CALIBRATION")?;
    let at = sent.measured_at;
    let leaf = product.leaves.leaf(at, *now);
    let treatment = running.filter(|(_, started)| leaf != super::Leaf::Unclocked && at >= *started).map(|(id, _)| id);
    Ok(Measurement {
        id: 0,
        license: known.license,
        device: known.id,
        treatment,
        raw: sent.raw,
        temperature,
        calibration: known.calibration,
        reliability: sent.reliability,
        measured_at: at,
        received_at: *now,
        sequence: sent.sequence,
        leaf,
        late: (*now - at).abs() > LIVE_FOR || newest.is_some_and(|newest| at < newest),
        battery_level: sent.state.battery_level,
        battery_voltage: sent.state.battery_voltage,
        wifi_ssid: sent.state.ssid,
        wifi_strength: sent.state.strength,
        firmware_version: sent.state.firmware,
    })
}

/// Counts, and the items that were not stored, by index.
fn answer(outcomes: &[Outcome]) -> Stored {
    let tally = Tally::of(outcomes);
    let item = |(index, outcome): (usize, &Outcome)| match outcome {
        Outcome::Stored => None,
        Outcome::Duplicate => Some(NotStored { index, status: NotStoredAs::Duplicate, code: None, message: None }),
        Outcome::Rejected(code) => {
            Some(NotStored { index, status: NotStoredAs::Rejected, code: Some(*code), message: Some(reason(code)) })
        }
    };
    Stored {
        received: tally.received(),
        stored: tally.stored,
        duplicate: tally.duplicate,
        rejected: tally.rejected,
        items: outcomes.iter().enumerate().filter_map(item).collect(),
    }
}

/// What a code of a rejected reading means, and what to do.
fn reason(code: &str) -> &'static str {
    match code {
        "VAL_FIELDS" => "A field is missing or of the wrong kind: temperature and measured_at are required.",
        "VAL_TEMPERATURE" => "temperature is a number of °C between -999.999 and 999.999.",
        "VAL_CALIBRATION" => "With this device's calibration the value cannot be stored.",
        "VAL_SEQUENCE" => "sequence is a whole number from 0.",
        "VAL_RELIABILITY" => "reliability is 0 to 100.",
        "VAL_BATTERY_LEVEL" => "battery_level is 0 to 100 %.",
        "VAL_BATTERY_VOLTAGE" => "battery_voltage is 0 to 100 V.",
        "VAL_WIFI_SSID" => "wifi_ssid has at most 64 characters and no NUL.",
        "VAL_WIFI_STRENGTH" => "wifi_strength is -200 to 50 dBm.",
        "VAL_FIRMWARE_VERSION" => "firmware_version has at most 40 characters and no NUL.",
        "VAL_CONFLICT" => "Another value is stored for this device time and sequence; number readings with sequence.",
        _ => "The reading cannot be stored.",
    }
}
