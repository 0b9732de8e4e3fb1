//! Every query on refresh tokens.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::db::{Db, Tx};
use crate::ids::{AccountId, SessionId};

pub(super) async fn session_of_refresh_token(
    db: &Db,
    realm: &str,
    hash: &[u8],
) -> Result<Option<(SessionId, AccountId)>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT session_id AS "session_id!", account_id AS "account_id!"
           FROM socle.session_of_refresh_token($1, $2)"#,
        realm,
        hash
    )
    .fetch_optional(door.conn())
    .await?;
    Ok(row.map(|r| (SessionId(r.session_id), AccountId(r.account_id))))
}

/// A refresh token about to be written.
pub(super) struct NewRefreshToken<'a> {
    pub hash: &'a [u8],
    pub session: SessionId,
    pub account: AccountId,
    pub now: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub(super) async fn insert_refresh_token(tx: &mut Tx, new: NewRefreshToken<'_>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO socle.refresh_tokens (token_hash, session_id, account_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        new.hash,
        new.session.0,
        new.account.0,
        new.now,
        new.expires_at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Uses a token up; whether it was still unused. Of two at once the second waits for the first.
pub(super) async fn use_refresh_token(tx: &mut Tx, hash: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE socle.refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a token was used; `None` when there is no such token.
pub(super) async fn refresh_token_used(tx: &mut Tx, hash: &[u8]) -> Result<Option<bool>> {
    let row =
        sqlx::query!(r#"SELECT used_at IS NOT NULL AS "used!" FROM socle.refresh_tokens WHERE token_hash = $1"#, hash)
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.map(|r| r.used))
}
