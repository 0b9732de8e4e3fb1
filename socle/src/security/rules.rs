//! What the watch looks for: rules as data. Each finding is noted once within its window.

use chrono::TimeDelta;

use super::Severity;

/// So many events of a type, of one account or from one address, within a window.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The type of the event that is written: `ANOMALY_…`.
    pub name: &'static str,
    /// The type of the events that are counted.
    pub of: &'static str,
    /// Counted are the different names tried from one address; otherwise the events of one account.
    pub by_address: bool,
    /// So many.
    pub threshold: i32,
    /// Within.
    pub window: TimeDelta,
    /// How grave a finding is.
    pub severity: Severity,
}

/// The rules.
pub const RULES: [Rule; 5] = [
    // Somebody guesses at one account, whatever the addresses.
    Rule {
        name: "ANOMALY_MANY_FAILURES",
        of: "LOGIN_FAILED",
        by_address: false,
        threshold: 15,
        window: TimeDelta::minutes(15),
        severity: Severity::Medium,
    },
    // Somebody tries a list of stolen pairs.
    Rule {
        name: "ANOMALY_CREDENTIAL_STUFFING",
        of: "LOGIN_FAILED",
        by_address: true,
        threshold: 10,
        window: TimeDelta::minutes(15),
        severity: Severity::High,
    },
    // The password is known already; the second factor is guessed at.
    Rule {
        name: "ANOMALY_SECOND_FACTOR",
        of: "SECOND_FACTOR_FAILED",
        by_address: false,
        threshold: 8,
        window: TimeDelta::minutes(30),
        severity: Severity::High,
    },
    // Two parties held tokens of one family.
    Rule {
        name: "ANOMALY_TOKEN_REUSE",
        of: "TOKEN_REUSED",
        by_address: false,
        threshold: 1,
        window: TimeDelta::hours(1),
        severity: Severity::High,
    },
    // Somebody looks for what is not theirs: each counted event stands for `watch::REFUSALS` answers of 403 or 404.
    Rule {
        name: "ANOMALY_MANY_REFUSALS",
        of: "MANY_REFUSALS",
        by_address: false,
        threshold: 2,
        window: TimeDelta::minutes(10),
        severity: Severity::Medium,
    },
];

/// The type of an impossible travel's event.
pub const TRAVEL: &str = "ANOMALY_IMPOSSIBLE_TRAVEL";
/// An account is noted for that once a day.
pub const TRAVEL_WINDOW: TimeDelta = TimeDelta::hours(24);

/// Every type that is written, for the operators' filter.
pub const TYPES: [&str; 17] = [
    "LOGIN_FAILED",
    "LOGIN_LOCKED",
    "LOGIN_FROM_NEW_DEVICE",
    "SECOND_FACTOR_FAILED",
    "CODE_FAILED",
    "TOKEN_REUSED",
    "RATE_LIMITED",
    "NETWORK_REFUSED",
    "MANY_REFUSALS",
    "TENANT_SUSPENDED",
    "TENANT_RESUMED",
    "ANOMALY_MANY_FAILURES",
    "ANOMALY_CREDENTIAL_STUFFING",
    "ANOMALY_SECOND_FACTOR",
    "ANOMALY_TOKEN_REUSE",
    "ANOMALY_MANY_REFUSALS",
    TRAVEL,
];
