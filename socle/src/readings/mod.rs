//! Telemetry ingest: acknowledged means durable.
//!
//! What all devices send is gathered by a few *lanes* (one connection each, devices spread over them). A lane takes
//! everything that waits, commits it with one COPY per partition, and only then are the requests answered, item by
//! item. While a commit is under way the next batch gathers, so batches grow with the load and nobody waits for a
//! timer.

mod copy;
mod lane;
mod sql;
mod writer;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use copy::CopyRow;
pub use writer::{Limits, Writer, Written};

/// The identity of a reading: device, device time, sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The device.
    pub device: Uuid,
    /// Its clock.
    pub at: DateTime<Utc>,
    /// Its counter, 0 when it has none.
    pub sequence: i64,
}

/// A telemetry table: where readings of a type go.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Columns in the order in which [`Reading::encode`] writes them.
    pub columns: &'static str,
    /// How many they are.
    pub count: i16,
    /// SQL over `stored` and `incoming`: whether a reading with the same identity carries the same value.
    pub same_value: &'static str,
    /// The sequence that numbers readings. It goes up by 16 blocks: one for each slot (`crate::peers::Slot`), so that the
    /// numbers of one device and slot only ever grow.
    pub sequence: &'static str,
    /// How many numbers a block has.
    pub block: i64,
}

/// A reading of a product.
pub trait Reading: Send + Sync + 'static {
    /// Where readings of this type go.
    const TABLE: Table;
    /// A partition; printed, it is the schema-qualified name.
    type Leaf: Copy + Ord + std::fmt::Display + Send + Sync;
    /// Its identity.
    fn key(&self) -> Key;
    /// The partition it belongs to.
    fn leaf(&self) -> Self::Leaf;
    /// Whether it carries the same value as another with the same identity.
    fn same_value(&self, other: &Self) -> bool;
    /// Takes its number.
    fn numbered(&mut self, id: i64);
    /// Its columns by name, for flushes of a few rows.
    fn columns(&self) -> serde_json::Value;
    /// Writes its columns in order.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn encode(&self, row: &mut CopyRow<'_>) -> crate::Result<()>;
}

/// What became of one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the database.
    Stored,
    /// The same reading was there already.
    Duplicate,
    /// It was refused; a stable code says why.
    Rejected(&'static str),
}

/// Gets every reading that was committed, after its request was answered: alarms, live pages, counters.
pub trait Sink<R>: Send + Sync + 'static {
    /// Takes what one flush stored for one request. Awaiting it is the back-pressure of a slow evaluator.
    fn committed(&self, device: Uuid, stored: Vec<R>, outcomes: Tally) -> impl Future<Output = ()> + Send;
    /// A connection was lost: what was under way may be committed all the same, without ever being handed to
    /// [`Sink::committed`]. Look for it once the database answers.
    fn in_doubt(&self);
}

/// How many of a request's readings went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Now in the database.
    pub stored: i64,
    /// There already.
    pub duplicate: i64,
    /// Refused.
    pub rejected: i64,
}

impl Tally {
    /// Counts outcomes.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Stored => tally.stored += 1,
                Outcome::Duplicate => tally.duplicate += 1,
                Outcome::Rejected(_) => tally.rejected += 1,
            }
        }
        tally
    }

    /// All of them.
    #[must_use]
    pub fn received(&self) -> i64 {
        self.stored + self.duplicate + self.rejected
    }
}
