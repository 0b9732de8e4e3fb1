//! Row rules tried from outside the program: as the server's role, with plain SQL, the way somebody would who has its
//! password and nothing else. Every table of the catalogue is tried, so a new one is covered unasked.

mod definers;
mod rooms;

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use self::rooms::{Rooms, Table};

/// The SQLSTATE a statement fails with; `done N` with the rows it touched when it does not fail.
async fn outcome(app: &mut PgConnection, statement: &str) -> String {
    match sqlx::query(AssertSqlSafe(statement.to_owned())).execute(app).await {
        Ok(done) => format!("done {}", done.rows_affected()),
        Err(error) => {
            let code = error.as_database_error().and_then(|db| db.code()).map(|code| code.into_owned());
            code.unwrap_or_else(|| error.to_string())
        }
    }
}

/// Enters as a tenant and an account; the empty text is nobody.
async fn enter(app: &mut PgConnection, tenant: &str, account: &str) -> Result<()> {
    let settings = "SELECT set_config('socle.tenant_id', $1, false), set_config('socle.account_id', $2, false)";
    sqlx::query(settings).bind(tenant).bind(account).execute(app).await?;
    Ok(())
}

async fn count(app: &mut PgConnection, table: &Table, wher: &str) -> Result<i64> {
    let query = format!("SELECT count(*) FROM {} t WHERE {wher}", table.name);
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(app).await.with_context(|| table.name.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_context_and_with_an_empty_one_no_table_shows_a_row() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    for entered in [false, true] {
        if entered {
            enter(&mut app, "", "").await?;
        }
        for table in rooms.readable() {
            assert_eq!(count(&mut app, table, "true").await?, 0, "{} entered: {entered}", table.name);
        }
    }
    // What is no id at all is an error, and shows nothing either.
    enter(&mut app, "' OR true --", "").await?;
    for table in rooms.readable().filter(|table| table.tenant.is_some()) {
        // Of an empty table no row asks whose it is.
        let outcome = outcome(&mut app, &format!("SELECT * FROM {}", table.name)).await;
        assert!(outcome == "22P02" || outcome == "done 0", "{}: {outcome}", table.name);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_sees_its_own_rows_and_none_of_another() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    let (mut own, mut held) = (0, 0);
    for table in rooms.readable() {
        let Some(column) = &table.tenant else { continue };
        enter(&mut app, &rooms.first.to_string(), "").await?;
        own += count(&mut app, table, &format!("{column} = '{}'", rooms.first)).await?;
        let foreign = format!("{column} IS DISTINCT FROM '{}'", rooms.first);
        assert_eq!(count(&mut app, table, &foreign).await?, 0, "{} shows what is not the tenant's", table.name);
        held += i64::from(rooms.holds(table, rooms.second));
    }
    assert!(own > 10, "the first tenant was to have rows: {own}");
    assert!(held > 8, "the second tenant was to have rows in most tables: {held}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_changes_and_deletes_no_row_of_another() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    let before = rooms.digest().await?;
    let mut tried = 0;
    for table in &rooms.tables {
        let Some(column) = &table.tenant else { continue };
        enter(&mut app, &rooms.first.to_string(), "").await?;
        for statement in [
            format!("UPDATE {} SET {column} = {column} WHERE {column} = '{}'", table.name, rooms.second),
            format!("DELETE FROM {} WHERE {column} = '{}'", table.name, rooms.second),
            format!("UPDATE {} SET {column} = '{}' WHERE {column} = '{}'", table.name, rooms.first, rooms.second),
        ] {
            let outcome = outcome(&mut app, &statement).await;
            assert!(["done 0", "42501"].contains(&outcome.as_str()), "{statement}: {outcome}");
            tried += 1;
        }
    }
    assert!(tried > 40, "every table was to be tried: {tried}");
    assert_eq!(rooms.digest().await?, before, "nothing has changed, whoever looks");
    Ok(())
}

/// A copy of the first tenant's own row with the other's name on it, and its own row given away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_is_written_into_another_tenant() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    let mut refused = 0;
    for table in &rooms.tables {
        let Some(column) = &table.tenant else { continue };
        if !rooms.holds(table, rooms.first) {
            continue;
        }
        enter(&mut app, &rooms.first.to_string(), "").await?;
        let columns = table.columns.join(", ");
        let copied = table
            .columns
            .iter()
            .map(|name| if name == column { format!("'{}'::uuid", rooms.second) } else { format!("t.{name}") });
        let copied = copied.collect::<Vec<_>>().join(", ");
        let row = format!("FROM {} t WHERE t.{column} = '{}' LIMIT 1", table.name, rooms.first);
        let insert = format!("INSERT INTO {} ({columns}) SELECT {copied} {row}", table.name);
        let give =
            format!("UPDATE {} SET {column} = '{}' WHERE {column} = '{}'", table.name, rooms.second, rooms.first);
        for statement in [insert, give] {
            let outcome = outcome(&mut app, &statement).await;
            // Refused by the row rule or for want of the right, before any key or check is asked; or there is no row to
            // be seen by the tenant alone.
            assert!(["42501", "done 0"].contains(&outcome.as_str()), "{statement}: {outcome}");
            refused += usize::from(outcome == "42501");
        }
    }
    assert!(refused > 15, "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_sees_and_touches_nothing_of_another_account() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    let (mut own, mut tried) = (0, 0);
    for table in rooms.readable() {
        let Some(column) = &table.account else { continue };
        enter(&mut app, "", &rooms.people.0.to_string()).await?;
        own += count(&mut app, table, &format!("{column} = '{}'", rooms.people.0)).await?;
        let foreign = format!("{column} IS DISTINCT FROM '{}'", rooms.people.0);
        assert_eq!(count(&mut app, table, &foreign).await?, 0, "{}", table.name);
        for statement in [
            format!("UPDATE {} SET {column} = {column} WHERE {column} = '{}'", table.name, rooms.people.1),
            format!("DELETE FROM {} WHERE {column} = '{}'", table.name, rooms.people.1),
        ] {
            let outcome = outcome(&mut app, &statement).await;
            assert!(["done 0", "42501"].contains(&outcome.as_str()), "{statement}: {outcome}");
        }
        tried += 1;
    }
    assert!(own >= 2 && tried >= 5, "account and session were to be there: {own} rows, {tried} tables");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_table_can_be_emptied_altered_or_freed_of_its_rules() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    enter(&mut app, &rooms.first.to_string(), &rooms.people.0.to_string()).await?;
    for table in &rooms.tables {
        let name = &table.name;
        for statement in [
            format!("TRUNCATE {name}"),
            format!("ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {name} ADD COLUMN mine text"),
            format!("CREATE POLICY mine ON {name} USING (true)"),
            format!("DROP TABLE {name}"),
            format!("ALTER TABLE {name} OWNER TO socle_app"),
            format!(
                "CREATE TRIGGER mine BEFORE INSERT ON {name} EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
        ] {
            assert_eq!(outcome(&mut app, &statement).await, "42501", "{statement}");
        }
    }
    for statement in [
        "SET ROLE socle_owner",
        "SET ROLE socle_lookup",
        "SET ROLE socle_ingest",
        "SET SESSION AUTHORIZATION socle_owner",
        "SET session_replication_role = replica",
        "ALTER ROLE socle_app BYPASSRLS",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION dblink",
        "COPY socle.accounts TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ] {
        assert_eq!(outcome(&mut app, statement).await, "42501", "{statement}");
    }
    // It may be asked for, and then nothing is shown at all rather than everything.
    assert_eq!(outcome(&mut app, "SET row_security = off").await, "done 0");
    assert_eq!(outcome(&mut app, "SELECT * FROM socle.accounts").await, "42501");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaves_of_partitioned_tables_are_out_of_reach() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut app = rooms.app().await?;
    enter(&mut app, &rooms.first.to_string(), "").await?;
    let leaves = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relispartition AND c.relkind IN ('r', 'p')";
    let leaves: Vec<String> = sqlx::query_scalar(leaves).fetch_all(&mut rooms.admin().await?).await?;
    assert!(leaves.len() > 10, "{leaves:?}");
    for leaf in leaves {
        for statement in [format!("SELECT * FROM {leaf}"), format!("DELETE FROM {leaf}"), format!("TRUNCATE {leaf}")] {
            assert_eq!(outcome(&mut app, &statement).await, "42501", "{statement}");
        }
    }
    Ok(())
}

/// What `psql` itself shows: not only the driver of this test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_as_the_servers_role_shows_nothing_either() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let psql = |statement: &str| -> Result<(bool, String)> {
        let done = std::process::Command::new(rooms::psql()?)
            .args(["-XqAtc", statement, rooms.stage.database.app_url()])
            .output()?;
        let said = [done.stdout, done.stderr].concat();
        Ok((done.status.success(), String::from_utf8_lossy(&said).trim().to_owned()))
    };
    for table in rooms.readable() {
        assert_eq!(psql(&format!("SELECT count(*) FROM {}", table.name))?, (true, "0".to_owned()), "{}", table.name);
    }
    let (first, second) = (rooms.first, rooms.second);
    let both = format!("SELECT set_config('socle.tenant_id', '{first}', false); SELECT id FROM physiotraq.licenses");
    let (_, shown) = psql(&both)?;
    assert!(shown.contains(&first.to_string()) && !shown.contains(&second.to_string()), "{shown}");
    let (done, said) = psql("SET ROLE socle_owner")?;
    assert!(!done && said.contains("permission denied"), "{said}");
    Ok(())
}

/// The same value in another tenant is no conflict, so a refused value tells nothing about others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_unique_key_of_a_tenants_table_tells_of_another_tenants_values() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut admin = rooms.admin().await?;
    let query = "SELECT i.indexrelid::regclass::text FROM pg_index i
                 JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE i.indisunique AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                   AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid
                               AND a.attname IN ('tenant_id', 'license_id') AND a.attnotnull)
                   AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                                   AND a.attname IN ('tenant_id', 'license_id'))
                   -- A key of ids and hashes that nobody chooses tells nothing.
                   AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                               AND a.atttypid NOT IN ('uuid'::regtype, 'bytea'::regtype, 'timestamptz'::regtype))
                 ORDER BY 1";
    let oracles: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut admin).await?;
    let known: Vec<&str> = rooms::CHOSEN_KEYS.iter().map(|(index, _)| *index).collect();
    let oracles: Vec<&str> = oracles.iter().map(String::as_str).collect();
    assert_eq!(oracles, known, "a unique key over what people choose, without the tenant in it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_context_of_one_connection_is_no_others() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let (mut one, mut other) = (rooms.app().await?, PgConnection::connect(rooms.stage.database.app_url()).await?);
    enter(&mut one, &rooms.first.to_string(), "").await?;
    let seen = "SELECT socle.tenant_id()";
    assert_eq!(sqlx::query_scalar::<_, Option<Uuid>>(seen).fetch_one(&mut one).await?, Some(rooms.first));
    assert_eq!(sqlx::query_scalar::<_, Option<Uuid>>(seen).fetch_one(&mut other).await?, None);
    Ok(())
}

/// Whatever forgets to say for whom it works (a job, an export, a stream) works for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_the_program_without_a_tenant_sees_and_writes_nothing() -> Result<()> {
    use socle::db::{Trace, Who};
    use socle::web::Product;
    let rooms = rooms::furnished().await?;
    let nobody = rooms.stage.product.app().nobody("physiotraq", Trace::default());
    for who in [Who::Nobody, Who::Platform] {
        for table in rooms.readable().filter(|table| table.tenant.is_some()) {
            let mut tx = nobody.becoming(who.clone()).begin().await?;
            let column = table.tenant.as_deref().unwrap_or_default();
            let seen = format!("SELECT count(*) FROM {} WHERE {column} IS NOT NULL", table.name);
            let seen: i64 = sqlx::query_scalar(AssertSqlSafe(seen)).fetch_one(tx.conn()).await?;
            assert_eq!(seen, 0, "{} as {who:?}", table.name);
            let given = format!("UPDATE {} SET {column} = '{}'", table.name, rooms.first);
            let outcome = outcome(tx.conn(), &given).await;
            assert!(["done 0", "42501"].contains(&outcome.as_str()), "{given}: {outcome}");
        }
    }
    Ok(())
}

/// Names that two tenants happen to share do not meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_of_a_job_and_of_a_creation_in_two_tenants_are_two_keys() -> Result<()> {
    use socle::jobs::{self, NewJob};
    use socle::web::Product;
    let rooms = rooms::furnished().await?;
    let app = rooms.stage.product.app();
    for tenant in [rooms.first, rooms.second] {
        let mut tx = app.system("physiotraq", socle::ids::TenantId(tenant)).begin().await?;
        let later = app.clock.now() + chrono::TimeDelta::days(1);
        let job = NewJob::now("same.kind", jobs::MAINTENANCE, serde_json::json!({})).at(later).once("the same key");
        assert!(jobs::enqueue(&mut tx, job.clone()).await?.is_some(), "another tenant's key is not in the way");
        assert!(jobs::enqueue(&mut tx, job).await?.is_none(), "one's own is");
        tx.commit().await?;
    }
    let keys = "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
                AND a.attnum = ANY (i.indkey) WHERE i.indrelid = 'socle.idempotency_keys'::regclass AND i.indisprimary";
    let keys: Vec<String> = sqlx::query_scalar(keys).fetch_all(&mut rooms.admin().await?).await?;
    assert!(keys.contains(&"tenant_id".to_owned()) && keys.contains(&"account_id".to_owned()), "{keys:?}");
    Ok(())
}

impl Rooms {
    /// As the server's role.
    async fn app(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(self.stage.database.app_url()).await?)
    }
}
