//! Calibrate: the one verb.

use serde_json::json;
use socle::{Caller, Error, Result, audit};

use super::model::Calibration;
use super::sql::{self, New};
use crate::Physiotraq;
use crate::devices::{self, DeviceId};

/// Gives a device another calibration, as a new version; the version that holds now. The same figures again change
/// nothing. Readings that arrive within five seconds may still be stored with the version before, and say so.
///
/// # Errors
/// 404 when the device is not the licence's; 409 while a treatment runs on it: its curve and its alarms would jump.
pub async fn calibrate(
    product: &Physiotraq,
    caller: &Caller,
    device: DeviceId,
    calibration: Calibration,
) -> Result<i32> {
    let mut tx = caller.begin().await?;
    let found = devices::actions::managed(product, &mut tx, device).await?;
    let held = sql::hold(&mut tx, device).await?;
    if held.calibration == calibration {
        return Ok(held.version);
    }
    if held.running {
        let message = "A treatment runs on this device. Calibrate it when the treatment has ended.";
        return Err(Error::conflict("BIZ_DEVICE_IN_TREATMENT", message));
    }
    let of = (device, found.license);
    let came = New { version: held.version, calibration: held.calibration, at: held.claimed_at, by: None };
    sql::insert(&mut tx, of, came).await?;
    let version = held.version.saturating_add(1);
    let by = Some(caller.person()?.account.0);
    sql::insert(&mut tx, of, New { version, calibration, at: caller.now(), by }).await?;
    sql::apply(&mut tx, device, calibration, version).await?;
    let details = json!({ "version": version, "slope": calibration.slope, "intercept": calibration.intercept });
    audit::record(&mut tx, audit::Entry::done("device.calibrated", "Device", device.0).with(details)).await?;
    tx.commit().await?;
    product.credentials.forget(device);
    Ok(version)
}
