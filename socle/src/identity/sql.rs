//! Every query on accounts and sessions.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::SignedIn;
use crate::Result;
use crate::db::{Db, Trace, Tx};
use crate::ids::{AccountId, SessionId};

/// An account found by its address, before anybody is signed in.
pub(super) struct Found {
    pub account: AccountId,
    pub password_hash: Option<String>,
    pub active: bool,
    pub language: String,
}

pub(super) async fn signed_in(
    db: &Db,
    statement: &'static str,
    token: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as::<_, SignedIn>(statement).bind(token).bind(now).fetch_optional(door.conn()).await?)
}

pub(super) async fn by_email(db: &Db, realm: &str, email: &str) -> Result<Option<Found>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT account_id AS "account_id!", password_hash, status AS "status!", language AS "language!"
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
        language: r.language,
    }))
}

/// A session about to be written.
pub(super) struct NewSession<'a> {
    pub id: SessionId,
    pub account: AccountId,
    pub token_hash: &'a [u8],
    pub now: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub(super) async fn insert_session(tx: &mut Tx, new: NewSession<'_>, trace: &Trace) -> Result<()> {
    sqlx::query!(
        "INSERT INTO socle.sessions (id, account_id, token_hash, created_at, last_seen_at, expires_at, ip_address, user_agent)
         VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
        new.id.0,
        new.account.0,
        new.token_hash,
        new.now,
        new.expires_at,
        trace.ip.map(|ip| ip.to_string()),
        trace.user_agent,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn end_session(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE socle.sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", session.0, now)
        .execute(tx.conn())
        .await?;
    Ok(())
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
    pub now: DateTime<Utc>,
}

pub(super) async fn insert_account(tx: &mut Tx, new: NewAccount<'_>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO socle.accounts (id, realm, email, password_hash, language, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        new.id,
        new.realm,
        new.email,
        new.password_hash,
        new.language,
        new.now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn session_lives(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<bool> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM socle.sessions s JOIN socle.accounts a ON a.id = s.account_id
           WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND a.status = 'active'"#,
        session.0,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n > 0)
}
