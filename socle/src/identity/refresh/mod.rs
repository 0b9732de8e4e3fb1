//! Refresh tokens: each is used once and followed by its successor, for as long as the client comes back within 7 days.
//!
//! The successor is derived from the token with a key of the server, so that it can be given again: when several tabs
//! refresh at once, or an answer was lost, the successor has not been used yet and is issued again. When it has been
//! used, two parties hold tokens of one family: the session is ended, and that is committed although the call fails.

mod sql;

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{ABSOLUTE_LIMIT, Realm, sql as sessions};
use crate::db::{Caller, Tx};
use crate::ids::{AccountId, SessionId};
use crate::security::{Event, Severity};
use crate::{Error, Result, audit, security, tokens};

/// Derives successors. Cheap to clone.
#[derive(Clone)]
pub struct Successors(Arc<hmac::Key>);

impl Successors {
    /// Over a secret that all server processes share.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    fn of(&self, token: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, token.as_bytes()))
    }
}

/// A session whose refresh token was taken, with the next one.
pub struct Refreshed {
    /// The session.
    pub session: SessionId,
    /// The next refresh token.
    pub token: String,
}

/// The first token of a session.
pub(super) async fn first(tx: &mut Tx, session: SessionId, account: AccountId) -> Result<String> {
    let token = tokens::fresh()?;
    insert(tx, (session, account), &token).await?;
    Ok(token)
}

async fn insert(tx: &mut Tx, (session, account): (SessionId, AccountId), token: &str) -> Result<()> {
    let now = tx.caller().now();
    let new =
        sql::NewRefreshToken { hash: &tokens::hash(token), session, account, now, expires_at: now + ABSOLUTE_LIMIT };
    sql::insert_refresh_token(tx, new).await
}

/// Takes a refresh token.
///
/// # Errors
/// 401 `AUTH_REFRESH` when it is unknown or over, 401 `AUTH_REFRESH_REUSED` when it was used before and its successor
/// too: the session has then ended.
pub async fn take(caller: &Caller, realm: &Realm, successors: &Successors, token: &str) -> Result<Refreshed> {
    let hash = tokens::hash(token);
    let found = sql::session_of_refresh_token(caller.db(), realm.name, &hash).await?.ok_or_else(unknown)?;
    let (session, account) = found;
    let mut tx = caller.begin_as_account(account, None).await?;
    let now = caller.now();
    let next = successors.of(token);
    if sql::use_refresh_token(&mut tx, &hash, now).await? {
        if !sessions::prolong_session(&mut tx, session, (now, now + ABSOLUTE_LIMIT)).await? {
            return Err(unknown());
        }
        insert(&mut tx, found, &next).await?;
        tx.commit().await?;
        return Ok(Refreshed { session, token: next });
    }
    match sql::refresh_token_used(&mut tx, &tokens::hash(&next)).await? {
        Some(false) if sessions::session_lives(&mut tx, session, now).await? => Ok(Refreshed { session, token: next }),
        Some(true) => {
            sessions::end_session(&mut tx, session, now).await?;
            audit::record(&mut tx, audit::Entry::refused("session.refresh_reused", "Session", Some(session.0))).await?;
            let reused = Event::new("TOKEN_REUSED", Severity::High, Some(account));
            security::record(&mut tx, reused.with(json!({ "session": session }))).await?;
            tx.commit().await?;
            let message = "This refresh token was used before; the session has been ended. Sign in again.";
            Err(Error::unauthenticated("AUTH_REFRESH_REUSED", message))
        }
        Some(false) | None => Err(unknown()),
    }
}

fn unknown() -> Error {
    Error::unauthenticated("AUTH_REFRESH", "The refresh token is unknown or over. Sign in again.")
}
