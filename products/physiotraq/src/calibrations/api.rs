//! Calibrations for the owner's programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::web::{JsonFields, Lang, Path};
use socle::{Caller, Error, Result};
use utoipa::ToSchema;

use super::model::{Typed, read};
use super::{actions, sql};
use crate::devices::{self, DeviceId};
use crate::{CATALOGUE, Physiotraq};

/// What a version of a device's calibration means.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Calibration)]
pub(super) struct CalibrationBody {
    /// Readings name it.
    #[schema(example = 2)]
    version: i32,
    /// Stored value = raw × slope + intercept.
    #[schema(value_type = String, example = "1.002500")]
    temp_slope: Decimal,
    /// °C.
    #[schema(value_type = String, example = "-0.1250")]
    temp_intercept: Decimal,
    /// Since when it holds.
    calibrated_at: DateTime<Utc>,
    /// Who set it; null for the one that the device came with.
    #[schema(example = "Odile Martin")]
    calibrated_by: Option<String>,
}

impl From<sql::Version> for CalibrationBody {
    fn from(version: sql::Version) -> Self {
        Self {
            version: version.version,
            temp_slope: version.temp_slope,
            temp_intercept: version.temp_intercept,
            calibrated_at: version.calibrated_at,
            calibrated_by: version.by,
        }
    }
}

/// The versions of a device's calibration, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Calibrations {
    /// Empty while nobody has calibrated the device: then version 1 holds, slope 1 and intercept 0.
    data: Vec<CalibrationBody>,
}

/// What a device's calibrations were, the newest hundred.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/calibrations",
    operation_id = "listCalibrations",
    tag = "devices",
    params(("id" = uuid::Uuid, Path, description = "The device.")),
    responses(
        (status = 200, description = "The newest first.", body = Calibrations),
        (status = 403, description = "Only the owner of the licence sees them.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    devices::actions::managed(&product, &mut tx, id).await?;
    let data = sql::versions(&mut tx, id).await?.into_iter().map(CalibrationBody::from).collect();
    Ok(axum::Json(Calibrations { data }).into_response())
}

/// A calibration that is set.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CalibrateBody {
    /// 0.9 to 1.1, at most six decimals.
    #[schema(value_type = String, example = "1.0025")]
    temp_slope: Decimal,
    /// -5 to 5 °C, at most four decimals.
    #[schema(value_type = String, example = "-0.125")]
    temp_intercept: Decimal,
}

/// Which version holds.
#[derive(Serialize, ToSchema)]
pub(super) struct Calibrated {
    /// Readings from now on name it; within five seconds some may still name the one before.
    #[schema(example = 2)]
    version: i32,
}

/// Calibrates a device.
#[utoipa::path(
    put,
    path = "/api/v1/devices/{id}/calibration",
    operation_id = "calibrateDevice",
    tag = "devices",
    params(("id" = uuid::Uuid, Path, description = "The device.")),
    request_body = CalibrateBody,
    responses(
        (status = 200, description = "It holds; the same figures again make no new version.", body = Calibrated),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence calibrates.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = 409, description = "A treatment runs on it.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn set(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    JsonFields(body): JsonFields<CalibrateBody>,
) -> Result<Response> {
    let (slope, intercept) = (body.temp_slope.to_string(), body.temp_intercept.to_string());
    let calibration = read(&Typed { slope: &slope, intercept: &intercept }).map_err(|faults| {
        let named = |fault: Detail| {
            let field = if fault.field == "temp_slope" { "tempSlope" } else { "tempIntercept" };
            Detail::new(field, fault.code, CATALOGUE.text(Lang::En, &fault.message))
        };
        Error::invalid(faults.into_iter().map(named).collect())
    })?;
    let version = actions::calibrate(&product, &caller, id, calibration).await?;
    Ok(axum::Json(Calibrated { version }).into_response())
}
