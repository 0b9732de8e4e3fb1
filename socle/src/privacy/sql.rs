//! Queries that exports and erasures share.

use crate::Result;
use crate::db::Tx;
use crate::ids::{AccountId, TenantId};

/// A tenant somebody belongs or belonged to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub id: TenantId,
    pub name: String,
    /// The membership has not ended.
    pub active: bool,
}

/// Every tenant of the transaction's account, the oldest membership first.
pub(super) async fn tenants(tx: &mut Tx, account: AccountId) -> Result<Vec<Place>> {
    Ok(sqlx::query_as!(
        Place,
        r#"SELECT tenant_id AS "id: TenantId", tenant_name AS name, ended_at IS NULL AS "active!" FROM socle.memberships
           WHERE account_id = $1 ORDER BY created_at, tenant_id"#,
        account.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Address and language of the transaction's account.
pub(super) async fn address(tx: &mut Tx, account: AccountId) -> Result<(String, String)> {
    let row = sqlx::query!("SELECT email, language FROM socle.accounts WHERE id = $1", account.0)
        .fetch_one(tx.conn())
        .await?;
    Ok((row.email, row.language))
}
