//! The audit trail: one row in the transaction it speaks of. If it cannot be written, nothing is.
//!
//! A change, a sensitive read, a refusal or an export leaves one row ([`record`]). Within a second a sealer ([`keep`])
//! chains the rows of each tenant by hashes ([`chain`]), and every few minutes head and count of every chain are signed
//! and kept outside the database ([`anchors`]). [`verify`] computes all of it anew. Old months leave by [`drop_before`].
//! People search the trail on [`pages`], programs read it in the words of their product's specification ([`shapes`]).

mod anchors;
mod api;
mod chain;
mod entry;
mod keeper;
mod pages;
mod refusals;
mod retention;
mod search;
pub mod shapes;
mod sql;
pub mod verify;

use crate::db::{Tx, Who};
use crate::{Caller, Result, ids};

pub use anchors::{Anchors, PublicKey, Trail};
pub use api::Document;
pub use entry::{Entry, EventType, Key, Outcome};
pub use keeper::keep;
pub use pages::routes;
pub(crate) use refusals::note as note_refusal;
pub use retention::{ACCESS_MONTHS, access_kept_since, drop_before};
pub use search::Row;
pub use shapes::Shape;

/// Writes the row, in the caller's transaction.
///
/// # Errors
/// When the row cannot be written: the whole change is then undone by the caller's `?`.
pub async fn record(tx: &mut Tx, entry: Entry) -> Result<()> {
    let caller = tx.caller().clone();
    sql::insert(tx, ids::fresh(caller.now()), &caller, entry).await
}

/// Actor kind and id as the table spells them.
fn actor(caller: &Caller) -> (&'static str, Option<uuid::Uuid>) {
    match caller.who() {
        Who::Nobody => ("nobody", None),
        Who::Person(person) => ("person", Some(person.account.0)),
        Who::Account(account, _) => ("person", Some(account.0)),
        Who::Device(machine) => ("device", Some(machine.device)),
        Who::System(_) | Who::Platform => ("system", None),
    }
}
