//! A lane: one connection, one batch at a time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use uuid::Uuid;

use super::{Key, Outcome, Reading, Sink, Tally, Written, sql};
use crate::db::Db;
use crate::ops::metrics;
use crate::peers::Slot;
use crate::{Error, Result};

/// Readings in one commit at most.
const BATCH: usize = 20_000;

/// Up to this many rows go in one INSERT, more by COPY.
const FEW: usize = 64;

/// One request's readings.
pub(super) struct Submission<R> {
    pub device: Uuid,
    pub rows: Vec<R>,
    /// The room it takes in the queue, given back when it is answered.
    pub room: OwnedSemaphorePermit,
    pub reply: oneshot::Sender<Result<Written>>,
}

pub(super) struct Lane<R: Reading, S: Sink<R>> {
    db: Db,
    sink: Arc<S>,
    receiver: mpsc::UnboundedReceiver<Submission<R>>,
    connection: Option<PgConnection>,
    slot: Slot,
    ids: Range<i64>,
    /// The slot's turn in which the block was taken.
    turn: u64,
}

impl<R: Reading, S: Sink<R>> Lane<R, S> {
    pub fn new((db, slot): (Db, Slot), sink: Arc<S>, receiver: mpsc::UnboundedReceiver<Submission<R>>) -> Self {
        Self { db, sink, receiver, connection: None, slot, ids: 0..0, turn: 0 }
    }

    /// Runs until the writer is dropped.
    pub async fn run(mut self) {
        while let Some(first) = self.receiver.recv().await {
            let mut size = first.rows.len();
            let mut batch = vec![first];
            while size < BATCH
                && let Ok(next) = self.receiver.try_recv()
            {
                size += next.rows.len();
                batch.push(next);
            }
            self.flush(batch).await;
        }
    }

    async fn flush(&mut self, mut batch: Vec<Submission<R>>) {
        match self.store(&mut batch).await {
            Ok(outcomes) => self.answer(batch, outcomes).await,
            Err(failure) if failure.data && batch.len() > 1 => {
                // One bad request never fails its neighbours: each is tried by itself.
                for submission in batch {
                    Box::pin(self.flush(vec![submission])).await;
                }
            }
            Err(failure) => {
                if !failure.data {
                    self.sink.in_doubt();
                }
                refuse(batch, &failure);
            }
        }
    }

    /// Commits the batch; outcomes in the order of its rows.
    async fn store(&mut self, batch: &mut [Submission<R>]) -> Result<Vec<Outcome>, Failure> {
        self.number(batch).await?;
        let rows: Vec<&R> = batch.iter().flat_map(|s| &s.rows).collect();
        let plan = Plan::of(&rows);
        let mut held = HashMap::new();
        for (leaf, members) in &plan.leaves {
            match self.store_leaf(&leaf.to_string(), members).await {
                Ok(mixed) => held.extend(mixed),
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(plan.outcomes(&rows, &held))
    }

    /// Empty when the plain statement stored them all; otherwise each row's own outcome.
    async fn store_leaf(&mut self, leaf: &str, rows: &[&R]) -> sqlx::Result<HashMap<Key, Outcome>> {
        let connection = self.connect().await?;
        let stored = if rows.len() <= FEW {
            sql::insert_few(connection, leaf, rows).await
        } else {
            sql::copy_into(connection, leaf, rows).await
        };
        match stored {
            Ok(()) => Ok(HashMap::new()),
            Err(sqlx::Error::Database(db)) if db.code().as_deref() == Some("23505") => {
                sql::add_missing(connection, leaf, rows).await
            }
            Err(error) => Err(error),
        }
    }

    /// Gives every row its number, from blocks taken ahead. A block of a former slot is left where it is: another process
    /// may number with that slot now.
    async fn number(&mut self, batch: &mut [Submission<R>]) -> Result<(), Failure> {
        if self.slot.held().1 != self.turn {
            self.ids = 0..0;
        }
        for row in batch.iter_mut().flat_map(|s| &mut s.rows) {
            let id = match self.ids.next() {
                Some(id) => id,
                None => self.next_block().await.map_err(|error| self.failed(&error))?,
            };
            row.numbered(id);
        }
        Ok(())
    }

    async fn next_block(&mut self) -> sqlx::Result<i64> {
        let (slot, turn) = self.slot.held();
        let first = sql::next_block::<R>(self.connect().await?).await? + slot * R::TABLE.block;
        self.ids = (first + 1)..(first + R::TABLE.block);
        self.turn = turn;
        Ok(first)
    }

    async fn connect(&mut self) -> sqlx::Result<&mut PgConnection> {
        if self.connection.is_none() {
            self.connection = Some(self.db.ingest_connection().await?);
        }
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Anything but a refusal of the data leaves the connection in doubt: it is thrown away.
    fn failed(&mut self, error: &sqlx::Error) -> Failure {
        let code = error.as_database_error().and_then(|db| db.code());
        let data = code.is_some_and(|c| c.starts_with("22") || c.starts_with("23"));
        if !data {
            self.connection = None;
        }
        Failure { data, cause: error.to_string() }
    }

    async fn answer(&self, batch: Vec<Submission<R>>, outcomes: Vec<Outcome>) {
        count(&outcomes);
        let mut outcomes = outcomes.into_iter();
        let mut done = Vec::with_capacity(batch.len());
        for Submission { device, rows, room, reply } in batch {
            let written: Written = outcomes.by_ref().take(rows.len()).collect();
            let tally = Tally::of(&written);
            let stored: Vec<R> =
                rows.into_iter().zip(&written).filter(|(_, o)| **o == Outcome::Stored).map(|(row, _)| row).collect();
            drop(room);
            if reply.send(Ok(written)).is_err() {
                tracing::debug!("the device left before its answer; it will send again and be told duplicate");
            }
            done.push((device, stored, tally));
        }
        for (device, stored, tally) in done {
            self.sink.committed(device, stored, tally).await;
        }
    }
}

/// The figures of what became of a batch.
fn count(outcomes: &[Outcome]) {
    let Tally { stored, duplicate, rejected } = Tally::of(outcomes);
    for (outcome, readings) in [("stored", stored), ("duplicate", duplicate), ("rejected", rejected)] {
        metrics::readings(outcome, readings);
    }
}

/// Which rows go to the database. Repeats inside the batch are found here, in memory.
struct Plan<'a, R: Reading> {
    leaves: BTreeMap<R::Leaf, Vec<&'a R>>,
    /// For every row that repeats an earlier one: its place, the place of the first.
    repeats: HashMap<usize, usize>,
}

impl<'a, R: Reading> Plan<'a, R> {
    fn of(rows: &[&'a R]) -> Self {
        let mut firsts: HashMap<Key, usize> = HashMap::with_capacity(rows.len());
        let mut plan = Self { leaves: BTreeMap::new(), repeats: HashMap::new() };
        for (place, row) in rows.iter().enumerate() {
            match firsts.entry(row.key()) {
                Entry::Occupied(first) => {
                    plan.repeats.insert(place, *first.get());
                }
                Entry::Vacant(free) => {
                    free.insert(place);
                    plan.leaves.entry(row.leaf()).or_default().push(*row);
                }
            }
        }
        plan
    }

    /// One outcome per row: what the database said of it, or of the row it repeats.
    fn outcomes(&self, rows: &[&R], held: &HashMap<Key, Outcome>) -> Vec<Outcome> {
        let said = |row: &R| held.get(&row.key()).cloned().unwrap_or(Outcome::Stored);
        let one = |(place, row): (usize, &&R)| match self.repeats.get(&place).and_then(|first| rows.get(*first)) {
            None => said(row),
            Some(first) if !first.same_value(row) => Outcome::Rejected("VAL_CONFLICT"),
            Some(first) => match said(first) {
                Outcome::Stored | Outcome::Duplicate => Outcome::Duplicate,
                rejected @ Outcome::Rejected(_) => rejected,
            },
        };
        rows.iter().enumerate().map(one).collect()
    }
}

/// Why a batch was not stored.
struct Failure {
    /// The data was refused, not the connection.
    data: bool,
    cause: String,
}

/// An outage is 503: whether the commit happened may be unknown, and the resend will say duplicate.
fn refuse<R>(batch: Vec<Submission<R>>, failure: &Failure) {
    tracing::warn!(cause = failure.cause, requests = batch.len(), "readings could not be stored");
    for submission in batch {
        let answer = if failure.data {
            let outcomes = vec![Outcome::Rejected("VAL_DATA"); submission.rows.len()];
            count(&outcomes);
            Ok(outcomes)
        } else {
            Err(Error { cause: Some(failure.cause.clone()), ..Error::unavailable(2) })
        };
        if submission.reply.send(answer).is_err() {
            tracing::debug!("the device left before its answer");
        }
    }
}
