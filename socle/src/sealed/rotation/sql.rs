//! Every query of rotations.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::Progress;
use crate::Result;
use crate::db::{Db, Tx};

/// The advisory lock of the one rotation that may run.
const ONE: i64 = 7_305_531;

/// A key that another key-encryption key has wrapped.
pub(super) struct ToRewrap {
    pub id: Uuid,
    pub subject_kind: String,
    pub subject_id: Uuid,
    pub purpose: String,
    pub kek_id: String,
    pub wrapped: Option<Vec<u8>>,
    pub check_value: Vec<u8>,
}

/// A run, as its row tells it.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The key-encryption key that keys are wrapped by.
    pub kek_id: String,
    /// Keys wrapped anew.
    pub rewrapped: i64,
    /// Keys that were still to be done when it was last counted.
    pub remaining: i64,
    /// Keys that could not be unwrapped.
    pub failed: i64,
    /// When.
    pub started_at: DateTime<Utc>,
    /// When progress was last written.
    pub seen_at: DateTime<Utc>,
    /// `None`: it runs, or was broken off.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A connection that holds the lock; `None` when another has it. The lock goes with the connection, so a run that is
/// killed is in nobody's way.
pub(super) async fn only_one(db: &Db) -> Result<Option<PgConnection>> {
    let mut line = db.line().await?;
    let row = sqlx::query!(r#"SELECT pg_try_advisory_lock($1) AS "held!""#, ONE).fetch_one(&mut line).await?;
    Ok(row.held.then_some(line))
}

pub(super) async fn done(line: PgConnection) {
    if let Err(error) = line.close().await {
        tracing::debug!(%error, "the connection of a rotation had ended already");
    }
}

pub(super) async fn remaining(tx: &mut Tx, kek: &str) -> Result<i64> {
    let row = sqlx::query!(
        r#"SELECT coalesce(sum(keys), 0)::bigint AS "n!" FROM socle.key_counts()
           WHERE kek_id <> $1 AND state <> 'destroyed'"#,
        kek
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
}

pub(super) async fn to_rewrap(tx: &mut Tx, (kek, after): (&str, Uuid), most: i32) -> Result<Vec<ToRewrap>> {
    Ok(sqlx::query_as!(
        ToRewrap,
        r#"SELECT id AS "id!", subject_kind AS "subject_kind!", subject_id AS "subject_id!", purpose AS "purpose!",
                  kek_id AS "kek_id!", wrapped, check_value AS "check_value!"
           FROM socle.keys_to_rewrap($1, $2, $3)"#,
        kek,
        after,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(super) async fn hold(tx: &mut Tx, key: Uuid) -> Result<bool> {
    let row = sqlx::query!(r#"SELECT socle.hold_key($1) AS held"#, key).fetch_one(tx.conn()).await?;
    Ok(row.held.unwrap_or_default())
}

pub(super) async fn rewrap(tx: &mut Tx, key: &ToRewrap, (kek, wrapped): (&str, Option<&[u8]>)) -> Result<bool> {
    let row = sqlx::query!(r#"SELECT socle.rewrap_key($1, $2, $3, $4) AS done"#, key.id, key.kek_id, kek, wrapped)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.done.unwrap_or_default())
}

pub(super) async fn insert(tx: &mut Tx, (id, kek): (Uuid, &str), remaining: i64) -> Result<()> {
    let (now, tenant) = (tx.caller().now(), tx.caller().tenant().map(|tenant| tenant.0));
    sqlx::query!(
        "INSERT INTO socle.key_rotations (id, tenant_id, kek_id, remaining, started_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        id,
        tenant,
        kek,
        remaining,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn note(tx: &mut Tx, id: Uuid, progress: Progress, finished: bool) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.key_rotations SET rewrapped = $2, remaining = $3, failed = $4, seen_at = $5, finished_at = $6
         WHERE id = $1",
        id,
        progress.rewrapped,
        progress.remaining,
        progress.failed,
        now,
        finished.then_some(now)
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn last(tx: &mut Tx) -> Result<Vec<Rotation>> {
    Ok(sqlx::query_as!(
        Rotation,
        "SELECT kek_id, rewrapped, remaining, failed, started_at, seen_at, finished_at FROM socle.key_rotations
         ORDER BY started_at DESC, id DESC LIMIT 5"
    )
    .fetch_all(tx.conn())
    .await?)
}
