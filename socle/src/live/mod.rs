//! Live topics of one process: many publishers, many browsers, bounded memory.
//!
//! A slow reader never holds anybody up: its channel forgets the oldest events and says so, and the stream then
//! sends the last value again instead of the missed ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, watch};

/// Events kept for one topic's slowest reader.
const KEPT: usize = 64;

/// One event: its name and its JSON.
#[derive(Clone, Debug)]
pub struct Event {
    /// `reading`, `alarm`…
    pub name: &'static str,
    /// The payload, serialised once for all readers.
    pub data: Arc<str>,
}

impl Event {
    /// An event from a payload that serialises to JSON.
    #[must_use]
    pub fn new(name: &'static str, payload: &serde_json::Value) -> Self {
        Self { name, data: payload.to_string().into() }
    }
}

/// The topics of this process. Cheap to clone; clones share the topics.
#[derive(Clone)]
pub struct Hub {
    topics: Arc<Mutex<HashMap<String, broadcast::Sender<Event>>>>,
    closing: watch::Sender<bool>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { topics: Arc::default(), closing: watch::Sender::new(false) }
    }
}

impl Hub {
    /// Starts reading a topic. The right to it is the caller's to check, at the start and again later.
    #[must_use]
    pub fn subscribe(&self, topic: &str) -> broadcast::Receiver<Event> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.retain(|name, sender| name == topic || sender.receiver_count() > 0);
        topics.entry(topic.to_owned()).or_insert_with(|| broadcast::Sender::new(KEPT)).subscribe()
    }

    /// Publishes to a topic; the payload is only made when somebody reads.
    pub fn publish(&self, topic: &str, make: impl FnOnce() -> Event) {
        let sender = {
            let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
            topics.get(topic).filter(|sender| sender.receiver_count() > 0).cloned()
        };
        if let Some(sender) = sender
            && sender.send(make()).is_err()
        {
            tracing::debug!(topic, "the last reader left");
        }
    }

    /// How many streams read a topic.
    #[must_use]
    pub fn readers(&self, topic: &str) -> usize {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).map_or(0, broadcast::Sender::receiver_count)
    }

    /// Asks every stream to end: the server is shutting down.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Resolves when the server shuts down.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }
}
