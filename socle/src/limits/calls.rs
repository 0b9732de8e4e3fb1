//! Calls of the API (specs/axtech.md §9.3, specs/huntzen-care.md §5, as DESIGN §8 decides them): of one account's
//! programs, not of people's pages. A window is a whole minute of the clock. Each server reserves a few calls of a window
//! at a time from the row that all share, and hands them out from memory: what it has not handed out when the window is
//! over is lost, and the sum over all servers is never more than the limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use chrono::{DateTime, Utc};
use http::HeaderValue;
use ipnet::IpNet;
use serde_json::json;

use super::{seconds_until, sql, subject};
use crate::config;
use crate::db::Caller;
use crate::ids::AccountId;
use crate::security::{Event, Severity};
use crate::{App, Error, Result, security};

/// Most calls that a server reserves at once.
const AT_ONCE: u32 = 10;
/// Accounts remembered at most; beyond it those of earlier windows are forgotten.
const MOST: usize = 20_000;

/// What a route's calls count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Calls of programs, by bearer token or token cookie; pages and cookie sessions are not counted.
    General,
    /// Uploads, whoever sends them.
    Upload,
    /// Billing operations, whoever asks for them.
    Billing,
    /// Open doors of the API, per address. (A sign-in counts failures instead.)
    Auth,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Upload => "upload",
            Self::Billing => "billing",
            Self::Auth => "auth",
        }
    }

    fn most(self, limits: &config::Limits) -> u32 {
        let most = match self {
            Self::General => limits.calls,
            Self::Upload => limits.uploads,
            Self::Billing => limits.billing,
            Self::Auth => limits.auth_per_address,
        };
        most.into()
    }
}

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Account(AccountId),
    Network(IpNet),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Network(network) => network.fmt(f),
        }
    }
}

/// How a caller stands in a window, for the headers of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Calls of a window.
    pub limit: u32,
    /// What this server knows to be left of them.
    pub remaining: u32,
    /// When the next window begins, in seconds since 1970.
    pub reset: i64,
}

/// What a server holds of one window of one subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    window: i64,
    /// Reserved here and not handed out yet.
    left: u32,
    /// Reserved by all servers, as last heard.
    used: u32,
    /// Somebody has been refused in this window.
    told: bool,
}

/// What a bucket says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is handed out; so many are left.
    Taken(u32),
    /// So many are to be reserved first.
    Reserve(u32),
    /// None is left; whether this is the first refusal of the window.
    Refused(bool),
}

impl Bucket {
    pub(super) fn ask(&mut self, window: i64, most: u32) -> Next {
        if self.window != window {
            *self = Self { window, ..Self::default() };
        }
        let free = most.saturating_sub(self.used);
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return Next::Taken(free + left);
        }
        if free == 0 {
            return Next::Refused(!std::mem::replace(&mut self.told, true));
        }
        // Fewer towards the end: what one server holds, another misses.
        Next::Reserve((free / 4).clamp(1, AT_ONCE))
    }

    pub(super) fn granted(&mut self, window: i64, (granted, used): (u32, u32)) {
        if self.window == window {
            self.left += granted;
            self.used = self.used.max(used);
        }
    }
}

/// The buckets of a server. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<HashMap<(Group, Subject), Bucket>>>);

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Group, Subject), Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, key: (Group, Subject), window: i64, most: u32) -> Next {
        let mut buckets = self.lock();
        if buckets.len() >= MOST && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| bucket.window == window);
        }
        buckets.entry(key).or_default().ask(window, most)
    }

    fn granted(&self, key: (Group, Subject), window: i64, granted: (u32, u32)) {
        if let Some(bucket) = self.lock().get_mut(&key) {
            bucket.granted(window, granted);
        }
    }
}

/// What became of a call.
pub(crate) enum Counted {
    /// It is none that is counted.
    Free,
    /// It was counted.
    Within(Standing),
    /// It was one too many.
    Beyond(Standing, Error),
}

/// Counts a call of a route. `by_token`: the person's program speaks, not their browser.
///
/// # Errors
/// 503 when calls were to be reserved and the database cannot be reached.
pub(crate) async fn count(app: &App, caller: &Caller, group: Group, by_token: bool) -> Result<Counted> {
    let subject = match (group, caller.person()) {
        (Group::Auth, _) => Subject::Network(subject::network(caller.trace().ip)),
        (Group::General, Ok(_)) if !by_token => return Ok(Counted::Free),
        (_, Ok(person)) => Subject::Account(person.account),
        (_, Err(_)) => return Ok(Counted::Free),
    };
    let (limits, now) = (&app.config.limits, caller.now());
    let (most, length) = (group.most(limits), i64::from(limits.window_seconds).max(1));
    let window = now.timestamp().div_euclid(length);
    let reset = (window + 1) * length;
    let standing = |remaining| Standing { limit: most, remaining, reset };
    let ends = DateTime::from_timestamp(reset, 0).unwrap_or(now);
    loop {
        match app.limits.ledger.ask((group, subject), window, most) {
            Next::Taken(remaining) => return Ok(Counted::Within(standing(remaining))),
            Next::Reserve(wanted) => {
                let parts = ["calls", group.name(), caller.realm(), &subject.to_string(), &window.to_string()];
                let key = app.limits.hash(&parts);
                let granted = sql::reserve_calls(caller, &key, (wanted, most), ends).await?;
                app.limits.ledger.granted((group, subject), window, granted);
            }
            Next::Refused(first) => {
                if first {
                    tell(caller, group).await?;
                }
                return Ok(Counted::Beyond(standing(0), refused(ends, now)));
            }
        }
    }
}

fn refused(ends: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let message = "Too many calls in this window; X-RateLimit-Reset and Retry-After say when the next one begins.";
    Error::too_many("RATE_LIMITED", message, seconds_until(ends, now))
}

async fn tell(caller: &Caller, group: Group) -> Result<()> {
    let mut tx = caller.begin().await?;
    let account = caller.person().ok().map(|person| person.account);
    let event = Event::new("RATE_LIMITED", Severity::Low, account).with(json!({ "group": group.name() }));
    security::record(&mut tx, event).await?;
    tx.commit().await
}

impl Standing {
    /// Writes `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    pub(crate) fn write(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset));
    }
}
