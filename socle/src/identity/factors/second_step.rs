//! The second step of a sign-in: a factor, after the password.
//!
//! Between the two there is no session but a challenge. It waits for nothing else, five wrong answers end it, and they are
//! counted although they are refused.

use serde_json::{Value, json};

use super::{Answer, Verdict, held, passkeys};
use crate::db::Caller;
use crate::identity::Realm;
use crate::identity::actions::Client;
use crate::identity::challenges;
use crate::identity::entry::{self, Found, Step, UnderWay, Waits};
use crate::security::{Event, Severity};
use crate::{App, Error, Result, audit, security};

/// A sign-in that waits for a second factor; of this kind of client: a browser's is not ended by a program.
async fn find(caller: &Caller, realm: &Realm, (secret, client): (&str, Client)) -> Result<Found> {
    let found = entry::find(caller, realm, secret, Waits::SecondFactor).await?;
    if found.under_way.client == client { Ok(found) } else { Err(entry::over()) }
}

/// What the account of a sign-in under way can answer with, and whether its device may be trusted from then on.
///
/// # Errors
/// 401 `AUTH_CHALLENGE` when the sign-in is over, or waits for something else.
pub async fn look(caller: &Caller, realm: &Realm, step: (&str, Client)) -> Result<(super::Held, bool)> {
    let Found { mut tx, account, under_way, .. } = find(caller, realm, step).await?;
    Ok((held(&mut tx, account).await?, under_way.may_trust))
}

/// Asks for a passkey's signature: the options of `navigator.credentials.get`.
///
/// # Errors
/// 401 `AUTH_CHALLENGE`, 409 `BIZ_NO_PASSKEY` when the account has none, 422 `BIZ_NO_PASSKEYS`.
pub async fn ask(app: &App, caller: &Caller, realm: &Realm, step: (&str, Client)) -> Result<Value> {
    let Found { mut tx, account, challenge, .. } = find(caller, realm, step).await?;
    let options = passkeys::ask(app, &mut tx, realm, (account, challenge.0)).await?;
    tx.commit().await?;
    Ok(options)
}

/// Answers. The right one goes on to the session, or to the choice when there are too many of them; `trust`: the person
/// wants this device trusted, which counts only where it may be.
///
/// # Errors
/// 401 `AUTH_FACTOR` when it does not fit, 401 `AUTH_CHALLENGE` when the sign-in is over, by this wrong answer or before;
/// 429 `AUTH_CODES_PAUSED` when codes of the app are not taken for a while.
pub async fn answer(
    app: &App,
    caller: &Caller,
    realm: &Realm,
    (step, answer): ((&str, Client), Answer),
    trust: bool,
) -> Result<Step> {
    let Found { mut tx, challenge, account, under_way } = find(caller, realm, step).await?;
    let now = caller.now();
    let refusal = match super::judge(app, &mut tx, realm, (account, answer, challenge.0)).await? {
        Verdict::Fits => {
            challenges::use_up(&mut tx, challenge).await?;
            let trust = trust && under_way.may_trust;
            let under_way = UnderWay { second_factor_at: Some(now), trust, ..under_way };
            return entry::admit(app, tx, realm, (account, under_way)).await;
        }
        Verdict::Paused(until) => super::paused(until, now),
        Verdict::Wrong => {
            challenges::count_wrong(&mut tx, challenge).await?;
            audit::record(&mut tx, audit::Entry::refused("session.refused", "Account", Some(account.0))).await?;
            match challenges::open(&mut tx, challenge).await? {
                Some(_) => super::wrong(),
                None => {
                    let event = Event::new("SECOND_FACTOR_EXHAUSTED", Severity::Medium, Some(account));
                    security::record(&mut tx, event.with(json!({ "wrong": challenges::ATTEMPTS }))).await?;
                    entry::over()
                }
            }
        }
    };
    tx.commit().await?;
    Err(refusal)
}

/// The error of a field of a form or body that answers nothing.
pub(super) fn nothing_answered() -> Error {
    let message = "Give the app's code, a recovery code or a passkey's signature.";
    Error::invalid(vec![crate::error::Detail::new("code", "REQUIRED", message)])
}
