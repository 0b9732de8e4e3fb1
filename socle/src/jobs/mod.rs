//! Work to be done later: written in the transaction of its cause, done by whichever server is free, as the system
//! caller of one tenant. A job runs at least once; its action must bear being run again.
//!
//! A handler ends in one of three ways: done, [`Failure::Retry`] (after a growing pause, a bounded number of times), or
//! [`Failure::GiveUp`]. A job that is given up, or has used up its attempts, is *dead*: it stays, operators see it and
//! try it again or drop it. A server that dies loses its jobs to another when their lease is over.

mod registry;
mod schedule;
mod sql;
mod worker;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

pub use registry::{Handler, Jobs};
pub use schedule::Schedule;
pub use sql::{Dead, Length};
pub use worker::Running;

use crate::db::{Caller, Db, Tx};
use crate::{Error, Result, audit, typed_id};

typed_id!(JobId, "a job");

/// A queue: how many of its jobs one server runs at once, and how often one is tried. Names and figures of
/// specs/axtech.md §7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// E.g. `notifications`.
    pub name: &'static str,
    /// Jobs at once per server.
    pub concurrency: usize,
    /// Attempts before a job is dead.
    pub attempts: i32,
    /// Pause before the second attempt; doubled each time, at most an hour.
    pub pause_seconds: i64,
}

/// E-mail and SMS.
pub const NOTIFICATIONS: Queue = Queue { name: "notifications", concurrency: 10, attempts: 5, pause_seconds: 10 };
/// Reminders and the platform's own nightly work.
pub const MAINTENANCE: Queue = Queue { name: "maintenance", concurrency: 3, attempts: 2, pause_seconds: 60 };

impl Queue {
    /// When a job that has failed `attempt` times is tried again.
    #[must_use]
    pub fn next_try(&self, attempt: i32, now: DateTime<Utc>) -> DateTime<Utc> {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or_default().min(20);
        let pause = self.pause_seconds.saturating_mul(1_i64 << doublings).min(3_600);
        now + TimeDelta::seconds(pause)
    }
}

/// A job about to be written.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// E.g. `mail.send`.
    pub kind: &'static str,
    /// Where it waits.
    pub queue: Queue,
    /// Ids and dates only: never a name, a secret or medical content.
    pub payload: Value,
    /// At most one waiting or running job of this kind and tenant has it.
    pub unique_key: Option<String>,
    /// Not before then; at once when `None`.
    pub run_at: Option<DateTime<Utc>>,
}

impl NewJob {
    /// A job to be run as soon as possible.
    #[must_use]
    pub fn now(kind: &'static str, queue: Queue, payload: Value) -> Self {
        Self { kind, queue, payload, unique_key: None, run_at: None }
    }

    /// …unless the same is waiting or running already.
    #[must_use]
    pub fn once(self, unique_key: impl Into<String>) -> Self {
        Self { unique_key: Some(unique_key.into()), ..self }
    }

    /// …not before an instant.
    #[must_use]
    pub fn at(self, run_at: DateTime<Utc>) -> Self {
        Self { run_at: Some(run_at), ..self }
    }
}

/// Enqueues a job of the transaction's tenant: it exists when the transaction commits, and not otherwise. `None` when one
/// with the same unique key waits or runs already.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn enqueue(tx: &mut Tx, job: NewJob) -> Result<Option<JobId>> {
    let id = JobId::fresh(tx.caller().now());
    sql::insert(tx, id, job).await
}

/// A job being run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Id.
    pub id: JobId,
    /// The system caller of its tenant, or of the platform.
    pub caller: Caller,
    /// What it was written with.
    pub payload: Value,
    /// 1 at the first try.
    pub attempt: i32,
    /// Whether this is the last one.
    pub last: bool,
}

impl Job {
    /// A field of the payload.
    ///
    /// # Errors
    /// Gives up when it is missing or of another kind: trying again would not help.
    pub fn field<T: serde::de::DeserializeOwned>(&self, name: &str) -> std::result::Result<T, Failure> {
        let value = self.payload.get(name).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|error| Failure::GiveUp(format!("payload.{name}: {error}")))
    }
}

/// How a job fails.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It may work later.
    Retry(String),
    /// It never will.
    GiveUp(String),
}

/// An error of ours is tried again: an outage passes, and a fault of the program is seen as a dead job in the end.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Retry(error.to_string())
    }
}

/// What a handler says.
pub type Outcome = std::result::Result<(), Failure>;

/// Dead jobs of every tenant, newest first.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn dead(db: &Db) -> Result<Vec<Dead>> {
    sql::dead(db).await
}

/// How many jobs of each queue wait, run and are dead.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn lengths(db: &Db) -> Result<Vec<Length>> {
    sql::lengths(db).await
}

/// An operator's word on a dead job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Try it again from the start.
    Retry,
    /// Drop it for good.
    Drop,
}

/// Tries a dead job again or drops it.
///
/// # Errors
/// 404 when it is not dead, 409 when the same job (by its unique key) waits or runs already.
pub async fn decide(caller: &Caller, job: JobId, word: Word) -> Result<()> {
    let mut tx = caller.begin().await?;
    let action = match word {
        Word::Retry if sql::revive(&mut tx, job).await? => "job.retried",
        Word::Drop if sql::drop(&mut tx, job).await? => "job.dropped",
        Word::Retry | Word::Drop => return Err(Error::not_found()),
    };
    audit::record(&mut tx, audit::Entry::done(action, "Job", job.0)).await?;
    tx.commit().await
}

/// A worker's own id, under which it holds jobs.
#[derive(Clone, Copy, Debug)]
struct WorkerId(Uuid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_and_stops_growing_at_an_hour() {
        let now = DateTime::UNIX_EPOCH;
        let pause = |attempt| (NOTIFICATIONS.next_try(attempt, now) - now).num_seconds();
        assert_eq!([1, 2, 3, 4, 12, i32::MAX].map(pause), [10, 20, 40, 80, 3_600, 3_600]);
    }
}
