//! How often, and from where: limits of passwords and codes, of requests, of API calls; networks that members are let in
//! from; suspended tenants. Counted in PostgreSQL under keyed hashes, so that it holds over every server.
//!
//! A password or code: [`Attempt::begin`] before it is looked at, then [`Attempt::failed`], [`Attempt::fitted`] or
//! [`Attempt::withdrawn`]. A request that costs somebody something (a mail, an SMS): [`take`]. Calls of the API are
//! counted by the gate; a route declares its [`Group`].

mod attempts;
mod calls;
pub mod networks;
mod requests;
mod sql;
mod subject;
pub mod tenants;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};

pub use attempts::{Attempt, Guarded, Try};
pub(crate) use calls::{Counted, count};
pub use calls::{Group, Standing};
pub use requests::{Costly, take};

use crate::db::Db;
use crate::{Error, Result};

/// The code of a refused attempt.
pub const TOO_MANY_ATTEMPTS: &str = "AUTH_TOO_MANY_ATTEMPTS";

/// What limits need of a server: the key of their hashes and the calls it has reserved. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    key: Arc<hmac::Key>,
    ledger: calls::Ledger,
}

impl Limits {
    /// Over a secret that all server processes share.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)), ledger: calls::Ledger::default() }
    }

    /// A counter's key: nobody who reads the table learns an address or a name from it.
    fn hash(&self, parts: &[&str]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // With their lengths, so that no two lists of parts are the same bytes.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }
}

/// 429 until an instant, in words of minutes.
fn too_many(until: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let seconds = seconds_until(until, now);
    let message = format!("Too many attempts; try again in {} min.", seconds.div_ceil(60));
    Error { message: message.into(), ..Error::too_many(TOO_MANY_ATTEMPTS, "", seconds) }
}

/// Whole seconds, at least one.
fn seconds_until(until: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    let milliseconds = u64::try_from((until - now).num_milliseconds()).unwrap_or_default();
    u32::try_from(milliseconds.div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// For the page of a refused attempt: in how many minutes to try again.
#[must_use]
pub fn minutes(error: &Error) -> Option<u32> {
    let refused = error.status == http::StatusCode::TOO_MANY_REQUESTS;
    error.retry_after.filter(|_| refused).map(|seconds| seconds.div_ceil(60))
}

/// Deletes counters whose window is over: each minute. Returns how many.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn forget(db: &Db, now: DateTime<Utc>) -> Result<i64> {
    sql::forget(db, now).await
}
