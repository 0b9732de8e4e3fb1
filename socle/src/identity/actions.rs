//! Sign in, sign out, change tenant, stay signed in.

use secrecy::SecretString;

use super::{ABSOLUTE_LIMIT, Membership, Passwords, Realm, refresh, sql};
use crate::db::{Caller, Tx, Who};
use crate::ids::{AccountId, SessionId, TenantId};
use crate::{Error, Result, audit, logging, tokens};

/// What a client gets for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Somebody whose password fitted, and what they may choose between.
pub struct Known {
    /// The account.
    pub account: AccountId,
    /// Its language.
    pub language: String,
    /// Its tenants, the one used last first.
    pub memberships: Vec<Membership>,
}

/// Checks address and password. `None` when they do not fit; an unknown address, a wrong password, a suspended account
/// and one without any membership are not told apart, in answer or in time.
///
/// # Errors
/// 503 when too many sign-ins wait, or the database cannot be reached.
pub async fn know(
    caller: &Caller,
    passwords: &Passwords,
    realm: &Realm,
    (email, password): (&str, SecretString),
) -> Result<Option<Known>> {
    let found = sql::by_email(caller.db(), realm.name, email.trim()).await?;
    let stored = found.as_ref().and_then(|f| f.password_hash.clone());
    let fits = passwords.verify(password, stored).await?;
    let Some(found) = found.filter(|f| fits && f.active) else {
        refused(caller, email).await?;
        return Ok(None);
    };
    let mut tx = caller.begin_as_account(found.account, None).await?;
    let memberships = sql::memberships(&mut tx, found.account).await?;
    drop(tx);
    if memberships.is_empty() {
        refused(caller, email).await?;
        return Ok(None);
    }
    Ok(Some(Known { account: found.account, language: found.language, memberships }))
}

/// Opens a session for one of the memberships: the wanted one, or the one used last.
///
/// # Errors
/// 422 when the wanted tenant is none of theirs.
pub async fn open(caller: &Caller, known: Known, wanted: Option<TenantId>, client: Client) -> Result<Opened> {
    let tenant = choose(&known.memberships, wanted)?;
    let mut tx = caller.begin_as_account(known.account, Some(tenant)).await?;
    let (session, token) = insert(&mut tx, (known.account, tenant), client).await?;
    tx.commit().await?;
    Ok(Opened { session, token, language: known.language })
}

fn choose(memberships: &[Membership], wanted: Option<TenantId>) -> Result<TenantId> {
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
) -> Result<(SessionId, String)> {
    let caller = tx.caller().clone();
    let now = caller.now();
    let id = SessionId::fresh(now);
    let cookie = if client == Client::Browser { Some(tokens::fresh()?) } else { None };
    let hash = cookie.as_deref().map(tokens::hash);
    let new =
        sql::NewSession { id, account, tenant, token_hash: hash.as_deref(), now, expires_at: now + ABSOLUTE_LIMIT };
    sql::insert_session(tx, new, caller.trace()).await?;
    let token = match cookie {
        Some(cookie) => cookie,
        None => refresh::first(tx, id, account).await?,
    };
    audit::record(tx, audit::Entry::done("session.opened", "Account", account.0)).await?;
    Ok((id, token))
}

pub(super) async fn refused(caller: &Caller, email: &str) -> Result<()> {
    tracing::info!(email = logging::mask_email(email), "sign-in refused");
    let mut tx = caller.becoming(Who::Nobody).begin().await?;
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
/// 401 when nobody is signed in, 422 when the tenant is none of theirs.
pub async fn change_tenant(caller: &Caller, wanted: TenantId) -> Result<Opened> {
    let person = caller.person()?.clone();
    let tenant = choose(&memberships(caller).await?, Some(wanted))?;
    let mut tx = caller.begin_as_account(person.account, Some(tenant)).await?;
    if !sql::end_session(&mut tx, person.session, caller.now()).await? {
        // A second click, or somebody has signed out meanwhile: no session may outlive that.
        return Err(Error::unauthenticated("AUTH_REQUIRED", "Sign in again."));
    }
    let (session, token) = insert(&mut tx, (person.account, tenant), Client::Browser).await?;
    tx.commit().await?;
    Ok(Opened { session, token, language: person.language })
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

/// Makes an account with a password: demo seeds, the first operator, tests. People come by invitation.
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
    let id = AccountId::fresh(caller.now());
    let mut tx = caller.begin_as_account(id, None).await?;
    insert_account(&mut tx, id, realm, (email, &hash, "fr")).await?;
    tx.commit().await?;
    Ok(id)
}

pub(super) async fn insert_account(
    tx: &mut Tx,
    id: AccountId,
    realm: &Realm,
    (email, password_hash, language): (&str, &str, &str),
) -> Result<()> {
    let now = tx.caller().now();
    let email = email.trim().to_lowercase();
    let new = sql::NewAccount { id: id.0, realm: realm.name, email: &email, password_hash, language, now };
    sql::insert_account(tx, new).await?;
    audit::record(tx, audit::Entry::done("account.created", "Account", id.0)).await
}

/// Forgets sessions that ended or expired over 90 days ago: the nightly job. Returns how many.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn forget_sessions(caller: &Caller) -> Result<i64> {
    sql::forget_sessions(caller.db(), caller.now() - chrono::TimeDelta::days(90)).await
}
