//! Every query of the monitor.

use chrono::{DateTime, Utc};
use socle::Result;
use socle::alarms::Raised;
use socle::db::{Db, Tx};
use socle::ids::TenantId;
use uuid::Uuid;

use super::board::Saved;
use super::evaluate::Due;
use super::{AlertState, LiveAlert, Preset};
use crate::devices::DeviceId;
use crate::measurements::sql::Stretch;
use crate::measurements::{Leaf, Measurement};
use crate::units::Celsius;

/// Saves devices of many licences in one statement.
pub(super) async fn save(db: &Db, states: &[Saved], now: DateTime<Utc>) -> Result<()> {
    let states = serde_json::to_value(states).map_err(|e| socle::Error::internal(format!("device states: {e}")))?;
    let mut door = db.door().await?;
    sqlx::query!(r#"SELECT physiotraq.save_device_states($1, $2) AS "done?: ()""#, states, now)
        .fetch_one(door.conn())
        .await?;
    Ok(())
}

/// A device as it was saved.
pub(super) struct Stored {
    pub device_id: Uuid,
    pub license_id: Uuid,
    pub status: String,
    pub latest: Option<serde_json::Value>,
    pub seen_at: Option<DateTime<Utc>>,
    pub through_id: i64,
    pub evaluated_through: Option<DateTime<Utc>>,
    pub machine: Option<serde_json::Value>,
    pub treatment_id: Option<Uuid>,
}

pub(super) async fn devices(db: &Db) -> Result<Vec<Stored>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Stored,
        r#"SELECT device_id AS "device_id!", license_id AS "license_id!", status AS "status!", latest, seen_at,
                  through_id AS "through_id!", evaluated_through, machine, treatment_id
           FROM physiotraq.monitored_devices()"#
    )
    .fetch_all(door.conn())
    .await?)
}

/// Readings committed after the last save, in the order of arrival.
pub(super) async fn unevaluated(db: &Db) -> Result<Vec<Measurement>> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", license_id AS "license_id!", device_id AS "device_id!", treatment_id,
                  temperature AS "temperature!", raw_temperature AS "raw_temperature!",
                  calibration_version AS "calibration_version!", reliability, measured_at AS "measured_at!",
                  received_at AS "received_at!", sequence AS "sequence!", clock_ok AS "clock_ok!", late AS "late!",
                  battery_level, wifi_strength, firmware_version
           FROM physiotraq.unevaluated_readings()"#
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Measurement {
            id: r.id,
            license: TenantId(r.license_id),
            device: DeviceId(r.device_id),
            treatment: r.treatment_id,
            raw: Celsius::from_decimal(r.raw_temperature),
            temperature: Celsius::from_decimal(r.temperature),
            calibration: r.calibration_version,
            reliability: r.reliability,
            measured_at: r.measured_at,
            received_at: r.received_at,
            sequence: r.sequence,
            leaf: if r.clock_ok { Leaf::Month(0, 0) } else { Leaf::Unclocked },
            late: r.late,
            battery_level: r.battery_level,
            battery_voltage: None,
            wifi_ssid: None,
            wifi_strength: r.wifi_strength,
            firmware_version: r.firmware_version,
        })
        .collect())
}

/// A running treatment as stored.
pub(crate) struct RunningRow {
    pub started_at: DateTime<Utc>,
    pub preset: Preset,
    pub warmest: Option<(Celsius, DateTime<Utc>)>,
}

pub(crate) async fn running(tx: &mut Tx, id: Uuid) -> Result<RunningRow> {
    let row = sqlx::query!(
        "SELECT started_at, watch_limit, watch_clear, critical_limit, critical_clear, on_delay_seconds,
                off_delay_seconds, reliability_limit, max_temperature, max_temperature_at
         FROM physiotraq.treatments WHERE id = $1",
        id
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(RunningRow {
        started_at: row.started_at,
        preset: Preset {
            watch_limit: Celsius::from_decimal(row.watch_limit),
            watch_clear: Celsius::from_decimal(row.watch_clear),
            critical_limit: Celsius::from_decimal(row.critical_limit),
            critical_clear: Celsius::from_decimal(row.critical_clear),
            on_delay_seconds: i64::from(row.on_delay_seconds),
            off_delay_seconds: i64::from(row.off_delay_seconds),
            reliability_limit: row.reliability_limit,
        },
        warmest: row.max_temperature.map(Celsius::from_decimal).zip(row.max_temperature_at),
    })
}

/// The alerts of a treatment that are not over.
pub(super) async fn open_alerts(tx: &mut Tx, treatment: Uuid) -> Result<Vec<LiveAlert>> {
    let rows = sqlx::query!(
        r#"SELECT a.id, a.level, a.limit_celsius, a.value, a.condition_at, a.raised_at, a.acknowledged_at,
                  u.first_name || ' ' || u.last_name AS "by?"
           FROM physiotraq.alerts a LEFT JOIN physiotraq.users u ON u.id = a.acknowledged_by
           WHERE a.treatment_id = $1 AND a.cleared_at IS NULL ORDER BY a.raised_at, a.level"#,
        treatment
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let acknowledged = r.by.zip(r.acknowledged_at);
            LiveAlert {
                id: r.id,
                level: r.level,
                limit: Celsius::from_decimal(r.limit_celsius),
                raised: Raised {
                    condition_at: r.condition_at,
                    at: r.raised_at,
                    value: Celsius::from_decimal(r.value).0,
                },
                state: if acknowledged.is_some() { AlertState::Acknowledged } else { AlertState::Active },
                acknowledged,
            }
        })
        .collect())
}

/// Whether a treatment runs; its row is held so that it cannot end before what follows is written.
pub(super) async fn still_running(tx: &mut Tx, treatment: Uuid) -> Result<bool> {
    let row = sqlx::query!("SELECT status FROM physiotraq.treatments WHERE id = $1 FOR UPDATE", treatment)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.status == "in_progress")
}

/// Writes an alert once; says its id and whether it is new.
pub(super) async fn raise_alert(tx: &mut Tx, device: DeviceId, due: &Due, raised: Raised) -> Result<(Uuid, bool)> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.alerts (id, license_id, treatment_id, device_id, level, limit_celsius, value,
                                        on_delay_seconds, condition_at, raised_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (treatment_id, level, condition_at) DO NOTHING RETURNING id",
        socle::ids::fresh(now),
        due.license.0,
        due.treatment,
        device.0,
        due.level,
        due.limit.decimal(),
        Celsius(raised.value).decimal(),
        i32::try_from(due.on_delay_seconds).unwrap_or_default(),
        raised.condition_at,
        raised.at,
        now,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(row) = inserted {
        return Ok((row.id, true));
    }
    let held = sqlx::query!(
        "SELECT id FROM physiotraq.alerts WHERE treatment_id = $1 AND level = $2 AND condition_at = $3",
        due.treatment,
        due.level,
        raised.condition_at
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((held.id, false))
}

pub(super) async fn set_flag(tx: &mut Tx, treatment: Uuid, level: i16) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.treatments SET alert_39_triggered = alert_39_triggered OR $2 = 39,
                alert_40_triggered = alert_40_triggered OR $2 = 40, updated_at = $3
         WHERE id = $1",
        treatment,
        i32::from(level),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn clear_alert(
    tx: &mut Tx,
    (treatment, level): (Uuid, i16),
    condition_at: DateTime<Utc>,
) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.alerts SET cleared_at = $4
         WHERE treatment_id = $1 AND level = $2 AND condition_at = $3 AND cleared_at IS NULL",
        treatment,
        level,
        condition_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A treatment that late readings fall into.
pub(super) struct Touched {
    pub id: Uuid,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    reliability_limit: i16,
}

impl Touched {
    pub fn stretch(&self, device: DeviceId, now: DateTime<Utc>) -> Stretch {
        let to = self.ended_at.unwrap_or(now);
        Stretch { device, from: self.started_at, to, reliability_limit: self.reliability_limit }
    }
}

pub(super) async fn treatments_touching(
    tx: &mut Tx,
    device: DeviceId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Touched>> {
    Ok(sqlx::query_as!(
        Touched,
        "SELECT id, started_at, ended_at, reliability_limit FROM physiotraq.treatments
         WHERE device_id = $1 AND started_at <= $3 AND (ended_at IS NULL OR ended_at >= $2)",
        device.0,
        from,
        to
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(crate) async fn set_warmest(tx: &mut Tx, treatment: Uuid, warmest: Option<(Celsius, DateTime<Utc>)>) -> Result<()> {
    let Some((value, at)) = warmest else { return Ok(()) };
    sqlx::query!(
        "UPDATE physiotraq.treatments SET max_temperature = $2, max_temperature_at = $3
         WHERE id = $1 AND (max_temperature IS NULL OR max_temperature < $2)",
        treatment,
        value.decimal(),
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
