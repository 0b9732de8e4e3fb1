//! Several servers over one database: each job and each schedule is one server's, and a dead server's jobs another's.

use std::collections::HashMap;

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde_json::Value;
use socle::jobs::Schedule;

use super::*;

async fn server(
    database: &Arc<Database>,
    clock: &Clock,
    jobs: impl FnOnce(Jobs) -> Jobs + Send + 'static,
) -> Result<Stage> {
    Stage::working(Arc::clone(database), clock.clone(), |_| {}, jobs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_server_that_dies_are_anothers_when_their_lease_is_over() -> Result<()> {
    let (database, clock) = (Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()));
    let mut admin = database.admin().await?;
    let never = |jobs: Jobs| jobs.queue(QUEUE).on(COUNTED, |_, _| std::future::pending::<Outcome>());
    let first = server(&database, &clock, never).await?;
    let job = write(&system(&first, TenantId::fresh(clock.now())), counted()).await?;
    until(&mut admin, job, ("running", 1)).await?;

    let count = Count::default();
    let _second = server(&database, &clock, counting(Arc::clone(&count))).await?;
    clock.advance(TimeDelta::seconds(50));
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 0, "the first server is at it");
    // Only who holds a job can say what became of it.
    let settle = sqlx::query("SELECT socle.settle_jobs($1, $2, $3)");
    let settle = settle.bind(json!([{ "id": job, "state": "done" }])).bind(Uuid::from_u128(7)).bind(clock.now());
    settle.execute(&mut admin).await?;
    assert_eq!(Row::of(&mut admin, job).await?.state, "running");

    drop(first);
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 0, "its lease is not over: nobody knows that it is dead");
    clock.advance(TimeDelta::seconds(61));
    until(&mut admin, job, ("done", 2)).await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_its_servers_died_of_is_dead_in_the_end() -> Result<()> {
    const ONCE: Queue = Queue { name: "once", concurrency: 1, attempts: 1, pause_seconds: 1 };
    let (database, clock) = (Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()));
    let mut admin = database.admin().await?;
    let deadly = |jobs: Jobs| jobs.queue(ONCE).on("test.deadly", |_, _| std::future::pending::<Outcome>());
    let first = server(&database, &clock, deadly).await?;
    let job = NewJob::now("test.deadly", ONCE, json!({}));
    let job = write(&system(&first, TenantId::fresh(clock.now())), job).await?;
    until(&mut admin, job, ("running", 1)).await?;
    drop(first);
    let _second = server(&database, &clock, deadly).await?;
    clock.advance(TimeDelta::seconds(121));
    let row = until(&mut admin, job, ("dead", 1)).await?;
    assert_eq!(row.error.as_deref(), Some("the worker did not finish it"));
    Ok(())
}

/// How often each job ran.
type Times = Arc<Mutex<HashMap<JobId, usize>>>;

/// Notes every job, and how many this server did. A job takes a moment, so that one server cannot do all.
fn noting(times: Times, share: Count) -> impl FnOnce(Jobs) -> Jobs + Send + 'static {
    move |jobs: Jobs| {
        jobs.queue(QUEUE).on(COUNTED, move |_, job| {
            *times.lock().unwrap().entry(job.id).or_default() += 1;
            share.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Outcome::Ok(())
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_five_hundred_jobs_and_each_runs_once() -> Result<()> {
    const JOBS: usize = 500;
    let (database, clock) = (Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()));
    let (times, shares) = (Times::default(), [Count::default(), Count::default()]);
    let first = server(&database, &clock, noting(Arc::clone(&times), Arc::clone(&shares[0]))).await?;
    let _second = server(&database, &clock, noting(Arc::clone(&times), Arc::clone(&shares[1]))).await?;
    let mut tx = system(&first, TenantId::fresh(clock.now())).begin().await?;
    let mut written = Vec::new();
    for _ in 0..JOBS {
        written.push(enqueue(&mut tx, counted()).await?.context("nothing like it waits")?);
    }
    tx.commit().await?;
    let mut admin = database.admin().await?;
    for job in &written {
        until(&mut admin, *job, ("done", 1)).await?;
    }
    let times = times.lock().unwrap().clone();
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!(times.len(), JOBS);
    let shares = shares.map(|share| ran(&share));
    assert!(shares.iter().sum::<usize>() == JOBS && shares.iter().all(|share| *share > 0), "{shares:?}");
    Ok(())
}

/// Every hour, on the hour.
fn hourly(jobs: Jobs) -> Jobs {
    // The zone's crate is the kernel's own.
    let zone = "Europe/Paris".parse().unwrap();
    jobs.every(Schedule { name: "test.hourly", cron: "0 * * * *", zone, kind: COUNTED, queue: QUEUE })
}

/// When the schedule comes round next, once it is known.
async fn next_round(admin: &mut PgConnection) -> Result<DateTime<Utc>> {
    let started = Instant::now();
    while started.elapsed() < SOON {
        let next =
            sqlx::query_scalar::<_, DateTime<Utc>>("SELECT next_at FROM socle.schedules WHERE name = 'test.hourly'");
        if let Some(next) = next.fetch_optional(&mut *admin).await? {
            return Ok(next);
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    bail!("nobody knows the schedule")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_was_missed_runs_once_over_two_servers() -> Result<()> {
    let (database, clock) = (Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()));
    let (count, mut admin) = (Count::default(), database.admin().await?);
    let (first, second) = (counting(Arc::clone(&count)), counting(Arc::clone(&count)));
    let _first = server(&database, &clock, move |jobs| hourly(first(jobs))).await?;
    let _second = server(&database, &clock, move |jobs| hourly(second(jobs))).await?;
    let hour = TimeDelta::hours(1);
    assert_eq!(next_round(&mut admin).await?, start_of_tests() + hour);
    assert_eq!(ran(&count), 0, "it is not due");

    // Three times come and go while nobody looks; each server looks every five seconds.
    clock.advance(TimeDelta::minutes(210));
    until_true("the schedule came round", || ran(&count) > 0).await?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(ran(&count), 1);
    assert_eq!(next_round(&mut admin).await?, start_of_tests() + hour * 4);
    let payloads =
        sqlx::query_scalar::<_, Value>("SELECT payload FROM socle.jobs WHERE kind = $1 AND tenant_id IS NULL");
    let payloads = payloads.bind(COUNTED).fetch_all(&mut admin).await?;
    assert_eq!(payloads, [json!({ "due": start_of_tests() + hour })], "it says which time it was for");
    Ok(())
}
