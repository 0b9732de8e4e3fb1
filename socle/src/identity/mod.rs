//! Who they are: accounts with passwords, memberships of tenants, browser sessions behind one opaque cookie, API clients
//! with short access tokens and rotating refresh tokens, invitations by mail.

mod access_token;
mod account;
pub mod accounts;
pub mod actions;
pub mod api;
pub mod challenges;
pub mod contact;
pub mod devices;
pub mod entry;
pub mod factors;
pub mod invitations;
pub mod members;
pub mod pages;
pub mod passwords;
pub mod recovery;
pub mod refresh;
mod refusal;
pub mod registration;
mod requests;
pub mod sessions;
mod sql;
pub mod verification;

use serde_json::Value;
use uuid::Uuid;

use chrono::{DateTime, TimeDelta, Utc};

pub use access_token::{AccessTokens, Claims};
pub use passwords::Passwords;
pub use requests::jobs;
pub use sql::Membership;

use crate::db::{Caller, Due, Person, Tx};
use crate::ids::{AccountId, SessionId, TenantId};
use crate::limits::networks;
use crate::{App, Error, Result, tokens};

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
    /// `SELECT (live).*, name, profile FROM <product>.signed_in($1, $2, $3)`: cookie hash or session id, and instant in, a
    /// [`SignedIn`] row out.
    pub signed_in: &'static str,
    /// What its accounts must and may do.
    pub rules: Rules,
}

/// What a realm asks of its accounts.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Roles that cannot do anything without a second factor.
    pub second_factor: &'static [&'static str],
    /// How accounts come to be.
    pub registration: Registration,
    /// Sessions at the same time; the person chooses which one to end for a further one (specs/axtech.md §2.4).
    pub sessions: Option<u32>,
    /// Days after which a password must be changed (specs/trackingbms.md §3.9: `password_expires_at`).
    pub password_days: Option<u32>,
    /// Whether accounts may have a user name to sign in with besides the address.
    pub user_names: bool,
}

/// How accounts come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// By invitation only.
    Invitation,
    /// Anybody may register; the product says where they belong and as what ([`crate::web::Product::place`]).
    Open,
}

impl Rules {
    /// When a password chosen at `now` is over.
    #[must_use]
    pub fn password_expires(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.password_days.map(|days| now + TimeDelta::days(i64::from(days)))
    }

    /// By invitation, second factors as people like.
    pub const PLAIN: Self = Self {
        second_factor: &[],
        registration: Registration::Invitation,
        sessions: None,
        password_days: None,
        user_names: false,
    };
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
    authenticated_at: DateTime<Utc>,
    second_factor_at: Option<DateTime<Utc>>,
    has_second_factor: bool,
    password_due: bool,
    tenant_id: Uuid,
    tenant_name: String,
    role: String,
    permissions: Vec<String>,
    networks: Vec<String>,
    tenant_networks: Vec<String>,
    name: String,
    profile: Value,
}

/// The person behind a proof, and whether the session's last-seen time is due to be written.
///
/// # Errors
/// 403 `AUTHZ_NETWORK` from an address that the person or the tenant is not let in from; 503 when the database cannot be
/// asked.
pub async fn person_of(app: &App, caller: &Caller, realm: &Realm, proof: Proof<'_>) -> Result<Option<(Person, bool)>> {
    let now = caller.now();
    let (hash, session) = match proof {
        Proof::Cookie(token) => (Some(tokens::hash(token)), None),
        Proof::Session(session) => (None, Some(session)),
    };
    let Some(row) = sql::signed_in(caller.db(), realm.signed_in, (hash, session), now).await? else {
        return Ok(None);
    };
    let ip = caller.trace().ip;
    if !networks::admits(&row.networks, ip) || !networks::admits(&row.tenant_networks, ip) {
        networks::refused(app, caller, (AccountId(row.account_id), TenantId(row.tenant_id))).await?;
        return Err(Error::network());
    }
    let touch_due = now - row.last_seen_at > TOUCH_AFTER;
    let due = match &row {
        row if row.password_due => Some(Due::Password),
        row if !row.has_second_factor && realm.rules.second_factor.contains(&row.role.as_str()) => {
            Some(Due::SecondFactor)
        }
        _ => None,
    };
    let person = Person {
        session: SessionId(row.session_id),
        account: AccountId(row.account_id),
        tenant: TenantId(row.tenant_id),
        tenant_name: row.tenant_name,
        role: row.role,
        name: row.name,
        email: row.email,
        language: row.language,
        permissions: row.permissions,
        authenticated_at: row.authenticated_at,
        second_factor_at: row.second_factor_at,
        due,
        profile: row.profile,
    };
    Ok(Some((person, touch_due)))
}

/// The caller as they are now: the session lives and its membership too, its tenant is not suspended and lets them in from
/// where they are; the role is read again. For streams that outlive a request. An open live stream counts as activity.
///
/// # Errors
/// 401 when the session or the membership has ended; 403 `AUTHZ_NETWORK` from elsewhere.
pub async fn present_role(tx: &mut Tx) -> Result<String> {
    let caller = tx.caller().clone();
    let person = caller.person()?;
    let role = sql::present_role(tx, person.session, caller.now()).await?;
    let role = role.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))?;
    networks::require(tx, (person.account, person.tenant)).await?;
    Ok(role)
}
