//! What happens around a request: transactions in each other's way, a clock that jumps, migrations while people work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use socle::Error;
use socle::db::roles::{self, Passwords};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{Database, Stage, start_of_tests};

use crate::staff::PASSWORD;

/// What the catalogue holds: tables with their columns, functions, policies, rights.
const SHAPE: &str = "SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT format('%s %s %s', a.attrelid::regclass, a.attname, a.atttypid::regtype) AS line FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('socle', 'physiotraq') AND a.attnum > 0 AND c.relkind IN ('r', 'p')
    UNION ALL SELECT format('%s %s', p.oid::regprocedure, md5(p.prosrc)) FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('socle', 'physiotraq')
    UNION ALL SELECT format('%s.%s %s', schemaname, tablename, policyname) FROM pg_policies
    UNION ALL SELECT format('%s %s', c.oid::regclass, c.relacl) FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE n.nspname IN ('socle', 'physiotraq')) lines";

async fn shape(admin: &mut PgConnection) -> Result<String> {
    Ok(sqlx::query_scalar(SHAPE).fetch_one(admin).await?)
}

async fn migrate(database: &Database) -> Result<()> {
    let today = start_of_tests().date_naive();
    let done = roles::migrate(database.admin_url(), &[physiotraq::SCHEMA], &Passwords::default(), today).await;
    done.map_err(anyhow::Error::msg)
}

/// As it was before anything was laid.
async fn bare(database: &Database) -> Result<PgConnection> {
    let mut admin = database.admin().await?;
    for schema in ["physiotraq", "socle"] {
        sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut admin).await?;
    }
    Ok(admin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_in_each_others_way_are_told_to_come_again() -> Result<()> {
    let database = Database::fresh().await?;
    let setup =
        "CREATE TABLE public.pair (id integer PRIMARY KEY, n integer); INSERT INTO public.pair VALUES (1, 0), (2, 0)";
    sqlx::raw_sql(setup).execute(&mut database.admin().await?).await?;
    let (mut one, mut other) = (database.admin().await?, database.admin().await?);
    for (connection, first) in [(&mut one, 1), (&mut other, 2)] {
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
        let lock = format!("UPDATE public.pair SET n = n + 1 WHERE id = {first}");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *connection).await?;
    }
    let (first, second) = tokio::join!(
        sqlx::raw_sql("UPDATE public.pair SET n = n + 1 WHERE id = 2").execute(&mut one),
        sqlx::raw_sql("UPDATE public.pair SET n = n + 1 WHERE id = 1").execute(&mut other)
    );
    let deadlock = first.err().or(second.err()).context("one of the two was to be undone")?;
    assert_eq!(deadlock.as_database_error().and_then(|error| error.code()).as_deref(), Some("40P01"));
    for raised in ["40001", "40P01"] {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{raised}'; END $$");
        let error = sqlx::raw_sql(AssertSqlSafe(raise)).execute(&mut database.admin().await?).await.unwrap_err();
        let told = Error::from(error);
        assert_eq!((told.status, told.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(2)), "{raised}");
    }
    assert_eq!(Error::from(deadlock).status, StatusCode::SERVICE_UNAVAILABLE);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_twice_and_by_two_at_once_change_nothing() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let before = shape(&mut admin).await?;
    migrate(&database).await?;
    assert_eq!(shape(&mut admin).await?, before);
    drop(bare(&database).await?);
    let (one, other) = tokio::join!(migrate(&database), migrate(&database));
    one?;
    other?;
    assert_eq!(shape(&mut admin).await?, before, "two at once from nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_that_are_interrupted_anywhere_go_on_where_they_stopped() -> Result<()> {
    let database = Database::fresh().await?;
    let whole = shape(&mut database.admin().await?).await?;
    for wait in [0, 20, 60, 120, 200, 400] {
        let mut admin = bare(&database).await?;
        let (url, today) = (database.admin_url().to_owned(), start_of_tests().date_naive());
        let migrating =
            tokio::spawn(
                async move { roles::migrate(&url, &[physiotraq::SCHEMA], &Passwords::default(), today).await },
            );
        tokio::time::sleep(Duration::from_millis(wait)).await;
        // As when its process is killed: the connection is gone, whatever it was doing.
        migrating.abort();
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
                   AND pid <> pg_backend_pid()";
        sqlx::query(cut).execute(&mut admin).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        migrate(&database).await?;
        assert_eq!(shape(&mut admin).await?, whole, "cut after {wait} ms");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_on_live_traffic_disturb_nobody() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (ended, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (owner, stop, count) = (licence.owner.clone(), Arc::clone(&ended), Arc::clone(&served));
    let traffic = tokio::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            let status = owner.get("/physiotraq/app").await?.status();
            anyhow::ensure!(status == 200, "{status}");
            count.fetch_add(1, Ordering::SeqCst);
        }
        anyhow::Ok(())
    });
    for second in 1..4 {
        migrate(&stage.database).await?;
        licence.device.measure(stage.clock.now() + TimeDelta::seconds(second), 37.0).await?;
    }
    ended.store(true, Ordering::SeqCst);
    traffic.await??;
    assert!(served.load(Ordering::SeqCst) > 3, "there was traffic");
    Ok(())
}

/// A server whose clock is set right, or wrong, by an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_an_hour_either_way_signs_nobody_out_and_lengthens_no_token() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let post = async |path: &str, body: Value| -> Result<(u16, Value)> {
        let url = format!("{}/physiotraq/api/v1/auth/{path}", stage.url());
        let answer = Client::new().post(url).json(&body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    };
    let (status, mut tokens) = post("login", json!({ "email": "owner1@test.fr", "password": PASSWORD })).await?;
    assert_eq!(status, 200);
    for jump in [1, -1, -1, 1] {
        stage.clock.advance(TimeDelta::hours(jump));
        assert_eq!(licence.owner.get("/physiotraq/app").await?.status(), 200, "the browser's session after {jump} h");
        let (status, next) = post("refresh", json!({ "refreshToken": tokens["refreshToken"] })).await?;
        assert_eq!(status, 200, "a refresh after {jump} h: {next}");
        tokens = next;
        let me = Client::new().get(format!("{}/physiotraq/api/v1/auth/me", stage.url()));
        let me = me.bearer_auth(tokens["accessToken"].as_str().unwrap_or_default()).send().await?;
        assert_eq!(me.status(), 200, "a token given after {jump} h");
    }
    assert_eq!(tokens["expiresIn"], json!(900));
    stage.clock.advance(TimeDelta::seconds(900));
    let me = Client::new().get(format!("{}/physiotraq/api/v1/auth/me", stage.url()));
    let me = me.bearer_auth(tokens["accessToken"].as_str().unwrap_or_default()).send().await?;
    assert_eq!(me.status(), 401, "fifteen minutes are fifteen minutes");
    licence.device.measure(stage.clock.now(), 37.0).await?;
    let mut app = PgConnection::connect(stage.database.admin_url()).await?;
    let later = "SELECT count(*) FROM socle.sessions WHERE expires_at > $1::timestamptz + interval '7 days 1 hour'";
    let later: i64 = sqlx::query_scalar(later).bind(stage.clock.now()).fetch_one(&mut app).await?;
    assert_eq!(later, 0, "no session outlives its limit by more than the jump");
    Ok(())
}
