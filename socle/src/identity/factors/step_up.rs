//! Proving once more who one is, before a sensitive change: password or second factor, and a new session id.
//!
//! The page asks an account with a second factor for that; a program may send the password too, but what wants the factor
//! itself is then still refused. A session has five answers; the fifth wrong one ends it.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Answer, Verdict, changes, passkeys, sql};
use crate::db::{Caller, Tx};
use crate::identity::actions::{Client, Opened};
use crate::identity::{self, Realm};
use crate::security::{Event, Severity};
use crate::{App, Error, Result, audit, security};

/// Answers that a session has.
const MOST: i32 = 5;

/// Asks for a passkey's signature: the options of `navigator.credentials.get`.
///
/// # Errors
/// 409 `BIZ_NO_PASSKEY` when the account has none, 422 `BIZ_NO_PASSKEYS`.
pub async fn ask(app: &App, caller: &Caller, realm: &Realm) -> Result<Value> {
    let person = caller.person()?;
    let mut tx = caller.begin().await?;
    let options = passkeys::ask(app, &mut tx, realm, (person.account, person.session.0)).await?;
    tx.commit().await?;
    Ok(options)
}

/// Proves it by the password. The session goes on under a new id.
///
/// # Errors
/// 401 `AUTH_PASSWORD` when it does not fit, 401 `AUTH_REQUIRED` when the session has ended, by this wrong answer or
/// before; 503 when too many hashes are waiting.
pub async fn by_password(
    app: &App,
    caller: &Caller,
    realm: &Realm,
    password: SecretString,
) -> Result<(Opened, Client)> {
    let person = caller.person()?;
    let mut tx = caller.begin().await?;
    // Taken before the password is looked at: of many at once no more than these are.
    let answers = sql::take_answer(&mut tx, person.session, MOST).await?.ok_or_else(ended)?;
    tx.commit().await?;
    let found = identity::sql::by_email(caller.db(), realm.name, &person.email).await?;
    let stored = found.filter(|found| found.account == person.account).and_then(|found| found.password_hash);
    let fits = app.passwords.verify(password, stored).await?;
    let tx = caller.begin().await?;
    if !fits {
        return Err(refuse(tx, (answers, "password")).await?);
    }
    finish(tx, false).await
}

/// Proves it by a second factor. The session goes on under a new id.
///
/// # Errors
/// 401 `AUTH_FACTOR` when it does not fit, 401 `AUTH_REQUIRED` when the session has ended, by this wrong answer or before;
/// 429 `AUTH_CODES_PAUSED` when codes of the app are not taken for a while.
pub async fn by_factor(app: &App, caller: &Caller, realm: &Realm, answer: Answer) -> Result<(Opened, Client)> {
    let person = caller.person()?;
    let mut tx = caller.begin().await?;
    identity::sql::lock_account(&mut tx, person.account).await?;
    let answers = sql::take_answer(&mut tx, person.session, MOST).await?.ok_or_else(ended)?;
    match super::judge(app, &mut tx, realm, (person.account, answer, person.session.0)).await? {
        Verdict::Fits => finish(tx, true).await,
        // Nothing was looked at: undone with the transaction, the answer was none.
        Verdict::Paused(until) => Err(super::paused(until, caller.now())),
        Verdict::Wrong => Err(refuse(tx, (answers, "factor")).await?),
    }
}

async fn finish(mut tx: Tx, factor: bool) -> Result<(Opened, Client)> {
    let caller = tx.caller().clone();
    let person = caller.person()?;
    let renewed = changes::renewed(&mut tx, person, (false, factor)).await?;
    let by = if factor { "factor" } else { "password" };
    let entry = audit::Entry::done("session.proved", "Session", person.session.0).with(json!({ "by": by }));
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(renewed)
}

/// Writes what was refused, and commits it; the last answer ends the session.
async fn refuse(mut tx: Tx, (answers, by): (i32, &'static str)) -> Result<Error> {
    let caller = tx.caller().clone();
    let person = caller.person()?;
    let entry = audit::Entry::refused("session.proved", "Session", Some(person.session.0)).with(json!({ "by": by }));
    audit::record(&mut tx, entry).await?;
    let last = answers >= MOST;
    if last {
        identity::sql::end_session(&mut tx, person.session, caller.now()).await?;
    }
    let severity = if last { Severity::High } else { Severity::Low };
    let event = Event::new("STEP_UP_FAILED", severity, Some(person.account));
    security::record(&mut tx, event.with(json!({ "by": by, "ended": last }))).await?;
    tx.commit().await?;
    Ok(match (last, by) {
        (true, _) => ended(),
        (false, "password") => Error::unauthenticated("AUTH_PASSWORD", "The password does not fit."),
        (false, _) => super::wrong(),
    })
}

fn ended() -> Error {
    Error::unauthenticated("AUTH_REQUIRED", "The session has ended after too many wrong answers. Sign in again.")
}
