//! Work to be done later: it exists when its cause does, runs once as its tenant, and what fails is tried again or seen.

mod nightly;
mod servers;
mod settling;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use serde_json::json;
use socle::clock::Clock;
use socle::db::{Trace, Who};
use socle::ids::TenantId;
use socle::jobs::{Failure, Job, JobId, Jobs, NewJob, Outcome, Queue, enqueue};
use socle::web::Product;
use socle::{Caller, Error};
use sqlx::PgConnection;
use testkit::{Database, Stage, start_of_tests};
use tokio::sync::watch;
use uuid::Uuid;

/// A queue of the tests.
pub const QUEUE: Queue = Queue { name: "tests", concurrency: 4, attempts: 3, pause_seconds: 10 };
/// A kind whose jobs are counted, and nothing more.
const COUNTED: &str = "test.counted";
/// A worker looks once a second: what has not happened within this does not happen.
const QUIET: Duration = Duration::from_millis(1_600);
/// What is to happen happens within this, on a machine under load too.
pub const SOON: Duration = Duration::from_secs(20);

/// How many jobs ran.
type Count = Arc<AtomicUsize>;

fn ran(count: &Count) -> usize {
    count.load(Ordering::SeqCst)
}

/// A server with jobs of the test's own, and a tenant without anything.
async fn stage(jobs: impl FnOnce(Jobs) -> Jobs + Send + 'static) -> Result<(Stage, Caller)> {
    let (database, clock) = (Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()));
    let stage = Stage::working(database, clock, |_| {}, jobs).await?;
    let caller = system(&stage, TenantId::fresh(stage.clock.now()));
    Ok((stage, caller))
}

/// The platform acting for a tenant.
pub fn system(stage: &Stage, tenant: TenantId) -> Caller {
    stage.product.app().system(physiotraq::BRANDING.realm.name, tenant)
}

/// The platform acting for itself.
fn platform(stage: &Stage) -> Caller {
    stage.product.app().nobody(physiotraq::BRANDING.realm.name, Trace::default()).becoming(Who::Platform)
}

/// Adds the queue, and the kind whose jobs are counted.
fn counting(count: Count) -> impl FnOnce(Jobs) -> Jobs + Send + 'static {
    move |jobs: Jobs| {
        jobs.queue(QUEUE).on(COUNTED, move |_, _| {
            let count = Arc::clone(&count);
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                Outcome::Ok(())
            }
        })
    }
}

fn counted() -> NewJob {
    NewJob::now(COUNTED, QUEUE, json!({}))
}

/// Enqueues in a transaction of its own; `None` when the same waits already.
pub async fn enqueued(caller: &Caller, job: NewJob) -> Result<Option<JobId>> {
    let mut tx = caller.begin().await?;
    let id = enqueue(&mut tx, job).await?;
    tx.commit().await?;
    Ok(id)
}

/// …which must not be there already.
pub async fn write(caller: &Caller, job: NewJob) -> Result<JobId> {
    enqueued(caller, job).await?.context("the job was not written")
}

/// Waits until something holds.
async fn until_true(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let started = Instant::now();
    while !holds() {
        ensure!(started.elapsed() < SOON, "it never came to that: {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    Ok(())
}

/// A job as its row tells it.
#[derive(Debug)]
pub struct Row {
    pub state: String,
    pub attempt: i32,
    pub error: Option<String>,
}

impl Row {
    pub async fn of(admin: &mut PgConnection, job: JobId) -> Result<Self> {
        let row = sqlx::query_as::<_, (String, i32, Option<String>)>(
            "SELECT state, attempt, last_error FROM socle.jobs WHERE id = $1",
        );
        let (state, attempt, error) = row.bind(job.0).fetch_one(admin).await?;
        Ok(Self { state, attempt, error })
    }
}

/// Waits until a job has come to a state at an attempt.
pub async fn until(admin: &mut PgConnection, job: JobId, (state, attempt): (&str, i32)) -> Result<Row> {
    let started = Instant::now();
    loop {
        let row = Row::of(admin, job).await?;
        if row.state == state && row.attempt == attempt {
            return Ok(row);
        }
        ensure!(started.elapsed() < SOON, "it is not {state} at attempt {attempt}: {row:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_exists_when_its_transaction_commits_and_not_otherwise() -> Result<()> {
    let count = Count::default();
    let (stage, caller) = stage(counting(Arc::clone(&count))).await?;
    let mut admin = stage.database.admin().await?;
    let mut tx = caller.begin().await?;
    let job = enqueue(&mut tx, counted()).await?.context("nothing like it waits")?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 0, "nobody sees it before the commit");
    drop(tx);
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 0, "its cause was undone");
    assert!(Row::of(&mut admin, job).await.is_err(), "there is no such job");

    let job = write(&caller, counted()).await?;
    until(&mut admin, job, ("done", 1)).await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 1, "and it runs once");
    Ok(())
}

/// Whom jobs ran as, and the licences they saw.
type Seen = Arc<Mutex<Vec<(Option<TenantId>, Vec<Uuid>)>>>;

async fn look(job: &Job, seen: &Seen) -> Outcome {
    let tenant = match job.caller.who() {
        Who::System(tenant) => Some(*tenant),
        Who::Platform => None,
        other => return Err(Failure::GiveUp(format!("it runs as {other:?}"))),
    };
    let mut tx = job.caller.begin().await?;
    let licences = sqlx::query_scalar::<_, Uuid>("SELECT id FROM physiotraq.licenses");
    let licences = licences.fetch_all(tx.conn()).await.map_err(Error::from)?;
    seen.lock().unwrap().push((tenant, licences));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_as_the_system_caller_of_its_tenant_and_sees_no_other() -> Result<()> {
    let seen = Seen::default();
    let keep = Arc::clone(&seen);
    let (stage, _) = stage(move |jobs| {
        jobs.queue(QUEUE).on("test.look", move |_, job| {
            let keep = Arc::clone(&keep);
            async move { look(&job, &keep).await }
        })
    })
    .await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let callers = [system(&stage, first.id), system(&stage, second.id), platform(&stage)];
    let mut admin = stage.database.admin().await?;
    for caller in &callers {
        let job = write(caller, NewJob::now("test.look", QUEUE, json!({}))).await?;
        until(&mut admin, job, ("done", 1)).await?;
    }
    let expected = [(Some(first.id), vec![first.id.0]), (Some(second.id), vec![second.id.0]), (None, vec![])];
    assert_eq!(*seen.lock().unwrap(), expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_at_once_with_one_key_one_is_written_until_it_has_run() -> Result<()> {
    let count = Count::default();
    let (stage, caller) = stage(counting(Arc::clone(&count))).await?;
    let later = stage.clock.now() + TimeDelta::hours(1);
    let job = || counted().once("reminder").at(later);
    let mut writing = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (caller, job) = (caller.clone(), job());
        writing.spawn(async move { enqueued(&caller, job).await });
    }
    let mut written = Vec::new();
    while let Some(one) = writing.join_next().await {
        written.extend(one??);
    }
    assert_eq!(written.len(), 1, "{written:?}");
    let other = system(&stage, TenantId::fresh(stage.clock.now()));
    assert!(enqueued(&other, job()).await?.is_some(), "another tenant's key is another");
    assert!(enqueued(&caller, counted().at(later)).await?.is_some(), "without a key there may be many");

    stage.clock.advance(TimeDelta::hours(1));
    until(&mut stage.database.admin().await?, written[0], ("done", 1)).await?;
    assert!(enqueued(&caller, job()).await?.is_some(), "what is done stands in nobody's way");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_in_the_future_waits_for_its_time() -> Result<()> {
    let count = Count::default();
    let (stage, caller) = stage(counting(Arc::clone(&count))).await?;
    let job = write(&caller, counted().at(stage.clock.now() + TimeDelta::hours(1))).await?;
    stage.clock.advance(TimeDelta::minutes(59));
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 0);
    stage.clock.advance(TimeDelta::minutes(1));
    until(&mut stage.database.admin().await?, job, ("done", 1)).await?;
    assert_eq!(ran(&count), 1);
    Ok(())
}

/// Jobs that are held until a door is opened.
struct Held {
    inside: AtomicUsize,
    most: AtomicUsize,
    open: watch::Sender<bool>,
}

async fn pass(held: &Held) -> Outcome {
    let inside = held.inside.fetch_add(1, Ordering::SeqCst) + 1;
    held.most.fetch_max(inside, Ordering::SeqCst);
    let opened = held.open.subscribe().wait_for(|open| *open).await.is_ok();
    held.inside.fetch_sub(1, Ordering::SeqCst);
    if opened { Ok(()) } else { Err(Failure::GiveUp("the door is gone".to_owned())) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_runs_no_more_at_once_than_it_may_and_holds_up_no_other() -> Result<()> {
    const NARROW: Queue = Queue { name: "narrow", concurrency: 2, attempts: 1, pause_seconds: 1 };
    let open = watch::Sender::new(false);
    let held = Arc::new(Held { inside: AtomicUsize::new(0), most: AtomicUsize::new(0), open });
    let (others, holding) = (counting(Count::default()), Arc::clone(&held));
    let (stage, caller) = stage(move |jobs| {
        others(jobs).queue(NARROW).on("test.held", move |_, _| {
            let held = Arc::clone(&holding);
            async move { pass(&held).await }
        })
    })
    .await?;
    let mut admin = stage.database.admin().await?;
    let mut narrow = Vec::new();
    for _ in 0..6 {
        narrow.push(write(&caller, NewJob::now("test.held", NARROW, json!({}))).await?);
    }
    until_true("two are inside", || held.inside.load(Ordering::SeqCst) == 2).await?;
    let other = write(&caller, counted()).await?;
    until(&mut admin, other, ("done", 1)).await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(held.inside.load(Ordering::SeqCst), 2, "two are inside, four wait");
    held.open.send_replace(true);
    for job in narrow {
        until(&mut admin, job, ("done", 1)).await?;
    }
    assert_eq!(held.most.load(Ordering::SeqCst), 2, "never more than two");
    Ok(())
}
