//! Security events: what a security officer looks at (specs/huntzen-care.md, table `security_events`).

mod sql;

use serde_json::Value;

use crate::Result;
use crate::db::Tx;
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
