//! Every query on jobs and schedules.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::{JobId, NewJob, WorkerId};
use crate::db::{Db, Tx};
use crate::error::broken_constraint;
use crate::{Error, Result};

/// The channel on which servers hear of new jobs; a NOTIFY counts at commit.
pub(super) const CHANNEL: &str = "socle_jobs";

pub(super) async fn insert(tx: &mut Tx, id: JobId, job: NewJob) -> Result<Option<JobId>> {
    let (now, realm, tenant) = (tx.caller().now(), tx.caller().realm(), tx.caller().tenant());
    let inserted = sqlx::query!(
        "INSERT INTO socle.jobs (id, realm, tenant_id, queue, kind, payload, unique_key, state, max_attempts, run_at,
                                 created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $10) ON CONFLICT DO NOTHING",
        id.0,
        realm,
        tenant.map(|t| t.0),
        job.queue.name,
        job.kind,
        job.payload,
        job.unique_key,
        job.queue.attempts,
        job.run_at.unwrap_or(now),
        now,
    )
    .execute(tx.conn())
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query!(r#"SELECT pg_notify($1, '') AS "told: ()""#, CHANNEL).fetch_one(tx.conn()).await?;
    Ok(Some(id))
}

/// A job that was claimed.
pub(super) struct Claimed {
    pub id: Uuid,
    pub realm: String,
    pub tenant_id: Option<Uuid>,
    pub queue: String,
    pub kind: String,
    pub payload: Value,
    pub attempt: i32,
    pub max_attempts: i32,
}

pub(super) async fn claim(db: &Db, room: &Value, worker: WorkerId, at: DateTime<Utc>) -> Result<Vec<Claimed>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Claimed,
        r#"SELECT id AS "id!", realm AS "realm!", tenant_id, queue AS "queue!", kind AS "kind!", payload AS "payload!",
                  attempt AS "attempt!", max_attempts AS "max_attempts!"
           FROM socle.claim_jobs($1, $2, $3, $4)"#,
        room,
        worker.0,
        at,
        lease()
    )
    .fetch_all(door.conn())
    .await?)
}

pub(super) async fn settle(db: &Db, outcomes: &Value, worker: WorkerId, at: DateTime<Utc>) -> Result<()> {
    let mut door = db.door().await?;
    sqlx::query!(r#"SELECT socle.settle_jobs($1, $2, $3) AS "done: ()""#, outcomes, worker.0, at)
        .fetch_one(door.conn())
        .await?;
    Ok(())
}

pub(super) async fn extend(db: &Db, jobs: &[JobId], worker: WorkerId, at: DateTime<Utc>) -> Result<()> {
    let mut door = db.door().await?;
    let jobs: Vec<Uuid> = jobs.iter().map(|job| job.0).collect();
    sqlx::query!(r#"SELECT socle.extend_jobs($1, $2, $3, $4) AS "done: ()""#, &jobs, worker.0, at, lease())
        .fetch_one(door.conn())
        .await?;
    Ok(())
}

/// A worker says every 20 s that it is there; after a minute of silence its jobs are given to another.
fn lease() -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: 60_000_000 }
}

/// A dead job, as operators see it.
#[derive(Clone, Debug)]
pub struct Dead {
    /// Id.
    pub id: JobId,
    /// Product.
    pub realm: String,
    /// Tenant.
    pub tenant_id: Option<Uuid>,
    /// Queue.
    pub queue: String,
    /// Kind.
    pub kind: String,
    /// Times it was tried.
    pub attempt: i32,
    /// What was said last.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was given up.
    pub finished_at: DateTime<Utc>,
}

pub(super) async fn dead(db: &Db) -> Result<Vec<Dead>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Dead,
        r#"SELECT id AS "id!: JobId", realm AS "realm!", tenant_id, queue AS "queue!", kind AS "kind!",
                  attempt AS "attempt!", last_error, created_at AS "created_at!", finished_at AS "finished_at!"
           FROM socle.dead_jobs(200)"#
    )
    .fetch_all(door.conn())
    .await?)
}

/// How many jobs of a queue are in a state.
#[derive(Clone, Debug)]
pub struct Length {
    /// Queue.
    pub queue: String,
    /// `waiting`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub jobs: i64,
    /// Since when the oldest is due.
    pub oldest: DateTime<Utc>,
}

pub(super) async fn lengths(db: &Db) -> Result<Vec<Length>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Length,
        r#"SELECT queue AS "queue!", state AS "state!", jobs AS "jobs!", oldest AS "oldest!" FROM socle.queue_lengths()"#
    )
    .fetch_all(door.conn())
    .await?)
}

pub(super) async fn revive(tx: &mut Tx, job: JobId) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!("SELECT socle.revive_job($1, $2) AS done", job.0, now).fetch_one(tx.conn()).await;
    let row = row.map_err(|error| match broken_constraint(&error) {
        Some("jobs_unique") => Error::conflict("BIZ_JOB_WAITING", "The same job waits or runs already; drop this one."),
        _ => error.into(),
    })?;
    Ok(row.done == Some(true))
}

pub(super) async fn drop(tx: &mut Tx, job: JobId) -> Result<bool> {
    let row = sqlx::query!("SELECT socle.drop_job($1) AS done", job.0).fetch_one(tx.conn()).await?;
    Ok(row.done == Some(true))
}

/// Whether a schedule is due.
pub(super) enum Due {
    /// It was due at this instant; its row is held by this transaction.
    Now(DateTime<Utc>),
    /// Later, or another server is at it.
    NotYet,
    /// Nobody has ever seen it.
    New,
}

pub(super) async fn due(tx: &mut Tx, name: &str, now: DateTime<Utc>) -> Result<Due> {
    let held = sqlx::query!(
        "SELECT next_at FROM socle.schedules WHERE name = $1 AND next_at <= $2 FOR UPDATE SKIP LOCKED",
        name,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(row) = held {
        return Ok(Due::Now(row.next_at));
    }
    let known = sqlx::query!(r#"SELECT count(*) AS "n!" FROM socle.schedules WHERE name = $1"#, name)
        .fetch_one(tx.conn())
        .await?;
    Ok(if known.n > 0 { Due::NotYet } else { Due::New })
}

pub(super) async fn set_next(tx: &mut Tx, name: &str, next: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO socle.schedules (name, next_at) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at",
        name,
        next
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
