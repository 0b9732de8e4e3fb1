//! Every query on people.

use chrono::{DateTime, Utc};
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

/// The profile row, as its person sees it.
pub(super) struct Profile {
    pub first_name: String,
    pub last_name: String,
    pub temperature_unit: String,
    pub created_at: DateTime<Utc>,
}

pub(super) async fn profile(tx: &mut Tx, account: AccountId) -> Result<Option<Profile>> {
    Ok(sqlx::query_as!(
        Profile,
        "SELECT first_name, last_name, temperature_unit, created_at FROM physiotraq.users WHERE id = $1",
        account.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A treatment as its operator's export tells it: nothing of the patient.
pub(super) struct Run {
    pub id: Uuid,
    pub session: String,
    pub device: String,
    pub status: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

pub(super) async fn treatments_run(tx: &mut Tx, account: AccountId, (after, most): (Uuid, i64)) -> Result<Vec<Run>> {
    Ok(sqlx::query_as!(
        Run,
        "SELECT t.id, t.session_identifier AS session, d.name AS device, t.status, t.started_at, t.ended_at
         FROM physiotraq.treatments t JOIN physiotraq.devices d ON d.license_id = t.license_id AND d.id = t.device_id
         WHERE t.user_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3",
        account.0,
        after,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An event that somebody caused.
pub(super) struct Caused {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

pub(super) async fn events_of(tx: &mut Tx, account: AccountId, (after, most): (Uuid, i64)) -> Result<Vec<Caused>> {
    Ok(sqlx::query_as!(
        Caused,
        "SELECT id, created_at AS at, event_type AS kind, ip_address, user_agent FROM physiotraq.events
         WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        account.0,
        after,
        most
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The licence that somebody owns.
pub(super) struct Owned {
    pub name: String,
    pub others: i64,
    pub running: bool,
}

pub(super) async fn owned(tx: &mut Tx, account: AccountId) -> Result<Option<Owned>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Owned,
        r#"SELECT l.name, l.status = 'active' AND l.auto_renew AND l.stripe_subscription_id IS NOT NULL
                    AND l.expires_at > $2 AS "running!",
                  (SELECT count(*) FROM socle.memberships o
                   WHERE o.tenant_id = l.id AND o.account_id <> $1 AND o.ended_at IS NULL) AS "others!"
           FROM physiotraq.licenses l JOIN socle.memberships m ON m.tenant_id = l.id AND m.account_id = $1
           WHERE m.role = 'admin' AND m.ended_at IS NULL AND l.id = (SELECT socle.tenant_id())"#,
        account.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Takes the name away; treatments keep who ran them.
pub(super) async fn empty_profile(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE physiotraq.users u SET first_name = CASE a.language WHEN 'en' THEN 'Deleted' ELSE 'Utilisateur' END,
                last_name = CASE a.language WHEN 'en' THEN 'user' ELSE 'supprimé' END, updated_at = $2
         FROM socle.accounts a WHERE a.id = u.id AND u.id = $1",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

pub(super) async fn unassign(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let done = sqlx::query!("DELETE FROM physiotraq.device_assignments WHERE user_id = $1", account.0)
        .execute(tx.conn())
        .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// Takes addresses and browsers out of the events that somebody caused.
pub(super) async fn empty_events(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let done = sqlx::query!(
        "UPDATE physiotraq.events SET ip_address = NULL, user_agent = NULL
         WHERE user_id = $1 AND (ip_address IS NOT NULL OR user_agent IS NOT NULL)",
        account.0
    )
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

pub(super) async fn count_treatments(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let row = sqlx::query!(r#"SELECT count(*) AS "n!" FROM physiotraq.treatments WHERE user_id = $1"#, account.0)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.n)
}
