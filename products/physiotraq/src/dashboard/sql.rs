//! Every query of the dashboard.

use chrono::{DateTime, Utc};
use socle::Result;
use socle::db::Tx;
use uuid::Uuid;

/// The licence, as its tile tells it.
pub(super) struct Licence {
    pub status: String,
    pub expires_at: DateTime<Utc>,
    pub quantity: i32,
}

pub(super) async fn licence(tx: &mut Tx) -> Result<Licence> {
    Ok(sqlx::query_as!(Licence, "SELECT status, expires_at, quantity FROM physiotraq.licenses")
        .fetch_one(tx.conn())
        .await?)
}

/// Treatments that have ended since an instant, and those that run.
pub(super) async fn treatments(tx: &mut Tx, since: DateTime<Utc>) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE ended_at >= $1) AS "finished!",
                  count(*) FILTER (WHERE status = 'in_progress') AS "running!"
           FROM physiotraq.treatments WHERE ended_at >= $1 OR status = 'in_progress'"#,
        since
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.finished, row.running))
}

/// Somebody who joined.
pub(super) struct Joined {
    pub id: Uuid,
    pub name: String,
    pub at: DateTime<Utc>,
}

/// Who joined last, newest first.
pub(super) async fn joined(tx: &mut Tx, most: i64) -> Result<Vec<Joined>> {
    Ok(sqlx::query_as!(
        Joined,
        r#"SELECT u.id, u.first_name || ' ' || u.last_name AS "name!", u.created_at AS at
           FROM physiotraq.users u
           JOIN socle.memberships m ON m.tenant_id = u.license_id AND m.account_id = u.id
           WHERE m.ended_at IS NULL ORDER BY u.created_at DESC, u.id DESC LIMIT $1"#,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}
