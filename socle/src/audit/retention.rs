//! Old months leave: whole partitions, with a signed floor for every chain they belonged to, so that [`super::verify`]
//! begins there and a floor that somebody else wrote is seen.

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde_json::json;

use super::anchors::floor_message;
use super::chain::{Hash, hex};
use super::sql;
use crate::{App, Error, Result};

/// Months that rows of the access log (who signed in and out, and was refused) are kept: domain/rgpd-hds.md §9.
pub const ACCESS_MONTHS: u32 = 12;

/// Rows of the access log that occurred before this instant may be gone.
#[must_use]
pub fn access_kept_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_sub_months(Months::new(ACCESS_MONTHS)).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Links deleted at once.
const BATCH: i32 = 10_000;

/// Drops the months of the audit trail before a day, the first of a month; how many were dropped. The newest six months
/// stay, whatever is asked.
///
/// # Errors
/// 409 when the months may not go yet: they are too young, or not sealed; 503 when the table is busy for two seconds.
pub async fn drop_before(app: &App, day: NaiveDate) -> Result<i32> {
    let mut door = app.db.door().await?;
    let mut floors = Vec::new();
    for head in sql::floors_before(door.conn(), day).await? {
        let hash = Hash::try_from(head.hash.as_slice()).map_err(|_| Error::internal("a hash of the wrong length"))?;
        let signature = app.audit.signer.sign(&floor_message(head.chain, head.position, &hash, day));
        floors.push(json!({ "chain": head.chain, "position": head.position, "hash": hex(&hash),
                            "signature": hex(&signature) }));
    }
    // What is chained meanwhile is younger than these months: the floors hold.
    let dropped = sql::drop_before(door.conn(), day, &floors.into()).await?;
    while sql::trim(door.conn(), BATCH).await? > 0 {}
    tracing::info!(%day, dropped, "months of the audit trail were dropped");
    Ok(dropped)
}
