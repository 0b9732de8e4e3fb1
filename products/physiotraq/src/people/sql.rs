//! Every query on people.

use socle::Result;
use socle::db::Tx;
use socle::identity::members::Newcomer;
use socle::ids::AccountId;
use uuid::Uuid;

use crate::units::Unit;

/// The session with role and licence read fresh; [`socle::identity::SignedIn`] is its row.
pub const SIGNED_IN: &str = "SELECT (live).*, name, profile FROM physiotraq.signed_in($1, $2, $3)";

/// A member as lists show it.
#[derive(Clone, Debug)]
pub struct Member {
    /// The account.
    pub id: Uuid,
    /// First and last name.
    pub name: String,
    /// `admin` or `operator`.
    pub role: String,
}

pub(super) async fn set_unit(tx: &mut Tx, account: AccountId, unit: Unit) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.users SET temperature_unit = $2, updated_at = $3 WHERE id = $1",
        account.0,
        unit.name(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The profile row of somebody who joins; somebody who comes back may have another name by now.
pub(super) async fn insert(tx: &mut Tx, new: &Newcomer) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO physiotraq.users (id, license_id, first_name, last_name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT (license_id, id) DO UPDATE
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

/// Everybody of the licence, owner first, by name.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn members(tx: &mut Tx) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT u.id, u.first_name || ' ' || u.last_name AS "name!", m.role FROM physiotraq.users u
           JOIN socle.memberships m ON m.tenant_id = u.license_id AND m.account_id = u.id
           WHERE m.ended_at IS NULL
           ORDER BY m.role, u.last_name, u.first_name, u.id LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?)
}
