//! Queries on the database itself.

use chrono::NaiveDate;

use super::Db;
use crate::Result;

/// Makes the monthly partitions of every table between two days, where they are missing; how many were made.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn ensure_months(db: &Db, first: NaiveDate, last: NaiveDate) -> Result<i32> {
    let mut door = db.door().await?;
    let row =
        sqlx::query!(r#"SELECT socle.ensure_months($1, $2) AS "made!""#, first, last).fetch_one(door.conn()).await?;
    Ok(row.made)
}
