//! Every query between server processes. Advisory locks belong to the connection that took them.

use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};

/// The class of the slots' locks.
const SLOTS: i32 = 7_305_520;

/// Takes the first free slot; `None` when all 16 are taken.
pub(super) async fn take_slot(line: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    for slot in 0..16 {
        if try_lock(line, SLOTS, slot).await? {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// How many slots of this database are taken.
pub(super) async fn processes(line: &mut PgConnection) -> sqlx::Result<usize> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM pg_locks
           WHERE locktype = 'advisory' AND classid = $1::integer::oid AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"#,
        SLOTS
    )
    .fetch_one(line)
    .await?;
    Ok(usize::try_from(row.n).unwrap_or(1).max(1))
}

pub(super) async fn try_lock(line: &mut PgConnection, class: i32, key: i32) -> sqlx::Result<bool> {
    let row = sqlx::query!(r#"SELECT pg_try_advisory_lock($1, $2) AS "held!""#, class, key).fetch_one(line).await?;
    Ok(row.held)
}

pub(super) async fn unlock(line: &mut PgConnection, class: i32, key: i32) -> sqlx::Result<()> {
    sqlx::query!(r#"SELECT pg_advisory_unlock($1, $2) AS "done!""#, class, key).fetch_one(line).await?;
    Ok(())
}

/// Tells all listeners; a commit without anything to write, so it waits for no disk.
pub(super) async fn notify(line: &mut PgConnection, channel: &str, payloads: &[String]) -> sqlx::Result<()> {
    sqlx::query!(r#"SELECT count(pg_notify($1, p)::text) AS "n!" FROM unnest($2::text[]) AS p"#, channel, payloads)
        .fetch_one(line)
        .await?;
    Ok(())
}

/// Whether a listener hears: it connects and listens again when it has to.
pub(super) async fn hears(listener: &mut PgListener) -> sqlx::Result<()> {
    sqlx::query("SELECT 1").execute(listener).await.map(drop)
}

pub(super) async fn alive(line: &mut PgConnection) -> sqlx::Result<()> {
    line.ping().await
}
