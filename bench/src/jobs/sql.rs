//! The reference's table and its one statement, and what is looked at of the real one.

use anyhow::Result;
use sqlx::PgConnection;

/// Takes the oldest waiting row that nobody else is taking, and is done with it.
pub const TAKE_ONE: &str = "UPDATE public.bench_jobs SET state = 'done' WHERE id =
  (SELECT id FROM public.bench_jobs WHERE state = 'waiting' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED);
";

/// A fresh table of waiting rows, then a checkpoint: no run pays for the pages that another left dirty.
pub async fn fill(admin: &mut PgConnection, jobs: u32) -> Result<()> {
    sqlx::raw_sql(
        "DROP TABLE IF EXISTS public.bench_jobs;
         CREATE TABLE public.bench_jobs (id bigint PRIMARY KEY, state text NOT NULL) WITH (fillfactor = 70);
         GRANT SELECT, UPDATE ON public.bench_jobs TO socle_app;",
    )
    .execute(&mut *admin)
    .await?;
    sqlx::query("INSERT INTO public.bench_jobs (id, state) SELECT n, 'waiting' FROM generate_series(1::bigint, $1) n")
        .bind(i64::from(jobs))
        .execute(&mut *admin)
        .await?;
    sqlx::raw_sql("CREATE INDEX ON public.bench_jobs (id) WHERE state = 'waiting'").execute(&mut *admin).await?;
    // Outside a transaction, each by itself.
    sqlx::raw_sql("ANALYZE public.bench_jobs").execute(&mut *admin).await?;
    sqlx::raw_sql("CHECKPOINT").execute(admin).await?;
    Ok(())
}

/// How many rows still wait.
pub async fn waiting(admin: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM public.bench_jobs WHERE state = 'waiting'").fetch_one(admin).await?)
}

/// The real table without a row: no run finds what another left.
pub async fn empty(admin: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql("TRUNCATE socle.jobs").execute(admin).await?;
    Ok(())
}

/// Statistics and a checkpoint, as the reference gets them.
pub async fn settle_down(admin: &mut PgConnection) -> Result<()> {
    // Outside a transaction, each by itself.
    sqlx::raw_sql("ANALYZE socle.jobs").execute(&mut *admin).await?;
    sqlx::raw_sql("CHECKPOINT").execute(admin).await?;
    Ok(())
}

/// How many jobs of the bench were done at their first attempt.
pub async fn done(admin: &mut PgConnection) -> Result<i64> {
    let done = "SELECT count(*) FROM socle.jobs WHERE queue = 'bench' AND state = 'done' AND attempt = 1";
    Ok(sqlx::query_scalar(done).fetch_one(admin).await?)
}
