//! What server processes tell each other: a topic and a few ids, packed into few NOTIFYs. Nothing that must not be lost
//! travels here: after a gap every listener is told to load again what it shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc, watch};

use super::{Slot, sql};
use crate::db::Db;
use crate::{Error, Result, tokens};

/// The channel of messages between processes.
const CHANNEL: &str = "socle_bus";
/// The channel on which enqueued jobs are announced.
const JOBS: &str = "socle_jobs";
/// PostgreSQL takes payloads of less than 8 000 bytes.
const PAYLOAD: usize = 7_900;
/// Messages waiting to be sent, and to be read by one listener.
const WAITING: usize = 10_000;
/// The topic that says: load again.
const GAP: &str = "gap";
/// The topic of somebody who has just come.
const HELLO: &str = "hello";
const AGAIN: Duration = Duration::from_millis(500);

/// What a process hears.
#[derive(Clone, Debug)]
pub enum Told {
    /// A message of another process.
    Message {
        /// Its topic.
        topic: Arc<str>,
        /// Its body.
        body: Arc<Value>,
    },
    /// Messages may have been missed: load again what is shown.
    Gap,
}

/// The bus of this process. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    outgoing: mpsc::Sender<(&'static str, Value)>,
    incoming: broadcast::Sender<Told>,
    jobs: watch::Receiver<u64>,
    slot: Slot,
    /// Something could not be told: the others are told that, as soon as possible.
    untold: Arc<AtomicBool>,
}

impl Bus {
    /// Listens and is ready to tell.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn open(db: &Db) -> Result<Self> {
        let origin = tokens::fresh()?.chars().take(12).collect::<String>();
        let mut listener = db.listener().await?;
        listener.listen_all([CHANNEL, JOBS]).await?;
        let (outgoing, to_send) = mpsc::channel(WAITING);
        let incoming = broadcast::Sender::new(WAITING);
        let (woken, jobs) = watch::channel(0);
        let slot = Slot::alone();
        let ear = Ear { origin: origin.clone(), incoming: incoming.clone(), woken, slot: slot.clone() };
        tokio::spawn(ear.run(listener));
        let untold = Arc::new(AtomicBool::new(false));
        let mut mouth = Mouth { db: db.clone(), origin, line: None, untold: Arc::clone(&untold) };
        // Who believes to be alone tells nothing: they hear of us now, not at their next look.
        mouth.say(&pack(&mouth.origin, [(HELLO, Value::Null)].into_iter())).await?;
        tokio::spawn(mouth.run(to_send));
        Ok(Self { outgoing, incoming, jobs, slot, untold })
    }

    /// The slot of this process.
    #[must_use]
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Tells the other processes, if there are any.
    pub fn tell(&self, topic: &'static str, body: Value) {
        if self.slot.processes() > 1 && self.outgoing.try_send((topic, body)).is_err() {
            tracing::warn!(topic, "the bus is full; the others load again what they show");
            self.untold.store(true, Ordering::SeqCst);
        }
    }

    /// Tells the others that they may have missed something.
    pub fn missed(&self) {
        self.tell(GAP, Value::Null);
    }

    /// Tells the listeners of this process that they may have missed something.
    pub(super) fn gap(&self) {
        if self.incoming.send(Told::Gap).is_err() {
            tracing::trace!("nobody listens to the bus");
        }
    }

    /// What the others tell from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Told> {
        self.incoming.subscribe()
    }

    /// Changes whenever a job was enqueued somewhere.
    #[must_use]
    pub fn jobs(&self) -> watch::Receiver<u64> {
        self.jobs.clone()
    }
}

/// Reads what comes.
struct Ear {
    origin: String,
    incoming: broadcast::Sender<Told>,
    woken: watch::Sender<u64>,
    slot: Slot,
}

impl Ear {
    async fn run(self, mut listener: PgListener) {
        loop {
            match listener.try_recv().await {
                Ok(Some(told)) if told.channel() == JOBS => self.woken.send_modify(|n| *n = n.wrapping_add(1)),
                Ok(Some(told)) => self.heard(told.payload()),
                Ok(None) => self.hear(Told::Gap),
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => {
                    tracing::warn!(%error, "the bus cannot be heard");
                    while sql::hears(&mut listener).await.is_err() {
                        tokio::time::sleep(AGAIN).await;
                    }
                    self.hear(Told::Gap);
                }
            }
        }
    }

    fn heard(&self, payload: &str) {
        let Ok(Value::Object(payload)) = serde_json::from_str(payload) else { return };
        if payload.get("from").and_then(Value::as_str) == Some(&self.origin) {
            return;
        }
        self.slot.greeted();
        for message in payload.get("told").and_then(Value::as_array).into_iter().flatten() {
            if let Some([Value::String(topic), body]) = message.as_array().map(Vec::as_slice) {
                if topic == GAP || topic == HELLO {
                    self.hear(Told::Gap);
                    continue;
                }
                self.hear(Told::Message { topic: topic.as_str().into(), body: Arc::new(body.clone()) });
            }
        }
    }

    fn hear(&self, told: Told) {
        if self.incoming.send(told).is_err() {
            tracing::trace!("nobody listens to the bus");
        }
    }
}

/// Sends what waits: all of it at once, in as few payloads as possible.
struct Mouth {
    db: Db,
    origin: String,
    line: Option<PgConnection>,
    untold: Arc<AtomicBool>,
}

impl Mouth {
    async fn run(mut self, mut waiting: mpsc::Receiver<(&'static str, Value)>) {
        let mut messages = Vec::new();
        while waiting.recv_many(&mut messages, WAITING).await > 0 {
            let gap = self.untold.swap(false, Ordering::SeqCst).then_some((GAP, Value::Null));
            let payloads = pack(&self.origin, gap.into_iter().chain(messages.drain(..)));
            // Set until it is said: what fails three times is not tried for ever, but it is told that it failed.
            self.untold.store(true, Ordering::SeqCst);
            for _ in 0..3 {
                match self.say(&payloads).await {
                    Ok(()) => {
                        self.untold.store(false, Ordering::SeqCst);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "other servers could not be told");
                        self.line = None;
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            }
        }
    }

    async fn say(&mut self, payloads: &[String]) -> Result<()> {
        if self.line.is_none() {
            self.line = Some(self.db.line().await?);
        }
        let line = self.line.as_mut().ok_or_else(|| Error::internal("no line"))?;
        Ok(sql::notify(line, CHANNEL, payloads).await?)
    }
}

/// Payloads of less than 8 000 bytes; a message that does not fit into one is refused with a word in the log.
fn pack(origin: &str, messages: impl Iterator<Item = (&'static str, Value)>) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut room = 0;
    let mut told: Vec<Value> = Vec::new();
    let close = |told: &mut Vec<Value>| json!({ "from": origin, "told": std::mem::take(told) }).to_string();
    for (topic, body) in messages {
        let message = json!([topic, body]);
        let length = message.to_string().len() + 1;
        if length > PAYLOAD - 100 {
            tracing::error!(topic, length, "a message for other servers is too long");
            continue;
        }
        if length > room {
            if !told.is_empty() {
                payloads.push(close(&mut told));
            }
            room = PAYLOAD - 100;
        }
        room -= length;
        told.push(message);
    }
    if !told.is_empty() {
        payloads.push(close(&mut told));
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_packed_into_few_payloads_that_postgresql_takes() {
        let messages = (0..500).map(|n| ("topic", json!([n, "x".repeat(40)])));
        let payloads = pack("origin", messages);
        assert!(payloads.len() < 6, "{}", payloads.len());
        assert!(payloads.iter().all(|payload| payload.len() < 8_000));
        let count =
            |payload: &String| serde_json::from_str::<Value>(payload).unwrap()["told"].as_array().unwrap().len();
        assert_eq!(payloads.iter().map(count).sum::<usize>(), 500);
    }

    #[test]
    fn a_message_that_is_too_long_does_not_take_the_others_with_it() {
        let messages = [("a", json!("x".repeat(9_000))), ("b", json!(1))];
        let payloads = pack("origin", messages.into_iter());
        assert_eq!(payloads, [r#"{"from":"origin","told":[["b",1]]}"#]);
    }
}
