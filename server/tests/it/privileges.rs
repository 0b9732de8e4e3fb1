//! What the roles of the running server may do, asked of PostgreSQL and tried.

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use testkit::Database;

/// Rights beyond the leaves of measurements that the writer's role has, with the reason.
const OF_THE_WRITER: [(&str, &str, &str); 1] =
    [("socle.partition_plans", "SELECT", "which parents have monthly leaves; no tenant's data")];

/// In our own order: the database's would depend on its locale.
async fn list(admin: &mut PgConnection, query: &'static str) -> Result<Vec<String>> {
    let mut found: Vec<String> = sqlx::query_scalar(query).fetch_all(admin).await?;
    found.sort();
    Ok(found)
}

/// The SQLSTATE a statement fails with; `done` when it does not fail.
async fn refused(connection: &mut PgConnection, statement: &'static str) -> String {
    match sqlx::query(statement).execute(connection).await {
        Ok(_) => "done".to_owned(),
        Err(error) => {
            let code = error.as_database_error().and_then(|db| db.code()).map(|code| code.into_owned());
            code.unwrap_or_else(|| error.to_string())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_has_no_right_on_any_partition() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let partitions: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')")
            .fetch_one(&mut admin)
            .await?;
    assert!(partitions > 10, "the partitions were to be there: {partitions}");
    let reachable = list(
        &mut admin,
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relispartition AND c.relkind IN ('r', 'p')
           AND (has_table_privilege('socle_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                OR has_any_column_privilege('socle_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))",
    )
    .await?;
    assert!(reachable.is_empty(), "row-level security of the parent does not bind there: {reachable:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writer_may_insert_into_and_read_the_leaves_of_measurements_and_nothing_else() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let rights = list(
        &mut admin,
        "SELECT format('%s %s', c.oid::regclass, p.name) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
           AS p(name)
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND (has_table_privilege('socle_ingest', c.oid, p.name)
                OR p.name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                   AND has_any_column_privilege('socle_ingest', c.oid, p.name))",
    )
    .await?;
    let mut expected = list(
        &mut admin,
        "SELECT format('%s %s', l.relid, p.name)
         FROM pg_partition_tree('physiotraq.measurements') l CROSS JOIN unnest(ARRAY['SELECT', 'INSERT']) AS p(name)
         WHERE l.isleaf",
    )
    .await?;
    assert!(expected.len() > 8, "the leaves were to be there: {expected:?}");
    expected.extend(OF_THE_WRITER.map(|(table, right, _)| format!("{table} {right}")));
    expected.sort();
    assert_eq!(rights, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_belongs_to_the_owner_and_nobody_signs_in_as_the_owner() -> Result<()> {
    let database = Database::fresh().await?;
    let mut admin = database.admin().await?;
    let strangers = list(
        &mut admin,
        "SELECT format('%s %s', c.oid::regclass, c.relowner::regrole) FROM pg_class c
         WHERE c.relnamespace IN ('socle'::regnamespace, 'physiotraq'::regnamespace)
           AND c.relowner <> 'socle_owner'::regrole",
    )
    .await?;
    assert!(strangers.is_empty(), "{strangers:#?}");
    let owned = list(
        &mut admin,
        "SELECT format('%s %s', d.refobjid::regrole, d.objid) FROM pg_shdepend d
         WHERE d.deptype = 'o' AND d.refobjid IN ('socle_app'::regrole, 'socle_ingest'::regrole)
           AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .await?;
    assert!(owned.is_empty(), "the server's roles own something: {owned:#?}");
    let unfit = list(
        &mut admin,
        "SELECT rolname::text FROM pg_roles
         WHERE rolname IN ('socle_owner', 'socle_lookup') AND rolcanlogin
            OR rolname IN ('socle_owner', 'socle_lookup', 'socle_app', 'socle_ingest')
               AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
    )
    .await?;
    assert!(unfit.is_empty(), "{unfit:#?}");
    let memberships = list(
        &mut admin,
        "SELECT format('%s in %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members m
         WHERE m.member IN ('socle_app'::regrole, 'socle_ingest'::regrole)",
    )
    .await?;
    assert!(memberships.is_empty(), "the server's roles can become others: {memberships:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_trail_can_only_grow() -> Result<()> {
    let database = Database::fresh().await?;
    let mut app = PgConnection::connect(database.app_url()).await?;
    for statement in [
        "UPDATE socle.audit_log SET action = 'nothing happened'",
        "DELETE FROM socle.audit_log",
        "TRUNCATE socle.audit_log",
        "ALTER TABLE socle.audit_log DISABLE ROW LEVEL SECURITY",
        "DROP TABLE socle.audit_log",
    ] {
        assert_eq!(refused(&mut app, statement).await, "42501", "{statement}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_tenant_there_is_no_row_and_no_insert() -> Result<()> {
    let database = Database::fresh().await?;
    let mut app = PgConnection::connect(database.app_url()).await?;
    let tables = ["socle.accounts", "socle.sessions", "socle.data_keys", "physiotraq.licenses", "physiotraq.users"];
    let more = ["physiotraq.devices", "physiotraq.treatments", "physiotraq.measurements", "physiotraq.events"];
    for table in tables.into_iter().chain(more) {
        let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        assert_eq!(sqlx::query_scalar::<_, i64>(query).fetch_one(&mut app).await?, 0, "{table}");
    }
    let insert = "INSERT INTO physiotraq.session_counters (license_id, day, last)
                  VALUES ('00000000-0000-0000-0000-000000000001', '2026-11-21', 1)";
    assert_eq!(refused(&mut app, insert).await, "42501");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_stock_and_the_partitions_are_out_of_the_servers_reach() -> Result<()> {
    let database = Database::fresh().await?;
    let mut app = PgConnection::connect(database.app_url()).await?;
    for statement in [
        "SELECT serial_number FROM physiotraq.device_stock",
        "SELECT shard FROM physiotraq.monitor_watermarks",
        "SELECT device_id FROM physiotraq.measurements_unclocked",
        "SELECT device_id FROM physiotraq.measurements_clocked",
        "INSERT INTO socle.partition_plans (parent, leaf_prefix) VALUES ('a', 'b')",
        "CREATE TABLE physiotraq.mine (id integer)",
        "CREATE TABLE socle.mine (id integer)",
        "CREATE TABLE public.mine (id integer)",
        "SET ROLE socle_owner",
        "SET ROLE socle_lookup",
    ] {
        assert_eq!(refused(&mut app, statement).await, "42501", "{statement}");
    }
    Ok(())
}
