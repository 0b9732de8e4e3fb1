//! Jobs a second: one server's worker with a handler that does nothing, from the first claim until the last is settled.
//! The reference: PostgreSQL alone taking one waiting row after another, each in a transaction of its own, without a
//! worker that would do anything with it.

mod sql;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use socle::App;
use socle::clock::Clock;
use socle::config::Config;
use socle::db::Db;
use socle::jobs::{Jobs, NewJob, Outcome, Queue, enqueue};
use socle::sealed::{Custody, KeyService, KeyStore, Keyring};
use socle::web::Assets;
use sqlx::{Connection, PgConnection};
use tokio::sync::Notify;

use crate::house::House;
use crate::programs::{self, INGEST};
use crate::report::{ROUNDS, Report, Round};
use crate::scratch::Scratch;

/// Jobs of a run.
const JOBS: u32 = 20_000;
/// Connections of the reference that take them.
const WORKERS: u32 = 4;
/// As wide as the widest queue of the specifications: ten at once.
const QUEUE: Queue = Queue { name: "bench", concurrency: 10, attempts: 1, pause_seconds: 1 };
const KIND: &str = "bench.nothing";
/// A run that takes longer hangs.
const AT_MOST: Duration = Duration::from_secs(300);

/// Measures it.
///
/// # Errors
/// When a job fails, is lost or runs twice, or a transaction of the reference fails.
pub async fn run(load: f64) -> Result<Report> {
    let house = Box::pin(House::open()).await?;
    let scratch = Scratch::new()?;
    let app = Box::pin(app(&house)).await?;
    let mut admin = PgConnection::connect(&house.cluster.superuser_url(house.name()?)).await?;
    // One run of each that does not count.
    ours(&house, &app, &mut admin).await?;
    reference(&house, &scratch, &mut admin).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    let mut lines = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let (done, enqueued) = ours(&house, &app, &mut admin).await?;
        rounds.push(Round { ours: done, reference: reference(&house, &scratch, &mut admin).await? });
        lines.push(("enqueued", format!("{enqueued:.0} jobs/s")));
    }
    Ok(Report { lines, ..Report::of_rounds("jobs", "jobs/s", load, rounds) })
}

/// The shared parts of a server, without its pages: what the worker stands on.
async fn app(house: &House) -> Result<App> {
    let config = Config::load()?;
    let ingest = house.cluster.url(INGEST, &house.cluster.secret(INGEST)?, house.name()?);
    let db = Db::connect(&house.url().into(), &ingest.into(), config.database.connections).await;
    let db = db.map_err(anyhow::Error::msg)?;
    let service = KeyService::Keyring(Keyring::fixed(&"07".repeat(32)).map_err(anyhow::Error::msg)?);
    let store = KeyStore::open(&std::env::temp_dir().join("socle-bench-key-store")).map_err(anyhow::Error::msg)?;
    let parts = (Custody { service, store }, Assets::new(HashMap::new()));
    App::new(db, Clock::system(), config, parts).await.map_err(anyhow::Error::msg)
}

/// Jobs a second, done and settled, and jobs a second enqueued, all in one transaction.
async fn ours(house: &House, app: &App, admin: &mut PgConnection) -> Result<(f64, f64)> {
    sql::empty(admin).await?;
    let started = Instant::now();
    let mut tx = app.system(physiotraq::BRANDING.realm.name, house.reader.tenant).begin().await?;
    for _ in 0..JOBS {
        enqueue(&mut tx, NewJob::now(KIND, QUEUE, json!({}))).await?.context("the same job waits already")?;
    }
    tx.commit().await?;
    let enqueued = f64::from(JOBS) / started.elapsed().as_secs_f64();
    sql::settle_down(admin).await?;

    let (left, all) = (Arc::new(AtomicU32::new(JOBS)), Arc::new(Notify::new()));
    let (counter, bell) = (Arc::clone(&left), Arc::clone(&all));
    let jobs = Jobs::new(&[&physiotraq::BRANDING]).queue(QUEUE).on(KIND, move |_, _| {
        if counter.fetch_sub(1, Ordering::Relaxed) == 1 {
            bell.notify_one();
        }
        std::future::ready(Outcome::Ok(()))
    });
    let started = Instant::now();
    let worker = jobs.start(app);
    let finished = tokio::time::timeout(AT_MOST, all.notified()).await;
    finished.with_context(|| format!("{} jobs were left", left.load(Ordering::Relaxed)))?;
    // It ends when the last outcome has been written.
    worker.stop().await;
    let seconds = started.elapsed().as_secs_f64();
    let done = sql::done(admin).await?;
    ensure!(done == i64::from(JOBS), "{done} of {JOBS} jobs are done at their first attempt");
    ensure!(left.load(Ordering::Relaxed) == 0, "a job ran twice");
    Ok((f64::from(JOBS) / seconds, enqueued))
}

/// Jobs a second by `pgbench`, as the server's role.
async fn reference(house: &House, scratch: &Scratch, admin: &mut PgConnection) -> Result<f64> {
    sql::fill(admin, JOBS).await?;
    let script = scratch.write("jobs.sql", sql::TAKE_ONE)?;
    let (clients, each) = (WORKERS.to_string(), (JOBS / WORKERS).to_string());
    let rate = programs::pgbench(house, programs::APP, &script, &["-c", &clients, "-j", "2", "-t", &each]).await?;
    let left = sql::waiting(admin).await?;
    ensure!(left == 0, "{left} jobs are left: two connections took the same one");
    Ok(rate)
}
