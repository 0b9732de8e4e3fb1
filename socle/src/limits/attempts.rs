//! Passwords and codes: five wrong ones of a name from an address close that pair for fifteen minutes, a hundred from an
//! address close the address. A name that is tried from many addresses is slowed down, never closed: whoever owns it
//! still signs in from a known device, or from an address they have signed in from before (pitfalls, "lock a victim out").

use chrono::TimeDelta;
use serde_json::json;

use super::{sql, subject, too_many};
use crate::db::{Caller, Who};
use crate::ids::AccountId;
use crate::security::{Event, Severity};
use crate::{App, Error, Result, security, tokens};

/// Wrong passwords of a name from wherever, within an hour, before each further one makes the next wait: a second,
/// doubled each time, up to five minutes.
const FREE_PER_NAME: i32 = 20;

/// What is guessed at. Each kind is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// A password, at sign-in or when it is asked for again.
    Password,
    /// A second factor.
    SecondFactor,
    /// A code that came by mail or SMS.
    Code,
}

impl Guarded {
    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Code => "code",
        }
    }

    fn failure(self) -> &'static str {
        match self {
            Self::Password => "LOGIN_FAILED",
            Self::SecondFactor => "SECOND_FACTOR_FAILED",
            Self::Code => "CODE_FAILED",
        }
    }
}

/// Who tries.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    /// What was typed as the name, whether an account has it or not; where the account is known, its id as text.
    pub name: &'a str,
    /// The account, when there is one.
    pub account: Option<AccountId>,
    /// The cookie of a known device.
    pub device: Option<&'a str>,
}

/// An attempt that was let through. Say how it ended; one that is never heard of again (the client went away before its
/// answer) is not counted after half a minute.
#[must_use = "say whether it failed or fitted"]
pub struct Attempt {
    caller: Caller,
    guarded: Guarded,
    account: Option<AccountId>,
    counters: sql::Counters,
    counted: Vec<u8>,
    /// The same for the same name, and nothing else: the watch counts different names of an address.
    pseudonym: String,
}

impl Attempt {
    /// Asks whether this may be tried now: one round trip, before anything is hashed. The answer does not depend on
    /// whether the account exists.
    ///
    /// # Errors
    /// 429 with the time to wait; 503 when as many are under way as may still fail.
    pub async fn begin(app: &App, caller: &Caller, guarded: Guarded, of: Try<'_>) -> Result<Self> {
        let (rules, kind, realm) = (&app.config.limits, guarded.name(), caller.realm());
        let network = subject::network(caller.trace().ip).to_string();
        let name = of.name.trim().to_lowercase();
        let device = of.device.map(tokens::hash);
        let hash = |parts: &[&str]| app.limits.hash(parts);
        let by_name = hash(&["name", kind, realm, &name]);
        let counters = sql::Counters {
            keys: vec![
                hash(&["pair", kind, realm, &network, &name]),
                hash(&["device", kind, realm, of.device.unwrap_or_default(), &name]),
                hash(&["address", &network]),
                by_name.clone(),
            ],
            most: vec![rules.failures.into(), rules.failures_per_address.into(), FREE_PER_NAME],
            lasts: TimeDelta::minutes(rules.failure_minutes.into()),
        };
        let asker = sql::Asker { account: of.account, device: device.as_deref(), network: &network };
        let verdict = sql::begin_attempt(caller, &counters, asker).await?;
        match verdict.verdict.as_str() {
            "go" => {}
            "busy" => return Err(Error::unavailable(1)),
            _ => return Err(too_many(verdict.retry_at.unwrap_or(caller.now()), caller.now())),
        }
        let pseudonym = by_name.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let (caller, account, counted) = (caller.becoming(Who::Nobody), of.account, verdict.counted);
        Ok(Self { caller, guarded, account, counters, counted, pseudonym })
    }

    /// It was wrong: counted, and the security event written, whatever becomes of the request.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn failed(self) -> Result<()> {
        let closed = sql::attempt_failed(&self.caller, &self.counted, &self.counters).await?;
        let mut tx = self.caller.begin().await?;
        let event = |kind, severity| Event::new(kind, severity, self.account);
        let failed = event(self.guarded.failure(), Severity::Low).with(json!({ "name": self.pseudonym }));
        security::record(&mut tx, failed).await?;
        if let Some(closed) = closed {
            let details = json!({ "name": self.pseudonym, "guarded": self.guarded.name(), "closed": closed });
            security::record(&mut tx, event("LOGIN_LOCKED", Severity::Medium).with(details)).await?;
        }
        tx.commit().await
    }

    /// It was right: the failures of this pair are forgotten.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn fitted(self) -> Result<()> {
        sql::attempt_ended(&self.caller, &self.counted, true).await
    }

    /// Nobody looked at it: the queue was full, the database gone.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn withdrawn(self) -> Result<()> {
        sql::attempt_ended(&self.caller, &self.counted, false).await
    }
}
