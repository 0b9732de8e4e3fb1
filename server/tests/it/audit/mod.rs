//! The audit trail: sealed, anchored, verified, searched; and what a superuser does to it is seen.

mod anchored;
mod command;
mod refusals;
mod retention;
mod sealing;
mod search;
mod spoiled;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use socle::Caller;
use socle::audit::verify::{Fault, FaultKind, Report, Wanted, verify};
use socle::audit::{Anchors, Entry, PublicKey, access_kept_since, record};
use socle::clock::Clock;
use socle::ids::TenantId;
use socle::web::Product;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{Database, Stage, start_of_tests};
use uuid::Uuid;

/// Two tenants; the chain of a tenant is named by its id.
const ONE: TenantId = TenantId(Uuid::from_u128(0x0a01));
const TWO: TenantId = TenantId(Uuid::from_u128(0x0a02));
/// The chain of what belongs to no tenant.
const NOBODY: Uuid = Uuid::max();

/// Rows are sealed within a second of the oldest transaction of the cluster: other tests' transactions hold them up too.
const SEALED_WITHIN: Duration = Duration::from_secs(60);

static COUNT: AtomicU32 = AtomicU32::new(0);

/// An empty folder for anchors.
fn folder() -> Result<PathBuf> {
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let name = format!("anchors-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(folder)
}

/// A server that anchors every second.
async fn stage(folder: &Path) -> Result<Stage> {
    over(Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()), folder).await
}

async fn over(database: Arc<Database>, clock: Clock, folder: &Path) -> Result<Stage> {
    let folder = folder.to_path_buf();
    let change = move |config: &mut socle::config::Config| {
        config.database.connections = 24;
        config.audit.anchor_store = Some(folder);
        config.audit.anchor_seconds = 1;
    };
    Stage::over(database, clock, change).await
}

fn system(stage: &Stage, tenant: TenantId) -> Caller {
    stage.product.app().system("physiotraq", tenant)
}

/// So many rows of a tenant, a transaction each.
async fn write(stage: &Stage, tenant: TenantId, rows: u32) -> Result<()> {
    for row in 0..rows {
        write_one(&system(stage, tenant), json!({ "row": row })).await?;
    }
    Ok(())
}

async fn write_one(caller: &Caller, details: Value) -> Result<()> {
    let mut tx = caller.begin().await?;
    let before = json!({ "name": "a" });
    let entry = Entry::done("test.written", "Test", Uuid::from_u128(9)).with(details);
    record(&mut tx, entry.changed(&before, &json!({ "name": "b" }), &["name"])).await?;
    tx.commit().await?;
    Ok(())
}

/// Waits until nothing is left to seal.
async fn sealed(database: &Database) -> Result<()> {
    let mut admin = database.admin().await?;
    let started = Instant::now();
    loop {
        let waiting: i64 =
            sqlx::query_scalar("SELECT waiting FROM socle.audit_unsealed(100000)").fetch_one(&mut admin).await?;
        if waiting == 0 {
            return Ok(());
        }
        ensure!(started.elapsed() < SEALED_WITHIN, "{waiting} rows are not sealed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the newest anchor names what the database holds.
async fn anchored(database: &Database, folder: &Path) -> Result<()> {
    sealed(database).await?;
    let mut admin = database.admin().await?;
    let started = Instant::now();
    loop {
        let heads: Vec<(Uuid, i64, String)> =
            sqlx::query_as("SELECT chain, head, encode(hash, 'hex') FROM socle.audit_heads()")
                .fetch_all(&mut admin)
                .await?;
        let newest = files(folder)?.pop().map(std::fs::read_to_string).transpose()?;
        let statement: Option<Value> =
            newest.as_deref().and_then(|text| text.lines().next()).map(serde_json::from_str).transpose()?;
        if statement.and_then(|said| said.get("chains").cloned()) == Some(json!(heads)) {
            return Ok(());
        }
        ensure!(started.elapsed() < SEALED_WITHIN, "the heads are not anchored");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The anchors' files, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    Ok(files)
}

async fn report(url: &str, key: PublicKey, folder: &Path) -> Result<Report> {
    report_at(url, key, folder, start_of_tests()).await
}

async fn report_at(url: &str, key: PublicKey, folder: &Path, now: DateTime<Utc>) -> Result<Report> {
    let anchors = Anchors::open(folder).map_err(|error| anyhow!(error))?;
    let access_before = access_kept_since(now);
    let wanted = Wanted { tenant: None, keys: vec![key], anchors: Some(anchors), access_before };
    verify(url, &wanted).await.map_err(|error| anyhow!(error))
}

fn fault(chain: Uuid, position: i64, kind: FaultKind) -> Fault {
    Fault { chain: Some(chain), position: Some(position), kind }
}

/// A copy of a database that nobody is connected to; dropped by [`Copy::drop_it`].
struct Copy {
    name: String,
    postgres: String,
    url: String,
}

impl Copy {
    async fn of(database: &Database) -> Result<Self> {
        let (base, original) = database.admin_url().rsplit_once('/').context("a URL with a database")?;
        let name = format!("{original}_copy_{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let copy = Self { postgres: format!("{base}/postgres"), url: format!("{base}/{name}"), name };
        let mut admin = PgConnection::connect(&copy.postgres).await?;
        let started = Instant::now();
        loop {
            // The server's connections close a moment after it has ended.
            let made = format!("CREATE DATABASE {} TEMPLATE {original}", copy.name);
            match sqlx::raw_sql(AssertSqlSafe(made)).execute(&mut admin).await {
                Ok(_) => return Ok(copy),
                Err(error) if started.elapsed() > Duration::from_secs(10) => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn run(&self, statements: &str) -> Result<()> {
        let mut admin = PgConnection::connect(&self.url).await?;
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut admin).await?;
        Ok(admin.close().await?)
    }

    async fn drop_it(self) -> Result<()> {
        let mut admin = PgConnection::connect(&self.postgres).await?;
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await?;
        Ok(())
    }
}
