//! Sealing while others write: every committed row once, in the order of transactions, by one server at a time.

use std::collections::BTreeSet;
use std::sync::Mutex;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::*;

/// The connections that hold the sealer's lock.
const SEALERS: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = 7305540
                         AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn sealers(admin: &mut PgConnection) -> Result<Vec<i32>> {
    Ok(sqlx::query_scalar(SEALERS).fetch_all(admin).await?)
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Verified as a whole, and as many links as rows.
async fn whole(stage: &Stage, folder: &Path) -> Result<Report> {
    anchored(&stage.database, folder).await?;
    let report = report(stage.database.admin_url(), stage.product.app().audit.public_key(), folder).await?;
    assert_eq!(report.faults, []);
    let mut admin = stage.database.admin().await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM socle.audit_log").fetch_one(&mut admin).await?;
    assert_eq!(i64::try_from(report.links)?, rows);
    assert_eq!(report.unsealed.0, 0);
    Ok(report)
}

/// One writer: some transactions are given up, some are slow, some write several rows.
async fn writer(callers: Arc<Vec<Caller>>, seed: u64, committed: Arc<Mutex<BTreeSet<String>>>) -> Result<()> {
    let mut dice = Dice(seed);
    for turn in 0..25 {
        let caller = callers.get(usize::try_from(dice.roll(3))?).context("a caller")?;
        let mut tx = caller.begin().await?;
        let mut marks = Vec::new();
        for row in 0..=dice.roll(3) {
            let mark = format!("{seed}-{turn}-{row}");
            record(&mut tx, Entry::done("test.raced", "Test", Uuid::nil()).with(json!({ "mark": &mark }))).await?;
            marks.push(mark);
            if dice.roll(12) == 0 {
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
        }
        if dice.roll(4) == 0 {
            drop(tx);
        } else {
            tx.commit().await?;
            committed.lock().map_err(|_| anyhow!("a writer panicked"))?.extend(marks);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_writers_with_rollbacks_and_slow_transactions_leave_every_row_once() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    let nobody = stage.product.app().nobody("physiotraq", Default::default());
    let callers = Arc::new(vec![system(&stage, ONE), system(&stage, TWO), nobody]);
    let committed = Arc::new(Mutex::new(BTreeSet::new()));
    let writers = (1..=16).map(|seed| tokio::spawn(writer(Arc::clone(&callers), seed, Arc::clone(&committed))));
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    let report = whole(&stage, &folder).await?;
    assert_eq!(report.chains, 3);
    let mut admin = stage.database.admin().await?;
    let chained: Vec<String> = sqlx::query_scalar(
        "SELECT l.details ->> 'mark' FROM socle.audit_chain c
         JOIN socle.audit_log l ON l.occurred_at = c.occurred_at AND l.id = c.id ORDER BY 1",
    )
    .fetch_all(&mut admin)
    .await?;
    let committed: Vec<String> = committed.lock().map_err(|_| anyhow!("a writer panicked"))?.iter().cloned().collect();
    assert!(committed.len() > 300, "the writers were to write: {}", committed.len());
    let mut chained = chained;
    chained.sort();
    assert_eq!(chained, committed);
    let disordered: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (
           SELECT (l.xact, l.number) < lag((l.xact, l.number)) OVER (PARTITION BY c.chain ORDER BY c.position) AS back,
                  c.position - lag(c.position) OVER (PARTITION BY c.chain ORDER BY c.position) AS step
           FROM socle.audit_chain c JOIN socle.audit_log l ON l.occurred_at = c.occurred_at AND l.id = c.id) s
         WHERE back OR step <> 1",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!(disordered, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_transaction_is_waited_for_and_what_waits_is_reported() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    write(&stage, ONE, 1).await?;
    anchored(&stage.database, &folder).await?;
    let slow = system(&stage, ONE);
    let mut slow = slow.begin().await?;
    record(&mut slow, Entry::done("test.slow", "Test", Uuid::nil())).await?;
    write(&stage, ONE, 2).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let key = stage.product.app().audit.public_key();
    let waiting = report(stage.database.admin_url(), key, &folder).await?;
    assert_eq!(waiting.faults, []);
    assert_eq!(waiting.unsealed, (2, Some(start_of_tests())), "what came after it waits, and is said to");
    slow.commit().await?;
    whole(&stage, &folder).await?;
    let mut admin = stage.database.admin().await?;
    let slow: i64 = sqlx::query_scalar(
        "SELECT c.position FROM socle.audit_chain c JOIN socle.audit_log l ON l.id = c.id WHERE l.action = 'test.slow'",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!(slow, 2, "it began before the two others");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealer_that_is_killed_in_the_middle_leaves_no_half_batch() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    write(&stage, ONE, 5).await?;
    sealed(&stage.database).await?;
    let (mut admin, mut other) = (stage.database.admin().await?, stage.database.admin().await?);
    let before = sealers(&mut other).await?;
    assert_eq!(before.len(), 1);
    // It reads its batch and stops where it would write.
    sqlx::raw_sql("BEGIN; LOCK TABLE socle.audit_chain IN EXCLUSIVE MODE").execute(&mut admin).await?;
    write(&stage, ONE, 50).await?;
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'";
    let started = Instant::now();
    while sqlx::query_scalar::<_, i64>(blocked).bind(before[0]).fetch_one(&mut other).await? == 0 {
        ensure!(started.elapsed() < SEALED_WITHIN, "the sealer was to be in the middle");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sqlx::query("SELECT pg_terminate_backend($1)").bind(before[0]).execute(&mut other).await?;
    sqlx::raw_sql("ROLLBACK").execute(&mut admin).await?;
    whole(&stage, &folder).await?;
    let after = sealers(&mut other).await?;
    assert!(after.len() == 1 && after != before, "{after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_seals_and_the_other_takes_over() -> Result<()> {
    let folder = folder()?;
    let first = stage(&folder).await?;
    write(&first, ONE, 3).await?;
    sealed(&first.database).await?;
    let second = over(Arc::clone(&first.database), first.clock.clone(), &folder).await?;
    let mut admin = first.database.admin().await?;
    for _ in 0..20 {
        write(&first, ONE, 2).await?;
        write(&second, TWO, 2).await?;
        assert!(sealers(&mut admin).await?.len() <= 1);
    }
    let holder = sealers(&mut admin).await?;
    drop(first);
    write(&second, ONE, 3).await?;
    whole(&second, &folder).await?;
    let after = sealers(&mut admin).await?;
    assert!(after.len() == 1 && after != holder, "the lock went with the server that held it: {holder:?} {after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_goes_on_over_a_change_of_month() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    let at = |text: &str| text.parse::<DateTime<Utc>>();
    stage.clock.set(at("2026-11-30T23:59:59.999Z")?);
    write(&stage, ONE, 3).await?;
    stage.clock.set(at("2026-12-01T00:00:00Z")?);
    write(&stage, ONE, 3).await?;
    stage.clock.set(at("2026-11-30T23:59:59.999Z")?);
    write(&stage, ONE, 1).await?;
    whole(&stage, &folder).await?;
    let mut admin = stage.database.admin().await?;
    for (leaf, rows) in [("socle.audit_log_2026_11", 4), ("socle.audit_log_2026_12", 3)] {
        let statement = AssertSqlSafe(format!("SELECT count(*) FROM {leaf}"));
        assert_eq!(sqlx::query_scalar::<_, i64>(statement).fetch_one(&mut admin).await?, rows, "{leaf}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_into_a_younger_cluster_nothing_is_passed_over() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    write(&stage, ONE, 5).await?;
    anchored(&stage.database, &folder).await?;
    // As a dump of an older cluster leaves it: transactions counted from far above this one's.
    let mut admin = stage.database.admin().await?;
    let restored =
        "INSERT INTO socle.audit_log (id, occurred_at, realm, tenant_id, xact, actor_kind, event_type, action,
                                                 outcome)
                    SELECT gen_random_uuid(), occurred_at, realm, tenant_id, '9000000000', actor_kind, event_type,
                           'test.restored', outcome FROM socle.audit_log LIMIT 1";
    sqlx::raw_sql(AssertSqlSafe(format!(
        "BEGIN; {restored}; UPDATE socle.audit_sealer SET xact = '8999999999'; COMMIT"
    )))
    .execute(&mut admin)
    .await?;
    let started = Instant::now();
    let chained = "SELECT count(*) FROM socle.audit_chain c JOIN socle.audit_log l ON l.id = c.id
                   WHERE l.action = 'test.restored'";
    while sqlx::query_scalar::<_, i64>(chained).fetch_one(&mut admin).await? == 0 {
        ensure!(started.elapsed() < SEALED_WITHIN, "what was restored unsealed is not sealed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    write(&stage, ONE, 3).await?;
    let links = "SELECT count(*) FROM socle.audit_chain";
    while sqlx::query_scalar::<_, i64>(links).fetch_one(&mut admin).await? < 9 {
        ensure!(started.elapsed() < SEALED_WITHIN, "new rows are not sealed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let key = stage.product.app().audit.public_key();
    let report = report(stage.database.admin_url(), key, &folder).await?;
    assert_eq!((report.faults, report.links), (Vec::new(), 9));
    Ok(())
}
