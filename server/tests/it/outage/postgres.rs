//! A private PostgreSQL of this test's own, which it may stop, and the real server over it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use private_pg::{Cluster, Options};
use socle::clock::Clock;
use socle::db::roles::{self, Passwords};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::Database;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::sources;

/// The one database in it.
const NAME: &str = "outage";
const APP: &str = "socle_app";
const INGEST: &str = "socle_ingest";

/// The cluster; stopped and removed with its value.
pub struct Postgres {
    options: Options,
    cluster: Option<Cluster>,
}

impl Postgres {
    /// Makes and starts it, beside the one that all other tests share.
    pub async fn new() -> Result<Self> {
        let name = format!("socle-outage-{}", std::process::id());
        let mut postgres = Self { options: Options { name, checkout: sources::root() }, cluster: None };
        postgres.start().await?;
        Ok(postgres)
    }

    /// Starts it; the second time with the data and on the port of the first.
    pub async fn start(&mut self) -> Result<()> {
        let (options, port) = (self.options.clone(), self.cluster.as_ref().map(Cluster::port));
        let cluster = tokio::task::spawn_blocking(move || Cluster::ensure(&options)).await??;
        ensure!(port.is_none_or(|port| port == cluster.port()), "it came back on another port");
        self.cluster = Some(cluster);
        Ok(())
    }

    /// What `pg_ctl stop -m immediate` does (which refuses to be run as root): every process ends at once, nothing is
    /// written out, the next start recovers from the log.
    pub async fn stop_at_once(&self) -> Result<()> {
        let file = self.cluster()?.folder().join("pg/data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        let number = text.lines().next().context("the process's number")?;
        let asked = Command::new("kill").arg("-QUIT").arg(number).status().await?;
        ensure!(asked.success(), "it cannot be asked to end");
        for _ in 0..1_000 {
            if !Cluster::status(&self.options)?.running() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("it does not stop")
    }

    /// Copies a test's database into this cluster.
    pub async fn take_in(&self, database: &Database) -> Result<()> {
        let cluster = self.cluster()?;
        let mut admin = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
        // A first one is migrated only for the roles, which belong to the cluster and outlive it.
        execute(&mut admin, &format!("CREATE DATABASE {NAME}")).await?;
        let secret = |role: &str| Ok::<_, anyhow::Error>(Some(cluster.secret(role)?.into()));
        let passwords = Passwords { app: secret(APP)?, ingest: secret(INGEST)?, backup: None };
        let today = Clock::system().now().date_naive();
        let migrated = roles::migrate(&cluster.superuser_url(NAME), &[physiotraq::SCHEMA], &passwords, today).await;
        migrated.map_err(anyhow::Error::msg)?;
        execute(&mut admin, &format!("DROP DATABASE {NAME} WITH (FORCE)")).await?;
        execute(&mut admin, &format!("CREATE DATABASE {NAME}")).await?;

        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("outage-{}.sql", std::process::id()));
        let mut dump = Command::new(cluster.bin("pg_dump"));
        run(dump.arg("--file").arg(&file).arg("--dbname").arg(database.admin_url())).await?;
        let mut restore = Command::new(cluster.bin("psql"));
        restore.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &cluster.superuser_url(NAME), "-f"]);
        run(restore.arg(&file)).await?;
        Ok(std::fs::remove_file(file)?)
    }

    /// A superuser's connection to the database.
    pub async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.cluster()?.superuser_url(NAME)).await?)
    }

    /// Starts `socle serve` over it and waits for the line that says it is ready.
    pub async fn serve(&self) -> Result<Server> {
        let cluster = self.cluster()?;
        let log = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("outage.log"))?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_socle"))
            .arg("serve")
            .env("DATABASE_URL", cluster.superuser_url(NAME))
            .env("SOCLE_DATABASE__APP_PASSWORD", cluster.secret(APP)?)
            .env("SOCLE_DATABASE__INGEST_PASSWORD", cluster.secret(INGEST)?)
            // The key of the server that made the data.
            .env("SOCLE_SEALED__KEY", testkit::KEK)
            .env("SOCLE_SEALED__KEY_STORE", std::env::temp_dir().join("socle-outage-key-store"))
            .env("SOCLE_PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("the binary cannot be started")?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("ready ") {
                    return Ok(url.to_owned());
                }
            }
            bail!("it ended before it was ready; see outage.log in the target folder")
        };
        let url = tokio::time::timeout(Duration::from_secs(60), ready).await.context("not ready after a minute")??;
        Ok(Server { child, url })
    }

    fn cluster(&self) -> Result<&Cluster> {
        self.cluster.as_ref().context("it was never started")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(cluster) = self.cluster.take() else { return };
        let own = cluster.folder().parent().map(Path::to_path_buf);
        // A test that failed half-way may have left it stopped; what cannot be removed is in a folder of its own.
        drop(cluster.stop());
        drop(own.map(std::fs::remove_dir_all));
    }
}

/// A running `socle serve`; killed when it is dropped.
pub struct Server {
    child: Child,
    /// `http://localhost:PORT`, as it printed it.
    pub url: String,
}

impl Server {
    /// Whether it is still the process that was started.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

async fn execute(admin: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(admin).await?;
    Ok(())
}

async fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
