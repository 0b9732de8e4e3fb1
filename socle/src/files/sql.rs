//! Every query on files.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{File, FileId, Kind, Received, State};
use crate::Result;
use crate::db::{Db, Tx};
use crate::ids::TenantId;

/// An upload begins.
pub(super) async fn begin(tx: &mut Tx, id: FileId, tenant: TenantId, (kind, name): (&Kind, &str)) -> Result<()> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    sqlx::query!(
        "INSERT INTO socle.files (id, realm, tenant_id, kind, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        realm,
        tenant.0,
        kind.name,
        name,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It is whole. False when the sweep may have been at it already.
pub(super) async fn complete(tx: &mut Tx, received: &Received, begun_after: DateTime<Utc>) -> Result<bool> {
    let now = tx.caller().now();
    let state = if received.kind.scanned { State::Pending } else { State::Clean };
    let done = sqlx::query!(
        "UPDATE socle.files SET content_type = $2, bytes = $3, sha256 = $4, state = $5, completed_at = $6, expires_at = $7
         WHERE id = $1 AND completed_at IS NULL AND removed_at IS NULL AND created_at > $8",
        received.id.0,
        received.content_type,
        i64::try_from(received.bytes).unwrap_or(i64::MAX),
        &received.sha256[..],
        state.name(),
        now,
        received.kind.expires(now),
        begun_after
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A file of the tenant that is whole.
pub(super) async fn find(tx: &mut Tx, id: FileId) -> Result<File> {
    let row = sqlx::query!(
        r#"SELECT realm, tenant_id, kind, name, content_type AS "content_type!", bytes AS "bytes!",
                  encode(sha256, 'hex') AS "sha256!", state
           FROM socle.files WHERE id = $1 AND completed_at IS NOT NULL AND removed_at IS NULL"#,
        id.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(File {
        id,
        realm: row.realm,
        tenant: TenantId(row.tenant_id),
        kind: row.kind,
        name: row.name,
        content_type: row.content_type,
        bytes: u64::try_from(row.bytes).unwrap_or_default(),
        sha256: row.sha256,
        state: State::parse(&row.state),
    })
}

/// What the scanner said; false when it was said before.
pub(super) async fn judged(tx: &mut Tx, id: FileId, state: State) -> Result<bool> {
    let done =
        sqlx::query!("UPDATE socle.files SET state = $2 WHERE id = $1 AND state = 'pending'", id.0, state.name())
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Nobody sees it any more; false when there is none.
pub(super) async fn remove(tx: &mut Tx, id: FileId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!("UPDATE socle.files SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL", id.0, now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What the sweep takes away: id, realm, kind.
pub(super) async fn doomed(
    db: &Db,
    unfinished: DateTime<Utc>,
    now: DateTime<Utc>,
    most: i32,
) -> Result<Vec<(FileId, String, String)>> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", realm AS "realm!", kind AS "kind!" FROM socle.doomed_files($1, $2, $3)"#,
        unfinished,
        now,
        most
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (FileId(row.id), row.realm, row.kind)).collect())
}

/// Their objects are gone.
pub(super) async fn forget(db: &Db, ids: &[Uuid], now: DateTime<Utc>) -> Result<i64> {
    let mut door = db.door().await?;
    let row = sqlx::query!("SELECT socle.forget_files($1, $2) AS gone", ids, now).fetch_one(door.conn()).await?;
    Ok(row.gone.unwrap_or_default())
}

/// Finished before then and not scanned: id, realm, tenant.
pub(super) async fn unscanned(db: &Db, before: DateTime<Utc>, most: i32) -> Result<Vec<(FileId, String, TenantId)>> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", realm AS "realm!", tenant_id AS "tenant_id!" FROM socle.unscanned_files($1, $2)"#,
        before,
        most
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (FileId(row.id), row.realm, TenantId(row.tenant_id))).collect())
}
