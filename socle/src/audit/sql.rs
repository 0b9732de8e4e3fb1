//! Every query of the audit trail; those of its verification lie beside it.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Entry;
use super::search::{Row, Wanted};
use crate::db::Tx;
use crate::web::cursor::Cursor;
use crate::{Caller, Error, Result};

/// The lock of the one sealer.
const SEALER: i64 = 7_305_540;

/// Head of a chain; its position is its count.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub chain: Uuid,
    pub position: i64,
    pub hash: Vec<u8>,
}

pub(super) async fn insert(tx: &mut Tx, id: Uuid, caller: &Caller, entry: Entry) -> Result<()> {
    let (kind, actor) = super::actor(caller);
    let trace = caller.trace();
    let took = trace.started.map(|started| i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX));
    sqlx::query!(
        "INSERT INTO socle.audit_log (id, occurred_at, realm, tenant_id, actor_kind, actor_id, actor_role, event_type,
                                      action, resource_type, resource_id, outcome, error_code, details, changes,
                                      request_data, response_data, processing_us, ip_address, user_agent, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        id,
        caller.now(),
        caller.realm(),
        caller.tenant().map(|t| t.0),
        kind,
        actor,
        caller.person().ok().map(|person| person.role.as_str()),
        entry.event_type.name(),
        entry.action,
        entry.resource,
        entry.id,
        entry.outcome.name(),
        entry.error_code.as_deref(),
        entry.details,
        entry.changes,
        entry.request,
        entry.response,
        took,
        trace.ip.map(|ip| ip.to_string()),
        trace.user_agent,
        trace.request_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes the lock of the sealer for this connection, if nobody has it.
pub(super) async fn become_sealer(line: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "held!""#, SEALER).fetch_one(line).await
}

/// Seals at most so many rows; whether there are more.
pub(super) async fn seal(line: &mut PgConnection, batch: i32, at: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT more AS "more!" FROM socle.seal_audit($1, $2)"#, batch, at).fetch_one(line).await
}

/// Rows that wait to be sealed, counted up to `most`, and when the oldest of them occurred.
pub(super) async fn unsealed(line: &mut PgConnection, most: i32) -> sqlx::Result<(i64, Option<DateTime<Utc>>)> {
    let row = sqlx::query!(r#"SELECT waiting AS "waiting!", oldest FROM socle.audit_unsealed($1)"#, most);
    row.fetch_one(line).await.map(|row| (row.waiting, row.oldest))
}

pub(super) async fn heads(line: &mut PgConnection) -> sqlx::Result<Vec<Head>> {
    sqlx::query_as!(Head, r#"SELECT chain AS "chain!", head AS "position!", hash AS "hash!" FROM socle.audit_heads()"#)
        .fetch_all(line)
        .await
}

pub(super) async fn floors_before(line: &mut PgConnection, day: NaiveDate) -> sqlx::Result<Vec<Head>> {
    sqlx::query_as!(
        Head,
        r#"SELECT chain AS "chain!", floor AS "position!", hash AS "hash!" FROM socle.audit_floors_before($1)"#,
        day
    )
    .fetch_all(line)
    .await
}

/// Drops months and records floors; how many months.
pub(super) async fn drop_before(line: &mut PgConnection, day: NaiveDate, floors: &Value) -> Result<i32> {
    let dropped = sqlx::query_scalar!(r#"SELECT socle.drop_audit_before($1, $2) AS "dropped!""#, day, floors);
    dropped.fetch_one(line).await.map_err(|error| match error.as_database_error().and_then(|db| db.code()).as_deref() {
        // RAISE EXCEPTION of the function: too young, not sealed, not the first of a month.
        Some("P0001") => Error {
            cause: Some(error.to_string()),
            ..Error::conflict("BIZ_AUDIT_KEPT", "These months may not be dropped yet: too young, or not sealed.")
        },
        Some("55P03") => Error { cause: Some(error.to_string()), ..Error::unavailable(60) },
        _ => error.into(),
    })
}

/// Deletes links below the floors; how many.
pub(super) async fn trim(line: &mut PgConnection, batch: i32) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT socle.trim_audit_chain($1) AS "gone!""#, batch).fetch_one(line).await
}

/// A page, the newest row first: what follows the cursor, or, `back`, what precedes it.
pub(super) async fn rows(
    tx: &mut Tx,
    wanted: &Wanted,
    (after, back): (Option<Cursor>, bool),
    rows: i64,
) -> Result<Vec<Row>> {
    if back { newer(tx, wanted, after, rows).await } else { older(tx, wanted, after, rows).await }
}

async fn older(tx: &mut Tx, wanted: &Wanted, after: Option<Cursor>, rows: i64) -> Result<Vec<Row>> {
    let found = sqlx::query_as!(
        Row,
        r#"SELECT id, occurred_at, tenant_id, number, actor_kind, actor_id, actor_role, event_type, action, resource_type,
                  resource_id, outcome, error_code, details, changes, request_data, response_data, processing_us,
                  ip_address, user_agent, request_id
           FROM socle.audit_log
           WHERE chain = $1 AND ($2::text IS NULL OR action = $2 OR starts_with(action, $2 || '.'))
             AND ($3::uuid IS NULL OR actor_id = $3) AND ($4::text IS NULL OR outcome = $4)
             AND ($5::uuid IS NULL OR resource_id = $5) AND ($6::timestamptz IS NULL OR occurred_at >= $6)
             AND ($7::timestamptz IS NULL OR occurred_at < $7)
             AND ($8::timestamptz IS NULL OR occurred_at <= $8 AND (occurred_at, id) < ($8, $9::uuid))
           ORDER BY occurred_at DESC, id DESC LIMIT $10"#,
        wanted.chain,
        wanted.action,
        wanted.actor,
        wanted.outcome,
        wanted.resource,
        wanted.from,
        wanted.until,
        after.map(|cursor| cursor.at),
        after.map(|cursor| cursor.id),
        rows
    );
    Ok(found.fetch_all(tx.conn()).await?)
}

async fn newer(tx: &mut Tx, wanted: &Wanted, before: Option<Cursor>, rows: i64) -> Result<Vec<Row>> {
    let found = sqlx::query_as!(
        Row,
        r#"SELECT id, occurred_at, tenant_id, number, actor_kind, actor_id, actor_role, event_type, action, resource_type,
                  resource_id, outcome, error_code, details, changes, request_data, response_data, processing_us,
                  ip_address, user_agent, request_id
           FROM socle.audit_log
           WHERE chain = $1 AND ($2::text IS NULL OR action = $2 OR starts_with(action, $2 || '.'))
             AND ($3::uuid IS NULL OR actor_id = $3) AND ($4::text IS NULL OR outcome = $4)
             AND ($5::uuid IS NULL OR resource_id = $5) AND ($6::timestamptz IS NULL OR occurred_at >= $6)
             AND ($7::timestamptz IS NULL OR occurred_at < $7)
             AND ($8::timestamptz IS NULL OR occurred_at >= $8 AND (occurred_at, id) > ($8, $9::uuid))
           ORDER BY occurred_at, id LIMIT $10"#,
        wanted.chain,
        wanted.action,
        wanted.actor,
        wanted.outcome,
        wanted.resource,
        wanted.from,
        wanted.until,
        before.map(|cursor| cursor.at),
        before.map(|cursor| cursor.id),
        rows
    );
    let mut found = found.fetch_all(tx.conn()).await?;
    found.reverse();
    Ok(found)
}

/// How many rows there are, counted up to `most`.
pub(super) async fn count(tx: &mut Tx, wanted: &Wanted, most: i64) -> Result<i64> {
    let counted = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM (
             SELECT 1 FROM socle.audit_log
             WHERE chain = $1 AND ($2::text IS NULL OR action = $2 OR starts_with(action, $2 || '.'))
               AND ($3::uuid IS NULL OR actor_id = $3) AND ($4::text IS NULL OR outcome = $4)
               AND ($5::uuid IS NULL OR resource_id = $5) AND ($6::timestamptz IS NULL OR occurred_at >= $6)
               AND ($7::timestamptz IS NULL OR occurred_at < $7)
             LIMIT $8) AS few"#,
        wanted.chain,
        wanted.action,
        wanted.actor,
        wanted.outcome,
        wanted.resource,
        wanted.from,
        wanted.until,
        most
    );
    Ok(counted.fetch_one(tx.conn()).await?)
}
