//! Sign in, sign out, change tenant, stay signed in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Membership, Passwords, Realm, devices, refresh, sql, verification};
use crate::db::{Caller, PROVED_FOR, Tx, Who};
use crate::ids::{AccountId, SessionId, TenantId};
use crate::limits::{Attempt, Guarded, Try, networks};
use crate::{App, Error, Result, audit, logging, tokens};

/// What a client gets for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// An opaque cookie.
    Browser,
    /// A refresh token; access tokens are made from the session.
    Api,
}

/// A session just opened.
pub struct Opened {
    /// The session.
    pub session: SessionId,
    /// The cookie's value or the first refresh token: shown once.
    pub token: String,
    /// The account's language.
    pub language: String,
    /// Of a browser that signed in: whose known device it is now, and the value of its cookie.
    pub device: Option<(AccountId, String)>,
}

/// What a session rests on.
#[derive(Clone, Debug)]
pub(super) struct ProvedBy {
    /// Password or second factor last proved.
    pub authenticated_at: DateTime<Utc>,
    /// Second factor last proved.
    pub second_factor_at: Option<DateTime<Utc>>,
    /// The known device.
    pub device: Option<Uuid>,
    /// Its end, whatever happens.
    pub expires_at: DateTime<Utc>,
}

/// Somebody whose password fitted, and what they may choose between.
pub struct Known {
    /// The account.
    pub account: AccountId,
    /// Its language.
    pub language: String,
    /// Whether a second factor is asked for.
    pub has_second_factor: bool,
    /// Its tenants, the one used last first.
    pub memberships: Vec<Membership>,
}

impl Known {
    /// Whether the role in a tenant asks for the second factor itself: no trusted device stands for it.
    pub(super) fn insists_on_second_factor(&self, realm: &Realm, tenant: TenantId) -> bool {
        insists_on_second_factor(realm, &self.memberships, tenant)
    }
}

fn insists_on_second_factor(realm: &Realm, memberships: &[Membership], tenant: TenantId) -> bool {
    let mut there = memberships.iter().filter(|membership| membership.tenant_id == tenant.0);
    there.any(|membership| realm.rules.second_factor.contains(&membership.role.as_str()))
}

/// Checks address and password. `None` when they do not fit; an unknown address, a wrong password, a suspended account
/// and one without any membership are not told apart, in answer or in time.
///
/// # Errors
/// 429 when this pair of name and address has failed too often (see [`crate::limits`]); 503 when too many sign-ins wait,
/// or the database cannot be reached.
pub async fn know(
    app: &App,
    caller: &Caller,
    realm: &Realm,
    (email, password): (&str, SecretString),
    device: Option<&str>,
) -> Result<Option<Known>> {
    let place = app.passwords.place()?;
    let found = sql::by_email(caller.db(), realm.name, email.trim()).await?;
    let account = found.as_ref().map(|found| found.account);
    let device = devices::known(caller, account, device).await?;
    let of = Try { name: email, account, device };
    let attempt = Attempt::begin(app, caller, Guarded::Password, of).await?;
    let stored = found.as_ref().and_then(|f| f.password_hash.clone());
    let fits = match app.passwords.verify_in(place, password, stored).await {
        Ok(fits) => fits,
        Err(error) => {
            attempt.withdrawn().await?;
            return Err(error);
        }
    };
    // Whoever has the password of an account that waits for its verification is sent that once more, and told nothing.
    let waiting = found.as_ref().filter(|f| fits && f.pending).map(|f| f.account);
    let Some(found) = found.filter(|f| fits && f.active) else {
        refused(caller, email, (attempt, waiting)).await?;
        return Ok(None);
    };
    let mut tx = caller.begin_as_account(found.account, None).await?;
    let memberships = sql::memberships(&mut tx, found.account).await?;
    drop(tx);
    if memberships.is_empty() {
        refused(caller, email, (attempt, None)).await?;
        return Ok(None);
    }
    attempt.fitted().await?;
    let has_second_factor = found.has_second_factor;
    Ok(Some(Known { account: found.account, language: found.language, has_second_factor, memberships }))
}

pub(super) fn choose(memberships: &[Membership], wanted: Option<TenantId>) -> Result<TenantId> {
    let mut offered = memberships.iter().map(|membership| TenantId(membership.tenant_id));
    let chosen = match wanted {
        None => offered.next(),
        Some(wanted) => offered.find(|tenant| *tenant == wanted),
    };
    chosen.ok_or_else(|| {
        Error::unprocessable("BIZ_NOT_A_MEMBER", "You are not a member there. Choose one of your own memberships.")
    })
}

/// Writes a session and its audit row.
pub(super) async fn insert(
    tx: &mut Tx,
    (account, tenant): (AccountId, TenantId),
    client: Client,
    proof: &ProvedBy,
) -> Result<(SessionId, String)> {
    networks::require(tx, (account, tenant)).await?;
    let caller = tx.caller().clone();
    let now = caller.now();
    let id = SessionId::fresh(now);
    let cookie = if client == Client::Browser { Some(tokens::fresh()?) } else { None };
    let hash = cookie.as_deref().map(tokens::hash);
    let new = sql::NewSession { id, account, tenant, token_hash: hash.as_deref(), now, proof };
    sql::insert_session(tx, new, caller.trace()).await?;
    let token = match cookie {
        Some(cookie) => cookie,
        None => refresh::first(tx, id, account).await?,
    };
    audit::record(tx, audit::Entry::done("session.opened", "Account", account.0)).await?;
    Ok((id, token))
}

/// The attempt was wrong: counted, and written to the audit trail. An account that waits for its verification is sent it
/// again.
pub(super) async fn refused(
    caller: &Caller,
    email: &str,
    (attempt, waiting): (Attempt, Option<AccountId>),
) -> Result<()> {
    attempt.failed().await?;
    tracing::info!(email = logging::mask_email(email), "sign-in refused");
    let mut tx = caller.becoming(Who::Nobody).begin().await?;
    if let Some(account) = waiting {
        verification::remind(&mut tx, account).await?;
    }
    audit::record(&mut tx, audit::Entry::refused("session.refused", "Account", None)).await?;
    tx.commit().await
}

/// The caller's own memberships, the one used last first.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn memberships(caller: &Caller) -> Result<Vec<Membership>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin_as_account(account, None).await?;
    sql::memberships(&mut tx, account).await
}

/// Goes on in another tenant: the browser's session ends and a new one, with a new cookie, begins.
///
/// # Errors
/// 401 when nobody is signed in, 422 when the tenant is none of theirs, 403 `AUTH_STEP_UP` when the role there insists on
/// the second factor and only a trusted device stood for it.
pub async fn change_tenant(caller: &Caller, realm: &Realm, wanted: TenantId) -> Result<Opened> {
    let person = caller.person()?.clone();
    let memberships = memberships(caller).await?;
    let tenant = choose(&memberships, Some(wanted))?;
    let stood_for = |at: DateTime<Utc>| person.authenticated_at - at > PROVED_FOR;
    if insists_on_second_factor(realm, &memberships, tenant) && person.second_factor_at.is_some_and(stood_for) {
        return Err(Error::step_up());
    }
    let mut tx = caller.begin_as_account(person.account, Some(tenant)).await?;
    if !sql::end_session(&mut tx, person.session, caller.now()).await? {
        // A second click, or somebody has signed out meanwhile: no session may outlive that.
        return Err(Error::unauthenticated("AUTH_REQUIRED", "Sign in again."));
    }
    // Nothing was proved anew: the seven days go on from the sign-in.
    let (device, expires_at) = sql::kept_of(&mut tx, person.session).await?;
    let proof = ProvedBy {
        authenticated_at: person.authenticated_at,
        second_factor_at: person.second_factor_at,
        device,
        expires_at,
    };
    let (session, token) = insert(&mut tx, (person.account, tenant), Client::Browser, &proof).await?;
    tx.commit().await?;
    Ok(Opened { session, token, language: person.language, device: None })
}

/// Ends the caller's session, everywhere and at once.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn sign_out(caller: &Caller) -> Result<()> {
    let session = caller.person()?.session;
    let mut tx = caller.begin().await?;
    sql::end_session(&mut tx, session, caller.now()).await?;
    audit::record(&mut tx, audit::Entry::done("session.ended", "Session", session.0)).await?;
    tx.commit().await
}

/// Ends every session of the transaction's account, but for one: its password was changed, its owner says so. Refresh
/// tokens end with them.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn end_all_sessions(tx: &mut Tx, account: AccountId, except: Option<SessionId>) -> Result<()> {
    let ended = sql::end_sessions(tx, account, except).await?;
    let entry = audit::Entry::done("session.all_ended", "Account", account.0);
    audit::record(tx, entry.with(json!({ "sessions": ended }))).await
}

/// Notes that the session is in use (idle limit).
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn touch(caller: &Caller) -> Result<()> {
    let session = caller.person()?.session;
    let mut tx = caller.begin().await?;
    sql::touch_session(&mut tx, session, caller.now()).await?;
    tx.commit().await
}

/// Sets the language of the caller's account.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn choose_language(caller: &Caller, language: &'static str) -> Result<()> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    sql::set_language(&mut tx, account, language, caller.now()).await?;
    tx.commit().await
}

/// Makes an account with a password that nobody judges: demo seeds and tests. People come by invitation or register.
///
/// # Errors
/// 409 when the address is taken, 503 when too many hashes are waiting.
pub async fn create_account(
    caller: &Caller,
    passwords: &Passwords,
    realm: &Realm,
    (email, password): (&str, SecretString),
) -> Result<AccountId> {
    let hash = passwords.hash(password).await?;
    create_account_with(caller, realm, (email, &hash)).await
}

/// The same with a password that was judged and hashed already.
///
/// # Errors
/// 409 when the address is taken.
pub async fn create_account_with(
    caller: &Caller,
    realm: &Realm,
    (email, password_hash): (&str, &str),
) -> Result<AccountId> {
    let id = AccountId::fresh(caller.now());
    let mut tx = caller.begin_as_account(id, None).await?;
    insert_account(&mut tx, realm, New { id, email, password_hash, language: "fr", verified: true }).await?;
    tx.commit().await?;
    Ok(id)
}

/// An account about to be made.
pub(super) struct New<'a> {
    pub id: AccountId,
    pub email: &'a str,
    pub password_hash: &'a str,
    pub language: &'a str,
    /// The address is proved already.
    pub verified: bool,
}

pub(super) async fn insert_account(tx: &mut Tx, realm: &Realm, new: New<'_>) -> Result<()> {
    let now = tx.caller().now();
    let New { id, email, password_hash, language, verified } = new;
    let email = email.trim().to_lowercase();
    let row = sql::NewAccount {
        id: id.0,
        realm: realm.name,
        email: &email,
        password_hash,
        language,
        verified,
        now,
        password_expires_at: realm.rules.password_expires(now),
    };
    sql::insert_account(tx, row).await?;
    audit::record(tx, audit::Entry::done("account.created", "Account", id.0)).await
}
