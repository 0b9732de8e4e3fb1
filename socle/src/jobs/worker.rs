//! The worker of a server: claims due jobs for which there is place, runs them side by side, says what became of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use super::sql::{self, Claimed};
use super::{Failure, Job, JobId, Jobs, Queue, WorkerId, schedule};
use crate::clock::Clock;
use crate::db::{Trace, Who};
use crate::ids::TenantId;
use crate::{App, Caller, ids};

/// After a failed look the next one waits this long.
const AGAIN: Duration = Duration::from_secs(1);
/// How often a worker says that it still works.
const EXTEND_EVERY: Duration = Duration::from_secs(20);
/// How often schedules are looked at.
const SCHEDULES_EVERY: Duration = Duration::from_secs(5);
/// Jobs get this long to finish when the server ends.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// A job that has ended.
struct Ended {
    id: JobId,
    queue: &'static str,
    outcome: serde_json::Value,
    status: &'static str,
}

/// The worker, until [`Running::stop`].
pub struct Running {
    ending: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Takes no more jobs and lets those under way finish for a bounded time.
    pub async fn stop(self) {
        self.ending.send_replace(true);
        if tokio::time::timeout(FINISH_WITHIN, self.task).await.is_err() {
            tracing::warn!("jobs were still running when the server ended; they run again when their lease is over");
        }
    }
}

impl Jobs {
    /// Starts the worker.
    #[must_use]
    pub fn start(self, app: &App) -> Running {
        let (ending, ended) = watch::channel(false);
        let worker = Worker::new(self, app.clone());
        Running { ending, task: tokio::spawn(worker.run(ended)) }
    }
}

struct Worker {
    id: WorkerId,
    jobs: Arc<Jobs>,
    app: App,
    running: HashMap<&'static str, usize>,
    /// What its lease is prolonged for.
    under_way: HashSet<JobId>,
    tasks: JoinSet<()>,
    /// Outcomes that the database does not know yet.
    untold: Vec<serde_json::Value>,
}

impl Worker {
    fn new(jobs: Jobs, app: App) -> Self {
        let id = WorkerId(ids::fresh(Clock::system().now()));
        Self {
            id,
            jobs: Arc::new(jobs),
            app,
            running: HashMap::new(),
            under_way: HashSet::new(),
            tasks: JoinSet::new(),
            untold: Vec::new(),
        }
    }

    async fn run(mut self, mut ending: watch::Receiver<bool>) {
        let (finished, mut results) = mpsc::unbounded_channel();
        let mut woken = self.app.bus.jobs();
        // Without a word from PostgreSQL the queues are looked at this often.
        let mut looks = tokio::time::interval(Duration::from_secs(self.app.config.jobs.poll_seconds));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut extended, mut scheduled) = (Instant::now(), None);
        while !*ending.borrow() {
            let more = self.claim(&finished).await;
            if more {
                self.drain(&mut results).await;
                continue;
            }
            tokio::select! {
                _ = looks.tick() => self.housekeeping(&mut extended, &mut scheduled).await,
                changed = woken.changed() => if changed.is_err() { break },
                Some(first) = results.recv() => self.settle(first, &mut results).await,
                _ = ending.changed() => break,
            }
        }
        while !self.tasks.is_empty() {
            tokio::select! {
                Some(first) = results.recv() => self.settle(first, &mut results).await,
                _ = self.tasks.join_next() => {}
            }
        }
        self.drain(&mut results).await;
        self.tell().await;
    }

    async fn housekeeping(&mut self, extended: &mut Instant, scheduled: &mut Option<Instant>) {
        while self.tasks.try_join_next().is_some() {}
        self.tell().await;
        if extended.elapsed() >= EXTEND_EVERY && !self.under_way.is_empty() {
            let ids: Vec<JobId> = self.under_way.iter().copied().collect();
            match sql::extend(&self.app.db, &ids, self.id, self.app.clock.now()).await {
                Ok(()) => *extended = Instant::now(),
                Err(error) => tracing::warn!(%error, "jobs under way could not be extended"),
            }
        }
        if scheduled.is_some_and(|at| at.elapsed() < SCHEDULES_EVERY) {
            return;
        }
        *scheduled = Some(Instant::now());
        if let Some(realm) = self.jobs.realms.first().copied()
            && let Err(error) = schedule::run_due(&self.app, realm, &self.jobs.schedules).await
        {
            tracing::warn!(%error, "schedules could not be looked at");
        }
    }

    /// Claims for every queue what there is place for; whether there may be more at once.
    async fn claim(&mut self, finished: &mpsc::UnboundedSender<Ended>) -> bool {
        let place =
            |queue: &Queue| queue.concurrency.saturating_sub(self.running.get(queue.name).copied().unwrap_or(0));
        let room: serde_json::Map<_, _> = (self.jobs.queues.iter())
            .filter(|queue| place(queue) > 0)
            .map(|queue| (queue.name.to_owned(), json!(place(queue))))
            .collect();
        if room.is_empty() {
            return false;
        }
        let claimed = match sql::claim(&self.app.db, &room.into(), self.id, self.app.clock.now()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "jobs could not be claimed");
                tokio::time::sleep(AGAIN).await;
                return false;
            }
        };
        let any = !claimed.is_empty();
        for job in claimed {
            self.start(job, finished.clone());
        }
        any
    }

    fn start(&mut self, claimed: Claimed, finished: mpsc::UnboundedSender<Ended>) {
        let Some(queue) = self.jobs.queues.iter().find(|queue| queue.name == claimed.queue).copied() else { return };
        *self.running.entry(queue.name).or_default() += 1;
        self.under_way.insert(JobId(claimed.id));
        let (jobs, app) = (Arc::clone(&self.jobs), self.app.clone());
        self.tasks.spawn(async move {
            let (id, attempt, max) = (JobId(claimed.id), claimed.attempt, claimed.max_attempts);
            let outcome = run(&jobs, &app, claimed).await;
            let now = app.clock.now();
            let (status, outcome) = match outcome {
                Ok(()) => ("done", json!({ "id": id, "state": "done" })),
                Err(Failure::Retry(error)) if attempt < max => {
                    let again = json!({ "id": id, "state": "waiting", "run_at": queue.next_try(attempt, now),
                                        "error": kept(&error) });
                    ("retried", again)
                }
                Err(Failure::Retry(error) | Failure::GiveUp(error)) => {
                    tracing::error!(job = %id, queue = queue.name, error, "a job is dead; see the operations page");
                    ("dead", json!({ "id": id, "state": "dead", "error": kept(&error) }))
                }
            };
            if finished.send(Ended { id, queue: queue.name, outcome, status }).is_err() {
                tracing::debug!(job = %id, "the worker has ended; the job runs again when its lease is over");
            }
        });
    }

    /// Says what became of jobs, of all that have ended meanwhile in one statement.
    async fn settle(&mut self, first: Ended, results: &mut mpsc::UnboundedReceiver<Ended>) {
        let mut ended = vec![first];
        while let Ok(next) = results.try_recv() {
            ended.push(next);
        }
        for one in &ended {
            metrics::counter!("job_processed_total", "queue" => one.queue, "status" => one.status).increment(1);
            self.under_way.remove(&one.id);
            if let Some(running) = self.running.get_mut(one.queue) {
                *running = running.saturating_sub(1);
            }
        }
        self.untold.extend(ended.into_iter().map(|one| one.outcome));
        self.tell().await;
    }

    /// Tells the database what became of jobs. What it cannot take now is told again at the next look, within the
    /// lease: a job that was done is not run again because the database was away for a moment.
    async fn tell(&mut self) {
        if self.untold.is_empty() {
            return;
        }
        let outcomes = serde_json::Value::Array(std::mem::take(&mut self.untold));
        if let Err(error) = sql::settle(&self.app.db, &outcomes, self.id, self.app.clock.now()).await
            && let serde_json::Value::Array(untold) = outcomes
        {
            tracing::warn!(%error, jobs = untold.len(), "jobs could not be settled yet");
            self.untold = untold;
        }
    }

    async fn drain(&mut self, results: &mut mpsc::UnboundedReceiver<Ended>) {
        if let Ok(first) = results.try_recv() {
            self.settle(first, results).await;
        }
    }
}

/// What is kept of an error: PostgreSQL takes no NUL, and of a dump the beginning says enough.
fn kept(error: &str) -> String {
    error.chars().filter(|letter| *letter != '\0').take(500).collect()
}

/// Runs one job. A handler that panics fails like any other.
async fn run(jobs: &Jobs, app: &App, claimed: Claimed) -> super::Outcome {
    let handler = jobs.handler(&claimed.realm, &claimed.kind);
    let handler = handler.ok_or_else(|| Failure::GiveUp(format!("nobody does jobs of the kind {}", claimed.kind)))?;
    let realm = jobs.realm(&claimed.realm);
    let realm = realm.ok_or_else(|| Failure::GiveUp(format!("there is no product {}", claimed.realm)))?;
    let who = claimed.tenant_id.map_or(Who::Platform, |tenant| Who::System(TenantId(tenant)));
    let id = JobId(claimed.id);
    let trace = Trace { request_id: format!("job_{}", claimed.id.simple()), ..Trace::default() };
    let caller = Caller::new(app.db.clone(), app.clock.clone(), realm, who, trace);
    let last = claimed.attempt >= claimed.max_attempts;
    let job = Job { id, caller, payload: claimed.payload, attempt: claimed.attempt, last };
    let done = tokio::spawn(handler(app.clone(), job)).await;
    done.unwrap_or_else(|panic| Err(Failure::Retry(format!("the handler panicked: {panic}"))))
}
