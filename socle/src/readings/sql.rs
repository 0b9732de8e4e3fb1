//! The queries of a writer lane, as the ingest role, straight on leaf partitions. Table and column names are the
//! products' constants; values travel as COPY data only.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::{Key, Outcome, Reading, copy};

/// The first number of a fresh block.
pub(super) async fn next_block<R: Reading>(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT nextval($1::text::regclass)").bind(R::TABLE.sequence).fetch_one(connection).await
}

/// A few rows in one statement and one round trip. COPY takes two writes in a row, and sqlx sets no TCP_NODELAY: the
/// second would wait 40 ms for the acknowledgement of the first (measured: p50 of single posts 88 ms).
pub(super) async fn insert_few<R: Reading>(connection: &mut PgConnection, leaf: &str, rows: &[&R]) -> sqlx::Result<()> {
    let columns = R::TABLE.columns;
    let rows = serde_json::Value::Array(rows.iter().map(|row| row.columns()).collect());
    let statement =
        format!("INSERT INTO {leaf} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{leaf}, $1)");
    sqlx::query(AssertSqlSafe(statement)).bind(rows).execute(connection).await.map(|_| ())
}

/// COPY into one leaf, a transaction of its own.
pub(super) async fn copy_into<R: Reading>(connection: &mut PgConnection, leaf: &str, rows: &[&R]) -> sqlx::Result<()> {
    let body = copy::body(rows).map_err(|e| sqlx::Error::Protocol(e.to_string()))?;
    let statement = format!("COPY {leaf} ({}) FROM STDIN (FORMAT binary)", R::TABLE.columns);
    let mut sink = connection.copy_in_raw(&statement).await?;
    sink.send(body).await?;
    sink.finish().await.map(|_| ())
}

/// The same rows where some are there already: what is missing is added, and each row learns its outcome.
pub(super) async fn add_missing<R: Reading>(
    connection: &mut PgConnection,
    leaf: &str,
    rows: &[&R],
) -> sqlx::Result<HashMap<Key, Outcome>> {
    let columns = R::TABLE.columns;
    let prepare = format!(
        "DROP TABLE IF EXISTS pg_temp.incoming; CREATE TEMP TABLE incoming AS SELECT {columns} FROM {leaf} LIMIT 0"
    );
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await?;
    copy_into(connection, "pg_temp.incoming", rows).await?;
    let add = format!(
        "INSERT INTO {leaf} ({columns}) SELECT {columns} FROM pg_temp.incoming
         ON CONFLICT DO NOTHING RETURNING device_id, measured_at, sequence"
    );
    let added: Vec<(Uuid, DateTime<Utc>, i64)> = sqlx::query_as(AssertSqlSafe(add)).fetch_all(&mut *connection).await?;
    let compare = format!(
        "SELECT incoming.device_id, incoming.measured_at, incoming.sequence, {}
         FROM pg_temp.incoming JOIN {leaf} stored USING (device_id, measured_at, sequence)",
        R::TABLE.same_value
    );
    let held: Vec<(Uuid, DateTime<Utc>, i64, bool)> =
        sqlx::query_as(AssertSqlSafe(compare)).fetch_all(&mut *connection).await?;
    let outcome = |same| if same { Outcome::Duplicate } else { Outcome::Rejected("VAL_CONFLICT") };
    let mut outcomes: HashMap<Key, Outcome> =
        held.into_iter().map(|(device, at, sequence, same)| (Key { device, at, sequence }, outcome(same))).collect();
    outcomes.extend(added.into_iter().map(|(device, at, sequence)| (Key { device, at, sequence }, Outcome::Stored)));
    Ok(outcomes)
}
