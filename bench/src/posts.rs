//! Posting as a thermometer does.

use anyhow::{Result, ensure};
use bytes::Bytes;
use reqwest::{Client, StatusCode};
use serde_json::Value;

/// A client with a connection pool of its own, past any proxy.
///
/// # Errors
/// When it cannot be made.
pub fn client() -> Result<Client> {
    Ok(Client::builder().no_proxy().build()?)
}

/// A body ready to be sent.
#[derive(Clone)]
pub struct Post {
    /// The device's credential.
    pub credential: String,
    /// JSON.
    pub body: Bytes,
    /// How many readings are in it.
    pub readings: u64,
}

/// Sends it; anything but "all stored" is an error: a run in which something was refused is no measurement.
///
/// # Errors
/// When there is no answer, or another one.
pub async fn send(client: &Client, url: &str, post: &Post) -> Result<()> {
    let request = client.post(url).bearer_auth(&post.credential).header("content-type", "application/json");
    let answer = request.body(post.body.clone()).send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    let said = || String::from_utf8_lossy(&body).into_owned();
    ensure!(status == StatusCode::OK || status == StatusCode::CREATED, "not acknowledged: {status} {}", said());
    let answer: Value = serde_json::from_slice(&body)?;
    let stored = answer.get("stored").and_then(Value::as_u64);
    ensure!(stored == Some(post.readings), "not all stored: {}", said());
    Ok(())
}
