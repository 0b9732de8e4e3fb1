//! Every query on wrapped data keys.

use uuid::Uuid;

use crate::Result;
use crate::db::Tx;
use crate::ids::AccountId;

/// A wrapped key as stored.
pub(super) struct Stored {
    pub id: Uuid,
    pub kek_id: String,
    pub wrapped: Vec<u8>,
}

pub(super) async fn find(tx: &mut Tx, purpose: &str) -> Result<Option<Stored>> {
    Ok(sqlx::query_as!(Stored, "SELECT id, kek_id, wrapped FROM socle.data_keys WHERE purpose = $1", purpose)
        .fetch_optional(tx.conn())
        .await?)
}

/// Stores a key unless another transaction was first; the winner is read back by the caller.
pub(super) async fn insert(tx: &mut Tx, key: &Stored, tenant: Uuid, purpose: &str) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.data_keys (id, tenant_id, purpose, kek_id, wrapped, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, purpose) DO NOTHING",
        key.id,
        tenant,
        purpose,
        key.kek_id,
        key.wrapped,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn destroy_person(tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.destroyed_person_keys (account_id, destroyed_at) VALUES ($1, $2)
         ON CONFLICT (account_id) DO NOTHING",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
