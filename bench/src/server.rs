//! The real server: the release binary beside this one, as a process of its own.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::house::House;
use crate::programs::{APP, INGEST};

/// A server that has not said "ready" by then never will.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server; killed with its value.
pub struct Server {
    child: Child,
    base: String,
}

impl Server {
    /// Starts `socle serve` over the house's database, on a free port, and waits until it is ready.
    ///
    /// # Errors
    /// When the binary is missing or does not become ready.
    pub async fn start(house: &House) -> Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("socle");
        ensure!(binary.is_file(), "{} is missing: run bin/bench, which builds it", binary.display());
        let mut command = Command::new(&binary);
        command
            .arg("serve")
            .env("DATABASE_URL", house.url())
            .env("SOCLE_DATABASE__APP_PASSWORD", house.cluster.secret(APP)?)
            .env("SOCLE_DATABASE__INGEST_PASSWORD", house.cluster.secret(INGEST)?)
            .env("SOCLE_PORT", "0")
            .env("SOCLE_SEALED__KEY", "07".repeat(32))
            .env("SOCLE_SEALED__KEY_STORE", std::env::temp_dir().join("socle-bench-key-store"))
            .env("SOCLE_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{} cannot be started", binary.display()))?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let ready = tokio::time::timeout(READY_WITHIN, ready(&mut lines)).await;
        let port = ready.context("the server did not become ready within a minute")??;
        // A pipe that nobody empties would stop the server; what it warns of must be seen.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("socle: {line}");
            }
        });
        Ok(Self { child, base: format!("http://127.0.0.1:{port}/physiotraq/api/v1") })
    }

    /// The product's API: `http://…/api/v1`.
    pub fn api(&self) -> &str {
        &self.base
    }

    /// Its process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Ends it, before its database goes.
    ///
    /// # Errors
    /// When it had ended by itself: then the figures are worth nothing.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            anyhow::bail!("the server ended during the run: {status}");
        }
        Ok(self.child.kill().await?)
    }
}

/// The port of the line `ready http://localhost:PORT`.
async fn ready(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<u16> {
    while let Some(line) = lines.next_line().await? {
        let Some(url) = line.strip_prefix("ready ") else {
            eprintln!("socle: {line}");
            continue;
        };
        let (_, port) = url.trim().rsplit_once(':').context("the ready line has no port")?;
        return port.parse().with_context(|| format!("the ready line's port: {line}"));
    }
    anyhow::bail!("the server ended before it was ready")
}
