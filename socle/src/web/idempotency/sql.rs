//! Every query on idempotency keys.

use uuid::Uuid;

use super::{KEPT_FOR, Place, RUNS_AT_MOST};
use crate::Result;
use crate::db::Tx;

/// What is kept of a first request.
pub(super) struct Stored {
    pub claim: Uuid,
    pub request_hash: Vec<u8>,
    pub status: Option<i16>,
    pub content_type: Option<String>,
    pub body: Option<Vec<u8>>,
}

/// Takes a place that is free or whose key has expired; false when another request holds it. Of two at once, one waits
/// for the other's commit and finds the place taken.
pub(super) async fn claim(tx: &mut Tx, place: &Place, claim: Uuid, hash: &[u8]) -> Result<bool> {
    let now = tx.caller().now();
    let taken = sqlx::query!(
        "INSERT INTO socle.idempotency_keys AS held (tenant_id, account_id, route, key, claim, request_hash, created_at,
                expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (tenant_id, account_id, route, key) DO UPDATE
         SET claim = excluded.claim, request_hash = excluded.request_hash, status = NULL, content_type = NULL,
             body = NULL, created_at = excluded.created_at, expires_at = excluded.expires_at
         WHERE held.expires_at <= excluded.created_at",
        place.tenant,
        place.account,
        place.route,
        place.key,
        claim,
        hash,
        now,
        now + RUNS_AT_MOST
    )
    .execute(tx.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// What a place holds.
pub(super) async fn find(tx: &mut Tx, place: &Place) -> Result<Option<Stored>> {
    Ok(sqlx::query_as!(
        Stored,
        "SELECT claim, request_hash, status, content_type, body FROM socle.idempotency_keys
         WHERE tenant_id = $1 AND account_id = $2 AND route = $3 AND key = $4",
        place.tenant,
        place.account,
        place.route,
        place.key
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// An answer about to be kept.
pub(super) struct NewAnswer<'a> {
    pub claim: Uuid,
    pub status: i16,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// Keeps the answer of a claim, unless another request has taken the place since.
pub(super) async fn keep(tx: &mut Tx, place: &Place, answer: NewAnswer<'_>) -> Result<()> {
    let until = tx.caller().now() + KEPT_FOR;
    sqlx::query!(
        "UPDATE socle.idempotency_keys SET status = $6, content_type = $7, body = $8, expires_at = $9
         WHERE tenant_id = $1 AND account_id = $2 AND route = $3 AND key = $4 AND claim = $5",
        place.tenant,
        place.account,
        place.route,
        place.key,
        answer.claim,
        answer.status,
        answer.content_type,
        answer.body,
        until
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Frees the place of a claim whose answer is not kept.
pub(super) async fn release(tx: &mut Tx, place: &Place, claim: Uuid) -> Result<()> {
    sqlx::query!(
        "DELETE FROM socle.idempotency_keys
         WHERE tenant_id = $1 AND account_id = $2 AND route = $3 AND key = $4 AND claim = $5",
        place.tenant,
        place.account,
        place.route,
        place.key,
        claim
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
