//! Every query on events.

use chrono::{DateTime, Utc};
use serde_json::Value;
use socle::db::{Trace, Tx};
use socle::web::cursor::Cursor;
use socle::{Error, Result};
use uuid::Uuid;

pub(super) struct NewEvent {
    pub id: Uuid,
    pub name: &'static str,
    pub kind: &'static str,
    pub about: Uuid,
    pub user: Option<Uuid>,
    pub metadata: Value,
}

pub(super) async fn insert(tx: &mut Tx, event: NewEvent, trace: &Trace) -> Result<()> {
    let license = tx.caller().tenant().ok_or_else(|| Error::internal("an event needs a licence"))?;
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO physiotraq.events (id, license_id, event_type, eventable_type, eventable_id, user_id, ip_address,
                                        user_agent, metadata, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        event.id,
        license.0,
        event.name,
        event.kind,
        event.about,
        event.user,
        trace.ip.map(|ip| ip.to_string()),
        trace.user_agent,
        event.metadata,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a list of events is narrowed to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Of these types; of every type when it is empty.
    pub types: Vec<String>,
    /// About this device, a treatment with it, or an alert of one.
    pub device: Option<Uuid>,
    /// Caused by this person.
    pub person: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// The place in the order after which a program's page begins.
    pub after: Option<Cursor>,
}

/// An event with what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub event_type: String,
    pub about_type: String,
    pub about: Uuid,
    pub device: Option<Uuid>,
    pub device_name: Option<String>,
    /// Whether the device is the licence's still.
    pub device_kept: bool,
    pub treatment: Option<Uuid>,
    pub session: Option<String>,
    pub person: Option<Uuid>,
    pub by: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub metadata: Value,
}

/// Events of the licence, newest first.
pub(crate) async fn list(tx: &mut Tx, wanted: &Wanted, (offset, most): (i64, i64)) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"SELECT e.id, e.created_at AS at, e.event_type, e.eventable_type AS about_type, e.eventable_id AS about,
                  d.id AS "device?", d.name AS "device_name?", (d.id IS NOT NULL AND d.released_at IS NULL) AS "device_kept!",
                  t.id AS "treatment?", t.session_identifier AS "session?", e.user_id AS person,
                  u.first_name || ' ' || u.last_name AS "by?", e.ip_address AS ip, e.user_agent, e.metadata
           FROM physiotraq.events e
           LEFT JOIN physiotraq.alerts a ON e.eventable_type = 'Alert' AND a.id = e.eventable_id
           LEFT JOIN physiotraq.treatments t
             ON t.id = CASE e.eventable_type WHEN 'Treatment' THEN e.eventable_id WHEN 'Alert' THEN a.treatment_id END
           LEFT JOIN physiotraq.devices d
             ON d.id = CASE e.eventable_type WHEN 'Device' THEN e.eventable_id ELSE t.device_id END
           LEFT JOIN physiotraq.users u ON u.license_id = e.license_id AND u.id = e.user_id
           WHERE (cardinality($1::text[]) = 0 OR e.event_type = ANY ($1)) AND ($2::uuid IS NULL OR d.id = $2)
             AND ($3::uuid IS NULL OR e.user_id = $3)
             AND ($4::timestamptz IS NULL OR e.created_at >= $4) AND ($5::timestamptz IS NULL OR e.created_at < $5)
             AND ($6::timestamptz IS NULL OR (e.created_at, e.id) < ($6, $7::uuid))
           ORDER BY e.created_at DESC, e.id DESC OFFSET $8 LIMIT $9"#,
        &wanted.types,
        wanted.device,
        wanted.person,
        wanted.from,
        wanted.until,
        wanted.after.map(|cursor| cursor.at),
        wanted.after.map(|cursor| cursor.id),
        offset,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many events a list has, counted up to a number.
pub(super) async fn count(tx: &mut Tx, wanted: &Wanted, most: i64) -> Result<i64> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM (
             SELECT 1 FROM physiotraq.events e
             LEFT JOIN physiotraq.alerts a ON e.eventable_type = 'Alert' AND a.id = e.eventable_id
             LEFT JOIN physiotraq.treatments t
               ON t.id = CASE e.eventable_type WHEN 'Treatment' THEN e.eventable_id WHEN 'Alert' THEN a.treatment_id END
             WHERE (cardinality($1::text[]) = 0 OR e.event_type = ANY ($1))
               AND ($2::uuid IS NULL
                    OR $2 = CASE e.eventable_type WHEN 'Device' THEN e.eventable_id ELSE t.device_id END)
               AND ($3::uuid IS NULL OR e.user_id = $3)
               AND ($4::timestamptz IS NULL OR e.created_at >= $4) AND ($5::timestamptz IS NULL OR e.created_at < $5)
             LIMIT $6) AS counted"#,
        &wanted.types,
        wanted.device,
        wanted.person,
        wanted.from,
        wanted.until,
        most
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
}

/// An event as a treatment's page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// When.
    pub at: DateTime<Utc>,
    /// The spec's type.
    pub event_type: String,
    /// Who, when it was a person.
    pub by: Option<String>,
}

/// The events of a treatment and of its alerts, oldest first.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn of_treatment(tx: &mut Tx, treatment: Uuid) -> Result<Vec<Shown>> {
    Ok(sqlx::query_as!(
        Shown,
        r#"SELECT e.created_at AS at, e.event_type, u.first_name || ' ' || u.last_name AS "by?"
           FROM physiotraq.events e LEFT JOIN physiotraq.users u ON u.id = e.user_id
           WHERE e.eventable_id = $1
              OR e.eventable_id IN (SELECT a.id FROM physiotraq.alerts a WHERE a.treatment_id = $1)
           ORDER BY e.created_at, e.id LIMIT 200"#,
        treatment
    )
    .fetch_all(tx.conn())
    .await?)
}
