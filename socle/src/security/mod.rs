//! Security events: what a security officer looks at (specs/huntzen-care.md, table `security_events`). They are written
//! where they happen; each minute the [`watch`] looks for what only shows in many of them, and operators read them at
//! `/platform/security`.

pub mod geo;
pub mod rules;
mod sql;
pub mod travel;
pub mod watch;

use serde_json::Value;

pub use sql::{Counts, Filter, Found};
pub use watch::Watch;

use crate::Result;
use crate::db::{Db, Tx};
use crate::ids::AccountId;

/// How grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// One wrong password.
    Low,
    /// Many.
    Medium,
    /// A stolen token, a removed factor.
    High,
    /// Somebody should be woken up.
    Critical,
}

impl Severity {
    /// All, gravest first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// E.g. `LOGIN_FAILED`.
    pub kind: &'static str,
    /// How grave.
    pub severity: Severity,
    /// Whose account, when one is known.
    pub account: Option<AccountId>,
    /// Keys chosen one by one: never an address, a secret or a health word.
    pub details: Value,
}

impl Event {
    /// An event about an account, or about none.
    #[must_use]
    pub fn new(kind: &'static str, severity: Severity, account: Option<AccountId>) -> Self {
        Self { kind, severity, account, details: Value::Object(Default::default()) }
    }

    /// Adds chosen details.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

/// Writes an event, in the caller's transaction: commit it although the request is then refused.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn record(tx: &mut Tx, event: Event) -> Result<()> {
    sql::insert(tx, event).await
}

/// Rows of a page of events.
pub const ROWS: i32 = 50;

/// A page of events of every realm, newest first, and how many there are of each severity. For operators.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn find(db: &Db, filter: &Filter, page: i32) -> Result<(Vec<Found>, Counts)> {
    let counts = sql::count(db, filter).await?;
    let beyond = page.saturating_sub(1).max(0).saturating_mul(ROWS);
    Ok((sql::find(db, filter, (ROWS, beyond)).await?, counts))
}
