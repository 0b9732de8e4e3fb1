//! A thermometer that updates its firmware as a real one does: it downloads in ranges into its flash, may lose power in the
//! middle, verifies checksum and signature itself, refuses to go down unless it is told so, and reports what it runs.

use anyhow::{Context, Result, bail, ensure};
use physiotraq::firmware::{Version, message};
use serde_json::{Value, json};
use socle::files::signature;

use crate::vendor::{HARDWARE, PUBLIC_KEY};
use crate::{Device, sha256};

/// Bytes that it asks for at once.
const RANGE: usize = 16 * 1024;

/// What an update came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// There was nothing.
    Nothing,
    /// The power was cut while it downloaded.
    Cut,
    /// It runs the new version.
    Done,
    /// It took the binary and still runs the old version.
    Failed,
}

/// A thermometer with its flash.
pub struct Thermometer {
    /// How it speaks to the server.
    pub device: Device,
    /// What it runs.
    pub running: String,
    /// It takes a binary and goes on with the old one.
    pub broken: bool,
    /// How often it asked for a range.
    pub ranges: usize,
    /// What it has of a binary, and of which.
    flash: (String, Vec<u8>),
}

impl Thermometer {
    /// A device that runs a version.
    #[must_use]
    pub fn new(device: Device, running: &str) -> Self {
        Self { device, running: running.to_owned(), broken: false, ranges: 0, flash: (String::new(), Vec::new()) }
    }

    /// Asks what there is.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn check(&self) -> Result<Value> {
        let path = format!("/firmware/check?current_version={}&hardware={HARDWARE}", self.running);
        let answer = self.device.get(&path, &[]).await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(status == 200, "check refused: {status} {body}");
        Ok(body)
    }

    /// Why there is nothing, of a check; empty when there is something.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn reason(&self) -> Result<String> {
        Ok(text(&self.check().await?, "reason"))
    }

    /// Checks, downloads, verifies, installs. The power may be cut after so many bytes of this attempt.
    ///
    /// # Errors
    /// When the server does not answer as it should, or the device itself refuses the binary.
    pub async fn update(&mut self, cut_after: Option<usize>) -> Result<Update> {
        let offered = self.check().await?;
        if offered.get("update_available") != Some(&Value::Bool(true)) {
            return Ok(Update::Nothing);
        }
        if !self.download(&offered, cut_after).await? {
            return Ok(Update::Cut);
        }
        self.install(&offered)
    }

    /// Fetches what it has not got yet; whether it has the whole then.
    async fn download(&mut self, offered: &Value, cut_after: Option<usize>) -> Result<bool> {
        let (checksum, url) = (text(offered, "checksum"), text(offered, "url"));
        if self.flash.0 != checksum {
            self.flash = (checksum.clone(), Vec::new());
        }
        let size = offered.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let (size, begun) = (size.context("no size")?, self.flash.1.len());
        let path = url.strip_prefix("/physiotraq/api/v1").context("the address is of the device API")?;
        while self.flash.1.len() < size {
            if cut_after.is_some_and(|most| self.flash.1.len() - begun >= most) {
                return Ok(false);
            }
            let first = self.flash.1.len();
            let range = format!("bytes={first}-{}", first + RANGE - 1);
            let condition = format!("\"{checksum}\"");
            let answer = self.device.get(path, &[("range", &range), ("if-range", &condition)]).await?;
            let (status, place) = (answer.status(), answer.headers().get("content-range").cloned());
            ensure!(status == 206, "range refused: {status} {}", answer.text().await?);
            let wanted = format!("bytes {first}-{}/{size}", (first + RANGE).min(size) - 1);
            ensure!(place.is_some_and(|place| place == wanted.as_str()), "another range than {wanted}");
            self.flash.1.extend_from_slice(&answer.bytes().await?);
            self.ranges += 1;
        }
        Ok(true)
    }

    /// What the device itself insists on, whatever a server says.
    fn install(&mut self, offered: &Value) -> Result<Update> {
        let version = text(offered, "available_version");
        let (_, content) = std::mem::take(&mut self.flash);
        let checksum = sha256(&content);
        ensure!(checksum == text(offered, "checksum"), "the checksum does not fit");
        let message = message(&checksum, &version, HARDWARE);
        let keys = [PUBLIC_KEY.to_owned()];
        if signature::trusted(&keys, &message, &text(offered, "signature")).is_none() {
            bail!("the signature is not the vendor's");
        }
        let number = |text: &str| Version::parse(text).context("no version");
        let down = number(&version)? < number(&self.running)?;
        ensure!(!down || offered.get("rollback") == Some(&Value::Bool(true)), "it does not go down unasked");
        if self.broken {
            return Ok(Update::Failed);
        }
        self.running = version;
        Ok(Update::Done)
    }

    /// A heartbeat with what it runs.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn heartbeat(&self) -> Result<()> {
        let answer = self.device.post("/devices/heartbeat", &json!({ "firmware_version": self.running })).await?;
        ensure!(answer.status() == 200, "heartbeat refused: {}", answer.status());
        Ok(())
    }

    /// Says what it runs after an update; how the update stands.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn confirm(&self) -> Result<String> {
        let answer = self.device.post("/firmware/confirm", &json!({ "version": self.running })).await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(status == 200, "confirm refused: {status} {body}");
        Ok(text(&body, "state"))
    }
}

fn text(body: &Value, field: &str) -> String {
    body.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
