//! The audit trail: one row in the transaction it speaks of. If it cannot be written, nothing is.

mod sql;

use serde_json::Value;
use uuid::Uuid;

use crate::db::{Tx, Who};
use crate::{Caller, Result, ids};

/// What happened. `details` holds only keys the caller chose one by one: never medical content, names or secrets.
#[derive(Clone, Debug)]
pub struct Entry {
    /// E.g. `treatment.started`.
    pub action: &'static str,
    /// E.g. `Treatment`.
    pub resource: &'static str,
    /// Its id, when there is one.
    pub id: Option<Uuid>,
    /// Whether it was done or refused.
    pub outcome: Outcome,
    /// A flat object.
    pub details: Value,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

impl Entry {
    /// Something done to a resource.
    #[must_use]
    pub fn done(action: &'static str, resource: &'static str, id: impl Into<Uuid>) -> Self {
        Self {
            action,
            resource,
            id: Some(id.into()),
            outcome: Outcome::Done,
            details: Value::Object(Default::default()),
        }
    }

    /// Something refused.
    #[must_use]
    pub fn refused(action: &'static str, resource: &'static str, id: Option<Uuid>) -> Self {
        Self { action, resource, id, outcome: Outcome::Refused, details: Value::Object(Default::default()) }
    }

    /// Adds chosen details.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

/// Writes the row, in the caller's transaction.
///
/// # Errors
/// When the row cannot be written: the whole change is then undone by the caller's `?`.
pub async fn record(tx: &mut Tx, entry: Entry) -> Result<()> {
    let caller = tx.caller().clone();
    sql::insert(tx, ids::fresh(caller.now()), &caller, entry).await
}

/// Actor kind and id as the table spells them.
fn actor(caller: &Caller) -> (&'static str, Option<Uuid>) {
    match caller.who() {
        Who::Nobody => ("nobody", None),
        Who::Person(person) => ("person", Some(person.account.0)),
        Who::Account(account, _) => ("person", Some(account.0)),
        Who::Device(machine) => ("device", Some(machine.device)),
        Who::System(_) | Who::Platform => ("system", None),
    }
}
