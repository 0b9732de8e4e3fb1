//! What is wrong with a form about credentials, in words for people.

use http::StatusCode;

use super::passwords::policy::Fault;
use crate::error::Detail;
use crate::web::{FieldError, Page};
use crate::{Error, Result};

/// A form that is shown again.
pub(super) struct Refusal {
    pub(super) problems: Vec<FieldError>,
    status: StatusCode,
}

impl Refusal {
    /// An error that a form can say; what concerns no field of its details is said at `field`. Anything else stays an error.
    pub(super) fn of(page: &Page, error: Error, field: &'static str) -> Result<Self> {
        let problems: Vec<FieldError> = if error.details.is_empty() {
            let Some(key) = said(&error.code) else { return Err(error) };
            vec![FieldError { field: field.into(), message: page.t(key) }]
        } else {
            let problem = |fault: &Detail| FieldError { field: fault.field.clone(), message: page.t(key(fault)) };
            error.details.iter().map(problem).collect()
        };
        Ok(Self { problems, status: error.status })
    }

    /// What the form is answered with.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

/// The text of an error that a form says as a whole.
fn said(code: &str) -> Option<&'static str> {
    Some(match code {
        "AUTH_CODE" => "credentials-code-unfit",
        "AUTH_PASSWORD" => "password-current-wrong",
        "AUTH_PASSWORD_TRIES" => "password-tries",
        "AUTH_MESSAGES" => "credentials-messages",
        "BIZ_ACCOUNT_EXISTS" => "contact-email-taken",
        "BIZ_PHONE_TAKEN" => "contact-phone-taken",
        "BIZ_NO_SMS" => "contact-no-sms",
        _ => return None,
    })
}

/// The text of one faulty field.
fn key(fault: &Detail) -> &'static str {
    match (fault.field.as_ref(), fault.code.as_ref()) {
        ("email", "UNCHANGED") => "contact-email-same",
        ("email", _) => "credentials-email-error",
        ("phone", _) => "contact-phone-error",
        ("userName", _) => "contact-user-name-error",
        ("acceptTerms", _) => "register-terms-error",
        ("first_name" | "last_name", _) => "invitation-name-error",
        (_, code) => Fault::of(code).unwrap_or(Fault::Common).text(),
    }
}
