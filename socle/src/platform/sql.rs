//! Every query on operators.

use uuid::Uuid;

use crate::Result;
use crate::db::Tx;
use crate::identity::members::Newcomer;

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

/// The operators by account and name.
pub(super) async fn operators(tx: &mut Tx) -> Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        r#"SELECT id, first_name || ' ' || last_name AS "name!" FROM socle.operators
           ORDER BY last_name, first_name, id LIMIT 500"#
    );
    Ok(rows.fetch_all(tx.conn()).await?.into_iter().map(|row| (row.id, row.name)).collect())
}
