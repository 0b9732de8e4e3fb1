//! Who they are: accounts with passwords, browser sessions behind one opaque cookie.

pub mod actions;
pub mod pages;
mod passwords;
mod sql;

use serde_json::Value;
use uuid::Uuid;

use chrono::{DateTime, TimeDelta, Utc};

pub use passwords::Passwords;

use crate::db::{Db, Person, Tx};
use crate::ids::{AccountId, SessionId, TenantId};
use crate::{Result, tokens};

/// A session ends this long after sign-in, whatever happens.
pub const ABSOLUTE_LIMIT: TimeDelta = TimeDelta::days(7);
/// A session's `last_seen_at` is written again only after this long, so that reading pages does not write.
pub const TOUCH_AFTER: TimeDelta = TimeDelta::minutes(5);

/// A product's realm of accounts.
#[derive(Clone, Copy, Debug)]
pub struct Realm {
    /// The product's name: `physiotraq`.
    pub name: &'static str,
    /// The cookie's name: `__Host-physiotraq`.
    pub cookie: &'static str,
    /// `SELECT … FROM <product>.signed_in($1, $2)`: token hash and instant in, a [`SignedIn`] row out.
    pub signed_in: &'static str,
}

/// A live session with role and tenant read fresh, as a product's `signed_in` function gives it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SignedIn {
    session_id: Uuid,
    account_id: Uuid,
    email: String,
    language: String,
    last_seen_at: DateTime<Utc>,
    tenant_id: Uuid,
    role: String,
    name: String,
    profile: Value,
}

/// The person behind a session cookie, and whether the session's last-seen time is due to be written.
///
/// # Errors
/// 503 when the database cannot be asked.
pub async fn person_of(db: &Db, realm: &Realm, token: &str, now: DateTime<Utc>) -> Result<Option<(Person, bool)>> {
    let Some(row) = sql::signed_in(db, realm.signed_in, &tokens::hash(token), now).await? else {
        return Ok(None);
    };
    let due = now - row.last_seen_at > TOUCH_AFTER;
    let person = Person {
        session: SessionId(row.session_id),
        account: AccountId(row.account_id),
        tenant: TenantId(row.tenant_id),
        role: row.role,
        name: row.name,
        email: row.email,
        language: row.language,
        profile: row.profile,
    };
    Ok(Some((person, due)))
}

/// Whether a session of the transaction's account still lives; an open live stream counts as activity.
///
/// # Errors
/// 503 when the database cannot be asked.
pub async fn session_lives(tx: &mut Tx, session: SessionId) -> Result<bool> {
    let now = tx.caller().now();
    sql::session_lives(tx, session, now).await
}
