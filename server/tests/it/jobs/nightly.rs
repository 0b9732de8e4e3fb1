//! What is forgotten every night, and whose jobs and mails the server's role can see.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection};

use super::*;

/// 03:30 in Paris, the night after the tests begin.
const NIGHT: &str = "2026-11-22T02:30:00Z";

/// The rows of a table that are left, by the number their id ends in.
async fn left(admin: &mut PgConnection, table: &'static str) -> Result<Vec<i64>> {
    let ids = sqlx::query_scalar::<_, Uuid>(AssertSqlSafe(format!("SELECT id FROM {table} WHERE id < $1 ORDER BY id")));
    let ids = ids.bind(Uuid::from_u128(100)).fetch_all(admin).await?;
    Ok(ids.into_iter().map(|id| i64::try_from(id.as_u128()).unwrap()).collect())
}

/// Of each table some rows that are to go and some that are to stay, dated from the night on.
async fn written(admin: &mut PgConnection, licence: &testkit::Licence) -> Result<()> {
    let (tenant, account) = (licence.id, licence.owner.account);
    let jobs = "(realm, queue, kind, payload, max_attempts, run_at, created_at, tenant_id, id, state, finished_at)
         SELECT 'physiotraq', 'elsewhere', 'test.old', '{}', 1, night, night - interval '1 year'";
    let mails = "(realm, template, language, content, status, tenant_id, id, created_at)
         SELECT 'physiotraq', 'invitation', 'fr', 'sealed', 'sent'";
    let sessions = "(kind, created_at, last_seen_at, authenticated_at, tenant_id, account_id, id, expires_at, ended_at)
         SELECT 'api', night - interval '1 year', night - interval '1 year', night - interval '1 year'";
    let answers = "(route, claim, request_hash, created_at, tenant_id, account_id, key, expires_at)
         SELECT 'POST /api/v1/x', '00000000-0000-0000-0000-000000000001', 'hash', night - interval '1 day'";
    let tokens = "(token_hash, session_id, account_id, created_at, expires_at)
         SELECT 'token', '00000000-0000-0000-0000-000000000001'";
    let id = |number: u32| format!("'{}'::uuid", Uuid::from_u128(number.into()));
    let ago = |days: u32| format!("night - interval '{days} days'");
    let job = |number, state: &str, at: &str| {
        format!("INSERT INTO socle.jobs {jobs}, '{tenant}', {}, '{state}', {at} FROM night;", id(number))
    };
    let mail =
        |number, at: &str| format!("INSERT INTO socle.mails {mails}, '{tenant}', {}, {at} FROM night;", id(number));
    let session = |number, expires: &str, ended: &str| {
        format!(
            "INSERT INTO socle.sessions {sessions}, '{tenant}', '{account}', {}, {expires}, {ended} FROM night;",
            id(number)
        )
    };
    let answer = |key: &str, at: &str| {
        format!("INSERT INTO socle.idempotency_keys {answers}, '{tenant}', '{account}', '{key}', {at} FROM night;")
    };
    let all = [
        format!("CREATE TEMPORARY TABLE night AS SELECT '{NIGHT}'::timestamptz AS night;"),
        job(1, "done", &ago(8)),
        job(2, "done", &ago(6)),
        job(3, "dead", &ago(300)),
        job(4, "waiting", "NULL::timestamptz"),
        mail(1, &ago(91)),
        mail(2, &ago(89)),
        session(1, &ago(91), "NULL::timestamptz"),
        session(2, &ago(0), &ago(91)),
        session(3, &ago(89), "NULL::timestamptz"),
        format!("INSERT INTO socle.refresh_tokens {tokens}, '{account}', {}, {} FROM night;", ago(98), ago(91)),
        answer("over", "night"),
        answer("valid", "night + interval '1 hour'"),
    ];
    sqlx::raw_sql(AssertSqlSafe(all.concat())).execute(admin).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_night_what_is_old_goes_and_dead_and_young_ones_stay() -> Result<()> {
    let (stage, _) = stage(|jobs| jobs).await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    written(&mut admin, &licence).await?;
    let known = "SELECT count(*) FROM socle.schedules WHERE name = 'socle.forget' AND next_at = $1::timestamptz";
    let started = Instant::now();
    while sqlx::query_scalar::<_, i64>(known).bind(NIGHT.parse::<DateTime<Utc>>()?).fetch_one(&mut admin).await? == 0 {
        ensure!(started.elapsed() < SOON, "the nightly schedule is not known");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(left(&mut admin, "socle.jobs").await?, [1, 2, 3, 4], "before the night");

    stage.clock.set(NIGHT.parse()?);
    let done = "SELECT count(*) FROM socle.jobs WHERE kind = 'socle.forget' AND state = 'done'";
    while sqlx::query_scalar::<_, i64>(done).fetch_one(&mut admin).await? == 0 {
        ensure!(started.elapsed() < SOON * 2, "the nightly job was not done");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(left(&mut admin, "socle.jobs").await?, [2, 3, 4], "a dead job stays until somebody decides");
    assert_eq!(left(&mut admin, "socle.mails").await?, [2]);
    assert_eq!(left(&mut admin, "socle.sessions").await?, [3], "ended or expired over 90 days ago");
    let tokens: i64 = sqlx::query_scalar("SELECT count(*) FROM socle.refresh_tokens").fetch_one(&mut admin).await?;
    assert_eq!(tokens, 0, "a session takes its tokens with it");
    let keys = sqlx::query_scalar::<_, String>("SELECT key FROM socle.idempotency_keys").fetch_all(&mut admin).await?;
    assert_eq!(keys, ["valid"]);
    Ok(())
}

/// What the server's role sees of two tables, by tenant, when it acts for a tenant or for none.
async fn seen(app: &mut PgConnection, tenant: Option<TenantId>) -> Result<[Vec<Option<Uuid>>; 2]> {
    let tenant = tenant.map_or_else(|| "NULL".to_owned(), |tenant| format!("'{tenant}'"));
    let enter = format!("BEGIN; SELECT socle.enter({tenant}, NULL)");
    sqlx::raw_sql(AssertSqlSafe(enter)).execute(&mut *app).await?;
    let jobs = sqlx::query_scalar("SELECT DISTINCT tenant_id FROM socle.jobs").fetch_all(&mut *app).await?;
    let mails = sqlx::query_scalar("SELECT DISTINCT tenant_id FROM socle.mails").fetch_all(&mut *app).await?;
    sqlx::raw_sql("ROLLBACK").execute(app).await?;
    Ok([jobs, mails])
}

/// The SQLSTATE with which a statement is refused to the server's role, acting for a tenant.
async fn refused(app: &mut PgConnection, tenant: TenantId, statement: &str) -> Result<String> {
    let statement = format!("BEGIN; SELECT socle.enter('{tenant}', NULL); {statement}");
    let outcome = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *app).await;
    sqlx::raw_sql("ROLLBACK").execute(app).await?;
    let code = outcome.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
    Ok(code.unwrap_or_else(|| "done".to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_role_sees_the_jobs_and_mails_of_the_tenant_it_acts_for_and_no_others() -> Result<()> {
    let (stage, _) = stage(|jobs| jobs).await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let mut admin = stage.database.admin().await?;
    for (number, licence) in [(1_u32, &first), (2, &second)] {
        let (tenant, id) = (licence.id, Uuid::from_u128(number.into()));
        let rows = format!(
            "INSERT INTO socle.jobs (id, realm, tenant_id, queue, kind, payload, state, max_attempts, run_at, created_at)
             VALUES ('{id}', 'physiotraq', '{tenant}', 'elsewhere', 'x', '{{}}', 'waiting', 1, '{NIGHT}', '{NIGHT}');
             INSERT INTO socle.mails (id, realm, tenant_id, template, language, content, status, created_at)
             VALUES ('{id}', 'physiotraq', '{tenant}', 'invitation', 'fr', 'sealed', 'sent', '{NIGHT}')"
        );
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut admin).await?;
    }
    let mut app = PgConnection::connect(stage.database.app_url()).await?;
    let [jobs, mails] = seen(&mut app, None).await?;
    assert!(jobs.iter().all(Option::is_none) && mails.is_empty(), "without a tenant: {jobs:?} {mails:?}");
    for licence in [&first, &second] {
        let own = vec![Some(licence.id.0)];
        assert_eq!(seen(&mut app, Some(licence.id)).await?, [own.clone(), own]);
    }
    let elsewhere = format!(
        "INSERT INTO socle.jobs (id, realm, tenant_id, queue, kind, payload, state, max_attempts, run_at, created_at)
         VALUES ('{}', 'physiotraq', '{}', 'q', 'x', '{{}}', 'waiting', 1, '{NIGHT}', '{NIGHT}')",
        Uuid::from_u128(3),
        second.id
    );
    let mail = format!("UPDATE socle.mails SET tenant_id = '{}'", second.id);
    for statement in
        [elsewhere.as_str(), "UPDATE socle.jobs SET state = 'dead'", "DELETE FROM socle.jobs", mail.as_str()]
    {
        assert_eq!(refused(&mut app, first.id, statement).await?, "42501", "{statement}");
    }
    Ok(())
}
