//! Browsers with an open live stream, each on a connection of its own.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use physiotraq::devices::DeviceId;
use reqwest::Response;
use reqwest::header::COOKIE;
use socle::clock::Clock;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use crate::house::Reader;
use crate::posts;
use crate::server::Server;

/// One reading in one browser.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Device time in epoch milliseconds: when it was posted.
    pub at: i64,
    /// From then to its arrival. Device time is cut to a millisecond, so up to one too much.
    pub took: Duration,
}

/// Open streams.
pub struct Viewers {
    streams: JoinSet<Result<()>>,
    seen: UnboundedReceiver<Seen>,
}

impl Viewers {
    /// Opens one stream for each device named; all are open when this returns.
    ///
    /// # Errors
    /// When the reader may not watch one of them.
    pub async fn open(server: &Server, reader: &Reader, devices: &[DeviceId]) -> Result<Self> {
        let base = server.api().strip_suffix("/api/v1").context("the product's address")?;
        let since = Clock::system().now().timestamp_millis();
        let (sender, seen) = mpsc::unbounded_channel();
        let mut streams = JoinSet::new();
        for device in devices {
            let url = format!("{base}/live?topic=device:{device}");
            let answer = posts::client()?.get(url).header(COOKIE, &reader.cookie).send().await?;
            ensure!(answer.status().is_success(), "a live stream answered {}", answer.status());
            streams.spawn(read(answer, since, sender.clone()));
        }
        Ok(Self { streams, seen })
    }

    /// The next reading that any of them got.
    ///
    /// # Errors
    /// When none comes within ten seconds.
    pub async fn next(&mut self) -> Result<Seen> {
        let seen = tokio::time::timeout(Duration::from_secs(10), self.seen.recv()).await;
        seen.context("nothing arrived in any browser for ten seconds")?.context("all streams have ended")
    }

    /// What has arrived and was not asked for yet.
    ///
    /// # Errors
    /// When a stream has ended: then the figures are worth nothing.
    pub fn so_far(&mut self) -> Result<Vec<Seen>> {
        if let Some(ended) = self.streams.try_join_next() {
            ended??;
        }
        let mut all = Vec::new();
        while let Ok(seen) = self.seen.try_recv() {
            all.push(seen);
        }
        Ok(all)
    }
}

/// Reads a stream for ever. What was measured before it was opened is the snapshot that it begins with.
async fn read(mut answer: Response, since: i64, seen: UnboundedSender<Seen>) -> Result<()> {
    let clock = Clock::system();
    let mut text = String::new();
    while let Some(bytes) = answer.chunk().await? {
        let now = clock.now().timestamp_micros();
        text.push_str(&String::from_utf8_lossy(&bytes));
        while let Some((event, rest)) = text.split_once("\n\n") {
            if let Some(at) = measured_at(event).filter(|at| *at >= since) {
                let took = u64::try_from(now - at * 1_000).unwrap_or_default();
                seen.send(Seen { at, took: Duration::from_micros(took) })?;
            }
            text = rest.to_owned();
        }
    }
    bail!("a live stream ended")
}

/// The device time of a reading, by its text alone: a thousand parsers would be what is measured.
fn measured_at(event: &str) -> Option<i64> {
    let name = event.lines().find_map(|line| line.strip_prefix("event:"))?;
    if name.trim() != "reading" {
        return None;
    }
    let (_, time) = event.split_once(r#""t":"#)?;
    let end = time.find(|c: char| !c.is_ascii_digit()).unwrap_or(time.len());
    time.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_reading_is_found_and_of_nothing_else() {
        let reading = "event: reading\ndata: {\"c\":38.7,\"receivedAt\":1795255200001,\"t\":1795255200000}";
        assert_eq!(measured_at(reading), Some(1_795_255_200_000));
        assert_eq!(measured_at("event: clock\ndata: {\"now\":1,\"t\":2}"), None);
        assert_eq!(measured_at(": keep-alive"), None);
    }
}
