//! Every query on known devices.

use chrono::{DateTime, Utc};

use super::{DeviceId, Recognised};
use crate::Result;
use crate::db::Tx;
use crate::ids::{AccountId, SessionId};

/// A known device, as its owner sees it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its id.
    pub id: DeviceId,
    /// What it said of itself when it was seen last.
    pub user_agent: Option<String>,
    /// First sign-in from it.
    pub created_at: DateTime<Utc>,
    /// Last sign-in from it.
    pub last_seen_at: DateTime<Utc>,
    /// Until when it stands for the second factor; `None` when it does not.
    pub trusted_until: Option<DateTime<Utc>>,
}

/// Trust from before the account's present factors is none.
pub(super) async fn recognise(tx: &mut Tx, account: AccountId, hashes: &[Vec<u8>]) -> Result<Option<Recognised>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        r#"SELECT d.id, CASE WHEN d.trusted_until > $3 AND d.trusted_at >= a.second_factor_since THEN d.trusted_at END
                  AS trusted_at
           FROM socle.known_devices d JOIN socle.accounts a ON a.id = d.account_id
           WHERE d.account_id = $1 AND d.token_hash = ANY($2) AND d.forgotten_at IS NULL
           ORDER BY d.last_seen_at DESC LIMIT 1"#,
        account.0,
        hashes,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Recognised { id: DeviceId(r.id), trusted_at: r.trusted_at }))
}

/// Whether the account has ever had a known device, forgotten ones among them.
pub(super) async fn any(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let row =
        sqlx::query!(r#"SELECT EXISTS (SELECT 1 FROM socle.known_devices WHERE account_id = $1) AS "any!""#, account.0)
            .fetch_one(tx.conn())
            .await?;
    Ok(row.any)
}

pub(super) async fn insert(tx: &mut Tx, (id, account): (DeviceId, AccountId), hash: &[u8]) -> Result<()> {
    let (now, user_agent) = (tx.caller().now(), tx.caller().trace().user_agent.clone());
    sqlx::query!(
        "INSERT INTO socle.known_devices (id, account_id, token_hash, user_agent, created_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        id.0,
        account.0,
        hash,
        user_agent,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives a device its next cookie; whether it is still known.
pub(super) async fn renew(tx: &mut Tx, id: DeviceId, hash: &[u8]) -> Result<bool> {
    let (now, user_agent) = (tx.caller().now(), tx.caller().trace().user_agent.clone());
    let done = sqlx::query!(
        "UPDATE socle.known_devices SET token_hash = $2, user_agent = $3, last_seen_at = $4
         WHERE id = $1 AND forgotten_at IS NULL",
        id.0,
        hash,
        user_agent,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn trust(tx: &mut Tx, id: DeviceId, until: DateTime<Utc>) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.known_devices SET trusted_at = $2, trusted_until = $3 WHERE id = $1 AND forgotten_at IS NULL",
        id.0,
        now,
        until
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many were trusted.
pub(super) async fn distrust_all(tx: &mut Tx, account: AccountId) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE socle.known_devices SET trusted_at = NULL, trusted_until = NULL
         WHERE account_id = $1 AND trusted_at IS NOT NULL",
        account.0
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn list(tx: &mut Tx, account: AccountId) -> Result<Vec<Known>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Known,
        r#"SELECT d.id AS "id: DeviceId", d.user_agent, d.created_at, d.last_seen_at,
                  CASE WHEN d.trusted_until > $2 AND d.trusted_at >= a.second_factor_since THEN d.trusted_until END
                  AS trusted_until
           FROM socle.known_devices d JOIN socle.accounts a ON a.id = d.account_id
           WHERE d.account_id = $1 AND d.forgotten_at IS NULL
           ORDER BY d.last_seen_at DESC, d.id LIMIT 100"#,
        account.0,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Whether it was known.
pub(super) async fn forget(tx: &mut Tx, (id, account): (DeviceId, AccountId)) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.known_devices SET forgotten_at = $3, trusted_at = NULL, trusted_until = NULL
         WHERE id = $1 AND account_id = $2 AND forgotten_at IS NULL",
        id.0,
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Address and language of the transaction's account.
pub(super) async fn address(tx: &mut Tx, account: AccountId) -> Result<(String, String)> {
    let row = sqlx::query!("SELECT email, language FROM socle.accounts WHERE id = $1", account.0)
        .fetch_one(tx.conn())
        .await?;
    Ok((row.email, row.language))
}

/// The known device of a session.
pub(super) async fn device_of(tx: &mut Tx, session: SessionId) -> Result<Option<DeviceId>> {
    let row =
        sqlx::query!("SELECT device_id FROM socle.sessions WHERE id = $1", session.0).fetch_optional(tx.conn()).await?;
    Ok(row.and_then(|r| r.device_id).map(DeviceId))
}
