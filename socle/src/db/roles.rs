//! Roles, schemas and migrations: what `socle migrate` does, as a role that may create roles.

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The kernel's tables, laid into every database of the platform.
static KERNEL: Migrator = sqlx::migrate!("../migrations/kernel");
/// The platform database's timeline.
static PLATFORM: Migrator = sqlx::migrate!("../migrations/platform");

/// Passwords for the two roles that the server signs in as. `None` leaves a role's password as it is.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    /// For `socle_app`.
    pub app: Option<SecretString>,
    /// For `socle_ingest`.
    pub ingest: Option<SecretString>,
    /// For `socle_backup`.
    pub backup: Option<SecretString>,
}

/// Creates what is missing: roles, schemas, tables, the months of partitions around `today`. Run twice, it changes
/// nothing. One connection at a time: sqlx holds an advisory lock while it migrates.
///
/// # Errors
/// When the URL's role may not create roles, or a migration fails; nothing of a failed migration stays.
pub async fn migrate(
    url: &str,
    schemas: &[&str],
    passwords: &Passwords,
    today: chrono::NaiveDate,
) -> Result<(), String> {
    let mut admin = PgConnection::connect(url).await.map_err(|e| format!("the database cannot be reached: {e}"))?;
    prepare(&mut admin, schemas, passwords).await.map_err(|e| format!("roles and schemas: {e}"))?;
    for (migrator, table) in [(&KERNEL, "socle.migrations_kernel"), (&PLATFORM, "socle.migrations_platform")] {
        let mut migrator = Migrator { ..Migrator::with_migrations(migrator.iter().cloned().collect()) };
        migrator.dangerous_set_table_name(table);
        migrator.run_direct(None, &mut admin, false).await.map_err(|e| format!("migration: {e}"))?;
    }
    // Two that migrate at once would both find a month missing. The lock ends with the connection.
    execute(&mut admin, "SELECT pg_advisory_lock(7305508)").await.map_err(|e| format!("partitions: {e}"))?;
    sqlx::query!(
        r#"SELECT socle.ensure_months($1, $2) AS "made!""#,
        today - chrono::Months::new(3),
        today + chrono::Months::new(2)
    )
    .fetch_one(&mut admin)
    .await
    .map_err(|e| format!("partitions: {e}"))?;
    admin.close().await.map_err(|e| e.to_string())
}

/// Names the migrations' contents: a template database is remade when it changes.
#[must_use]
pub fn migrations_fingerprint() -> String {
    let mut bytes = Vec::new();
    for migration in KERNEL.iter().chain(PLATFORM.iter()) {
        bytes.extend_from_slice(&migration.checksum);
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

async fn prepare(admin: &mut PgConnection, schemas: &[&str], passwords: &Passwords) -> sqlx::Result<()> {
    // Roles belong to the whole cluster: two databases migrated at once must not race.
    execute(admin, "SELECT pg_advisory_lock(7305508)").await?;
    let made = create_roles(admin, passwords).await;
    execute(admin, "SELECT pg_advisory_unlock(7305508)").await?;
    made?;
    execute(admin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC").await?;
    for schema in std::iter::once(&"socle").chain(schemas) {
        execute(admin, &format!("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION socle_owner")).await?;
    }
    execute(admin, "SET ROLE socle_owner").await
}

async fn create_roles(admin: &mut PgConnection, passwords: &Passwords) -> sqlx::Result<()> {
    let roles = [
        ("socle_owner", "NOLOGIN", None),
        ("socle_lookup", "NOLOGIN", None),
        ("socle_app", "LOGIN", passwords.app.as_ref()),
        ("socle_ingest", "LOGIN", passwords.ingest.as_ref()),
    ];
    for (role, login, password) in roles {
        create_role(admin, role, login, password).await?;
    }
    execute(admin, "GRANT socle_owner, socle_lookup TO CURRENT_USER").await?;
    execute(admin, "GRANT socle_lookup TO socle_owner").await?;
    // A second line behind the one begin: a transaction that idles is ended by the server.
    execute(admin, "ALTER ROLE socle_app SET idle_in_transaction_session_timeout = '15s'").await?;
    execute(admin, "ALTER ROLE socle_app SET statement_timeout = '60s'").await?;
    // Recovery looks a minute back: what is stored must be received not much earlier.
    execute(admin, "ALTER ROLE socle_ingest SET statement_timeout = '20s'").await?;
    create_backup_role(admin, passwords.backup.as_ref()).await
}

/// Only a superuser may give BYPASSRLS; on a managed PostgreSQL the provider's own backup takes its place.
async fn create_backup_role(admin: &mut PgConnection, password: Option<&SecretString>) -> sqlx::Result<()> {
    let superuser = sqlx::query!(r#"SELECT rolsuper AS "yes!" FROM pg_roles WHERE rolname = current_user"#)
        .fetch_one(&mut *admin)
        .await?
        .yes;
    if superuser {
        create_role(admin, "socle_backup", "LOGIN", password).await?;
        execute(admin, "ALTER ROLE socle_backup BYPASSRLS").await?;
        execute(admin, "GRANT pg_read_all_data TO socle_backup").await?;
    }
    Ok(())
}

async fn create_role(
    admin: &mut PgConnection,
    role: &str,
    login: &str,
    password: Option<&SecretString>,
) -> sqlx::Result<()> {
    let exists = sqlx::query!(r#"SELECT count(*) AS "n!" FROM pg_roles WHERE rolname = $1"#, role)
        .fetch_one(&mut *admin)
        .await?
        .n
        > 0;
    if !exists {
        execute(admin, &format!("CREATE ROLE {role} {login} NOCREATEDB NOCREATEROLE")).await?;
    }
    if let Some(password) = password {
        let literal = password.expose_secret().replace('\'', "''");
        execute(admin, &format!("ALTER ROLE {role} PASSWORD '{literal}'")).await?;
    }
    Ok(())
}

/// Statements whose names are this file's own constants (DDL takes no parameters).
async fn execute(admin: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(admin).await.map(|_| ())
}
