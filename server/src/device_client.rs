//! A thermometer's side of the public device API: registered, patient, counting.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A device that talks to a server.
#[derive(Clone)]
pub struct DeviceClient {
    base: String,
    credential: String,
    http: Client,
}

/// One reading as a device sends it.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// °C.
    pub temperature: f64,
    /// Device time.
    pub measured_at: DateTime<Utc>,
    /// Counter.
    pub sequence: i64,
    /// 0–100.
    pub reliability: i16,
    /// Percent.
    pub battery_level: i16,
    /// dBm.
    pub wifi_strength: i16,
    /// Network.
    pub wifi_ssid: &'static str,
    /// Firmware.
    pub firmware_version: &'static str,
}

impl Sent {
    /// A reading of a healthy device.
    pub fn new(measured_at: DateTime<Utc>, temperature: f64, sequence: i64) -> Self {
        Self {
            temperature,
            measured_at,
            sequence,
            reliability: 97,
            battery_level: 84,
            wifi_strength: -58,
            wifi_ssid: "Hospital-WiFi",
            firmware_version: "03.1.0",
        }
    }
}

/// What the server said of readings.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Counts {
    /// All of them.
    pub received: u64,
    /// Now stored.
    pub stored: u64,
    /// Stored before.
    pub duplicate: u64,
    /// Refused.
    pub rejected: u64,
}

impl Counts {
    /// Adds another answer.
    pub fn add(&mut self, more: Self) {
        self.received += more.received;
        self.stored += more.stored;
        self.duplicate += more.duplicate;
        self.rejected += more.rejected;
    }

    /// Whether the server answered for every reading that was sent, and for each with one of the three outcomes.
    pub fn add_up(&self, sent: u64) -> bool {
        self.received == sent && self.received == self.stored + self.duplicate + self.rejected
    }

    /// The last line of a simulation or replay.
    pub fn line(&self) -> String {
        let Self { received, stored, duplicate, rejected } = self;
        format!("received {received} = stored {stored} + duplicate {duplicate} + rejected {rejected}")
    }
}

impl DeviceClient {
    /// A device with its credential.
    pub fn new(base: &str, credential: String) -> Self {
        Self { base: format!("{base}/physiotraq/api/v1"), credential, http: Client::new() }
    }

    /// Sends readings until the server has taken them: 429 and 503 are waited out as it asks.
    pub async fn send(&self, readings: &[Sent]) -> Result<Counts> {
        let body = json!({ "measurements": readings });
        for _ in 0..60 {
            let answer = self.post("/measurements/batch", &body).await;
            let Ok(answer) = answer else {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            };
            match answer.status() {
                StatusCode::OK => return Ok(answer.json().await?),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    let header = answer.headers().get("retry-after").and_then(|v| v.to_str().ok());
                    let wait = header.and_then(|v| v.parse().ok()).unwrap_or(1);
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                status => bail!("the server refused a batch: {status} {}", answer.text().await?),
            }
        }
        bail!("the server did not take the readings within a minute")
    }

    /// Tells the server that the device is there.
    pub async fn heartbeat(&self) -> Result<()> {
        let body = json!({ "battery_level": 84, "wifi_strength": -58, "wifi_ssid": "Hospital-WiFi", "firmware_version": "03.1.0" });
        self.post("/devices/heartbeat", &body).await?.error_for_status().context("heartbeat")?;
        Ok(())
    }

    /// Asks what firmware there is for its hardware, and leaves it at that.
    pub async fn check(&self, hardware: &str) -> Result<()> {
        let address = format!("{}/firmware/check?current_version=03.1.0&hardware={hardware}", self.base);
        let answer = self.http.get(address).bearer_auth(&self.credential).send().await?;
        answer.error_for_status().context("firmware check")?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.credential).json(body).send().await
    }
}
