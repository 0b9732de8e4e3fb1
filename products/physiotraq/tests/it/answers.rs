//! What every answer must look like, and patience for what happens after an answer.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::DateTime;
use reqwest::Response;
use serde_json::Value;

/// How long what follows an answer (evaluation, saving, a look at presence) may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// Status and code of a refusal, after a look at the whole envelope (specs/axtech.md §3.1).
pub async fn refusal(answer: Response) -> Result<(u16, String)> {
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    let body: Value = serde_json::from_str(&text).with_context(|| format!("{status} without JSON: {text:.200}"))?;
    let error = &body["error"];
    let code = error["code"].as_str().unwrap_or_default();
    ensure!(!code.is_empty(), "{status} without a code: {body}");
    ensure!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{status} without a message: {body}");
    ensure!(error["details"].is_array(), "{status} without details: {body}");
    ensure!(error["requestId"].as_str().is_some_and(|id| id.starts_with("req_")), "{status} without a request: {body}");
    let at = error["timestamp"].as_str().unwrap_or_default();
    ensure!(DateTime::parse_from_rfc3339(at).is_ok(), "{status} without a time: {body}");
    Ok((status, code.to_owned()))
}

/// The text of an answer with the expected status.
pub async fn text(answer: Response, status: u16) -> Result<String> {
    let answered = answer.status().as_u16();
    let text = answer.text().await?;
    ensure!(answered == status, "{answered} instead of {status}: {text:.400}");
    Ok(text)
}

/// The JSON of an answer with the expected status.
pub async fn json(answer: Response, status: u16) -> Result<Value> {
    Ok(serde_json::from_str(&text(answer, status).await?)?)
}

/// Asks until the answer is the expected one, and fails with the last one when it never is.
pub async fn eventually<T: PartialEq + Debug>(expected: T, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<()> {
    let started = Instant::now();
    loop {
        let answer = ask().await?;
        if answer == expected {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "expected {expected:?}, it stays {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
