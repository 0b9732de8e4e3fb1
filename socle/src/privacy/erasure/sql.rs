//! Every query on erasures.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{ErasureId, Held};
use crate::Result;
use crate::db::{Db, Tx};
use crate::ids::{AccountId, TenantId};

/// An erasure that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// Its day.
    pub due_at: DateTime<Utc>,
}

pub(super) async fn pending(tx: &mut Tx, account: AccountId) -> Result<Option<Pending>> {
    Ok(sqlx::query_as!(
        Pending,
        "SELECT asked_at, due_at FROM socle.erasures
         WHERE account_id = $1 AND undone_at IS NULL AND executed_at IS NULL",
        account.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Whether none was pending.
pub(super) async fn insert(
    tx: &mut Tx,
    id: ErasureId,
    (account, tenant): (AccountId, TenantId),
    (language, due_at): (&str, DateTime<Utc>),
) -> Result<bool> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    let done = sqlx::query!(
        "INSERT INTO socle.erasures (id, realm, account_id, tenant_id, language, asked_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        id.0,
        realm,
        account.0,
        tenant.0,
        language,
        now,
        due_at
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An erasure that was undone.
pub(super) struct Undone {
    pub tenant: TenantId,
}

pub(super) async fn undo(tx: &mut Tx, account: AccountId) -> Result<Option<Undone>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Undone,
        r#"UPDATE socle.erasures SET undone_at = $2
           WHERE account_id = $1 AND undone_at IS NULL AND executed_at IS NULL RETURNING tenant_id AS "tenant: TenantId""#,
        account.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn holds(tx: &mut Tx, account: AccountId) -> Result<Vec<Held>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Held,
        r#"SELECT CASE WHEN may_be_told THEN legal_basis END AS basis, until FROM socle.holds_on($1, $2)"#,
        account.0,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An open erasure of any account.
pub(super) struct Open {
    pub id: ErasureId,
    pub realm: String,
    pub account: AccountId,
    pub tenant: TenantId,
    pub due_at: DateTime<Utc>,
    pub reminded: bool,
}

pub(super) async fn open(db: &Db, due_by: DateTime<Utc>, after: Uuid, most: i32) -> Result<Vec<Open>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Open,
        r#"SELECT erasure_id AS "id!: ErasureId", realm AS "realm!", account_id AS "account!: AccountId",
                  tenant_id AS "tenant!: TenantId", due_at AS "due_at!", reminded AS "reminded!"
           FROM socle.open_erasures($1, $2, $3)"#,
        due_by,
        after,
        most
    )
    .fetch_all(door.conn())
    .await?)
}

/// Holds the account's row until the transaction ends; address, language and status.
pub(super) async fn lock(tx: &mut Tx, account: AccountId) -> Result<Option<(String, String, bool)>> {
    let row = sqlx::query!("SELECT email, language, status FROM socle.accounts WHERE id = $1 FOR UPDATE", account.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.map(|r| (r.email, r.language, r.status == "deleted")))
}

/// Whether the erasure is still asked for, and its day has come.
pub(super) async fn is_due(tx: &mut Tx, id: ErasureId) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "SELECT id FROM socle.erasures WHERE id = $1 AND undone_at IS NULL AND executed_at IS NULL AND due_at <= $2
         FOR UPDATE",
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.is_some())
}

pub(super) async fn waits(tx: &mut Tx, id: ErasureId, reason: &str) -> Result<()> {
    sqlx::query!("UPDATE socle.erasures SET waits_for = $2 WHERE id = $1", id.0, reason).execute(tx.conn()).await?;
    Ok(())
}

/// Whether nobody else has reminded them meanwhile.
pub(super) async fn reminded(tx: &mut Tx, id: ErasureId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.erasures SET reminded_at = $2
         WHERE id = $1 AND reminded_at IS NULL AND undone_at IS NULL AND executed_at IS NULL",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A table of the kernel, and how many of its rows were concerned.
pub(super) struct Touched {
    pub table: String,
    pub rows: i64,
}

pub(super) async fn erase_account(tx: &mut Tx, account: AccountId) -> Result<Vec<Touched>> {
    Ok(sqlx::query_as!(
        Touched,
        r#"SELECT table_name AS "table!", affected AS "rows!" FROM socle.erase_account($1)"#,
        account.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The account's row, empty. Its address is free for somebody to register anew.
pub(super) async fn empty_account(tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.accounts SET email = $2, username = NULL, password_hash = NULL, status = 'deleted',
                email_verified_at = NULL, phone = NULL, phone_index = NULL, phone_verified_at = NULL,
                second_factor_since = NULL, password_expires_at = NULL, force_password_change = false,
                last_login_at = NULL, updated_at = $3
         WHERE id = $1",
        account.0,
        format!("erased-{account}@erased.invalid"),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes granular rights and addresses from the membership of the transaction's tenant.
pub(super) async fn empty_membership(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query!(
        "UPDATE socle.memberships SET permissions = '{}', networks = '{}'
         WHERE account_id = $1 AND tenant_id = (SELECT socle.tenant_id())",
        account.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The receipt.
pub(super) async fn executed(tx: &mut Tx, id: ErasureId, outcomes: &Value) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.erasures SET executed_at = $2, outcomes = $3, waits_for = NULL WHERE id = $1",
        id.0,
        now,
        outcomes
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The receipt of an erasure that the journal asked for, and that this database does not know.
pub(super) async fn insert_replayed(
    tx: &mut Tx,
    id: ErasureId,
    (account, tenant): (AccountId, TenantId),
    (language, outcomes): (&str, &Value),
) -> Result<()> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    sqlx::query!(
        "INSERT INTO socle.erasures (id, realm, account_id, tenant_id, language, asked_at, due_at, executed_at,
                                     journaled_at, outcomes)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $6, $7)",
        id.0,
        realm,
        account.0,
        tenant.0,
        language,
        now,
        outcomes
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An erasure that the journal does not know yet.
pub(super) struct Unjournaled {
    pub id: ErasureId,
    pub realm: String,
    pub account: AccountId,
    pub at: DateTime<Utc>,
}

pub(super) async fn unjournaled(db: &Db, most: i32) -> Result<Vec<Unjournaled>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Unjournaled,
        r#"SELECT erasure_id AS "id!: ErasureId", realm AS "realm!", account_id AS "account!: AccountId",
                  executed_at AS "at!"
           FROM socle.unjournaled_erasures($1)"#,
        most
    )
    .fetch_all(door.conn())
    .await?)
}

pub(super) async fn journaled(tx: &mut Tx, id: ErasureId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE socle.erasures SET journaled_at = $2 WHERE id = $1", id.0, now).execute(tx.conn()).await?;
    Ok(())
}

/// Of these accounts those that are there and not erased.
pub(super) async fn not_erased(db: &Db, accounts: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(r#"SELECT account_id AS "id!" FROM socle.not_erased($1)"#, accounts);
    Ok(rows.fetch_all(door.conn()).await?.into_iter().map(|row| row.id).collect())
}
