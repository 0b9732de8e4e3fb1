//! Every query on operators.

use uuid::Uuid;

use crate::Result;
use crate::db::Tx;
use crate::identity::members::Newcomer;
use crate::ids::AccountId;

/// The session with role read fresh; [`crate::identity::SignedIn`] is its row.
pub(super) const SIGNED_IN: &str = "SELECT (live).*, name, profile FROM socle.operator_signed_in($1, $2, $3)";

pub(super) async fn insert_operator(tx: &mut Tx, new: &Newcomer) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.operators (tenant_id, id, first_name, last_name, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, id) DO NOTHING",
        new.tenant.0,
        new.account.0,
        new.first_name,
        new.last_name,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Operators besides this one.
pub(super) async fn others(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM socle.operators o
           JOIN socle.memberships m ON m.tenant_id = o.tenant_id AND m.account_id = o.id
           WHERE o.id <> $1 AND m.ended_at IS NULL"#,
        account.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
}

/// Takes the name of an operator away; how many rows.
pub(super) async fn empty_operator(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let done = sqlx::query!(
        "UPDATE socle.operators o SET first_name = CASE a.language WHEN 'en' THEN 'Deleted' ELSE 'Utilisateur' END,
                last_name = CASE a.language WHEN 'en' THEN 'user' ELSE 'supprimé' END
         FROM socle.accounts a WHERE a.id = o.id AND o.id = $1",
        account.0
    )
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}
/// The operators by account and name.
pub(super) async fn operators(tx: &mut Tx) -> Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        r#"SELECT id, first_name || ' ' || last_name AS "name!" FROM socle.operators
           ORDER BY last_name, first_name, id LIMIT 500"#
    );
    Ok(rows.fetch_all(tx.conn()).await?.into_iter().map(|row| (row.id, row.name)).collect())
}
