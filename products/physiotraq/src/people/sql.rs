//! Every query on people.

use socle::db::Tx;
use socle::error::broken_constraint;
use socle::ids::AccountId;
use socle::{Error, Result};
use uuid::Uuid;

use super::NewMember;
use crate::units::Unit;

/// The session with role and licence read fresh; [`socle::identity::SignedIn`] is its row.
pub const SIGNED_IN: &str =
    "SELECT session_id, account_id, email, language, last_seen_at, tenant_id, role, name, profile
     FROM physiotraq.signed_in($1, $2)";

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

pub(super) async fn insert(tx: &mut Tx, new: NewMember<'_>) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.users (id, license_id, first_name, last_name, role, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        new.account.0,
        new.license.0,
        new.first_name,
        new.last_name,
        new.role,
        now,
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|error| match broken_constraint(&error) {
        Some("users_one_admin") => {
            Error::conflict("BIZ_ONE_ADMIN", "A licence has exactly one owner; transfer it instead.")
        }
        _ => error.into(),
    })
}

/// Everybody of the licence, owner first, by name.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn members(tx: &mut Tx) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT id, first_name || ' ' || last_name AS "name!", role FROM physiotraq.users
           ORDER BY role, last_name, first_name, id LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The present role of a member.
pub(super) async fn role_of(tx: &mut Tx, account: AccountId) -> Result<Option<String>> {
    let row =
        sqlx::query!("SELECT role FROM physiotraq.users WHERE id = $1", account.0).fetch_optional(tx.conn()).await?;
    Ok(row.map(|r| r.role))
}
