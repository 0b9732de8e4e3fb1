//! Every query on challenges.

use chrono::{DateTime, Utc};

use super::{ChallengeId, New, Open};
use crate::Result;
use crate::db::{Db, Tx};
use crate::ids::AccountId;

/// A row about to be written.
pub(super) struct Row<'a> {
    pub id: ChallengeId,
    pub realm: &'a str,
    pub account: AccountId,
    pub secret_hash: &'a [u8],
    pub code_hash: &'a [u8],
    pub new: &'a New,
}

pub(super) async fn insert(tx: &mut Tx, row: Row<'_>) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.challenges (id, realm, account_id, purpose, secret_hash, code_hash, payload, sealed, created_at,
                                       expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        row.id.0,
        row.realm,
        row.account.0,
        row.new.purpose.name(),
        row.secret_hash,
        row.code_hash,
        row.new.payload,
        row.new.sealed,
        now,
        now + row.new.lifetime
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the open challenges of a purpose.
pub(super) async fn close(tx: &mut Tx, account: AccountId, purpose: &str) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.challenges SET used_at = $3 WHERE account_id = $1 AND purpose = $2 AND used_at IS NULL",
        account.0,
        purpose,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn whose(
    db: &Db,
    (realm, purpose): (&str, &str),
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<(ChallengeId, AccountId)>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT challenge_id AS "challenge_id!", account_id AS "account_id!"
           FROM socle.open_challenge($1, $2, $3, $4)"#,
        realm,
        purpose,
        hash,
        now
    )
    .fetch_optional(door.conn())
    .await?;
    Ok(row.map(|r| (ChallengeId(r.challenge_id), AccountId(r.account_id))))
}

pub(super) async fn newest(tx: &mut Tx, account: AccountId, purpose: &str) -> Result<Option<Open>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "SELECT id FROM socle.challenges
         WHERE account_id = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
         ORDER BY created_at DESC, id DESC LIMIT 1",
        account.0,
        purpose,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    match row {
        Some(row) => open(tx, ChallengeId(row.id)).await,
        None => Ok(None),
    }
}

pub(super) async fn open(tx: &mut Tx, id: ChallengeId) -> Result<Option<Open>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "SELECT id, account_id, payload, sealed, attempts FROM socle.challenges
         WHERE id = $1 AND used_at IS NULL AND expires_at > $2 FOR UPDATE",
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| Open {
        id: ChallengeId(r.id),
        account: AccountId(r.account_id),
        payload: r.payload,
        sealed: r.sealed,
        attempts: r.attempts,
    }))
}

pub(super) async fn code_is(tx: &mut Tx, id: ChallengeId, hash: &[u8]) -> Result<bool> {
    let row = sqlx::query!(
        r#"SELECT (code_hash = $2) IS TRUE AS "fits!" FROM socle.challenges WHERE id = $1 AND used_at IS NULL"#,
        id.0,
        hash
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.is_some_and(|r| r.fits))
}

pub(super) async fn count_wrong(tx: &mut Tx, id: ChallengeId, most: i32) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.challenges SET attempts = attempts + 1,
                used_at = CASE WHEN attempts + 1 >= $2 THEN $3::timestamptz END
         WHERE id = $1 AND used_at IS NULL",
        id.0,
        most,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn use_up(tx: &mut Tx, id: ChallengeId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!("UPDATE socle.challenges SET used_at = $2 WHERE id = $1 AND used_at IS NULL", id.0, now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
