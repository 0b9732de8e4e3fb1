//! The server refuses to start as a database role that row-level security does not bind.

use anyhow::{Context, Result};
use socle::config::with_user;
use socle::db::Db;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::Database;

/// A role of this test's own; roles belong to the whole cluster, so its name carries the test database's.
struct Role {
    name: String,
    url: String,
    admin: PgConnection,
}

impl Role {
    async fn new(database: &Database, what: &str, attributes: &str) -> Result<Self> {
        let mut admin = database.admin().await?;
        let own: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut admin).await?;
        let name = format!("{own}_{what}");
        // A run that was cut off may have left it behind.
        execute(&mut admin, &format!("DROP ROLE IF EXISTS {name}")).await?;
        execute(&mut admin, &format!("CREATE ROLE {name} LOGIN PASSWORD 'for-this-test' {attributes}")).await?;
        let url = with_user(database.app_url(), &name, "for-this-test").map_err(anyhow::Error::msg)?;
        Ok(Self { name, url, admin })
    }

    async fn execute(&mut self, statement: &str) -> Result<()> {
        execute(&mut self.admin, &statement.replace("ROLE_NAME", &self.name)).await
    }

    async fn drop(mut self) -> Result<()> {
        self.execute("DROP OWNED BY ROLE_NAME").await?;
        self.execute("DROP ROLE ROLE_NAME").await
    }
}

async fn execute(admin: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(admin).await.context(statement.to_owned())?;
    Ok(())
}

/// What the server says when it is to start with these two URLs.
async fn refusal(app: &str, ingest: &str) -> String {
    match Db::connect(&app.into(), &ingest.into(), 1).await {
        Ok(_) => "it started".to_owned(),
        Err(reason) => reason,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_as_the_two_roles_made_for_it() -> Result<()> {
    let database = Database::fresh().await?;
    assert_eq!(refusal(database.app_url(), database.ingest_url()).await, "it started");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_refuses_a_superuser_as_either_role() -> Result<()> {
    let database = Database::fresh().await?;
    let as_app = refusal(database.admin_url(), database.ingest_url()).await;
    assert!(as_app.contains("is a superuser"), "{as_app}");
    let as_ingest = refusal(database.app_url(), database.admin_url()).await;
    assert!(as_ingest.contains("is a superuser"), "{as_ingest}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_refuses_a_role_that_owns_a_table() -> Result<()> {
    let database = Database::fresh().await?;
    let mut role = Role::new(&database, "owner", "").await?;
    assert_eq!(refusal(&role.url, database.ingest_url()).await, "it started");
    role.execute("CREATE TABLE public.mine (id integer); ALTER TABLE public.mine OWNER TO ROLE_NAME").await?;
    let reason = refusal(&role.url, database.ingest_url()).await;
    assert!(reason.contains("owns tables"), "{reason}");
    role.drop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_refuses_a_role_with_bypassrls() -> Result<()> {
    let database = Database::fresh().await?;
    let role = Role::new(&database, "bypass", "BYPASSRLS").await?;
    let reason = refusal(&role.url, database.ingest_url()).await;
    assert!(reason.contains("has BYPASSRLS"), "{reason}");
    let reason = refusal(database.app_url(), &role.url).await;
    assert!(reason.contains("has BYPASSRLS"), "{reason}");
    role.drop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_refuses_a_role_that_could_become_the_owner() -> Result<()> {
    let database = Database::fresh().await?;
    let mut role = Role::new(&database, "member", "").await?;
    role.execute("GRANT socle_owner TO ROLE_NAME").await?;
    let reason = refusal(&role.url, database.ingest_url()).await;
    assert!(reason.contains("is a member of socle_owner"), "{reason}");
    role.drop().await
}
