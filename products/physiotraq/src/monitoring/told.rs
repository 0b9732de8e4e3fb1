//! What servers tell each other of devices: which readings were committed, who was heard, what to load again. Ids and
//! instants only.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socle::Result;
use socle::peers::{SHARDS, Told};
use socle::readings::Tally;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Ended, Monitor, sql};
use crate::devices::{DeviceId, Presence};
use crate::measurements::Measurement;

const READINGS: &str = "physiotraq.readings";
const CHANGED: &str = "physiotraq.changed";
const SEEN: &str = "physiotraq.seen";
const PRESENCE: &str = "physiotraq.presence";
const ENDED: &str = "physiotraq.ended";

/// Another server hears of a device's contacts this often at most.
const SEEN_EVERY: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// What one flush stored of one device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Flushed {
    device: DeviceId,
    first_id: i64,
    last_id: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// Whether all of them are wanted, or the newest.
    #[serde(default)]
    whole: bool,
}

impl Flushed {
    fn of(device: DeviceId, stored: &[Measurement]) -> Option<Self> {
        let ids = || stored.iter().map(|reading| reading.id);
        let times = || stored.iter().map(|reading| reading.measured_at);
        Some(Self {
            device,
            first_id: ids().min()?,
            last_id: ids().max()?,
            first_at: times().min()?,
            last_at: times().max()?,
            whole: false,
        })
    }
}

impl Monitor {
    pub(super) fn tell_readings(&self, device: DeviceId, stored: &[Measurement]) {
        if let Some(flushed) = Flushed::of(device, stored) {
            self.app.bus.tell(READINGS, json!(flushed));
        }
    }

    pub(super) fn tell_changed(&self, device: DeviceId) {
        self.app.bus.tell(CHANGED, json!(device));
    }

    pub(super) fn tell_ended(&self, device: DeviceId, ended: &Ended) {
        self.app.bus.tell(ENDED, json!([device, ended]));
    }

    pub(super) fn tell_presence(&self, device: DeviceId, presence: Presence, seen_at: Option<DateTime<Utc>>) {
        self.app.bus.tell(PRESENCE, json!([device, presence.name(), seen_at]));
    }

    /// A contact, now and then.
    pub(super) fn tell_seen(&self, device: DeviceId, now: DateTime<Utc>) {
        let due = {
            let mut devices = self.board.lock();
            let Some(tracked) = devices.get_mut(&device) else { return };
            let due = tracked.told_at.is_none_or(|told| now - told >= SEEN_EVERY || told > now);
            if due {
                tracked.told_at = Some(now);
            }
            due
        };
        if due {
            self.app.bus.tell(SEEN, json!([device, now]));
        }
    }

    /// Listens until the server ends.
    pub(super) async fn hear(self: Arc<Self>) {
        let mut heard = self.app.bus.listen();
        let mut closing = self.app.live.closing();
        while !*closing.borrow() {
            let first = tokio::select! {
                first = heard.recv() => first,
                _ = closing.changed() => return,
            };
            let messages = gather(first, &mut heard);
            let Some(messages) = messages else { return };
            if let Err(error) = self.take_in(messages).await {
                tracing::warn!(%error, "what another server told could not be loaded");
            }
        }
    }

    async fn take_in(&self, messages: Messages) -> Result<()> {
        if messages.gap {
            return self.load_again().await;
        }
        let mut flushed = messages.flushed;
        for one in &mut flushed {
            one.whole = self.ownership.owns(one.device);
        }
        for (device, at) in messages.seen {
            self.seen(device, at).await;
        }
        if !flushed.is_empty() {
            let mut by_device: BTreeMap<DeviceId, Vec<Measurement>> = BTreeMap::new();
            for reading in sql::told(&self.app.db, &flushed).await? {
                by_device.entry(reading.device).or_default().push(reading);
            }
            for (device, readings) in by_device {
                if let Some(at) = readings.iter().map(|reading| reading.received_at).max() {
                    self.seen(device, at).await;
                }
                self.absorb(device, readings, Tally::default()).await;
            }
        }
        for (device, presence, at) in messages.presence {
            self.board.mark(device, presence, at);
            self.publish_presence(device);
        }
        for (device, ended) in messages.ended {
            self.board.end(device, ended.treatment);
            self.publish_treatment(device, Some(&ended));
            self.publish_alarm(device);
        }
        for device in messages.changed {
            self.look_again(device).await?;
        }
        Ok(())
    }

    /// A device was heard elsewhere: its owner says when it comes online, every other notes the instant.
    async fn seen(&self, device: DeviceId, at: DateTime<Utc>) {
        if self.ownership.owns(device) {
            if let Some(license) = self.board.heard(device, at, None, None) {
                self.presence_changed(device, license, Presence::Online).await;
            }
        } else {
            self.board.note_seen(device, at);
        }
    }

    /// Another server has changed a device's treatment or alerts.
    async fn look_again(&self, device: DeviceId) -> Result<()> {
        let gate = self.ownership.gate(device).await;
        let ours = self.ownership.owns(device);
        let Some(stored) = sql::devices(&self.app.db, &[], Some(device)).await?.pop() else { return Ok(()) };
        let license = socle::ids::TenantId(stored.license_id);
        let running = match stored.treatment_id {
            Some(treatment) => self.resume(license, treatment, None).await?,
            None => None,
        };
        self.board.admit(device, license);
        let known = self.board.running(device).map(|(id, _)| id);
        let now = running.as_ref().map(|running| running.id);
        match running {
            Some(running) if known == now && ours => {
                let taken = |alert: &super::LiveAlert| alert.acknowledged.clone().map(|note| (alert.id, note));
                for (alert, (by, at)) in running.alerts.iter().filter_map(taken) {
                    if !self.board.is_acknowledged(device, alert) {
                        self.note(device, alert, ((&by, at), ours));
                    }
                }
                self.settle(device).await;
            }
            Some(running) => self.board.begin(device, license, running),
            None => {
                if let Some(known) = known {
                    self.board.end(device, known);
                }
            }
        }
        drop(gate);
        if known != now {
            self.publish_treatment(device, None);
        }
        self.publish_alarm(device);
        Ok(())
    }

    /// Something may have been missed: what is shown of others' devices is loaded again, and our shards catch up.
    async fn load_again(&self) -> Result<()> {
        let ours = self.ownership.ours();
        let others: Vec<usize> = (0..SHARDS).filter(|shard| !ours.contains(shard)).collect();
        self.load(&others, None).await?;
        for reading in sql::unevaluated(&self.app.db, &ours).await? {
            self.absorb(reading.device, vec![reading], Tally::default()).await;
        }
        for device in self.board.devices() {
            for event in self.snapshot(device) {
                self.app.live.publish(&Self::topic(device), || event);
            }
        }
        Ok(())
    }
}

/// Messages that were waiting, by kind.
#[derive(Default)]
struct Messages {
    gap: bool,
    flushed: Vec<Flushed>,
    seen: Vec<(DeviceId, DateTime<Utc>)>,
    presence: Vec<(DeviceId, Presence, Option<DateTime<Utc>>)>,
    ended: Vec<(DeviceId, Ended)>,
    changed: Vec<DeviceId>,
}

impl Messages {
    fn add(&mut self, told: Told) {
        let (topic, body) = match told {
            Told::Gap => {
                self.gap = true;
                return;
            }
            Told::Message { topic, body } => (topic, Value::clone(&body)),
        };
        match &*topic {
            READINGS => self.flushed.extend(serde_json::from_value::<Flushed>(body)),
            SEEN => self.seen.extend(serde_json::from_value::<(DeviceId, _)>(body)),
            ENDED => self.ended.extend(serde_json::from_value::<(DeviceId, Ended)>(body)),
            PRESENCE => {
                let read = serde_json::from_value::<(DeviceId, String, _)>(body);
                self.presence.extend(read.map(|(device, status, at)| (device, Presence::parse(&status), at)));
            }
            CHANGED => {
                let device = serde_json::from_value::<DeviceId>(body);
                self.changed.extend(device.ok().filter(|device| !self.changed.contains(device)));
            }
            _ => {}
        }
    }
}

/// The first message and all that wait behind it; `None` when the bus is gone.
fn gather(first: Result<Told, RecvError>, heard: &mut broadcast::Receiver<Told>) -> Option<Messages> {
    let mut messages = Messages::default();
    match first {
        Ok(told) => messages.add(told),
        Err(RecvError::Lagged(_)) => messages.gap = true,
        Err(RecvError::Closed) => return None,
    }
    for _ in 0..1_000 {
        match heard.try_recv() {
            Ok(told) => messages.add(told),
            Err(broadcast::error::TryRecvError::Lagged(_)) => messages.gap = true,
            Err(_) => break,
        }
    }
    Some(messages)
}
