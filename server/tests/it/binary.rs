//! The real binary, `socle serve`, as an operator starts it: by environment, on a free port.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testkit::Database;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running `socle serve`; killed when it is dropped.
pub struct Binary {
    child: Child,
    /// `http://localhost:PORT`, as it printed it.
    pub url: String,
}

impl Binary {
    /// Starts it over a test's database and waits for the line that says it is ready.
    pub async fn serve(database: &Database) -> Result<Self> {
        Self::logging(database, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve.log"), &[]).await
    }

    /// The same with a log and settings of the test's own.
    pub async fn logging(database: &Database, log: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_socle"))
            .arg("serve")
            .env("DATABASE_URL", database.app_url())
            .env("SOCLE_DATABASE__APP_PASSWORD", password(database.app_url())?)
            .env("SOCLE_DATABASE__INGEST_PASSWORD", password(database.ingest_url())?)
            .env("SOCLE_SEALED__KEY", testkit::KEK)
            .env("SOCLE_SEALED__KEY_STORE", database.key_store())
            .env("SOCLE_PORT", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("the binary cannot be started")?;
        let output = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("ready ") {
                    return Ok(url.to_owned());
                }
            }
            bail!("it ended before it was ready; see serve.log in the target folder")
        };
        let url = tokio::time::timeout(Duration::from_secs(60), ready).await.context("not ready after a minute")??;
        Ok(Self { child, url })
    }

    /// kill -9, and waits until it is gone.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("it has ended already")?;
        let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
        anyhow::ensure!(asked.success(), "it cannot be asked to end");
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        let status = ended.context("it did not end within 20 seconds")??;
        anyhow::ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

/// The password in a `postgres://user:password@…` URL.
fn password(url: &str) -> Result<String> {
    let (_, rest) = url.split_once("://").context("no URL")?;
    let (user, _) = rest.split_once('@').context("no user")?;
    let (_, password) = user.split_once(':').context("no password")?;
    Ok(password.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_says_where_it_is_answers_and_ends_when_asked() -> Result<()> {
    let database = Database::fresh().await?;
    let binary = Binary::serve(&database).await?;
    assert!(binary.url.starts_with("http://localhost:"), "{}", binary.url);
    for (path, answer) in [("/health", "ok"), ("/health/ready", "ready")] {
        assert_eq!(reqwest::get(format!("{}{path}", binary.url)).await?.text().await?, answer);
    }
    let page = reqwest::get(format!("{}/", binary.url)).await?;
    assert_eq!(page.status(), 200);
    let page = page.text().await?;
    for asset in page.split('"').filter(|word| word.starts_with("/assets/")) {
        let asset = asset.split('#').next().unwrap_or(asset);
        let answer = reqwest::get(format!("{}{asset}", binary.url)).await?;
        assert_eq!(answer.status(), 200, "{asset}: are the web files built?");
        assert!(asset.contains("?v="), "{asset} has no version: it was not embedded");
    }
    binary.stop().await
}
