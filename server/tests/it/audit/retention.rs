//! Old months leave lawfully, with a signed floor; what is young or unsealed stays; and nothing else may leave.

use anyhow::Result;
use chrono::{Months, NaiveDate, TimeDelta};
use socle::audit::drop_before;
use socle::db::ensure_months;
use socle::privacy::retention;

use super::*;

fn day(text: &str) -> Result<NaiveDate> {
    Ok(text.parse()?)
}

/// Rows of November and December 2026 and of July 2027; the chain of the first tenant has 4 + 2 + 3.
async fn scene() -> Result<(Stage, PathBuf)> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    ensure_months(&stage.product.app().db, day("2026-11-01")?, day("2027-07-31")?).await?;
    for (at, rows) in [("2026-11-30T10:00:00Z", 4), ("2026-12-05T10:00:00Z", 2)] {
        stage.clock.set(at.parse::<DateTime<Utc>>()?);
        write(&stage, ONE, rows).await?;
    }
    // A row of November that is chained after rows of December.
    stage.clock.set("2026-11-30T23:00:00Z".parse::<DateTime<Utc>>()?);
    write(&stage, ONE, 1).await?;
    write(&stage, TWO, 2).await?;
    stage.clock.set("2027-07-01T10:00:00Z".parse::<DateTime<Utc>>()?);
    write(&stage, ONE, 3).await?;
    anchored(&stage.database, &folder).await?;
    Ok((stage, folder))
}

async fn faults(stage: &Stage, folder: &Path) -> Result<Vec<Fault>> {
    Ok(report(stage.database.admin_url(), stage.product.app().audit.public_key(), folder).await?.faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_month_leaves_a_floor_from_which_the_chain_is_verified() -> Result<()> {
    let (stage, folder) = scene().await?;
    let app = stage.product.app();
    assert_eq!(faults(&stage, &folder).await?, []);
    // August to November.
    assert_eq!(drop_before(app, day("2026-12-01")?).await?, 4);
    assert_eq!(faults(&stage, &folder).await?, []);
    let mut admin = stage.database.admin().await?;
    let left: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT chain, position FROM socle.audit_chain ORDER BY chain, position")
            .fetch_all(&mut admin)
            .await?;
    let expected: Vec<(Uuid, i64)> = (5..=10).map(|position| (ONE.0, position)).collect();
    assert_eq!(left, expected, "links from the first row that stays; the other chain is gone as a whole");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM socle.audit_log").fetch_one(&mut admin).await?;
    assert_eq!(rows, 5);
    write(&stage, ONE, 1).await?;
    write(&stage, TWO, 1).await?;
    anchored(&stage.database, &folder).await?;
    assert_eq!(faults(&stage, &folder).await?, [], "both chains go on where they were");
    assert_eq!(drop_before(app, day("2027-01-01")?).await?, 1, "and later the next month");
    assert_eq!(faults(&stage, &folder).await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_young_or_not_sealed_may_not_be_dropped() -> Result<()> {
    let (stage, folder) = scene().await?;
    let app = stage.product.app();
    for young in ["2027-02-01", "2027-07-01", "2027-08-01", "2026-11-15"] {
        let refused = drop_before(app, day(young)?).await.expect_err(young);
        assert_eq!((refused.status.as_u16(), &*refused.code), (409, "BIZ_AUDIT_KEPT"), "{young}");
    }
    let blocker = system(&stage, TWO);
    let mut blocker = blocker.begin().await?;
    record(&mut blocker, Entry::done("test.slow", "Test", Uuid::nil())).await?;
    stage.clock.set("2026-11-30T11:00:00Z".parse::<DateTime<Utc>>()?);
    write(&stage, ONE, 1).await?;
    let refused = drop_before(app, day("2026-12-01")?).await.expect_err("a row of November is not sealed");
    assert_eq!(refused.status, 409);
    blocker.commit().await?;
    sealed(&stage.database).await?;
    assert_eq!(faults(&stage, &folder).await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_floor_that_somebody_else_wrote_or_took_away_is_seen() -> Result<()> {
    let (stage, folder) = scene().await?;
    drop_before(stage.product.app(), day("2026-12-01")?).await?;
    let mut admin = stage.database.admin().await?;
    let floor = "SELECT position FROM socle.audit_floors WHERE chain = $1";
    assert_eq!(sqlx::query_scalar::<_, i64>(floor).bind(ONE.0).fetch_one(&mut admin).await?, 4);
    for (forged, position) in [
        ("position = 5, hash = (SELECT hash FROM socle.audit_chain c WHERE c.chain = f.chain AND c.position = 5)", 5),
        ("before = '2027-01-01'", 4),
        ("hash = decode(repeat('00', 32), 'hex')", 4),
        ("signature = decode(repeat('00', 64), 'hex')", 4),
    ] {
        let statement = format!(
            "CREATE TABLE kept AS TABLE socle.audit_floors;
             UPDATE socle.audit_floors f SET {forged} WHERE chain = '{}'",
            ONE.0
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await?;
        assert_eq!(faults(&stage, &folder).await?, [fault(ONE.0, position, FaultKind::FloorForged)], "{forged}");
        let back = "TRUNCATE socle.audit_floors; INSERT INTO socle.audit_floors TABLE kept; DROP TABLE kept";
        sqlx::raw_sql(back).execute(&mut admin).await?;
    }
    assert_eq!(faults(&stage, &folder).await?, []);
    sqlx::raw_sql("DELETE FROM socle.audit_floors").execute(&mut admin).await?;
    let found = faults(&stage, &folder).await?;
    assert!(found.contains(&fault(ONE.0, 1, FaultKind::LinkMissing)), "{found:?}");
    assert!(found.contains(&fault(TWO.0, 1, FaultKind::TailMissing(2))), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_itself_can_neither_change_nor_delete_nor_forge() -> Result<()> {
    let (stage, _) = scene().await?;
    let mut app = PgConnection::connect(stage.database.app_url()).await?;
    let insert = "INSERT INTO socle.audit_log (id, occurred_at, realm, actor_kind, event_type, action, outcome";
    let values = "VALUES ('00000000-0000-0000-0000-000000000001', '2026-11-21', 'x', 'nobody', 'auth', 'a.b', 'done'";
    for statement in [
        "UPDATE socle.audit_log_2026_11 SET action = 'x'".to_owned(),
        "DELETE FROM socle.audit_log_2026_11".to_owned(),
        "TRUNCATE socle.audit_log_2026_11".to_owned(),
        "SELECT id FROM socle.audit_log_2026_11".to_owned(),
        "INSERT INTO socle.audit_log_2026_11 (id) VALUES (NULL)".to_owned(),
        "SELECT hash FROM socle.audit_chain".to_owned(),
        "UPDATE socle.audit_chain SET position = 1".to_owned(),
        "DELETE FROM socle.audit_chain".to_owned(),
        "TRUNCATE socle.audit_chain".to_owned(),
        "DELETE FROM socle.audit_floors".to_owned(),
        "INSERT INTO socle.audit_floors (chain) VALUES (NULL)".to_owned(),
        "UPDATE socle.audit_sealer SET number = 0".to_owned(),
        "SELECT setval('socle.audit_number', 1)".to_owned(),
        format!("{insert}, xact) {values}, '3')"),
        format!("{insert}, number) {values}, 3)"),
        format!("{insert}, chain) {values}, '00000000-0000-0000-0000-000000000001')"),
    ] {
        let refused = sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut app).await;
        let code = refused.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
        assert!(matches!(code.as_deref(), Some("42501" | "428C9")), "{statement}: {code:?}");
    }
    let another = format!("{insert}, tenant_id) {values}, '{}')", ONE.0);
    let refused = sqlx::query(AssertSqlSafe(another)).execute(&mut app).await;
    assert!(refused.is_err(), "without a tenant nobody writes into a tenant's trail");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_goes_after_a_year_and_the_chain_holds_without_it() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    let app = stage.product.app();
    let mut tx = system(&stage, ONE).begin().await?;
    record(&mut tx, Entry::done("session.opened", "Account", Uuid::from_u128(1))).await?;
    tx.commit().await?;
    write(&stage, ONE, 2).await?;
    anchored(&stage.database, &folder).await?;
    let rule = retention::RULES.iter().find(|rule| rule.statement.contains("forget_accesses")).unwrap();
    let (opened, year) = (stage.clock.now(), Months::new(12));
    assert_eq!(retention::sweep(&app.db, rule, opened + year - TimeDelta::seconds(1)).await?, 0, "a second too early");
    assert_eq!(retention::sweep(&app.db, rule, opened + year).await?, 1);
    let key = app.audit.public_key();
    let later = opened + year + TimeDelta::seconds(1);
    let found = report_at(stage.database.admin_url(), key, &folder, later).await?;
    assert_eq!((found.faults, found.links, found.forgotten), (Vec::new(), 3, 1));
    let early = report_at(stage.database.admin_url(), key, &folder, opened).await?;
    assert_eq!(early.faults, [fault(ONE.0, 1, FaultKind::RowMissing)], "nothing may be gone within the year");
    // A row of evidence is missed however old it is, and also when its link is made to say that it was of the access log.
    let mut admin = stage.database.admin().await?;
    sqlx::raw_sql("DELETE FROM socle.audit_log WHERE action = 'test.written'").execute(&mut admin).await?;
    let gone = report_at(stage.database.admin_url(), key, &folder, later).await?;
    assert_eq!(gone.faults, [fault(ONE.0, 2, FaultKind::RowMissing)]);
    sqlx::raw_sql("UPDATE socle.audit_chain SET access = true").execute(&mut admin).await?;
    let relabelled = report_at(stage.database.admin_url(), key, &folder, later).await?;
    assert_eq!(relabelled.faults, [fault(ONE.0, 2, FaultKind::LinkChanged)]);
    Ok(())
}
