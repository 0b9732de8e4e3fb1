//! Every query on exports.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{ExportId, KEPT};
use crate::Result;
use crate::db::Tx;
use crate::ids::{AccountId, TenantId};

/// An export as its person sees it.
#[derive(Clone, Debug)]
pub struct Export {
    /// Id.
    pub id: ExportId,
    /// It can be downloaded.
    pub ready: bool,
    /// It could not be put together.
    pub failed: bool,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// When it goes.
    pub expires_at: DateTime<Utc>,
}

pub(super) async fn present(tx: &mut Tx, account: AccountId) -> Result<Option<Export>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Export,
        r#"SELECT id AS "id: ExportId", status = 'ready' AS "ready!", status = 'failed' AS "failed!", asked_at, expires_at
           FROM socle.personal_exports WHERE account_id = $1 AND expires_at > $2 ORDER BY asked_at DESC LIMIT 1"#,
        account.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Takes away what stands in the way of a new one: failed exports, and those whose day is over.
pub(super) async fn clear(tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "DELETE FROM socle.personal_exports WHERE account_id = $1 AND (status = 'failed' OR expires_at <= $2)",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether there was room for it.
pub(super) async fn insert(
    tx: &mut Tx,
    id: ExportId,
    (account, tenant): (AccountId, TenantId),
    language: &str,
) -> Result<bool> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    let done = sqlx::query!(
        "INSERT INTO socle.personal_exports (id, realm, account_id, tenant_id, language, asked_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        id.0,
        realm,
        account.0,
        tenant.0,
        language,
        now,
        now + KEPT
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An export that waits to be put together.
pub(super) struct Asked {
    pub tenant: TenantId,
    pub language: String,
    pub asked_at: DateTime<Utc>,
}

pub(super) async fn asked(tx: &mut Tx, id: ExportId) -> Result<Option<Asked>> {
    Ok(sqlx::query_as!(
        Asked,
        r#"SELECT tenant_id AS "tenant: TenantId", language, asked_at FROM socle.personal_exports
           WHERE id = $1 AND status = 'asked'"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn ready(tx: &mut Tx, id: ExportId, (sealed_key, bytes): (&[u8], i64)) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.personal_exports SET status = 'ready', sealed_key = $2, bytes = $3, ready_at = $4 WHERE id = $1",
        id.0,
        sealed_key,
        bytes,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn fail(tx: &mut Tx, id: ExportId) -> Result<()> {
    sqlx::query!("UPDATE socle.personal_exports SET status = 'failed' WHERE id = $1", id.0).execute(tx.conn()).await?;
    Ok(())
}

/// Whether there is a ready export of that id.
pub(super) async fn link(tx: &mut Tx, id: ExportId, hash: &[u8], until: DateTime<Utc>) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.personal_exports SET link_hash = $2, link_until = $3, link_uses = 0
         WHERE id = $1 AND status = 'ready' AND expires_at > $4 AND account_id = (SELECT socle.account_id())",
        id.0,
        hash,
        until,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An export found by its link.
pub(super) struct Found {
    pub id: ExportId,
    pub sealed_key: Vec<u8>,
    pub bytes: i64,
    pub asked_at: DateTime<Utc>,
}

/// The export of a link that may be used once more; row-level security narrows it to the session's account.
pub(super) async fn use_link(tx: &mut Tx, hash: &[u8], uses: i32) -> Result<Option<Found>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Found,
        r#"UPDATE socle.personal_exports SET link_uses = link_uses + 1
           WHERE link_hash = $1 AND link_until > $2 AND expires_at > $2 AND link_uses < $3 AND status = 'ready'
           RETURNING id AS "id: ExportId", sealed_key AS "sealed_key!", bytes AS "bytes!", asked_at"#,
        hash,
        now,
        uses
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn phone(tx: &mut Tx, account: AccountId) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query!("SELECT phone FROM socle.accounts WHERE id = $1", account.0).fetch_one(tx.conn()).await?;
    Ok(row.phone)
}

pub(super) async fn all_of(tx: &mut Tx, account: AccountId) -> Result<Vec<ExportId>> {
    let rows =
        sqlx::query!(r#"SELECT id AS "id: ExportId" FROM socle.personal_exports WHERE account_id = $1"#, account.0);
    Ok(rows.fetch_all(tx.conn()).await?.into_iter().map(|row| row.id).collect())
}

/// Something the kernel holds about the account.
pub(super) struct Record {
    pub at: DateTime<Utc>,
    pub id: Uuid,
    pub record: Value,
}

/// A page of what the kernel holds about the transaction's account.
pub(super) async fn own_records(
    tx: &mut Tx,
    kind: &str,
    (at, id): (DateTime<Utc>, Uuid),
    most: i32,
) -> Result<Vec<Record>> {
    Ok(sqlx::query_as!(
        Record,
        r#"SELECT record_at AS "at!", record_id AS "id!", record AS "record!" FROM socle.own_records($1, $2, $3, $4)"#,
        kind,
        at,
        id,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}
