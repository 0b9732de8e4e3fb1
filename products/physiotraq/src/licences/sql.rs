//! Every query on licences.

use chrono::{DateTime, Utc};
use socle::Result;
use socle::db::Tx;

use super::NewLicence;

pub(super) async fn insert(tx: &mut Tx, new: NewLicence<'_>, now: DateTime<Utc>, expires: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO physiotraq.licenses (id, status, started_at, expires_at, quantity, name, time_zone, created_at, updated_at)
         VALUES ($1, 'active', $2, $3, $4, $5, $6, $2, $2)",
        new.id.0,
        now,
        expires,
        new.quantity,
        new.name,
        new.time_zone,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
