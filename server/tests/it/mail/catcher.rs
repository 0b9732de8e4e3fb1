//! A mail server of a test's own: `web/tests/smtp-catcher.mjs`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::sources;

/// Starting Node, or a mail on its way, on a machine under load too.
const SOON: Duration = Duration::from_secs(30);
/// A worker looks once a second: what has not come within this does not come.
const QUIET: Duration = Duration::from_millis(1_600);

/// A running mail server; killed when it is dropped.
pub struct Catcher {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Catcher {
    /// Starts it on a port (0: a free one), to behave as the script's first lines say.
    pub async fn start(port: u16, behaviour: &[(&str, &str)]) -> Result<Self> {
        let module = sources::root().join("web/node_modules/smtp-server");
        ensure!(module.is_dir(), "{} is missing: `bin/setup --test` installs it", module.display());
        let mut child = Command::new("node")
            .arg("web/tests/smtp-catcher.mjs")
            .current_dir(sources::root())
            .env("PORT", port.to_string())
            .envs(behaviour.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node cannot be started")?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let ready = timeout(SOON, lines.next_line()).await.context("the mail server is not ready")??;
        let ready = ready.context("the mail server ended before it was ready")?;
        let port = ready.strip_prefix("ready ").with_context(|| ready.clone())?.parse::<u16>()?;
        Ok(Self { child, lines, port })
    }

    /// For the setting `mail.smtp_url`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next mail that it takes.
    pub async fn next(&mut self) -> Result<Value> {
        let line = timeout(SOON, self.lines.next_line()).await.context("no mail came")??;
        Ok(serde_json::from_str(&line.context("the mail server ended")?)?)
    }

    /// Fails when another mail comes.
    pub async fn is_silent(&mut self) -> Result<()> {
        let more = timeout(QUIET, self.lines.next_line()).await;
        ensure!(more.is_err(), "another mail came: {more:?}");
        Ok(())
    }

    /// Ends it, and gives the port that is free again.
    pub async fn stop(mut self) -> Result<u16> {
        self.child.kill().await?;
        Ok(self.port)
    }
}
