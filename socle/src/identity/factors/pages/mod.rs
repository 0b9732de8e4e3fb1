//! The pages of second factors: one's own, the second step of a sign-in, proving once more. The same for every product.

mod account;
mod second_step;
mod step_up;

use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::passkeys::Signature;
use super::{Answer, Held};
use crate::web::{FieldError, Page, Product, Routes};
use crate::{Error, Result};

/// Adds the pages of second factors to a product.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    step_up::routes(second_step::routes(account::routes(routes)))
}

/// The forms that ask for a factor: one for each kind that the account has.
struct Asked {
    app: bool,
    passkey: bool,
    /// The person may have this device trusted: no factor is asked for on it for a while.
    may_trust: bool,
    problems: Vec<FieldError>,
}

impl Asked {
    fn new(held: &Held, problems: Vec<FieldError>) -> Self {
        let (app, passkey) = (held.app_since.is_some(), !held.passkeys.is_empty());
        Self { app, passkey, may_trust: false, problems }
    }

    fn problem(&self, field: &str) -> Option<&str> {
        crate::web::problem(&self.problems, field)
    }
}

/// What such a form sends.
#[derive(Default, Deserialize)]
struct Given {
    #[serde(default)]
    code: String,
    #[serde(default)]
    recovery_code: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    trust: String,
    #[serde(default)]
    next: String,
}

impl Given {
    /// The field that was filled, for what is wrong with it.
    fn field(&self) -> &'static str {
        match (self.recovery_code.trim().is_empty(), self.credential.is_empty()) {
            (false, _) => "recovery_code",
            (true, false) => "credential",
            (true, true) => "code",
        }
    }

    fn answer(self) -> Result<Answer> {
        match self.field() {
            "recovery_code" => Ok(Answer::Recovery(self.recovery_code)),
            "credential" => signature(&self.credential).map(|signature| Answer::Passkey(Box::new(signature))),
            _ if self.code.trim().is_empty() => Err(super::second_step::nothing_answered()),
            _ => Ok(Answer::App(self.code)),
        }
    }
}

fn signature(json: &str) -> Result<Signature> {
    serde_json::from_str(json).map_err(|_| Error::malformed("The credential is no passkey's signature."))
}

/// What to say at the field of an answer that was refused; `None` when the refusal is about something else.
fn problem_of(page: &Page, field: &'static str, error: &Error) -> Option<FieldError> {
    let key = match &*error.code {
        "VAL_FIELDS" => "factors-answer-missing",
        "AUTH_CODES_PAUSED" => "factors-codes-paused",
        "AUTH_PASSWORD" => "factors-password-wrong",
        "AUTH_FACTOR" if field == "credential" => "factors-passkey-wrong",
        "AUTH_FACTOR" if field == "recovery_code" => "factors-recovery-wrong",
        "AUTH_FACTOR" => "factors-code-wrong",
        _ => return None,
    };
    Some(FieldError { field: field.into(), message: page.t(key) })
}

/// A refused form again, with the status of its refusal.
fn again(error: &Error, template: &impl askama::Template) -> Result<Response> {
    Ok((error.status, crate::web::html(template)?).into_response())
}
