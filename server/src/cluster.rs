//! The private PostgreSQL of this checkout, and migrations.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use private_pg::{Cluster, Options};
use secrecy::{ExposeSecret, SecretString};
use socle::clock::Clock;
use socle::config::Config;
use socle::db::roles::{self, Passwords};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What can be done with the private cluster.
#[derive(Subcommand)]
pub enum Action {
    /// Starts it, or adopts the running one.
    Start,
    /// Stops it.
    Stop,
    /// Prints where it is and whether it runs.
    Status,
    /// Creates and migrates a database (`dev`) and prints its owner's URL, for checked queries and psql.
    Url {
        /// The database's name.
        database: String,
    },
}

/// Runs an action.
pub async fn run(action: Action) -> Result<()> {
    match action {
        Action::Start => {
            let cluster = ensure().await?;
            println!("PostgreSQL on port {}, data in {}", cluster.port(), cluster.folder().display());
            cluster.keep();
        }
        Action::Stop => ensure().await?.stop()?,
        Action::Status => {
            let status = Cluster::status(&options()?)?;
            match status.port.filter(|_| status.running()) {
                Some(port) => println!("running on port {port}, data in {}", status.folder.display()),
                None => println!("not running, data in {}", status.folder.display()),
            }
        }
        Action::Url { database } => {
            let cluster = ensure().await?;
            if let Err(error) = prepare(&cluster, &database).await {
                // While a migration is being written its text changes; what was made from the old text is made anew.
                eprintln(&format!("{error}; the database {database:?} is made anew"));
                discard(&cluster, &database).await?;
                prepare(&cluster, &database).await?;
            }
            println!("{}", cluster.superuser_url(&database));
            cluster.keep();
        }
    }
    Ok(())
}

/// `socle migrate`: production's own database.
pub async fn migrate() -> Result<()> {
    let config = Config::load().context("the settings cannot be read")?;
    let url = config.database.url.as_ref().context("DATABASE_URL is not set")?;
    let passwords = Passwords {
        app: config.database.app_password.clone(),
        ingest: config.database.ingest_password.clone(),
        backup: None,
    };
    let today = Clock::system().now().date_naive();
    roles::migrate(url.expose_secret(), &[physiotraq::SCHEMA], &passwords, today).await.map_err(|e| anyhow!(e))?;
    println!("migrated");
    Ok(())
}

/// The cluster of this checkout, running.
pub async fn ensure() -> Result<Cluster> {
    let options = options()?;
    let cluster = tokio::task::spawn_blocking(move || Cluster::ensure(&options)).await??;
    if let Some(warning) = cluster.warning() {
        eprintln(&warning);
    }
    Ok(cluster)
}

#[expect(clippy::print_stderr, reason = "a warning for the person at the terminal")]
fn eprintln(warning: &str) {
    eprintln!("warning: {warning}");
}

/// Creates a database if it is missing and migrates it. Returns the URLs of the app and ingest roles.
pub async fn prepare(cluster: &Cluster, database: &str) -> Result<(SecretString, SecretString)> {
    if !database.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return Err(anyhow!("a database name is lower-case letters and underscores"));
    }
    let mut admin = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
    let exists: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(database)
        .fetch_optional(&mut admin)
        .await?;
    if exists.is_none() {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {database}"))).execute(&mut admin).await?;
    }
    let (app, ingest) = (cluster.secret("socle_app")?, cluster.secret("socle_ingest")?);
    let passwords = Passwords { app: Some(app.clone().into()), ingest: Some(ingest.clone().into()), backup: None };
    let today = Clock::system().now().date_naive();
    roles::migrate(&cluster.superuser_url(database), &[physiotraq::SCHEMA], &passwords, today)
        .await
        .map_err(|e| anyhow!(e))?;
    let url = |role: &str, password: &str| SecretString::from(cluster.url(role, password, database));
    Ok((url("socle_app", &app), url("socle_ingest", &ingest)))
}

/// Drops a database of the private cluster.
pub async fn discard(cluster: &Cluster, database: &str) -> Result<()> {
    let mut admin = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
    let drop = format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await?;
    Ok(())
}

/// The checkout is where the binary was built; an installed binary takes the folder it is started in.
fn options() -> Result<Options> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf);
    let checkout: PathBuf = match built.filter(|folder| folder.join("Cargo.toml").exists()) {
        Some(folder) => folder,
        None => std::env::current_dir()?,
    };
    Ok(Options { name: "socle".to_owned(), checkout })
}
