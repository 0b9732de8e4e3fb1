//! Sign in, sign out, stay signed in.

use secrecy::SecretString;

use super::{ABSOLUTE_LIMIT, Passwords, Realm, sql};
use crate::db::{Caller, Who};
use crate::ids::{AccountId, SessionId};
use crate::{Result, audit, logging, tokens};

/// A session just opened: the cookie's value, shown to the browser once.
pub struct Opened {
    /// The opaque cookie value.
    pub token: String,
    /// The account's language.
    pub language: String,
}

/// Checks address and password and opens a session. `None` when they do not fit; an unknown address, a wrong
/// password and a suspended account are not told apart, in answer or in time.
///
/// # Errors
/// 503 when too many sign-ins wait, or the database cannot be reached.
pub async fn sign_in(
    caller: &Caller,
    passwords: &Passwords,
    realm: &Realm,
    email: &str,
    password: SecretString,
) -> Result<Option<Opened>> {
    let found = sql::by_email(caller.db(), realm.name, email.trim()).await?;
    let stored = found.as_ref().and_then(|f| f.password_hash.clone());
    let fits = passwords.verify(password, stored).await?;
    let Some(found) = found.filter(|f| fits && f.active) else {
        refused(caller, email).await?;
        return Ok(None);
    };
    let now = caller.now();
    let token = tokens::fresh()?;
    let id = SessionId::fresh(now);
    let mut tx = caller.begin_as_account(found.account).await?;
    let session = sql::NewSession {
        id,
        account: found.account,
        token_hash: &tokens::hash(&token),
        now,
        expires_at: now + ABSOLUTE_LIMIT,
    };
    sql::insert_session(&mut tx, session, caller.trace()).await?;
    audit::record(&mut tx, audit::Entry::done("session.opened", "Account", found.account.0)).await?;
    tx.commit().await?;
    Ok(Some(Opened { token, language: found.language }))
}

async fn refused(caller: &Caller, email: &str) -> Result<()> {
    tracing::info!(email = logging::mask_email(email), "sign-in refused");
    let mut tx = caller.becoming(Who::Nobody).begin().await?;
    audit::record(&mut tx, audit::Entry::refused("session.refused", "Account", None)).await?;
    tx.commit().await
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

/// Makes an account with a password: demo seeds and tests now, invitations later.
///
/// # Errors
/// When the address is taken, or too many hashes are waiting.
pub async fn create_account(
    caller: &Caller,
    passwords: &Passwords,
    realm: &Realm,
    email: &str,
    password: SecretString,
) -> Result<AccountId> {
    let password_hash = passwords.hash(password).await?;
    let now = caller.now();
    let id = AccountId::fresh(now);
    let mut tx = caller.begin_as_account(id).await?;
    let new = sql::NewAccount {
        id: id.0,
        realm: realm.name,
        email: &email.trim().to_lowercase(),
        password_hash: &password_hash,
        language: "fr",
        now,
    };
    sql::insert_account(&mut tx, new).await?;
    audit::record(&mut tx, audit::Entry::done("account.created", "Account", id.0)).await?;
    tx.commit().await?;
    Ok(id)
}
