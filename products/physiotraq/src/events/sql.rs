//! Every query on events.

use chrono::{DateTime, Utc};
use serde_json::Value;
use socle::db::{Trace, Tx};
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
