//! Every query on treatments.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use socle::db::Tx;
use socle::error::broken_constraint;
use socle::ids::TenantId;
use socle::sealed::TenantKeys;
use socle::web::cursor::Cursor;
use socle::{Error, Result};
use uuid::Uuid;

use super::model::{Patient, Status, Treatment, TreatmentId};
use super::names::{self, SealedNames};
use crate::devices::DeviceId;
use crate::units::Celsius;

struct Row {
    id: Uuid,
    license_id: Uuid,
    session_identifier: String,
    device_id: Uuid,
    device_name: String,
    user_id: Uuid,
    operator_name: String,
    patient_first_name: Option<Vec<u8>>,
    patient_last_name: Option<Vec<u8>>,
    patient_age: Option<i32>,
    patient_sex: Option<String>,
    patient_weight: Option<Decimal>,
    anonymous: bool,
    status: String,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    max_temperature: Option<Decimal>,
    max_temperature_at: Option<DateTime<Utc>>,
    alert_39_triggered: bool,
    alert_40_triggered: bool,
    notes: Option<String>,
    watch_limit: Decimal,
    critical_limit: Decimal,
    reliability_limit: i16,
}

impl Row {
    fn opened(self, keys: Option<&TenantKeys>) -> Result<Treatment> {
        let open = |column, sealed: Option<&[u8]>| names::open(keys, self.id, column, sealed);
        let named = self.patient_first_name.is_some() || self.patient_last_name.is_some();
        let patient = Patient {
            anonymous: self.anonymous,
            unavailable: named && keys.is_none(),
            first_name: open("patient_first_name", self.patient_first_name.as_deref())?,
            last_name: open("patient_last_name", self.patient_last_name.as_deref())?,
            age: self.patient_age,
            sex: self.patient_sex,
            weight: self.patient_weight,
        };
        Ok(Treatment {
            id: TreatmentId(self.id),
            license: TenantId(self.license_id),
            session: self.session_identifier,
            device: DeviceId(self.device_id),
            device_name: self.device_name,
            operator: self.user_id,
            operator_name: self.operator_name,
            patient,
            status: Status::parse(&self.status).unwrap_or(Status::Aborted),
            started_at: self.started_at,
            ended_at: self.ended_at,
            max: self.max_temperature.map(Celsius::from_decimal),
            max_at: self.max_temperature_at,
            alert_39: self.alert_39_triggered,
            alert_40: self.alert_40_triggered,
            notes: self.notes,
            limits: (Celsius::from_decimal(self.watch_limit), Celsius::from_decimal(self.critical_limit)),
            reliability_limit: self.reliability_limit,
        })
    }
}

/// One treatment of the licence; without keys, without names.
pub(crate) async fn find(tx: &mut Tx, keys: Option<&TenantKeys>, id: TreatmentId) -> Result<Treatment> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.license_id, t.session_identifier, t.device_id, d.name AS device_name, t.user_id,
                  u.first_name || ' ' || u.last_name AS "operator_name!", t.patient_first_name, t.patient_last_name,
                  t.patient_age, t.patient_sex, t.patient_weight, t.anonymous, t.status, t.started_at, t.ended_at,
                  t.max_temperature, t.max_temperature_at, t.alert_39_triggered, t.alert_40_triggered, t.notes,
                  t.watch_limit, t.critical_limit, t.reliability_limit
           FROM physiotraq.treatments t
           JOIN physiotraq.devices d ON d.id = t.device_id JOIN physiotraq.users u ON u.id = t.user_id
           WHERE t.id = $1"#,
        id.0
    )
    .fetch_one(tx.conn())
    .await?;
    row.opened(keys)
}

/// What a list is narrowed to. The last name is compared by its blind index, the session by its beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub operator: Option<Uuid>,
    pub device: Option<Uuid>,
    pub status: Option<Status>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub session: Option<String>,
    pub last_name_index: Option<Vec<u8>>,
    /// The place in the order after which a program's page begins.
    pub after: Option<Cursor>,
}

/// A page of treatments, newest first.
pub(crate) async fn list(
    tx: &mut Tx,
    keys: Option<&TenantKeys>,
    wanted: &Wanted,
    (offset, most): (i64, i64),
) -> Result<Vec<Treatment>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.license_id, t.session_identifier, t.device_id, d.name AS device_name, t.user_id,
                  u.first_name || ' ' || u.last_name AS "operator_name!", t.patient_first_name, t.patient_last_name,
                  t.patient_age, t.patient_sex, t.patient_weight, t.anonymous, t.status, t.started_at, t.ended_at,
                  t.max_temperature, t.max_temperature_at, t.alert_39_triggered, t.alert_40_triggered, t.notes,
                  t.watch_limit, t.critical_limit, t.reliability_limit
           FROM physiotraq.treatments t
           JOIN physiotraq.devices d ON d.id = t.device_id JOIN physiotraq.users u ON u.id = t.user_id
           WHERE ($1::uuid IS NULL OR t.user_id = $1) AND ($2::uuid IS NULL OR t.device_id = $2)
             AND ($3::text IS NULL OR t.status = $3)
             AND ($4::timestamptz IS NULL OR t.started_at >= $4) AND ($5::timestamptz IS NULL OR t.started_at < $5)
             AND ($6::text IS NULL OR starts_with(t.session_identifier, $6) OR t.patient_last_name_index = $7)
             AND ($10::timestamptz IS NULL OR (t.started_at, t.id) < ($10, $11::uuid))
           ORDER BY t.started_at DESC, t.id DESC OFFSET $8 LIMIT $9"#,
        wanted.operator,
        wanted.device,
        wanted.status.map(Status::name),
        wanted.from,
        wanted.until,
        wanted.session,
        wanted.last_name_index,
        offset,
        most,
        wanted.after.map(|cursor| cursor.at),
        wanted.after.map(|cursor| cursor.id),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.opened(keys)).collect()
}

/// How many treatments a list has in all.
pub(crate) async fn count(tx: &mut Tx, wanted: &Wanted) -> Result<i64> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM physiotraq.treatments t
           WHERE ($1::uuid IS NULL OR t.user_id = $1) AND ($2::uuid IS NULL OR t.device_id = $2)
             AND ($3::text IS NULL OR t.status = $3)
             AND ($4::timestamptz IS NULL OR t.started_at >= $4) AND ($5::timestamptz IS NULL OR t.started_at < $5)
             AND ($6::text IS NULL OR starts_with(t.session_identifier, $6) OR t.patient_last_name_index = $7)"#,
        wanted.operator,
        wanted.device,
        wanted.status.map(Status::name),
        wanted.from,
        wanted.until,
        wanted.session,
        wanted.last_name_index,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
}

/// The next session number of a licence's local day.
pub(super) async fn next_session(tx: &mut Tx, license: TenantId, day: NaiveDate) -> Result<i32> {
    let row = sqlx::query!(
        "INSERT INTO physiotraq.session_counters AS c (license_id, day, last) VALUES ($1, $2, 1)
         ON CONFLICT (license_id, day) DO UPDATE SET last = c.last + 1 RETURNING last",
        license.0,
        day
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.last)
}

/// A treatment about to start.
pub(super) struct NewTreatment<'a> {
    pub id: TreatmentId,
    pub license: TenantId,
    pub session: &'a str,
    pub device: DeviceId,
    pub operator: Uuid,
    pub names: SealedNames,
    pub patient: &'a Patient,
    pub notes: Option<&'a str>,
}

pub(super) async fn insert(tx: &mut Tx, new: NewTreatment<'_>) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.treatments (id, license_id, session_identifier, device_id, user_id, patient_first_name,
                patient_last_name, patient_last_name_index, patient_age, patient_sex, patient_weight, anonymous, notes,
                started_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $14)",
        new.id.0,
        new.license.0,
        new.session,
        new.device.0,
        new.operator,
        new.names.first,
        new.names.last,
        new.names.last_index,
        new.patient.age,
        new.patient.sex,
        new.patient.weight,
        new.patient.anonymous,
        new.notes,
        now,
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|error| match broken_constraint(&error) {
        Some("treatments_one_running") => Error::conflict(
            "BIZ_DEVICE_BUSY",
            "A treatment is running on this device. Stop it, or choose another device.",
        ),
        _ => error.into(),
    })
}

/// Ends a running treatment; false when it was not running any more.
pub(super) async fn end(tx: &mut Tx, id: TreatmentId, status: Status) -> Result<bool> {
    let now = tx.caller().now();
    let ended = sqlx::query!(
        "UPDATE physiotraq.treatments SET status = $2, ended_at = $3, updated_at = $3,
                duration_seconds = greatest(0, extract(epoch FROM $3 - started_at))::integer
         WHERE id = $1 AND status = 'in_progress'",
        id.0,
        status.name(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// The alerts of an ended treatment are over.
pub(super) async fn close_alerts(tx: &mut Tx, id: TreatmentId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.alerts SET state = 'cleared', cleared_at = $2 WHERE treatment_id = $1 AND cleared_at IS NULL",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes note of an alert; its level when it was not taken note of before.
pub(super) async fn acknowledge(
    tx: &mut Tx,
    (treatment, alert): (TreatmentId, Uuid),
    by: Uuid,
    note: Option<&str>,
) -> Result<Option<i16>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "UPDATE physiotraq.alerts SET acknowledged_at = $3, acknowledged_by = $4, note = $5
         WHERE id = $2 AND treatment_id = $1 AND acknowledged_at IS NULL RETURNING level",
        treatment.0,
        alert,
        now,
        by,
        note
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| r.level))
}

/// Whether an alert belongs to a treatment.
pub(super) async fn has_alert(tx: &mut Tx, treatment: TreatmentId, alert: Uuid) -> Result<bool> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM physiotraq.alerts WHERE id = $2 AND treatment_id = $1"#,
        treatment.0,
        alert
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n > 0)
}

/// An alert as pages list it.
#[derive(Clone, Debug)]
pub(crate) struct AlertRow {
    pub id: Uuid,
    pub kind: String,
    pub level: i16,
    pub limit_celsius: Option<Decimal>,
    pub value: Option<Decimal>,
    pub escalation: i16,
    pub raised_at: DateTime<Utc>,
    pub acknowledged_at: Option<DateTime<Utc>>,
    pub by: Option<String>,
    pub note: Option<String>,
}

/// The alerts of a treatment, oldest first.
pub(crate) async fn alerts(tx: &mut Tx, treatment: TreatmentId) -> Result<Vec<AlertRow>> {
    Ok(sqlx::query_as!(
        AlertRow,
        r#"SELECT a.id, a.kind, a.level, a.limit_celsius, a.value, a.escalation, a.raised_at, a.acknowledged_at,
                  u.first_name || ' ' || u.last_name AS "by?", a.note
           FROM physiotraq.alerts a LEFT JOIN physiotraq.users u ON u.id = a.acknowledged_by
           WHERE a.treatment_id = $1 ORDER BY a.raised_at, a.level"#,
        treatment.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Who runs a treatment.
pub(crate) struct Operator {
    pub treatment: Uuid,
    pub account: Uuid,
    pub name: String,
}

/// Who runs these treatments.
pub(crate) async fn operators(tx: &mut Tx, treatments: &[Uuid]) -> Result<Vec<Operator>> {
    if treatments.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as!(
        Operator,
        r#"SELECT t.id AS treatment, t.user_id AS account, u.first_name || ' ' || u.last_name AS "name!"
           FROM physiotraq.treatments t JOIN physiotraq.users u ON u.id = t.user_id WHERE t.id = ANY($1)"#,
        treatments
    )
    .fetch_all(tx.conn())
    .await?)
}
