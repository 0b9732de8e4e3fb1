//! Every query of the monitor.

use chrono::{DateTime, Utc};
use serde_json::json;
use socle::Result;
use socle::alarms::Raised;
use socle::db::{Db, Tx};
use socle::ids::TenantId;
use uuid::Uuid;

use super::evaluate::Due;
use super::saved::{Counted, Saved};
use super::told::Flushed;
use super::{AlertKind, AlertState, LiveAlert, Preset};
use crate::devices::DeviceId;
use crate::measurements::sql::Stretch;
use crate::measurements::{Leaf, Measurement};
use crate::units::Celsius;

/// Saves devices of many licences in one statement: the states of ours, what was counted for others'.
pub(super) async fn save(
    db: &Db,
    (states, counts): (&[Saved], &[Counted]),
    shards: &[usize],
    now: DateTime<Utc>,
) -> Result<()> {
    let unfit = |e: serde_json::Error| socle::Error::internal(format!("device states: {e}"));
    let states = serde_json::to_value(states).map_err(unfit)?;
    let counts = serde_json::to_value(counts).map_err(unfit)?;
    let mut door = db.door().await?;
    sqlx::query!(
        r#"SELECT physiotraq.save_device_states($1, $2, $3, $4) AS "done?: ()""#,
        states,
        counts,
        &numbers(shards),
        now
    )
    .fetch_one(door.conn())
    .await?;
    Ok(())
}

/// Where devices are, of many licences in one statement; `None` where nobody knows.
pub(super) async fn place(db: &Db, found: &[(DeviceId, Option<String>)]) -> Result<()> {
    let places = found.iter().map(|(device, location)| json!({ "device_id": device, "location": location }));
    let mut door = db.door().await?;
    sqlx::query!(r#"SELECT physiotraq.place_devices($1) AS "done?: ()""#, serde_json::Value::Array(places.collect()))
        .fetch_one(door.conn())
        .await?;
    Ok(())
}

/// Shards as PostgreSQL takes them.
fn numbers(shards: &[usize]) -> Vec<i32> {
    shards.iter().filter_map(|shard| i32::try_from(*shard).ok()).collect()
}

/// A device as it was saved.
pub(super) struct Stored {
    pub device_id: Uuid,
    pub license_id: Uuid,
    pub status: String,
    pub latest: Option<serde_json::Value>,
    pub seen_at: Option<DateTime<Utc>>,
    pub through_ids: Option<Vec<i64>>,
    pub late_from: Option<DateTime<Utc>>,
    pub late_to: Option<DateTime<Utc>>,
    pub evaluated_through: Option<DateTime<Utc>>,
    pub machine: Option<serde_json::Value>,
    pub treatment_id: Option<Uuid>,
}

/// The devices of shards, or one device.
pub(super) async fn devices(db: &Db, shards: &[usize], one: Option<DeviceId>) -> Result<Vec<Stored>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Stored,
        r#"SELECT device_id AS "device_id!", license_id AS "license_id!", status AS "status!", latest, seen_at,
                  through_ids, late_from, late_to, evaluated_through, machine, treatment_id
           FROM physiotraq.monitored_devices($1, $2)"#,
        &numbers(shards),
        one.map(|device| device.0)
    )
    .fetch_all(door.conn())
    .await?)
}

/// A reading as another process needs it.
struct Row {
    id: i64,
    license_id: Uuid,
    device_id: Uuid,
    treatment_id: Option<Uuid>,
    temperature: rust_decimal::Decimal,
    raw_temperature: rust_decimal::Decimal,
    calibration_version: i32,
    reliability: Option<i16>,
    measured_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    sequence: i64,
    clock_ok: bool,
    late: bool,
    battery_level: Option<i16>,
    wifi_strength: Option<i16>,
    firmware_version: Option<String>,
}

impl Row {
    fn measurement(self) -> Measurement {
        Measurement {
            id: self.id,
            license: TenantId(self.license_id),
            device: DeviceId(self.device_id),
            treatment: self.treatment_id,
            raw: Celsius::from_decimal(self.raw_temperature),
            temperature: Celsius::from_decimal(self.temperature),
            calibration: self.calibration_version,
            reliability: self.reliability,
            measured_at: self.measured_at,
            received_at: self.received_at,
            sequence: self.sequence,
            leaf: if self.clock_ok { Leaf::Month(0, 0) } else { Leaf::Unclocked },
            late: self.late,
            battery_level: self.battery_level,
            battery_voltage: None,
            wifi_ssid: None,
            wifi_strength: self.wifi_strength,
            firmware_version: self.firmware_version,
        }
    }
}

/// Readings of shards committed after their last save, in the order of their ids.
pub(super) async fn unevaluated(db: &Db, shards: &[usize]) -> Result<Vec<Measurement>> {
    let mut door = db.door().await?;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!", license_id AS "license_id!", device_id AS "device_id!", treatment_id,
                  temperature AS "temperature!", raw_temperature AS "raw_temperature!",
                  calibration_version AS "calibration_version!", reliability, measured_at AS "measured_at!",
                  received_at AS "received_at!", sequence AS "sequence!", clock_ok AS "clock_ok!", late AS "late!",
                  battery_level, wifi_strength, firmware_version
           FROM physiotraq.unevaluated_readings($1)"#,
        &numbers(shards)
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows.into_iter().map(Row::measurement).collect())
}

/// Readings that another process has committed and told of.
pub(super) async fn told(db: &Db, told: &[Flushed]) -> Result<Vec<Measurement>> {
    let told = serde_json::to_value(told).map_err(|e| socle::Error::internal(format!("told readings: {e}")))?;
    let mut door = db.door().await?;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!", license_id AS "license_id!", device_id AS "device_id!", treatment_id,
                  temperature AS "temperature!", raw_temperature AS "raw_temperature!",
                  calibration_version AS "calibration_version!", reliability, measured_at AS "measured_at!",
                  received_at AS "received_at!", sequence AS "sequence!", clock_ok AS "clock_ok!", late AS "late!",
                  battery_level, wifi_strength, firmware_version
           FROM physiotraq.told_readings($1)"#,
        told
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows.into_iter().map(Row::measurement).collect())
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
        r#"SELECT a.id, a.kind, a.level, a.limit_celsius, a.value, a.condition_at, a.raised_at, a.created_at, a.state,
                  a.escalation, a.acknowledged_at, u.first_name || ' ' || u.last_name AS "by?"
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
                kind: AlertKind::of(&r.kind, r.level),
                limit: r.limit_celsius.map(Celsius::from_decimal),
                raised: Raised {
                    condition_at: r.condition_at,
                    at: r.raised_at,
                    received: r.created_at,
                    value: r.value.map_or(0, |value| Celsius::from_decimal(value).0),
                },
                state: match (r.state.as_str(), &acknowledged) {
                    ("latched", _) => AlertState::Latched,
                    (_, Some(_)) => AlertState::Acknowledged,
                    (_, None) => AlertState::Active,
                },
                escalation: u8::try_from(r.escalation).unwrap_or_default(),
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
    let (kind, level) = due.kind.stored();
    let reliability =
        (due.kind == AlertKind::LowReliability).then(|| i16::try_from(-raised.value / 1_000).unwrap_or(0));
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.alerts (id, license_id, treatment_id, device_id, kind, level, limit_celsius, value,
                                        reliability, on_delay_seconds, condition_at, raised_at, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'active', $13)
         ON CONFLICT (treatment_id, kind, level, condition_at) DO NOTHING RETURNING id",
        socle::ids::fresh(now),
        due.license.0,
        due.treatment,
        device.0,
        kind,
        level,
        due.limit.map(Celsius::decimal),
        due.limit.map(|_| Celsius(raised.value).decimal()),
        reliability,
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
        "SELECT id FROM physiotraq.alerts
         WHERE treatment_id = $1 AND kind = $2 AND level = $3 AND condition_at = $4",
        due.treatment,
        kind,
        level,
        raised.condition_at
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((held.id, false))
}

/// Where an alert that is not over stands now.
pub(super) async fn set_state(tx: &mut Tx, due: &Due, condition_at: DateTime<Utc>, state: &str) -> Result<()> {
    let now = tx.caller().now();
    let (kind, level) = due.kind.stored();
    sqlx::query!(
        "UPDATE physiotraq.alerts SET state = $5, cleared_at = CASE WHEN $5 = 'cleared' THEN $6::timestamptz END
         WHERE treatment_id = $1 AND kind = $2 AND level = $3 AND condition_at = $4 AND cleared_at IS NULL",
        due.treatment,
        kind,
        level,
        condition_at,
        state,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes an escalation step once; the alert, when the step is new and nobody has taken note.
pub(super) async fn escalate(
    tx: &mut Tx,
    due: &Due,
    (condition_at, step): (DateTime<Utc>, u8),
) -> Result<Option<Uuid>> {
    let now = tx.caller().now();
    let (kind, level) = due.kind.stored();
    let row = sqlx::query!(
        "UPDATE physiotraq.alerts SET escalation = $5, escalated_at = $6
         WHERE treatment_id = $1 AND kind = $2 AND level = $3 AND condition_at = $4 AND cleared_at IS NULL
           AND acknowledged_at IS NULL AND escalation < $5
         RETURNING id",
        due.treatment,
        kind,
        level,
        condition_at,
        i16::from(step),
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| r.id))
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
         WHERE id = $1 AND (max_temperature IS NULL OR max_temperature < $2
                            OR max_temperature = $2 AND max_temperature_at > $3)",
        treatment,
        value.decimal(),
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
