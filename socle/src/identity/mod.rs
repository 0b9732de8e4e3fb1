//! Who they are: accounts with passwords, memberships of tenants, browser sessions behind one opaque cookie, API clients
//! with short access tokens and rotating refresh tokens, invitations by mail.

mod access_token;
pub mod actions;
pub mod api;
pub mod invitations;
pub mod members;
pub mod pages;
mod passwords;
pub mod refresh;
mod sql;

use serde_json::Value;
use uuid::Uuid;

use chrono::{DateTime, TimeDelta, Utc};

pub use access_token::{AccessTokens, Claims};
pub use invitations::PASSWORD_LENGTH;
pub use passwords::Passwords;
pub use sql::Membership;

use crate::db::{Db, Person, Tx};
use crate::ids::{AccountId, SessionId, TenantId};
use crate::{Error, Result, tokens};

/// A browser session ends this long after sign-in, whatever happens; an API client's, this long after its last refresh.
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
    /// `SELECT … FROM <product>.signed_in($1, $2, $3)`: cookie hash or session id, and instant in, a [`SignedIn`] row out.
    pub signed_in: &'static str,
}

/// What a request shows to say who it is.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// The value of the session cookie.
    Cookie(&'a str),
    /// The session that a verified access token names.
    Session(SessionId),
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
    tenant_name: String,
    role: String,
    name: String,
    profile: Value,
}

/// The person behind a proof, and whether the session's last-seen time is due to be written.
///
/// # Errors
/// 503 when the database cannot be asked.
pub async fn person_of(db: &Db, realm: &Realm, proof: Proof<'_>, now: DateTime<Utc>) -> Result<Option<(Person, bool)>> {
    let (hash, session) = match proof {
        Proof::Cookie(token) => (Some(tokens::hash(token)), None),
        Proof::Session(session) => (None, Some(session)),
    };
    let Some(row) = sql::signed_in(db, realm.signed_in, (hash, session), now).await? else {
        return Ok(None);
    };
    let due = now - row.last_seen_at > TOUCH_AFTER;
    let person = Person {
        session: SessionId(row.session_id),
        account: AccountId(row.account_id),
        tenant: TenantId(row.tenant_id),
        tenant_name: row.tenant_name,
        role: row.role,
        name: row.name,
        email: row.email,
        language: row.language,
        profile: row.profile,
    };
    Ok(Some((person, due)))
}

/// The caller as they are now: the session lives and its membership too; the role is read again. For streams that
/// outlive a request. An open live stream counts as activity.
///
/// # Errors
/// 401 when the session or the membership has ended.
pub async fn present_role(tx: &mut Tx) -> Result<String> {
    let caller = tx.caller().clone();
    let session = caller.person()?.session;
    let role = sql::present_role(tx, session, caller.now()).await?;
    role.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))
}
