//! Every query on readings.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use socle::Result;
use socle::db::{Db, Tx};
use uuid::Uuid;

use super::Quality;
use crate::devices::DeviceId;
use crate::units::Celsius;

/// Creates the months up to a day and names those that exist.
pub(super) async fn ensure_months(db: &Db, first: NaiveDate, last: NaiveDate) -> Result<Vec<String>> {
    let mut door = db.door().await?;
    socle::db::ensure_months(db, first, last).await?;
    let rows = sqlx::query!(
        r#"SELECT c.relname AS "name!" FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'physiotraq.measurements_clocked'::regclass"#
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// A reading as curves, tables and exports show it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub at: DateTime<Utc>,
    pub received: DateTime<Utc>,
    pub value: Celsius,
    pub raw: Celsius,
    pub reliability: Option<i16>,
    pub quality: Quality,
    pub late: bool,
    pub battery: Option<i16>,
    pub wifi: Option<i16>,
    pub firmware: Option<String>,
    pub sequence: i64,
}

/// A stretch of one device's record. Only readings whose clock can be right have a place on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub device: DeviceId,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Readings below it are of low quality.
    pub reliability_limit: i16,
}

struct Row {
    measured_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    temperature: Decimal,
    raw_temperature: Decimal,
    reliability: Option<i16>,
    late: bool,
    battery_level: Option<i16>,
    wifi_strength: Option<i16>,
    firmware_version: Option<String>,
    sequence: i64,
}

impl Row {
    fn point(self, limit: i16) -> Point {
        let value = Celsius::from_decimal(self.temperature);
        Point {
            at: self.measured_at,
            received: self.received_at,
            value,
            raw: Celsius::from_decimal(self.raw_temperature),
            reliability: self.reliability,
            quality: Quality::of(value, self.reliability, limit),
            late: self.late,
            battery: self.battery_level,
            wifi: self.wifi_strength,
            firmware: self.firmware_version,
            sequence: self.sequence,
        }
    }
}

/// The readings after a position (device time, sequence), oldest first, at most `most`.
pub(crate) async fn page(tx: &mut Tx, of: Stretch, after: (DateTime<Utc>, i64), most: i64) -> Result<Vec<Point>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT measured_at, received_at, temperature, raw_temperature, reliability, late, battery_level, wifi_strength,
                firmware_version, sequence
         FROM physiotraq.measurements
         WHERE device_id = $1 AND clock_ok AND measured_at BETWEEN $2 AND $3 AND (measured_at, sequence) > ($4, $5)
         ORDER BY measured_at, sequence LIMIT $6",
        of.device.0,
        of.from,
        of.to,
        after.0,
        after.1,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| row.point(of.reliability_limit)).collect())
}

/// Figures of a stretch.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub readings: i64,
    pub low_quality: i64,
    pub late: i64,
    pub first: Option<DateTime<Utc>>,
    pub last: Option<DateTime<Utc>>,
}

pub(crate) async fn summary(tx: &mut Tx, of: Stretch) -> Result<Summary> {
    Ok(sqlx::query_as!(
        Summary,
        r#"SELECT count(*) AS "readings!", count(*) FILTER (WHERE implausible OR reliability < $4) AS "low_quality!",
                  count(*) FILTER (WHERE late) AS "late!", min(measured_at) AS first, max(measured_at) AS last
           FROM physiotraq.measurements
           WHERE device_id = $1 AND clock_ok AND measured_at BETWEEN $2 AND $3"#,
        of.device.0,
        of.from,
        of.to,
        of.reliability_limit
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The highest trustworthy value of a stretch and when it was measured.
pub(crate) async fn warmest(tx: &mut Tx, of: Stretch) -> Result<Option<(Celsius, DateTime<Utc>)>> {
    let row = sqlx::query!(
        "SELECT temperature, measured_at FROM physiotraq.measurements
         WHERE device_id = $1 AND clock_ok AND measured_at BETWEEN $2 AND $3
           AND NOT implausible AND (reliability IS NULL OR reliability >= $4)
         ORDER BY temperature DESC, measured_at LIMIT 1",
        of.device.0,
        of.from,
        of.to,
        of.reliability_limit
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| (Celsius::from_decimal(r.temperature), r.measured_at)))
}

/// Gives a stretch's readings to the treatment it belongs to.
pub(crate) async fn attach(tx: &mut Tx, of: Stretch, treatment: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE physiotraq.measurements SET treatment_id = $4
         WHERE device_id = $1 AND clock_ok AND measured_at BETWEEN $2 AND $3 AND treatment_id IS DISTINCT FROM $4",
        of.device.0,
        of.from,
        of.to,
        treatment
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
