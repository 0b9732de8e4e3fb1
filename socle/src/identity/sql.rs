//! Every query on accounts, memberships and sessions.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::SignedIn;
use crate::db::{Db, Trace, Tx};
use crate::ids::{AccountId, SessionId, TenantId};
use crate::{Error, Result, error};

/// An account found by its address, before anybody is signed in.
pub(super) struct Found {
    pub account: AccountId,
    pub password_hash: Option<String>,
    pub active: bool,
    /// Its address is not proved yet.
    pub pending: bool,
    pub language: String,
    pub has_second_factor: bool,
}

pub(super) async fn signed_in(
    db: &Db,
    statement: &'static str,
    (token, session): (Option<Vec<u8>>, Option<SessionId>),
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>> {
    let mut door = db.door().await?;
    let query = sqlx::query_as::<_, SignedIn>(statement).bind(token).bind(session).bind(now);
    Ok(query.fetch_optional(door.conn()).await?)
}

pub(super) async fn by_email(db: &Db, realm: &str, email: &str) -> Result<Option<Found>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT account_id AS "account_id!", password_hash, status AS "status!", language AS "language!",
                  has_second_factor AS "has_second_factor!"
           FROM socle.account_by_email($1, $2)"#,
        realm,
        email
    )
    .fetch_optional(door.conn())
    .await?;
    Ok(row.map(|r| Found {
        account: AccountId(r.account_id),
        password_hash: r.password_hash,
        active: r.status == "active",
        pending: r.status == "pending_verification",
        language: r.language,
        has_second_factor: r.has_second_factor,
    }))
}

/// A session about to be written.
pub(super) struct NewSession<'a> {
    pub id: SessionId,
    pub account: AccountId,
    pub tenant: TenantId,
    /// Of a browser: the hash of its cookie.
    pub token_hash: Option<&'a [u8]>,
    pub now: DateTime<Utc>,
    pub proof: &'a super::actions::ProvedBy,
}

pub(super) async fn insert_session(tx: &mut Tx, new: NewSession<'_>, trace: &Trace) -> Result<()> {
    let inserted = sqlx::query!(
        "INSERT INTO socle.sessions (id, account_id, tenant_id, kind, token_hash, created_at, last_seen_at, expires_at,
                                     ip_address, user_agent, authenticated_at, second_factor_at, device_id)
         SELECT $1, m.account_id, m.tenant_id, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12
         FROM socle.memberships m WHERE m.tenant_id = $3 AND m.account_id = $2 AND m.ended_at IS NULL FOR SHARE",
        new.id.0,
        new.account.0,
        new.tenant.0,
        if new.token_hash.is_some() { "browser" } else { "api" },
        new.token_hash,
        new.now,
        new.proof.expires_at,
        trace.ip.map(|ip| ip.to_string()),
        trace.user_agent,
        new.proof.authenticated_at,
        new.proof.second_factor_at,
        new.proof.device,
    )
    .execute(tx.conn())
    .await?;
    if inserted.rows_affected() == 0 {
        return Err(Error::unauthenticated("AUTH_REQUIRED", "The membership has ended a moment ago."));
    }
    Ok(())
}

/// Language, and whether a second factor is asked for.
pub(super) async fn about_entering(tx: &mut Tx, account: AccountId) -> Result<(String, bool)> {
    let row = sqlx::query!(
        r#"SELECT language, second_factor_since IS NOT NULL AS "has!" FROM socle.accounts
           WHERE id = $1 AND status = 'active'"#,
        account.0
    )
    .fetch_optional(tx.conn())
    .await?;
    let row = row.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))?;
    Ok((row.language, row.has))
}

/// What a session that follows another keeps of it: the known device, and the end.
pub(super) async fn kept_of(tx: &mut Tx, session: SessionId) -> Result<(Option<Uuid>, DateTime<Utc>)> {
    let row = sqlx::query!("SELECT device_id, expires_at FROM socle.sessions WHERE id = $1", session.0)
        .fetch_one(tx.conn())
        .await?;
    Ok((row.device_id, row.expires_at))
}

/// Holds the account's row until the transaction ends; rows that only refer to it may still be written.
pub(super) async fn lock_account(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query!("SELECT id FROM socle.accounts WHERE id = $1 FOR NO KEY UPDATE", account.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(())
}

/// How many sessions of the account live.
pub(super) async fn live_sessions(tx: &mut Tx, account: AccountId) -> Result<i64> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM socle.sessions
           WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2
             AND (kind = 'api' OR last_seen_at > $2 - interval '12 hours')"#,
        account.0,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
}

/// Notes the sign-in; the account's language.
pub(super) async fn signed_in_now(tx: &mut Tx, account: AccountId) -> Result<String> {
    let now = tx.caller().now();
    let row =
        sqlx::query!("UPDATE socle.accounts SET last_login_at = $2 WHERE id = $1 RETURNING language", account.0, now)
            .fetch_one(tx.conn())
            .await?;
    Ok(row.language)
}

/// Whether there was a live session to end.
pub(super) async fn end_session(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<bool> {
    let done =
        sqlx::query!("UPDATE socle.sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", session.0, now)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the sessions of the transaction's account, but for one; how many.
pub(super) async fn end_sessions(tx: &mut Tx, account: AccountId, except: Option<SessionId>) -> Result<u64> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.sessions SET ended_at = $3
         WHERE account_id = $1 AND id IS DISTINCT FROM $2 AND ended_at IS NULL",
        account.0,
        except.map(|session| session.0),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Whether the session was still there to be prolonged.
pub(super) async fn prolong_session(
    tx: &mut Tx,
    session: SessionId,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE socle.sessions SET last_seen_at = $2, expires_at = $3
         WHERE id = $1 AND ended_at IS NULL AND expires_at > $2",
        session.0,
        now,
        until
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn touch_session(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE socle.sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2", session.0, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn set_language(tx: &mut Tx, account: AccountId, language: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE socle.accounts SET language = $2, updated_at = $3 WHERE id = $1", account.0, language, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An account about to be written.
pub(super) struct NewAccount<'a> {
    pub id: Uuid,
    pub realm: &'a str,
    pub email: &'a str,
    pub password_hash: &'a str,
    pub language: &'a str,
    /// The address is proved: an invitation came through it, or an operator vouches for it.
    pub verified: bool,
    pub now: DateTime<Utc>,
    pub password_expires_at: Option<DateTime<Utc>>,
}

pub(super) async fn insert_account(tx: &mut Tx, new: NewAccount<'_>) -> Result<()> {
    let inserted = sqlx::query!(
        "INSERT INTO socle.accounts (id, realm, email, password_hash, language, status, email_verified_at,
                                     password_changed_at, password_expires_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, $8)",
        new.id,
        new.realm,
        new.email,
        new.password_hash,
        new.language,
        if new.verified { "active" } else { "pending_verification" },
        new.verified.then_some(new.now),
        new.now,
        new.password_expires_at,
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|e| match error::broken_constraint(&e) {
        Some("accounts_realm_email_key") => {
            Error::conflict("BIZ_ACCOUNT_EXISTS", "This address has an account already. Sign in with it.")
        }
        _ => e.into(),
    })
}

/// A session and its account lives; its membership is not asked for.
pub(super) async fn session_lives(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<bool> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM socle.sessions WHERE id = $1 AND ended_at IS NULL AND expires_at > $2"#,
        session.0,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n > 0)
}

/// The role of the membership a live session acts for.
pub(super) async fn present_role(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<Option<String>> {
    let row = sqlx::query!(
        "SELECT m.role FROM socle.sessions s
         JOIN socle.accounts a ON a.id = s.account_id
         JOIN socle.memberships m ON m.tenant_id = s.tenant_id AND m.account_id = s.account_id
         LEFT JOIN socle.tenant_rules t ON t.tenant_id = m.tenant_id
         WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND a.status = 'active' AND m.ended_at IS NULL
           AND t.suspended_at IS NULL AND (a.second_factor_since IS NULL OR s.second_factor_at IS NOT NULL)",
        session.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| r.role))
}

/// A tenant somebody belongs to.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The tenant.
    pub tenant_id: Uuid,
    /// Its name.
    pub tenant_name: String,
    /// The role in it.
    pub role: String,
}

/// The memberships of the transaction's account, the one used last first; suspended tenants are not offered.
pub(super) async fn memberships(tx: &mut Tx, account: AccountId) -> Result<Vec<Membership>> {
    Ok(sqlx::query_as!(
        Membership,
        r#"SELECT m.tenant_id, m.tenant_name, m.role FROM socle.memberships m
           LEFT JOIN LATERAL (SELECT max(s.last_seen_at) AS used FROM socle.sessions s
                              WHERE s.account_id = m.account_id AND s.tenant_id = m.tenant_id) s ON true
           WHERE m.account_id = $1 AND m.ended_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM socle.tenant_rules t
                             WHERE t.tenant_id = m.tenant_id AND t.suspended_at IS NOT NULL)
           ORDER BY s.used DESC NULLS LAST, m.tenant_name, m.tenant_id LIMIT 100"#,
        account.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A membership about to be written.
pub(super) struct NewMembership<'a> {
    pub tenant: TenantId,
    pub account: AccountId,
    pub realm: &'a str,
    pub role: &'a str,
    pub tenant_name: &'a str,
}

/// Writes a membership; somebody who had left comes back.
pub(super) async fn insert_membership(tx: &mut Tx, new: NewMembership<'_>) -> Result<()> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "INSERT INTO socle.memberships AS m (tenant_id, account_id, realm, role, tenant_name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (tenant_id, account_id) DO UPDATE
         SET role = excluded.role, permissions = '{}', ended_at = NULL, updated_at = excluded.updated_at
         WHERE m.ended_at IS NOT NULL",
        new.tenant.0,
        new.account.0,
        new.realm,
        new.role,
        new.tenant_name,
        now
    )
    .execute(tx.conn())
    .await;
    let done = done.map_err(one_admin)?;
    if done.rows_affected() == 0 {
        return Err(Error::conflict("BIZ_MEMBER_ALREADY", "This person is a member already."));
    }
    Ok(())
}

/// What a product says of a second owner.
pub(super) fn one_admin(failure: sqlx::Error) -> Error {
    match error::broken_constraint(&failure) {
        Some(name) if name.ends_with("_one_admin") => {
            Error::conflict("BIZ_ONE_ADMIN", "There is exactly one owner; transfer the ownership instead.")
        }
        _ => failure.into(),
    }
}

/// Ends a membership; whether there was one to end.
pub(super) async fn end_membership(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.memberships SET ended_at = $2, updated_at = $2 WHERE account_id = $1 AND ended_at IS NULL
           AND tenant_id = (SELECT socle.tenant_id())",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the sessions of an account in the transaction's tenant, whoever asks.
pub(super) async fn end_sessions_in_tenant(tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(r#"SELECT socle.end_sessions_in_tenant($1, $2) AS "done: ()""#, account.0, now)
        .fetch_one(tx.conn())
        .await?;
    Ok(())
}
