//! A request that is cancelled while its transaction begins must leave nothing behind in the pool.
//!
//! Both tests stop BEGIN at the same place: its message waits for an advisory lock that the test holds, so the caller
//! is cancelled exactly while the answer is outstanding, on any machine.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use socle::clock::Clock;
use socle::db::{Caller, Db};
use socle::ids::TenantId;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::Database;
use uuid::Uuid;

/// Any number that nothing else uses.
const GATE: &str = "pg_advisory_xact_lock_shared(4385)";

/// What the next user of a connection finds.
struct Found {
    /// The first statement's transaction number, and the second's: the same only inside one open transaction.
    numbers: (String, String),
    tenant: Option<Uuid>,
}

async fn look(connection: &mut PgConnection) -> Result<Found> {
    let number = "SELECT pg_current_xact_id()::text";
    Ok(Found {
        numbers: (
            sqlx::query_scalar(number).fetch_one(&mut *connection).await?,
            sqlx::query_scalar(number).fetch_one(&mut *connection).await?,
        ),
        tenant: sqlx::query_scalar("SELECT socle.tenant_id()").fetch_one(connection).await?,
    })
}

async fn close_the_gate(admin: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_lock(4385)").execute(admin).await?;
    Ok(())
}

async fn open_the_gate(admin: &mut PgConnection) -> Result<()> {
    sqlx::query("SELECT pg_advisory_unlock(4385)").execute(admin).await?;
    Ok(())
}

/// Returns once somebody stands at the gate: BEGIN has been executed, its answer has not been sent.
async fn somebody_waits(admin: &mut PgConnection) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted";
    for _ in 0..1_000 {
        if sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *admin).await? > 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("BEGIN never came to the gate")
}

/// The reason for our own begin. When this fails, sqlx is cured: `socle::db` may then call it directly, and the
/// forbidden methods in `clippy.toml` may go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_librarys_begin_leaves_a_transaction_open_when_it_is_cancelled() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let pool = PgPoolOptions::new().max_connections(1).connect(database.app_url()).await?;
    let tenant = Uuid::from_u128(7);
    close_the_gate(&mut admin).await?;

    let statement = AssertSqlSafe(format!("BEGIN; SELECT socle.enter('{tenant}', NULL), {GATE}"));
    let bare = pool.clone();
    let request = tokio::spawn(async move {
        #[expect(clippy::disallowed_methods, reason = "the faulty call itself is what is tried here")]
        bare.begin_with(statement).await.map(drop)
    });
    somebody_waits(&mut admin).await?;
    request.abort();
    ensure!(request.await.is_err_and(|end| end.is_cancelled()), "the request was to be cancelled");
    open_the_gate(&mut admin).await?;

    #[expect(clippy::disallowed_methods, reason = "what the next user of the pool gets is what is tried here")]
    let mut next = pool.acquire().await?;
    let found = look(&mut next).await?;
    assert_eq!(found.numbers.0, found.numbers.1, "sqlx is cured: read the comment above this test");
    assert_eq!(found.tenant, Some(tenant), "the next user acts as the tenant of the cancelled request");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_begin_leaves_nothing_when_it_is_cancelled() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    // The caller's BEGIN message is its own; in this test's database the function that it calls waits at the gate.
    let gated = format!(
        "ALTER FUNCTION socle.enter(uuid, uuid) RENAME TO enter_at_once;
         CREATE FUNCTION socle.enter(tenant uuid, account uuid) RETURNS void LANGUAGE sql AS
         $$ SELECT socle.enter_at_once(tenant, account); SELECT {GATE}; $$"
    );
    sqlx::raw_sql(AssertSqlSafe(gated)).execute(&mut admin).await?;
    let connected = Db::connect(&database.app_url().into(), &database.ingest_url().into(), 1).await;
    let db = connected.map_err(anyhow::Error::msg)?;
    let clock = Clock::system();
    let tenant = TenantId::fresh(clock.now());
    let caller = Caller::system(db.clone(), clock, "physiotraq", tenant);
    close_the_gate(&mut admin).await?;

    let cancelled = caller.clone();
    let request = tokio::spawn(async move { cancelled.begin().await.map(drop) });
    somebody_waits(&mut admin).await?;
    request.abort();
    ensure!(request.await.is_err_and(|end| end.is_cancelled()), "the request was to be cancelled");
    open_the_gate(&mut admin).await?;

    // The pool has one connection, so this is the same one.
    let mut next = db.door().await?;
    let found = look(next.conn()).await?;
    assert_ne!(found.numbers.0, found.numbers.1, "the connection is still inside the cancelled transaction");
    assert_eq!(found.tenant, None, "the tenant of the cancelled request is still set");
    drop(next);

    // And it is as good as new: the same caller begins, sees its tenant, and leaves no trace either.
    let mut tx = caller.begin().await?;
    assert_eq!(look(tx.conn()).await?.tenant, Some(tenant.0));
    drop(tx);
    let mut next = db.door().await.context("the connection did not come back")?;
    assert_eq!(look(next.conn()).await?.tenant, None);
    Ok(())
}
