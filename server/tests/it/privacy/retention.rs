//! How long rows are kept: each rule on its day and not before, holds, interruption, two servers; and that no table with
//! personal data is forgotten. `SOCLE_BLESS=1` writes `docs/retention.md` anew.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use physiotraq::Physiotraq;
use socle::privacy::Products;
use socle::privacy::retention::{self, Action, KEPT, RULES, Rule};
use socle::web::Product;
use sqlx::Connection;
use testkit::Database;

use super::*;
use crate::sources;

const PAGE: &str = "docs/retention.md";

fn own(stage: &Stage) -> (&'static [Rule], &'static [retention::Kept]) {
    Product::retention(&stage.product)
}

fn rule(stage: &Stage, table: &str) -> Rule {
    let all = RULES.iter().chain(own(stage).0);
    *all.into_iter().find(|rule| rule.table == table).unwrap_or_else(|| panic!("no rule for {table}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_what_the_rules_say() -> Result<()> {
    let stage = Stage::new().await?;
    let products = Products::default().with::<Physiotraq>(stage.product.clone()).with(stage.platform.clone());
    let expected = products.retention_page();
    if std::env::var_os("SOCLE_BLESS").is_some() {
        std::fs::write(sources::root().join(PAGE), &expected)?;
    }
    assert_eq!(sources::read(PAGE), expected, "{PAGE}: SOCLE_BLESS=1 bin/test retention writes it anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_under_a_rule_or_kept_for_a_reason() -> Result<()> {
    let stage = Stage::new().await?;
    let mut admin = stage.database.admin().await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class c
         WHERE c.relnamespace IN ('socle'::regnamespace, 'physiotraq'::regnamespace) AND c.relkind IN ('r', 'p')
           AND NOT c.relispartition AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
             AND (a.attname IN ('account_id', 'user_id', 'tenant_id', 'license_id', 'actor_id', 'realm', 'email')))",
    )
    .fetch_all(&mut admin)
    .await?;
    let (rules, kept) = own(&stage);
    let named: BTreeSet<&str> = RULES.iter().chain(rules).map(|rule| rule.table).collect();
    let kept: BTreeSet<&str> = KEPT.iter().chain(kept).map(|kept| kept.table).collect();
    assert!(tables.len() > 20, "the tables were to be there: {tables:?}");
    let forgotten: Vec<&String> =
        tables.iter().filter(|t| !named.contains(t.as_str()) && !kept.contains(t.as_str())).collect();
    assert!(forgotten.is_empty(), "no rule names them, and nobody says why they are kept: {forgotten:?}");
    assert!(named.is_disjoint(&kept), "a rule, or a reason: {:?}", named.intersection(&kept).collect::<Vec<_>>());
    for name in named.union(&kept) {
        let there: bool =
            sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(name).fetch_one(&mut admin).await?;
        assert!(there, "there is no table {name}");
    }

    // What names an account is dealt with by an erasure, too.
    let unerased: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
         WHERE f.contype = 'f' AND f.confrelid = 'socle.accounts'::regclass
           AND c.oid::regclass::text NOT IN (SELECT table_name FROM socle.erasure_plans)
           AND c.oid::regclass::text NOT IN ('socle.memberships', 'socle.erasures', 'socle.key_destructions')",
    )
    .fetch_all(&mut admin)
    .await?;
    assert!(unerased.is_empty(), "an erasure passes them by (socle.erasure_plans): {unerased:?}");
    Ok(())
}

/// How one row of a table is written: what follows INSERT INTO, with `{at}` for the instant that its time counts from.
fn row(table: &str, n: u32, licence: &testkit::Licence) -> String {
    let id = uuid::Uuid::from_u128(u128::from(n) + 1);
    let (tenant, account) = (licence.id, licence.owner.account);
    let night = "timestamptz '2000-01-01'";
    match table {
        "socle.refresh_tokens" => format!(
            "socle.sessions (kind, id, created_at, last_seen_at, expires_at, account_id, tenant_id, authenticated_at)
             VALUES ('api', '{id}', {night}, {night}, {{at}}, '{account}', '{tenant}', {night});
             INSERT INTO socle.refresh_tokens (token_hash, session_id, account_id, created_at, expires_at)
             VALUES ('{id}', '{id}', '{account}', {night}, {{at}})"
        ),
        "socle.sessions" => format!(
            "socle.sessions (kind, id, created_at, last_seen_at, ended_at, expires_at, account_id, tenant_id,
                             authenticated_at)
             VALUES ('api', '{id}', {night}, {night}, {{at}}, {{at}} + interval '1 year', '{account}', '{tenant}', {night})"
        ),
        "socle.known_devices" => format!(
            "socle.known_devices (id, account_id, token_hash, created_at, last_seen_at)
             VALUES ('{id}', '{account}', '{id}', {night}, {{at}})"
        ),
        "socle.challenges" => format!(
            "socle.challenges (id, realm, account_id, purpose, secret_hash, created_at, expires_at)
             VALUES ('{id}', 'physiotraq', '{account}', 'reset_password', '{id}', {night}, {{at}})"
        ),
        "socle.passkey_ceremonies" => format!(
            "socle.passkey_ceremonies (id, realm, secret_hash, state, expires_at)
             VALUES ('{id}', 'physiotraq', '{id}', '{{{{}}}}', {{at}})"
        ),
        "socle.password_tries" => {
            format!("socle.password_tries (id, account_id, created_at) VALUES ('{id}', '{account}', {{at}})")
        }
        "socle.break_glass" => format!(
            "socle.break_glass (id, realm, tenant_id, account_id, session_id, kind, record_id, asked, opened_at, expires_at,
                                ended_at)
             VALUES ('{id}', 'physiotraq', '{tenant}', '{account}', '{id}', 'Case', '{id}', 'sealed', {{at}},
                     {{at}} + interval '30 minutes', {{at}})"
        ),
        "socle.invitations" => format!(
            "socle.invitations (id, realm, tenant_id, tenant_name, email, role, language, token_hash, created_at, expires_at)
             VALUES ('{id}', 'physiotraq', '{tenant}', 'x', 'a{n}@test.fr', 'operator', 'fr', '{id}', {night}, {{at}})"
        ),
        "socle.mails" => format!(
            "socle.mails (id, realm, tenant_id, template, language, content, status, created_at, account_id)
             VALUES ('{id}', 'physiotraq', '{tenant}', 'x', 'fr', 'sealed', 'sent', {{at}}, '{account}')"
        ),
        "socle.jobs" => format!(
            "socle.jobs (id, realm, tenant_id, queue, kind, payload, state, max_attempts, run_at, created_at, finished_at)
             VALUES ('{id}', 'physiotraq', '{tenant}', 'elsewhere', 'x', '{{{{}}}}', 'done', 1, {night}, {night}, {{at}})"
        ),
        "socle.idempotency_keys" => format!(
            "socle.idempotency_keys (tenant_id, account_id, route, key, claim, request_hash, created_at, expires_at)
             VALUES ('{tenant}', '{account}', 'x', 'k{n}', '{id}', 'hash', {night}, {{at}})"
        ),
        _ => later_row(table, n, licence),
    }
}

/// The same, of the tables that come after.
fn later_row(table: &str, n: u32, licence: &testkit::Licence) -> String {
    let id = uuid::Uuid::from_u128(u128::from(n) + 1);
    let (tenant, account) = (licence.id, licence.owner.account);
    let night = "timestamptz '2000-01-01'";
    match table {
        "socle.security_events" => format!(
            "socle.security_events (id, realm, tenant_id, type, severity, user_id, created_at)
             VALUES ('{id}', 'physiotraq', '{tenant}', 'X', 'low', '{account}', {{at}})"
        ),
        "socle.personal_exports" => format!(
            "socle.personal_exports (id, realm, account_id, tenant_id, language, status, asked_at, expires_at)
             VALUES ('{id}', 'physiotraq', '{account}', '{tenant}', 'fr', 'failed', {night}, {{at}})"
        ),
        "socle.erasures" => format!(
            "socle.erasures (id, realm, account_id, tenant_id, language, asked_at, due_at, undone_at)
             VALUES ('{id}', 'physiotraq', '{account}', '{tenant}', 'fr', {night}, {night}, {{at}})"
        ),
        "socle.legal_holds" => format!(
            "socle.legal_holds (id, tenant_id, subject_kind, subject_id, reason, legal_basis, may_be_told, placed_by,
                                placed_at, lifted_by, lifted_at)
             SELECT '{id}', tenant_id, 'account', '{id}', 'a reason of some length', 'a law', true, id, {night}, id, {{at}}
             FROM socle.operators"
        ),
        "socle.audit_log" => format!(
            "socle.audit_log (id, occurred_at, realm, tenant_id, actor_kind, actor_id, event_type, action, outcome)
             VALUES ('{id}', {{at}}, 'physiotraq', '{tenant}', 'person', '{account}', 'auth', 'session.opened', 'done'),
                    ('{id}', {{at}} + interval '1 microsecond', 'physiotraq', '{tenant}', 'person', '{account}', 'data',
                     'treatment.started', 'done')"
        ),
        "physiotraq.treatments" => format!(
            "physiotraq.treatments (id, license_id, session_identifier, device_id, user_id, status, started_at, ended_at,
                                    duration_seconds, created_at, updated_at)
             VALUES ('{id}', '{tenant}', 'S{n}', '{device}', '{account}', 'completed', {{at}} - interval '1 hour', {{at}},
                     3600, {night}, {night});
             INSERT INTO physiotraq.events (id, license_id, event_type, eventable_type, eventable_id, user_id, created_at)
             VALUES ('{id}', '{tenant}', 'treatment.completed', 'Treatment', '{id}', '{account}', {night});
             INSERT INTO physiotraq.measurements (license_id, device_id, treatment_id, temperature, raw_temperature,
                 calibration_version, measured_at, received_at, sequence, clock_ok, implausible, late, created_at)
             VALUES ('{tenant}', '{device}', '{id}', 38, 38, 1, {{at}} - interval '30 minutes', {{at}}, {n}, true, false,
                     false, {{at}})",
            device = licence.device.id
        ),
        "physiotraq.measurements" => format!(
            "physiotraq.measurements (license_id, device_id, temperature, raw_temperature, calibration_version, measured_at,
                                      received_at, sequence, clock_ok, implausible, late, created_at)
             VALUES ('{tenant}', '{device}', 38, 38, 1, {{at}}, {{at}}, {n}, true, false, false, {{at}})",
            device = licence.device.id
        ),
        "physiotraq.invited_assignments" => format!(
            "physiotraq.invited_assignments (license_id, invitation_id, device_id, created_at, expires_at)
             VALUES ('{tenant}', '{id}', '{device}', {night}, {{at}})",
            device = licence.device.id
        ),
        other => panic!("this test does not know how to write a row of {other}"),
    }
}

/// Writes a row whose time counts from an instant.
async fn write(
    admin: &mut PgConnection,
    licence: &testkit::Licence,
    table: &str,
    (n, at): (u32, DateTime<Utc>),
) -> Result<()> {
    let instant = format!("timestamptz '{}'", at.to_rfc3339());
    let statement = format!("INSERT INTO {}", row(table, n, licence)).replace("{at}", &instant).replace("{{}}", "{}");
    run(admin, &statement).await.with_context(|| statement)
}

/// Waits until the audit trail is sealed: what is not cannot be told from what was taken away, and stays.
async fn sealed(admin: &mut PgConnection) -> Result<()> {
    let started = Instant::now();
    while count(admin, "SELECT waiting FROM socle.audit_unsealed(1000)").await? > 0 {
        ensure!(started.elapsed() < Duration::from_secs(60), "the trail is not sealed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// The rows of these tests that are left.
async fn left(admin: &mut PgConnection, table: &str) -> Result<i64> {
    let of_ours = match table {
        "socle.refresh_tokens" | "physiotraq.invited_assignments" => "created_at = '2000-01-01'",
        "socle.idempotency_keys" => "route = 'x'",
        "socle.audit_log" => "id < '00000000-0000-0000-0000-0000000000ff' AND action = 'session.opened'",
        "physiotraq.measurements" => "true",
        _ => "id < '00000000-0000-0000-0000-0000000000ff'",
    };
    count(admin, &format!("SELECT count(*) FROM {table} WHERE {of_ours}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_deletes_on_its_day_and_not_a_moment_before() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    stage.platform.operator(("olga@socle.test", PASSWORD.into()), ("Olga", "Essai")).await?;
    let mut admin = stage.database.admin().await?;
    let db = &stage.product.app().db;
    let now = stage.clock.now();
    let months =
        "SELECT socle.ensure_months('2006-10-01', '2007-01-01'), socle.ensure_months('2025-10-01', '2026-01-01')";
    run(&mut admin, months).await?;
    let all: Vec<Rule> = RULES.iter().chain(own(&stage).0).copied().collect();
    for rule in all.iter().filter(|rule| rule.action == Action::Delete) {
        let over = rule.over_at(now);
        write(&mut admin, &licence, rule.table, (1, over)).await?;
        write(&mut admin, &licence, rule.table, (2, over + TimeDelta::microseconds(2))).await?;
        if rule.table == "socle.audit_log" {
            sealed(&mut admin).await?;
        }
        let before = left(&mut admin, rule.table).await?;
        assert_eq!(retention::sweep(db, rule, now).await?, 1, "{}: {} of {before}", rule.table, rule.rows);
        assert_eq!(left(&mut admin, rule.table).await?, before - 1, "{}: one stays", rule.table);
        assert_eq!(retention::sweep(db, rule, now + TimeDelta::microseconds(2)).await?, 1, "{}: its turn", rule.table);
        let rest = match rule.table {
            "socle.refresh_tokens" => "DELETE FROM socle.sessions WHERE id < '00000000-0000-0000-0000-0000000000ff'",
            _ => continue,
        };
        run(&mut admin, rest).await?;
    }
    let evidence = "SELECT count(*) FROM socle.audit_log WHERE action = 'treatment.started'";
    assert_eq!(count(&mut admin, evidence).await?, 2, "evidence outlives the access log");
    let of_treatments = "SELECT count(*) FROM physiotraq.events WHERE id < '00000000-0000-0000-0000-0000000000ff'";
    assert_eq!(count(&mut admin, of_treatments).await?, 0, "a treatment takes its events with it");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM physiotraq.measurements").await?, 0, "and its readings");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_trail_loses_whole_months_after_five_years_and_none_under_a_hold() -> Result<()> {
    let stage = Stage::new().await?;
    let mut admin = stage.database.admin().await?;
    let app = stage.product.app();
    run(&mut admin, "SELECT socle.ensure_months('2021-09-01', '2021-12-01')").await?;
    // What is dropped ends before the newest sealed row, by half a year at least.
    stage.platform.operator(("olga@socle.test", PASSWORD.into()), ("Olga", "Essai")).await?;
    sealed(&mut admin).await?;
    let rule = RULES.iter().find(|rule| rule.action == Action::DropPartitions).context("a rule that drops months")?;
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'socle.audit_log'::regclass
                  AND inhrelid::regclass::text LIKE '%2021%'";
    let day = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(count(&mut admin, months).await?, 4);
    assert_eq!(
        retention::apply(app, rule, day("2026-09-30T23:59:59Z")).await?,
        0,
        "September 2021 is not five years ago"
    );
    assert_eq!(retention::apply(app, rule, day("2026-10-01T00:00:00Z")).await?, 1);
    let hold = "INSERT INTO socle.legal_holds (id, tenant_id, subject_kind, subject_id, reason, legal_basis, may_be_told,
                                               placed_by, placed_at)
                SELECT gen_random_uuid(), tenant_id, 'account', id, 'a reason of some length', 'a law', true, id, created_at
                FROM socle.operators";
    run(&mut admin, hold).await?;
    assert_eq!(retention::apply(app, rule, day("2027-01-01T00:00:00Z")).await?, 0, "a month holds rows of everybody");
    run(&mut admin, "UPDATE socle.legal_holds SET lifted_at = placed_at, lifted_by = placed_by").await?;
    assert_eq!(retention::apply(app, rule, day("2027-01-01T00:00:00Z")).await?, 3);
    assert_eq!(count(&mut admin, months).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hold_names_stays_and_nothing_else() -> Result<()> {
    let stage = Stage::new().await?;
    let (held, free) = (stage.licence().await?, stage.licence().await?);
    stage.platform.operator(("olga@socle.test", PASSWORD.into()), ("Olga", "Essai")).await?;
    let mut admin = stage.database.admin().await?;
    let db = &stage.product.app().db;
    let now = stage.clock.now();
    run(&mut admin, "SELECT socle.ensure_months('2006-10-01', '2007-01-01')").await?;
    let hold = format!(
        "INSERT INTO socle.legal_holds (id, tenant_id, subject_kind, subject_id, reason, legal_basis, may_be_told, placed_by,
                                        placed_at)
         SELECT gen_random_uuid(), tenant_id, 'tenant', '{}', 'a reason of some length', 'a law', true, id, created_at
         FROM socle.operators",
        held.id
    );
    run(&mut admin, &hold).await?;
    for table in ["socle.sessions", "socle.mails", "physiotraq.measurements", "physiotraq.treatments"] {
        let rule = rule(&stage, table);
        let over = rule.over_at(now) - TimeDelta::days(1);
        write(&mut admin, &held, table, (1, over)).await?;
        write(&mut admin, &free, table, (2, over)).await?;
        assert_eq!(retention::sweep(db, &rule, now).await?, 1, "{table}");
        let theirs = match table {
            "physiotraq.measurements" | "physiotraq.treatments" => "license_id",
            _ => "tenant_id",
        };
        let kept = format!("SELECT count(*) FROM {table} WHERE {theirs} = '{}'", held.id);
        assert!(count(&mut admin, &kept).await? >= 1, "{table}: the held one stays");
    }
    run(&mut admin, "UPDATE socle.legal_holds SET lifted_at = placed_at, lifted_by = placed_by").await?;
    assert_eq!(retention::sweep(db, &rule(&stage, "socle.mails"), now).await?, 1, "lifted, it goes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_goes_on_and_two_at_once_delete_each_row_once() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let (db, now) = (stage.product.app().db.clone(), stage.clock.now());
    let many = format!(
        "INSERT INTO socle.mails (id, realm, tenant_id, template, language, content, status, created_at)
         SELECT gen_random_uuid(), 'physiotraq', '{}', 'x', 'fr', 'sealed', 'sent', timestamptz '2020-01-01'
         FROM generate_series(1, 5500)",
        licence.id
    );
    run(&mut admin, &many).await?;
    // One batch, and then the server dies: what was deleted stays deleted.
    let mut app = PgConnection::connect(stage.database.app_url()).await?;
    let first = "SELECT socle.sweep('socle.mails', '2021-01-01', 1000, '2021-01-01')";
    assert_eq!(count(&mut app, first).await?, 1_000, "no more at once than a batch");
    drop(app);
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.mails WHERE template = 'x'").await?, 4_500);
    let mails = rule(&stage, "socle.mails");
    let (one, two) = tokio::join!(retention::sweep(&db, &mails, now), retention::sweep(&db, &mails, now));
    assert_eq!(one? + two?, 4_500, "each row once");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.mails WHERE template = 'x'").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_migrations_say_what_may_be_swept() -> Result<()> {
    let database = Database::fresh().await?;
    let mut app = PgConnection::connect(database.app_url()).await?;
    for statement in [
        "SELECT socle.sweep('socle.accounts', 'infinity', 10, '2026-01-01')",
        "INSERT INTO socle.retention_plans VALUES ('socle.accounts', 'true', NULL)",
        "UPDATE socle.erasure_plans SET whose = 'true'",
        "SELECT * FROM socle.erase_account('00000000-0000-0000-0000-000000000001')",
        "DELETE FROM socle.consents",
        "DELETE FROM socle.audit_log",
    ] {
        assert!(run(&mut app, statement).await.is_err(), "{statement}");
    }
    Ok(())
}
