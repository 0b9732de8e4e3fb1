//! Every query on calibrations.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use socle::Result;
use socle::db::Tx;
use socle::ids::TenantId;
use uuid::Uuid;

use super::model::Calibration;
use crate::devices::DeviceId;

/// A version as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub version: i32,
    pub temp_slope: Decimal,
    pub temp_intercept: Decimal,
    pub calibrated_at: DateTime<Utc>,
    /// Who; `None` as the device came.
    pub by: Option<String>,
}

/// The versions of a device, the newest first. A device that was never calibrated here has none.
pub(crate) async fn versions(tx: &mut Tx, device: DeviceId) -> Result<Vec<Version>> {
    Ok(sqlx::query_as!(
        Version,
        r#"SELECT c.version, c.temp_slope, c.temp_intercept, c.calibrated_at, u.first_name || ' ' || u.last_name AS "by?"
           FROM physiotraq.calibrations c
           LEFT JOIN physiotraq.users u ON u.license_id = c.license_id AND u.id = c.calibrated_by
           WHERE c.device_id = $1 ORDER BY c.version DESC LIMIT 100"#,
        device.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The calibration that holds now, its version and since when the device is the licence's; its row is held until the
/// transaction ends.
pub(super) struct Held {
    pub calibration: Calibration,
    pub version: i32,
    pub claimed_at: DateTime<Utc>,
    /// Whether a treatment runs on it.
    pub running: bool,
}

pub(super) async fn hold(tx: &mut Tx, device: DeviceId) -> Result<Held> {
    let row = sqlx::query!(
        "SELECT temp_slope, temp_intercept, calibration_version, claimed_at FROM physiotraq.devices
         WHERE id = $1 AND released_at IS NULL FOR UPDATE",
        device.0
    )
    .fetch_one(tx.conn())
    .await?;
    // Asked only now: whoever started a treatment while this waited for the row has committed it.
    let running = sqlx::query!(
        r#"SELECT EXISTS (SELECT 1 FROM physiotraq.treatments
                          WHERE device_id = $1 AND status = 'in_progress') AS "yes!""#,
        device.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Held {
        calibration: Calibration { slope: row.temp_slope.normalize(), intercept: row.temp_intercept.normalize() },
        version: row.calibration_version,
        claimed_at: row.claimed_at,
        running: running.yes,
    })
}

/// A version about to be written.
pub(super) struct New {
    pub version: i32,
    pub calibration: Calibration,
    pub at: DateTime<Utc>,
    pub by: Option<Uuid>,
}

/// Writes a version once; the one that the device came with may be there already.
pub(super) async fn insert(tx: &mut Tx, (device, license): (DeviceId, TenantId), new: New) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO physiotraq.calibrations (id, license_id, device_id, version, temp_slope, temp_intercept,
                                              calibrated_at, calibrated_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (license_id, device_id, version) DO NOTHING",
        socle::ids::fresh(now),
        license.0,
        device.0,
        new.version,
        new.calibration.slope,
        new.calibration.intercept,
        new.at,
        new.by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes a version the one that holds.
pub(super) async fn apply(tx: &mut Tx, device: DeviceId, calibration: Calibration, version: i32) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.devices SET temp_slope = $2, temp_intercept = $3, calibration_version = $4, updated_at = $5
         WHERE id = $1",
        device.0,
        calibration.slope,
        calibration.intercept,
        version,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
