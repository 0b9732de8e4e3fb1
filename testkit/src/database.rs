//! A database per test, cloned from a template that is made once per set of migrations.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use private_pg::{Cluster, Options};
use socle::db::roles::{self, Passwords};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A test's own database; dropped with it.
pub struct Database {
    name: String,
    cluster: Option<Cluster>,
    admin: String,
    app: String,
    ingest: String,
    key_store: PathBuf,
}

/// The key-encryption key of every test's database: 64 hexadecimal digits.
pub const KEK: &str = "0707070707070707070707070707070707070707070707070707070707070707";

impl Database {
    /// Clones the template, making it first when the migrations are new.
    ///
    /// # Errors
    /// When the private cluster cannot be started.
    pub async fn fresh() -> Result<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?.to_path_buf();
        let options = Options { name: "socle".to_owned(), checkout };
        let cluster = tokio::task::spawn_blocking(move || Cluster::ensure(&options)).await??;
        let (app, ingest) = (cluster.secret("socle_app")?, cluster.secret("socle_ingest")?);
        let template = template(&cluster, &app, &ingest).await?;
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let mut admin = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
        execute(&mut admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        execute(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        let made = Self::named(cluster, name)?;
        // Of a run that was cut off and had the same number.
        drop(std::fs::remove_dir_all(&made.key_store));
        Ok(made)
    }

    /// An empty database, for the restore of a dump, with the key store of the database it is a copy of.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn empty_beside(other: &Self) -> Result<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?.to_path_buf();
        let options = Options { name: "socle".to_owned(), checkout };
        let cluster = tokio::task::spawn_blocking(move || Cluster::ensure(&options)).await??;
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let mut admin = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
        execute(&mut admin, &format!("CREATE DATABASE {name}")).await?;
        let mut made = Self::named(cluster, name)?;
        made.key_store.clone_from(&other.key_store);
        Ok(made)
    }

    fn named(cluster: Cluster, name: String) -> Result<Self> {
        let (app, ingest) = (cluster.secret("socle_app")?, cluster.secret("socle_ingest")?);
        Ok(Self {
            admin: cluster.superuser_url(&name),
            app: cluster.url("socle_app", &app, &name),
            ingest: cluster.url("socle_ingest", &ingest, &name),
            key_store: std::env::temp_dir().join("socle-key-stores").join(&name),
            cluster: Some(cluster),
            name,
        })
    }

    /// The folder of persons' keys, removed with the database.
    #[must_use]
    pub fn key_store(&self) -> &Path {
        &self.key_store
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it lies in, for its programs and files.
    ///
    /// # Errors
    /// Never, while the database is in use.
    pub fn cluster(&self) -> Result<&Cluster> {
        self.cluster.as_ref().context("the database is gone")
    }

    /// As a superuser: to look behind the scenes.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin
    }

    /// As the server's role.
    #[must_use]
    pub fn app_url(&self) -> &str {
        &self.app
    }

    /// As the writer's role.
    #[must_use]
    pub fn ingest_url(&self) -> &str {
        &self.ingest
    }

    /// A folder for what lies beside it; gone with it.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        std::env::temp_dir().join(format!("socle-{}", self.name))
    }

    /// A superuser's connection to it.
    ///
    /// # Errors
    /// When the cluster is gone.
    pub async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.admin).await?)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(self.folder()));
        let Some(cluster) = self.cluster.take() else { return };
        // No runtime can be relied on in a drop: psql does it, and a database that stays is dropped by the next run.
        let dropped = std::process::Command::new(cluster.bin("psql"))
            .args(["-qc", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)])
            .arg(cluster.superuser_url("postgres"))
            .stderr(std::process::Stdio::null())
            .status();
        drop(dropped);
        drop(std::fs::remove_dir_all(&self.key_store));
        cluster.keep();
    }
}

/// The template of these migrations. One process makes it, under an advisory lock; the others wait.
async fn template(cluster: &Cluster, app: &str, ingest: &str) -> Result<String> {
    let name = format!("template_{}", roles::migrations_fingerprint());
    let mut admin = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
    execute(&mut admin, "SELECT pg_advisory_lock(7305509)").await?;
    let made: Option<bool> = sqlx::query_scalar("SELECT datistemplate FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut admin)
        .await?;
    if made != Some(true) {
        execute(&mut admin, &format!("DROP DATABASE IF EXISTS {name}")).await?;
        execute(&mut admin, &format!("CREATE DATABASE {name}")).await?;
        let passwords = Passwords { app: Some(app.into()), ingest: Some(ingest.into()), backup: None };
        let today = crate::start_of_tests().date_naive();
        roles::migrate(&cluster.superuser_url(&name), &[physiotraq::SCHEMA], &passwords, today)
            .await
            .map_err(anyhow::Error::msg)?;
        // Marked only when whole: a run that was cut off makes it again.
        execute(&mut admin, &format!("ALTER DATABASE {name} IS_TEMPLATE true")).await?;
    }
    execute(&mut admin, "SELECT pg_advisory_unlock(7305509)").await?;
    Ok(name)
}

async fn execute(admin: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(admin).await?;
    Ok(())
}
