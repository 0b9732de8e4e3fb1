//! Every query on what members hold.

use crate::Result;
use crate::db::{Db, Tx};
use crate::identity::sql::one_admin;
use crate::ids::AccountId;

/// What a member holds.
pub(super) struct Held {
    pub role: String,
    pub permissions: Vec<String>,
}

/// What a member of the transaction's tenant holds; their row is held until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, account: AccountId) -> Result<Option<Held>> {
    Ok(sqlx::query_as!(
        Held,
        "SELECT role, permissions FROM socle.memberships
         WHERE tenant_id = (SELECT socle.tenant_id()) AND account_id = $1 AND ended_at IS NULL FOR UPDATE",
        account.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn set(tx: &mut Tx, account: AccountId, (role, permissions): (&str, &[String])) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.memberships SET role = $2, permissions = $3, updated_at = $4
         WHERE tenant_id = (SELECT socle.tenant_id()) AND account_id = $1 AND ended_at IS NULL",
        account.0,
        role,
        permissions,
        now
    )
    .execute(tx.conn())
    .await
    .map_err(one_admin)?;
    Ok(())
}

/// The holders of roles in the transaction's tenant, their rows held until it ends.
pub(super) async fn holders(tx: &mut Tx, roles: &[String]) -> Result<Vec<AccountId>> {
    let rows = sqlx::query!(
        "SELECT account_id FROM socle.memberships
         WHERE tenant_id = (SELECT socle.tenant_id()) AND role = ANY ($1) AND ended_at IS NULL
         ORDER BY account_id FOR UPDATE",
        roles
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account_id)).collect())
}

/// What a tenant has beside one member.
pub(super) struct LeftBehind {
    pub members: i64,
    pub invitations: i64,
}

pub(super) async fn left_behind(tx: &mut Tx, account: AccountId) -> Result<LeftBehind> {
    Ok(sqlx::query_as!(
        LeftBehind,
        r#"SELECT (SELECT count(*) FROM socle.memberships WHERE tenant_id = (SELECT socle.tenant_id())
                     AND account_id <> $1 AND ended_at IS NULL) AS "members!",
                  (SELECT count(*) FROM socle.invitations WHERE accepted_at IS NULL AND revoked_at IS NULL)
                    AS "invitations!""#,
        account.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A role with its uses.
pub(super) struct Used {
    pub role: String,
    pub members: i64,
    pub invitations: i64,
}

pub(super) async fn roles_in_use(db: &Db, realm: &str) -> Result<Vec<Used>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Used,
        r#"SELECT role AS "role!", members AS "members!", invitations AS "invitations!" FROM socle.roles_in_use($1)"#,
        realm
    )
    .fetch_all(door.conn())
    .await?)
}
