//! The database as it really is after the migrations: row-level security on every table, keys that cannot point across
//! tenants, functions that run before a tenant is known. Every schema is walked, so a new product is covered unasked.

use std::collections::BTreeSet;

use anyhow::Result;
use sqlx::PgConnection;
use testkit::Database;

use crate::sources;

/// Every schema of ours.
macro_rules! ours {
    () => {
        "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')"
    };
}

/// Tables without row-level security, with the reason. None has a column that names a tenant, an account or a realm.
const UNPROTECTED: [(&str, &str); 7] = [
    ("physiotraq.monitor_watermarks", "one instant per shard of devices; only socle_lookup may touch it"),
    (
        "socle.erasure_plans",
        "what an erasure does to which table; only a migration writes it, only socle_lookup reads it",
    ),
    ("socle.migrations_kernel", "sqlx's own record of migrations; no role of the server has a right on it"),
    ("socle.migrations_platform", "sqlx's own record of migrations; no role of the server has a right on it"),
    ("socle.partition_plans", "names of tables, to be partitioned by month"),
    (
        "socle.retention_plans",
        "which rows the sweep may delete; only a migration writes it, only socle_lookup reads it",
    ),
    ("socle.schedules", "when the platform's own schedules come round next"),
];

/// In our own order: the database's would depend on its locale.
async fn list(admin: &mut PgConnection, query: &'static str) -> Result<Vec<String>> {
    let mut found: Vec<String> = sqlx::query_scalar(query).fetch_all(admin).await?;
    found.sort();
    Ok(found)
}

/// The query names what breaks a rule: nothing does.
async fn nothing(admin: &mut PgConnection, rule: &str, query: &'static str) -> Result<()> {
    let broken = list(admin, query).await?;
    assert!(broken.is_empty(), "{rule}: {broken:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_under_forced_row_level_security() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let query = concat!(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
           AND ",
        ours!()
    );
    let unprotected = list(&mut admin, query).await?;
    assert_eq!(unprotected, UNPROTECTED.map(|(table, _)| table), "without ENABLE and FORCE ROW LEVEL SECURITY");
    let named: Vec<String> = sqlx::query_scalar(
        "SELECT format('%s.%s', a.attrelid::regclass, a.attname) FROM pg_attribute a
         WHERE a.attrelid = ANY($1::text[]::regclass[]) AND a.attnum > 0
           AND a.attname IN ('tenant_id', 'license_id', 'account_id', 'user_id', 'realm')",
    )
    .bind(&unprotected)
    .fetch_all(&mut admin)
    .await?;
    assert!(named.is_empty(), "an unprotected table names whose it is: {named:?}");
    let elsewhere = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace";
    nothing(&mut admin, "nothing of ours lies in public", elsewhere).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_policy_guards_what_is_read_and_what_is_written() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    nothing(
        &mut admin,
        "a policy without USING or WITH CHECK",
        "SELECT format('%s.%s: %s', schemaname, tablename, policyname) FROM pg_policies WHERE NOT CASE cmd
           WHEN 'SELECT' THEN qual IS NOT NULL
           WHEN 'DELETE' THEN qual IS NOT NULL
           WHEN 'INSERT' THEN with_check IS NOT NULL
           ELSE qual IS NOT NULL AND with_check IS NOT NULL END",
    )
    .await?;
    nothing(
        &mut admin,
        "a policy for the server, or for everybody, that does not ask whose the row is",
        "SELECT format('%s.%s: %s', schemaname, tablename, policyname) FROM pg_policies
         WHERE roles && ARRAY['socle_app', 'socle_ingest', 'public']::name[]
           AND NOT (coalesce(qual, with_check) ~ '(tenant_id|account_id)\\(\\)'
                    AND coalesce(with_check, qual) ~ '(tenant_id|account_id)\\(\\)')",
    )
    .await?;
    nothing(
        &mut admin,
        "a table that no policy opens to anybody",
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relrowsecurity
           AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)",
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_see_what_their_reader_sees() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let query = concat!(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE (c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false))
           AND ",
        ours!()
    );
    nothing(&mut admin, "a materialized view, or a view without security_invoker", query).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_can_point_into_another_tenant() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let query = concat!(
        "SELECT format('%s: %s', f.conrelid::regclass, pg_get_constraintdef(f.oid))
         FROM pg_constraint f JOIN pg_namespace n ON n.oid = f.connamespace
         WHERE f.contype = 'f' AND f.conparentid = 0
           AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = f.conrelid
                       AND a.attname IN ('license_id', 'tenant_id'))
           -- An account belongs to no tenant: memberships say to which it may be led. Its devices are its own.
           AND f.confrelid NOT IN ('socle.accounts'::regclass, 'socle.known_devices'::regclass)
           AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY(f.conkey)
                           AND a.attname IN ('license_id', 'tenant_id'))
           -- What belongs to one account points at what belongs to the same.
           AND NOT (EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY(f.conkey)
                            AND a.attname = 'account_id')
                    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = f.confrelid AND a.attnum = ANY(f.confkey)
                                AND a.attname = 'account_id'))
           AND ",
        ours!()
    );
    nothing(&mut admin, "a foreign key of a tenant's table without the tenant in it", query).await?;
    nothing(
        &mut admin,
        "a foreign key that deletes or changes rows of another table",
        "SELECT format('%s: %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
         WHERE contype = 'f' AND (confdeltype NOT IN ('a', 'r') OR confupdtype NOT IN ('a', 'r'))",
    )
    .await?;
    nothing(
        &mut admin,
        "a foreign key from the kernel into a product",
        "SELECT format('%s: %s', f.conrelid::regclass, pg_get_constraintdef(f.oid)) FROM pg_constraint f
         JOIN pg_class t ON t.oid = f.confrelid
         WHERE f.contype = 'f' AND f.connamespace = 'socle'::regnamespace AND t.relnamespace <> 'socle'::regnamespace",
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_definer_functions_are_the_listed_ones() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let query = concat!(
        "SELECT format('%s %s', replace(replace(p.oid::regprocedure::text, 'timestamp with time zone', 'timestamptz'),
                                        ',', ', '), p.proowner::regrole)
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND ",
        ours!()
    );
    let found: BTreeSet<String> = list(&mut admin, query).await?.into_iter().collect();
    assert_eq!(found, listed_definers(), "SECURITY DEFINER functions and docs/definer-functions.txt");
    let query = concat!(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.prosecdef AND p.proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog'] AND ",
        ours!()
    );
    nothing(&mut admin, "a definer function without the fixed search path", query).await?;
    let query = concat!(
        "SELECT format('%s: %s', p.oid::regprocedure, coalesce(nullif(g.grantee, 0)::regrole::text, 'everybody'))
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
         WHERE p.prosecdef AND g.grantee NOT IN (p.proowner, 'socle_app'::regrole) AND ",
        ours!()
    );
    nothing(&mut admin, "a definer function that others than the server may call", query).await
}

/// `name(arguments) owner` of every line; what follows is the reason, and there must be one.
fn listed_definers() -> BTreeSet<String> {
    let text = sources::read("docs/definer-functions.txt");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let (signature, rest) =
            line.split_once(") ").unwrap_or_else(|| panic!("not `name(args) owner reason`: {line}"));
        let (owner, reason) = rest.split_once(' ').unwrap_or_else(|| panic!("no reason: {line}"));
        assert!(reason.trim().len() > 20, "a reason is a sentence: {line}");
        format!("{signature}) {owner}")
    };
    lines.map(entry).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_never_asked_for_the_time() -> Result<()> {
    let mut found = Vec::new();
    for file in sources::files("migrations", ".sql") {
        for (number, line) in sources::read(&file).lines().enumerate() {
            if asks_for_the_time(line.split("--").next().unwrap_or_default()) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "the time is passed in: {found:#?}");
    // The same in what the server really holds: functions and defaults.
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let query = concat!(
        "SELECT p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ",
        ours!(),
        " UNION ALL SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname !~ '^migrations_' AND ",
        ours!()
    );
    let asking: Vec<String> = list(&mut admin, query).await?.into_iter().filter(|sql| asks_for_the_time(sql)).collect();
    assert!(asking.is_empty(), "the time is passed in: {asking:#?}");
    Ok(())
}

fn asks_for_the_time(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    let words = ["current_timestamp", "current_date", "current_time", "localtime", "'now'", "timeofday("];
    let calls = ["now(", "clock_timestamp(", "statement_timestamp(", "transaction_timestamp("];
    let starts = |at: usize| !sql[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    words.iter().any(|word| sql.contains(word))
        || calls.iter().any(|call| sql.match_indices(call).any(|(at, _)| starts(at)))
}
