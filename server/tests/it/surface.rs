//! What the site shows to the world: headers of every answer, bodies that are too much, requests that another site sends,
//! addresses that lead elsewhere.

mod bodies;
mod headers;
mod requests;

use anyhow::{Context, Result};
use testkit::Stage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes as they are, which no client library would; the whole answer.
async fn raw(stage: &Stage, request: &str) -> Result<String> {
    let address = stage.url();
    let address = address.strip_prefix("http://").context("no address")?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(std::time::Duration::from_secs(5), read).await.context("no end of the answer")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The status of an answer as it came.
fn status(answer: &str) -> u16 {
    answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}
