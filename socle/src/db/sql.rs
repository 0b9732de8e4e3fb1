//! Queries on the database itself.

use chrono::NaiveDate;

use sqlx::PgConnection;

use super::Db;
use crate::Result;
use crate::ids::{AccountId, TenantId};

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

/// The context of what follows in a transaction.
pub(super) async fn enter(conn: &mut PgConnection, tenant: Option<TenantId>, account: AccountId) -> Result<()> {
    sqlx::query!(r#"SELECT socle.enter($1, $2) AS "done: ()""#, tenant.map(|t| t.0), account.0).fetch_one(conn).await?;
    Ok(())
}
