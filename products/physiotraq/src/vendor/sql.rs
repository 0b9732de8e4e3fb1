//! Every query on the vendor's people.

use chrono::{DateTime, Utc};
use socle::Result;
use socle::db::Tx;
use socle::identity::members::Newcomer;
use socle::ids::AccountId;

use crate::people::Member;

pub(super) async fn insert(tx: &mut Tx, new: &Newcomer) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO physiotraq.vendor_people (id, tenant_id, first_name, last_name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT (tenant_id, id) DO UPDATE
         SET first_name = excluded.first_name, last_name = excluded.last_name, updated_at = excluded.updated_at",
        new.account.0,
        new.tenant.0,
        new.first_name,
        new.last_name,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn people(tx: &mut Tx) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT v.id, v.first_name || ' ' || v.last_name AS "name!", m.role FROM physiotraq.vendor_people v
           JOIN socle.memberships m ON m.tenant_id = v.tenant_id AND m.account_id = v.id
           WHERE m.ended_at IS NULL ORDER BY v.last_name, v.first_name, v.id LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What is kept of one of them.
pub(crate) struct Profile {
    pub first_name: String,
    pub last_name: String,
    pub created_at: DateTime<Utc>,
}

pub(super) async fn profile(tx: &mut Tx, account: AccountId) -> Result<Option<Profile>> {
    Ok(sqlx::query_as!(
        Profile,
        "SELECT first_name, last_name, created_at FROM physiotraq.vendor_people WHERE id = $1",
        account.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn empty_profile(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE physiotraq.vendor_people v SET first_name = CASE a.language WHEN 'en' THEN 'Deleted' ELSE 'Utilisateur' END,
                last_name = CASE a.language WHEN 'en' THEN 'user' ELSE 'supprimé' END, updated_at = $2
         FROM socle.accounts a WHERE a.id = v.id AND v.id = $1",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}
