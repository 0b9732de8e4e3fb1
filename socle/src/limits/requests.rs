//! Requests that cost somebody something, right or wrong: mails and SMS that strangers could have sent to somebody.

use chrono::TimeDelta;
use serde_json::json;

use super::{sql, subject, too_many};
use crate::db::{Caller, Who};
use crate::security::{Event, Severity};
use crate::{App, Result, security};

/// The window of every kind.
const LASTS: TimeDelta = TimeDelta::hours(1);

/// A kind of request, counted per name and per address of the asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Costly {
    /// A mail for a forgotten password: 3 an hour per name (specs/companion/huntzen-care.md).
    ResetMail,
    /// A mail that verifies an address.
    VerificationMail,
    /// A code by SMS.
    Sms,
    /// A new account.
    Registration,
}

impl Costly {
    fn name(self) -> &'static str {
        match self {
            Self::ResetMail => "reset_mail",
            Self::VerificationMail => "verification_mail",
            Self::Sms => "sms",
            Self::Registration => "registration",
        }
    }

    /// An hour, of one name and from one address. Behind one address there may be a whole hospital.
    fn most(self) -> [i32; 2] {
        match self {
            Self::ResetMail | Self::VerificationMail | Self::Registration => [3, 60],
            Self::Sms => [5, 30],
        }
    }
}

/// Counts a request of the kind for a name: what was typed, or an account's id. The answer does not depend on whether the
/// name is anybody's.
///
/// # Errors
/// 429 with the time to wait.
pub async fn take(app: &App, caller: &Caller, what: Costly, name: &str) -> Result<()> {
    let network = subject::network(caller.trace().ip).to_string();
    let (kind, name) = (what.name(), name.trim().to_lowercase());
    let of_name = app.limits.hash(&["request", kind, caller.realm(), &name]);
    let keys = vec![of_name, app.limits.hash(&["requests", kind, &network])];
    let counters = sql::Counters { keys, most: what.most().to_vec(), lasts: LASTS };
    let taken = sql::take_requests(caller, &counters).await?;
    if taken.taken {
        return Ok(());
    }
    if taken.first {
        let mut tx = caller.becoming(Who::Nobody).begin().await?;
        let event = Event::new("RATE_LIMITED", Severity::Low, None).with(json!({ "group": kind }));
        security::record(&mut tx, event).await?;
        tx.commit().await?;
    }
    Err(too_many(taken.retry_at.unwrap_or(caller.now()), caller.now()))
}

/// Whether this is the first time within ten minutes: what is told once, and not for every request of a loop.
pub(super) async fn first_time(app: &App, caller: &Caller, parts: &[&str]) -> Result<bool> {
    let counters = sql::Counters { keys: vec![app.limits.hash(parts)], most: vec![1], lasts: TimeDelta::minutes(10) };
    Ok(sql::take_requests(caller, &counters).await?.taken)
}
