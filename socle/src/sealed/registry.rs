//! The end of keys: the registry says so in the transaction of the cause, and nothing opens any more from its commit on,
//! on every server; a job then takes the objects out of the key store, and comes back until they are gone.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::sql::{self, Count};
use super::{Subject, Vault, destruction};
use crate::db::{Db, Tx};
use crate::ids::AccountId;
use crate::jobs::{self, Job, Jobs, MAINTENANCE, NewJob, Outcome, Queue, Schedule};
use crate::{App, Result, audit, ids};

/// Deletes keys from the key store.
const DELETE: &str = "sealed.delete_keys";
/// Looks for objects that a crash or a restored key store left behind.
const SWEEP: &str = "sealed.sweep";
/// What was destroyed must go, however long the key store is away: a day and a half of attempts before operators are asked.
const ERASURE: Queue = Queue { name: "erasure", concurrency: 2, attempts: 40, pause_seconds: 10 };
/// Objects looked up at once.
const BATCH: usize = 500;

impl Vault {
    /// Destroys the keys of a person, in the transaction of the erasure: once it commits, nothing that was theirs opens
    /// any more; their objects are taken out of the key store by a job. How many keys there were; none the second time.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn destroy_person(&self, tx: &mut Tx, account: AccountId) -> Result<usize> {
        let tombstone = ids::fresh(tx.caller().now());
        let keys = sql::destroy_person(tx, account.0, tombstone).await?;
        self.destroyed(tx, (Subject::Person(account), &keys), None).await?;
        Ok(keys.len())
    }

    /// What follows when the registry has said that keys are destroyed.
    pub(super) async fn destroyed(
        &self,
        tx: &mut Tx,
        (subject, keys): (Subject, &[Uuid]),
        destruction: Option<Uuid>,
    ) -> Result<()> {
        self.forget(keys);
        if keys.is_empty() && destruction.is_none() {
            return Ok(());
        }
        let payload = json!({ "keys": keys, "destruction": destruction });
        jobs::enqueue(tx, NewJob::now(DELETE, ERASURE, payload)).await?;
        let details = json!({ "subject_kind": subject.kind(), "keys": keys.len() });
        audit::record(tx, audit::Entry::done("keys.destroyed", "DataKeys", subject.id()).with(details)).await
    }

    /// How many keys of each state every key-encryption key has wrapped.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn counts(&self, db: &Db) -> Result<Vec<Count>> {
        sql::counts(db).await
    }

    /// The ids of the key-encryption keys, the current one first.
    ///
    /// # Errors
    /// 503 when the key service does not answer.
    pub async fn keks(&self) -> Result<Vec<String>> {
        Ok(self.service.list().await?)
    }

    /// Whether a subject has keys that are not destroyed.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn has_keys(&self, tx: &mut Tx, subject: Subject) -> Result<bool> {
        Ok(sql::subject(tx, subject).await?.0 > 0)
    }

    /// Compares the key store with the registry.
    ///
    /// # Errors
    /// 503 when the database or the key store cannot be reached.
    pub async fn compare_store(&self, db: &Db) -> Result<Compared> {
        let mut compared = Compared::default();
        for keys in self.store.list().await?.chunks(BATCH) {
            let states = sql::states(db, keys).await?;
            let known: HashSet<Uuid> = states.iter().map(|(id, _)| *id).collect();
            compared.unknown += keys.iter().filter(|key| !known.contains(key)).count();
            compared.destroyed.extend(destroyed(states));
        }
        Ok(compared)
    }

    /// Deletes objects of destroyed keys that a crash, or an older copy of the key store, has brought back; how many.
    /// Objects that the registry does not know are left: another database may be theirs.
    ///
    /// # Errors
    /// 503 when the database or the key store cannot be reached.
    pub async fn sweep(&self, db: &Db) -> Result<usize> {
        let left = self.compare_store(db).await?.destroyed;
        if !left.is_empty() {
            self.store.delete(&left).await?;
            tracing::error!(keys = left.len(), "destroyed keys were still in the key store, and are deleted");
        }
        Ok(left.len())
    }
}

/// The key store, compared with the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Keys that are destroyed, and have an object all the same.
    pub destroyed: Vec<Uuid>,
    /// Objects that the registry does not know.
    pub unknown: usize,
}

fn destroyed(states: Vec<(Uuid, String)>) -> impl Iterator<Item = Uuid> {
    states.into_iter().filter(|(_, state)| state == "destroyed").map(|(id, _)| id)
}

/// The jobs that take destroyed keys out of the key store.
#[must_use]
pub fn jobs(jobs: Jobs) -> Jobs {
    let zone = chrono_tz::Europe::Paris;
    jobs.queue(ERASURE)
        .on(DELETE, async |app: App, job: Job| delete(&app, &job).await)
        .on(SWEEP, async |app: App, _: Job| Ok(app.vault.sweep(&app.db).await.map(drop)?))
        .every(Schedule { name: SWEEP, cron: "45 3 * * *", zone, kind: SWEEP, queue: MAINTENANCE })
}

async fn delete(app: &App, job: &Job) -> Outcome {
    let keys: Vec<Uuid> = job.field("keys")?;
    // Only what the registry calls destroyed, whatever the job says.
    let states = sql::states(&app.db, &keys).await?;
    let gone: Vec<Uuid> = destroyed(states).collect();
    app.vault.store.delete(&gone).await?;
    let destruction: Option<Uuid> = job.field("destruction")?;
    if let Some(destruction) = destruction {
        destruction::executed(&job.caller, destruction).await?;
    }
    Ok(())
}
