//! A live stream as a browser's EventSource reads it, from any server.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use physiotraq::devices::DeviceId;
use reqwest::Response;
use reqwest::header::COOKIE;
use serde_json::Value;
use tokio::time::timeout;

/// An open stream of one device.
pub struct Listener {
    answer: Response,
    read: String,
    /// What came while something else was waited for, last time.
    passed: Vec<(String, Value)>,
}

impl Listener {
    /// Opens it on a server (`http://…`), with a session's cookie.
    pub async fn open(server: &str, cookie: &str, device: DeviceId) -> Result<Self> {
        let url = format!("{server}/physiotraq/live?topic=device:{device}");
        let answer = reqwest::Client::new().get(url).header(COOKIE, cookie).send().await?;
        ensure!(answer.status() == 200, "the stream answered {}", answer.status());
        Ok(Self { answer, read: String::new(), passed: Vec::new() })
    }

    /// The data of the next event that is wanted, and how long it took. Others are passed over; what the last call
    /// passed over is looked at first, because two events that belong together may come in any order.
    pub async fn hears(
        &mut self,
        within: Duration,
        wanted: impl Fn(&str, &Value) -> bool,
    ) -> Result<(Value, Duration)> {
        if let Some(place) = self.passed.iter().position(|(name, data)| wanted(name, data)) {
            return Ok((self.passed.remove(place).1, Duration::ZERO));
        }
        self.passed.clear();
        let started = Instant::now();
        loop {
            let left = within.saturating_sub(started.elapsed());
            let Ok(next) = timeout(left, self.next()).await else { bail!("not within {within:?}: {:?}", self.passed) };
            let (name, data) = next?.with_context(|| format!("the stream ended: {:?}", self.passed))?;
            if wanted(&name, &data) {
                return Ok((data, started.elapsed()));
            }
            self.passed.push((name, data));
        }
    }

    /// Hears a kind of event with a member of this value.
    pub async fn hears_of(&mut self, within: Duration, kind: &str, member: &str, value: &Value) -> Result<Value> {
        let (data, _) = self.hears(within, |name, data| name == kind && &data[member] == value).await?;
        Ok(data)
    }

    /// The next event, its name and its data; `None` when the stream has closed.
    async fn next(&mut self) -> Result<Option<(String, Value)>> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = field("event:").map(ToOwned::to_owned).zip(field("data:").map(ToOwned::to_owned));
                self.read = rest.to_owned();
                let Some((name, data)) = found else { continue };
                return Ok(Some((name, serde_json::from_str(&data)?)));
            }
            match self.answer.chunk().await? {
                Some(bytes) => self.read.push_str(&String::from_utf8_lossy(&bytes)),
                None => return Ok(None),
            }
        }
    }
}
