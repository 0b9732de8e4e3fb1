//! The queries of retention.

use chrono::{DateTime, Utc};

use super::Rule;
use crate::Result;
use crate::db::Db;

/// One batch of a rule. The statement is a constant of the rule's own; the functions behind it are listed as definer.
pub(super) async fn batch(db: &Db, rule: &Rule, now: DateTime<Utc>) -> Result<i64> {
    let mut door = db.door().await?;
    let batch = sqlx::query_scalar::<_, i64>(rule.statement).bind(rule.over_at(now)).bind(rule.batch).bind(now);
    Ok(batch.fetch_one(door.conn()).await?)
}

/// Whether something stands in the way of a rule that drops months.
pub(super) async fn stands(db: &Db, rule: &Rule, now: DateTime<Utc>) -> Result<bool> {
    let mut door = db.door().await?;
    Ok(sqlx::query_scalar::<_, bool>(rule.statement).bind(now).fetch_one(door.conn()).await?)
}
