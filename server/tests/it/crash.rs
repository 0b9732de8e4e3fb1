//! kill -9 under load: what was acknowledged is in the table, once, and the counters add up.
//!
//! The real binary is killed at a random moment while devices post batches and single readings; a device keeps what was
//! not acknowledged and sends it again to the next server, as real ones do. 3 rounds, 20 with `bin/test --long`.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use socle::clock::Clock;
use sqlx::PgConnection;
use testkit::{Database, Device, Person, Stage};
use uuid::Uuid;

use crate::binary::Binary;

const DEVICES: usize = 4;
const BATCH: i64 = 50;

/// What identifies a reading.
pub type Key = (Uuid, DateTime<Utc>, i64);

/// What a server said to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// All of it is durable.
    Taken,
    /// Nothing of it counts; send it again, after so many seconds if it named them.
    Later {
        /// 429 or 503.
        status: u16,
        /// Of the header `Retry-After`.
        seconds: Option<u64>,
    },
}

/// One of a device's two senders: batches, or single readings.
pub struct Sender {
    device: Device,
    clock: Clock,
    single: bool,
    /// The next reading's number; the two senders of a device count in different halves.
    next: i64,
    /// Sent and not acknowledged.
    pending: Vec<(Key, Value)>,
    /// Acknowledged, by whichever server.
    pub acknowledged: Vec<Key>,
    /// Readings acknowledged to all senders together.
    together: Arc<AtomicUsize>,
}

impl Sender {
    /// A sender that has sent nothing yet.
    pub fn new(device: Device, single: bool, together: Arc<AtomicUsize>) -> Self {
        let next = if single { 1_000_000_000 } else { 0 };
        Self { device, clock: Clock::system(), single, next, pending: Vec::new(), acknowledged: Vec::new(), together }
    }

    /// From now on it talks to this server.
    pub fn aim(&mut self, url: &str) {
        self.device = self.device.at(url.to_owned());
    }

    /// Measures, when everything before has been acknowledged.
    pub fn fill(&mut self) {
        if !self.pending.is_empty() {
            return;
        }
        for _ in 0..(if self.single { 1 } else { BATCH }) {
            self.next += 1;
            let (at, sequence) = (self.clock.now(), self.next);
            let reading = json!({ "temperature": 37.5, "measured_at": at, "sequence": sequence });
            self.pending.push(((self.device.id.0, at, sequence), reading));
        }
    }

    /// Sends what is pending. An error: the server is gone.
    pub async fn send(&mut self) -> Result<Said> {
        let readings: Vec<&Value> = self.pending.iter().map(|(_, reading)| reading).collect();
        let answer = if self.single {
            self.device.post("/measurements", readings[0]).await?
        } else {
            self.device.post("/measurements/batch", &json!({ "measurements": readings })).await?
        };
        let status = answer.status();
        if [429, 503].contains(&status.as_u16()) {
            let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
            return Ok(Said::Later { status: status.as_u16(), seconds: header.and_then(|value| value.parse().ok()) });
        }
        let body: Value = answer.json().await?;
        assert!(status == 200 || status == 201, "{status} {body}");
        assert_eq!(body["rejected"], 0, "{body}");
        assert_eq!(body["received"], self.pending.len(), "{body}");
        self.together.fetch_add(self.pending.len(), Ordering::SeqCst);
        self.acknowledged.extend(self.pending.drain(..).map(|(key, _)| key));
        Ok(Said::Taken)
    }

    /// Posts until the server is gone.
    pub async fn until_killed(mut self, url: String) -> Self {
        self.aim(&url);
        loop {
            self.fill();
            match self.send().await {
                Ok(Said::Taken) => {}
                Ok(Said::Later { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(_) => return self,
            }
        }
    }

    /// Sends again what the last server did not acknowledge.
    ///
    /// # Errors
    /// When it does not take it within ten seconds.
    pub async fn resend(&mut self, url: &str) -> Result<()> {
        self.aim(url);
        for _ in 0..100 {
            if self.pending.is_empty() || self.send().await? == Said::Taken {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the server never took it")
    }
}

/// Two senders for every device: batches, and single readings.
pub fn senders(devices: &[Device], together: &Arc<AtomicUsize>) -> Vec<Sender> {
    let sender = |device: &Device, single| Sender::new(device.clone(), single, Arc::clone(together));
    devices.iter().flat_map(|device| [sender(device, false), sender(device, true)]).collect()
}

/// A licence with registered devices, and its operator, who may watch the first of them; the server that made them is
/// stopped.
pub async fn seeded() -> Result<(Arc<Database>, Vec<Device>, Person)> {
    let stage = Stage::with(Clock::system(), |_| {}).await?;
    let licence = stage.licence().await?;
    let mut devices = vec![licence.device.clone()];
    while devices.len() < DEVICES {
        devices.push(stage.device(&licence).await?);
    }
    let database = Arc::clone(&stage.database);
    stage.stop().await;
    Ok((database, devices, licence.operator))
}

/// Between 300 and 900 ms, another one each time.
fn a_while() -> Duration {
    Duration::from_millis(300 + RandomState::new().hash_one(()) % 600)
}

async fn round(database: &Database, senders: Vec<Sender>, together: &AtomicUsize) -> Result<Vec<Sender>> {
    let before = together.load(Ordering::SeqCst);
    let binary = Binary::serve(database).await?;
    let running: Vec<_> =
        senders.into_iter().map(|sender| tokio::spawn(sender.until_killed(binary.url.clone()))).collect();
    // However slow the machine: the load is under way before the time runs.
    under_way(together, before + 1).await?;
    tokio::time::sleep(a_while()).await;
    binary.kill().await?;
    let mut senders = Vec::new();
    for sender in running {
        senders.push(sender.await?);
    }
    Ok(senders)
}

/// Returns once the senders have had so many readings acknowledged in all.
///
/// # Errors
/// When they have not after 30 seconds: there is no load.
pub async fn under_way(together: &AtomicUsize, readings: usize) -> Result<()> {
    for _ in 0..3_000 {
        if together.load(Ordering::SeqCst) >= readings {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("nothing was acknowledged: there is no load")
}

/// Fails unless the table holds exactly what was acknowledged, each once. Nothing may be pending any more.
pub async fn all_is_there(admin: &mut PgConnection, senders: &[Sender]) -> Result<()> {
    let stored: Vec<Key> =
        sqlx::query_as("SELECT device_id, measured_at, sequence FROM physiotraq.measurements").fetch_all(admin).await?;
    let once: HashSet<&Key> = stored.iter().collect();
    ensure!(once.len() == stored.len(), "a reading is there twice");
    let acknowledged: Vec<&Key> = senders.iter().flat_map(|sender| &sender.acknowledged).collect();
    let lost: Vec<&&Key> = acknowledged.iter().filter(|key| !once.contains(*key)).collect();
    let (all, first) = (acknowledged.len(), lost.first());
    ensure!(lost.is_empty(), "{} of {all} acknowledged readings are lost, the first {first:?}", lost.len());
    ensure!(stored.len() == all, "{} are there, {all} were acknowledged, and all were in the end", stored.len());
    Ok(())
}

/// Rows and counters of a device, as they are in the database.
#[derive(Debug)]
pub struct Counted {
    /// In the table of readings.
    pub rows: i64,
    /// Counted.
    pub received: i64,
    /// Counted.
    pub stored: i64,
    /// Counted.
    pub duplicate: i64,
    /// Counted.
    pub rejected: i64,
}

/// Looks them up.
pub async fn counted(database: &Database, device: Uuid) -> Result<Counted> {
    let (rows, received, stored, duplicate, rejected) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM physiotraq.measurements m WHERE m.device_id = d.id),
                coalesce(s.received, 0), coalesce(s.stored, 0), coalesce(s.duplicate, 0), coalesce(s.rejected, 0)
         FROM physiotraq.devices d LEFT JOIN physiotraq.device_states s ON s.device_id = d.id WHERE d.id = $1",
    )
    .bind(device)
    .fetch_one(&mut database.admin().await?)
    .await?;
    Ok(Counted { rows, received, stored, duplicate, rejected })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_reading_is_there_once_after_kill_9_under_load() -> Result<()> {
    let (database, devices, _) = seeded().await?;
    let together = Arc::new(AtomicUsize::new(0));
    let mut senders = senders(&devices, &together);
    let rounds = if std::env::var_os("SOCLE_LONG").is_some() { 20 } else { 3 };
    for number in 1..=rounds {
        senders = round(&database, senders, &together).await.with_context(|| format!("round {number}"))?;
    }
    let binary = Binary::serve(&database).await?;
    for sender in &mut senders {
        sender.resend(&binary.url).await?;
    }
    // An orderly end saves the counters; what they say must then be what the table holds.
    binary.stop().await?;
    all_is_there(&mut database.admin().await?, &senders).await?;
    for device in devices {
        let counted = counted(&database, device.id.0).await?;
        assert_eq!(counted.stored, counted.rows, "{counted:?}");
        assert_eq!(counted.received, counted.stored + counted.duplicate + counted.rejected, "{counted:?}");
    }
    let offline = "SELECT count(*) FROM physiotraq.events WHERE event_type = 'device.disconnected'";
    let offline: i64 = sqlx::query_scalar(offline).fetch_one(&mut database.admin().await?).await?;
    assert_eq!(offline, 0, "nobody is called offline because no server listened");
    Ok(())
}
