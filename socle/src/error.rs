//! The one error type, named by meaning, and its envelope (specs/axtech.md §3).

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::db::Due;

/// The code of [`Error::due`] for a password.
pub const PASSWORD_DUE: &str = "AUTH_PASSWORD_DUE";
/// The code of [`Error::due`] for a second factor.
pub const SECOND_FACTOR_DUE: &str = "AUTH_SECOND_FACTOR_DUE";
/// The code of [`Error::step_up`].
pub const STEP_UP: &str = "AUTH_STEP_UP";
/// The code of [`Error::keys_unavailable`].
pub const KEYS_UNAVAILABLE: &str = "SYS_KEYS_UNAVAILABLE";
/// The code of [`Error::erased`].
pub const ERASED: &str = "BIZ_ERASED";
/// The code of [`Error::network`].
pub const NETWORK: &str = "AUTHZ_NETWORK";

/// What every fallible function of the house returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal or failure with everything its answer needs. Build it with the functions named by meaning.
#[derive(Clone, Debug)]
pub struct Error {
    /// The HTTP status it answers with.
    pub status: StatusCode,
    /// Stable code with a prefix of specs/axtech.md §3.3, e.g. `VAL_FIELDS`.
    pub code: Cow<'static, str>,
    /// What happened and what to do next, in English, for API clients; pages translate by status.
    pub message: Cow<'static, str>,
    /// One entry per faulty field.
    pub details: Vec<Detail>,
    /// Seconds after which the same request may be sent again (429, 503).
    pub retry_after: Option<u32>,
    /// The cause, for the log only; never sent.
    pub cause: Option<String>,
}

/// The body of every error answer (specs/axtech.md §3.1).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Envelope {
    /// The error.
    pub error: Body,
}

/// What an error answer says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// Stable code, e.g. `VAL_FIELDS`.
    #[schema(value_type = String, example = "VAL_FIELDS")]
    pub code: Cow<'static, str>,
    /// What happened and what to do next.
    #[schema(value_type = String)]
    pub message: Cow<'static, str>,
    /// One entry per faulty field.
    pub details: Vec<Detail>,
    /// For support.
    pub request_id: String,
    /// When.
    pub timestamp: chrono::DateTime<chrono::Utc>,
}

/// One faulty field of a request.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Detail {
    /// The field's name as the client sent it.
    #[schema(value_type = String)]
    pub field: Cow<'static, str>,
    /// Stable code, e.g. `INVALID_FORMAT`.
    #[schema(value_type = String)]
    pub code: Cow<'static, str>,
    /// What is wrong and what is accepted.
    #[schema(value_type = String)]
    pub message: Cow<'static, str>,
}

impl Detail {
    /// A faulty field.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

impl Error {
    fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Vec::new(), retry_after: None, cause: None }
    }

    /// 400: the request cannot be read.
    pub fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VAL_MALFORMED", message)
    }

    /// 400: one or more fields are wrong.
    #[must_use]
    pub fn invalid(details: Vec<Detail>) -> Self {
        Self {
            details,
            ..Self::new(StatusCode::BAD_REQUEST, "VAL_FIELDS", "One or more fields are wrong; see details.")
        }
    }

    /// 401: nobody is signed in, or the credential is unknown.
    pub fn unauthenticated(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403: known, may see the thing, may not do this.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "AUTHZ_FORBIDDEN", "Your role does not allow this. Ask your administrator.")
    }

    /// 403: something must be done before anything else.
    #[must_use]
    pub fn due(due: Due) -> Self {
        let (code, message) = match due {
            Due::Password => (PASSWORD_DUE, "Choose a new password first: auth/password/change."),
            Due::SecondFactor => (SECOND_FACTOR_DUE, "Your role needs a second factor; set one up: auth/mfa/setup."),
        };
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 403: a sensitive change wants password or second factor once more.
    #[must_use]
    pub fn step_up() -> Self {
        Self::new(StatusCode::FORBIDDEN, STEP_UP, "Prove once more who you are, then do this again.")
    }

    /// 403: from this address nobody of the organisation, or not this person, is let in.
    #[must_use]
    pub fn network() -> Self {
        let message = "Your organisation lets you in from certain networks only. Ask your administrator.";
        Self::new(StatusCode::FORBIDDEN, NETWORK, message)
    }

    /// 404: there is no such thing for this caller; the same answer whether or not it exists for another.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BIZ_NOT_FOUND", "There is no such resource, or you may not see it.")
    }

    /// 409: it collides with the present state; `code` names how, e.g. `BIZ_DEVICE_BUSY`.
    pub fn conflict(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 413: the body is larger than this route accepts.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "VAL_TOO_LARGE", "The body is too large; send smaller batches.")
    }

    /// 422: understood, and a rule refuses it.
    pub fn unprocessable(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 429: this caller sends too much at once; nothing was taken.
    pub fn too_many(code: &'static str, message: &'static str, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// 503: this server cannot take it now; nothing was taken.
    #[must_use]
    pub fn unavailable(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "SYS_UNAVAILABLE",
                "The service is busy or its database cannot be reached. Nothing was stored; send it again.",
            )
        }
    }

    /// 503: the key service or the key store does not answer: what is sealed can be neither read nor written now.
    pub fn keys_unavailable(cause: impl Into<String>) -> Self {
        Self {
            code: KEYS_UNAVAILABLE.into(),
            message: "Protected data cannot be read or written now: its keys cannot be reached. Nothing was stored; \
                      send it again."
                .into(),
            cause: Some(cause.into()),
            ..Self::unavailable(5)
        }
    }

    /// 404: it was sealed with keys that have been destroyed; nobody can read it any more.
    #[must_use]
    pub fn erased() -> Self {
        Self {
            code: ERASED.into(),
            message: "This was erased: its keys have been destroyed, and nobody can read it any more.".into(),
            ..Self::not_found()
        }
    }

    /// 500: our fault. `cause` goes to the log, never to the client.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "SYS_INTERNAL",
                "Something went wrong on our side. Try again; if it persists, give the request id to support.",
            )
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.message)?;
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::not_found(),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self { cause: Some(error.to_string()), ..Self::unavailable(2) }
            }
            sqlx::Error::Database(db) if is_outage(db.code().as_deref()) => {
                Self { cause: Some(error.to_string()), ..Self::unavailable(2) }
            }
            // Class 22: a value that PostgreSQL cannot hold (a NUL character, a figure out of range).
            sqlx::Error::Database(db) if db.code().is_some_and(|code| code.starts_with("22")) => Self {
                cause: Some(error.to_string()),
                ..Self::malformed("A value cannot be stored: it holds a NUL character or is out of range.")
            },
            _ => Self::internal(error.to_string()),
        }
    }
}

/// Classes 57P (operator intervention), 53 (insufficient resources) and 08 (connection): the database, not the query. And
/// class 40: of two transactions in each other's way this one was undone as a whole, and may simply be sent again; jobs
/// are, a bounded number of times.
fn is_outage(code: Option<&str>) -> bool {
    code.is_some_and(|c| ["57P", "53", "08", "40"].iter().any(|class| c.starts_with(class)))
}

/// The name of the constraint a database error broke, for mapping to an error by meaning.
#[must_use]
pub fn broken_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|db| db.constraint())
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::internal(format!("template: {error}"))
    }
}

/// The answer carries the error in its extensions; the route's outer layer, which knows the request id, the time
/// and whether a page or an API was asked, writes the body.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
