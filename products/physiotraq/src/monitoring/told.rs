//! What servers tell each other of devices: which readings were committed, who was heard, what to load again. Ids and
//! instants only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socle::Result;
use socle::ids::TenantId;
use socle::peers::{SHARDS, Told};
use socle::readings::Tally;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use super::{Ended, Monitor, sql};
use crate::devices::{DeviceId, Presence};
use crate::measurements::{Measurement, Quality};

const READINGS: &str = "physiotraq.readings";
const CHANGED: &str = "physiotraq.changed";
const SEEN: &str = "physiotraq.seen";
const PRESENCE: &str = "physiotraq.presence";
const ENDED: &str = "physiotraq.ended";

/// Another server hears of a device's contacts this often at most.
const SEEN_EVERY: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// What could not be loaded is tried again after this long.
const AGAIN: Duration = Duration::from_millis(500);

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
        let mut gap = false;
        while !*closing.borrow() {
            let first = tokio::select! {
                first = heard.recv() => first,
                // What could not be loaded is tried again without waiting for a word.
                () = tokio::time::sleep(AGAIN), if gap => Ok(Told::Gap),
                _ = closing.changed() => return,
            };
            let Some(mut messages) = gather(first, &mut heard) else { return };
            messages.gap |= gap;
            let taken = self.take_in(messages).await;
            gap = taken.is_err();
            if let Err(error) = taken {
                tracing::warn!(%error, "what another server told could not be loaded; tried again");
            }
        }
    }

    async fn take_in(&self, messages: Messages) -> Result<()> {
        if messages.gap {
            return self.load_again().await;
        }
        // First what began: the readings that follow belong to it.
        for device in messages.changed {
            self.look_again(device).await?;
        }
        for (device, at) in messages.seen {
            self.seen(device, at).await;
        }
        self.take_flushed(messages.flushed).await?;
        for (device, presence, at) in messages.presence {
            self.board.mark(device, presence, at);
            self.publish_presence(device);
        }
        for (device, ended) in messages.ended {
            let gate = self.ownership.gate(device).await;
            self.board.end(device, ended.treatment);
            drop(gate);
            self.publish_treatment(device, Some(&ended));
            self.publish_alarm(device);
        }
        Ok(())
    }

    /// Readings that another server committed: all of ours, the newest of others'.
    async fn take_flushed(&self, mut flushed: Vec<Flushed>) -> Result<()> {
        if flushed.is_empty() {
            return Ok(());
        }
        for one in &mut flushed {
            one.whole = self.ownership.owns(one.device);
        }
        let mut by_device: BTreeMap<DeviceId, Vec<Measurement>> = BTreeMap::new();
        for reading in sql::told(&self.app.db, &flushed).await? {
            by_device.entry(reading.device).or_default().push(reading);
        }
        for (device, mut readings) in by_device {
            if let Some(at) = readings.iter().map(|reading| reading.received_at).max() {
                self.seen(device, at).await;
            }
            let gate = self.ownership.gate(device).await;
            let mut of_device = flushed.iter().filter(|one| one.device == device);
            if self.ownership.owns(device) && !of_device.clone().all(|one| one.whole) {
                // It has become ours in between: the newest alone is not enough.
                let whole: Vec<Flushed> =
                    of_device.by_ref().map(|one| Flushed { whole: true, ..one.clone() }).collect();
                readings = sql::told(&self.app.db, &whole).await?;
            }
            self.absorb_held(device, readings, Tally::default()).await;
            drop(gate);
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
        // What begins or ends here while the database is asked is newer than its answer.
        for _ in 0..5 {
            let known = self.board.running(device).map(|(id, _)| id);
            if let Some(changed) = self.look_once(device, known).await? {
                drop(gate);
                if changed {
                    self.publish_treatment(device, None);
                }
                self.publish_alarm(device);
                return Ok(());
            }
        }
        Err(socle::Error::unavailable(1))
    }

    /// Whether the treatment is another one now; `None` when it changed while the database was asked.
    async fn look_once(&self, device: DeviceId, known: Option<Uuid>) -> Result<Option<bool>> {
        let ours = self.ownership.owns(device);
        let Some(stored) = sql::devices(&self.app.db, &[], Some(device)).await?.pop() else {
            // Released elsewhere.
            self.board.dismiss(device);
            return Ok(Some(false));
        };
        let license = TenantId(stored.license_id);
        self.board.admit(device, license);
        let running = match stored.treatment_id {
            Some(treatment) => self.resume(license, treatment, None).await?,
            None => None,
        };
        let now = running.as_ref().map(|running| running.id);
        if known != now || !ours {
            let started = running.as_ref().map(|running| running.started_at);
            if !self.board.begin_after(device, known, running) {
                return Ok(None);
            }
            if let Some(started) = started.filter(|_| ours) {
                self.evaluate_since(device, started).await?;
            }
        } else if let Some(running) = running {
            let taken = |alert: &super::LiveAlert| alert.acknowledged.clone().map(|note| (alert.id, note));
            for (alert, (by, at)) in running.alerts.iter().filter_map(taken) {
                if !self.board.is_acknowledged(device, alert) {
                    self.note(device, alert, ((&by, at), ours));
                }
            }
        }
        if ours {
            self.settle(device).await;
        }
        Ok(Some(known != now))
    }

    /// Readings of a treatment that began elsewhere may have been counted here before that was known.
    async fn evaluate_since(&self, device: DeviceId, started: DateTime<Utc>) -> Result<()> {
        let to = self.app.clock.now() + chrono::TimeDelta::minutes(5);
        let all = Flushed { device, first_id: 0, last_id: i64::MAX, first_at: started, last_at: to, whole: true };
        let mut readings = sql::told(&self.app.db, &[all]).await?;
        readings.sort_by_key(|reading| (reading.measured_at, reading.sequence));
        let mut devices = self.board.lock();
        let Some(tracked) = devices.get_mut(&device) else { return Ok(()) };
        for reading in &readings {
            let limit = tracked.running.as_ref().map_or(super::DEFAULT_RELIABILITY_LIMIT, |r| r.reliability_limit);
            super::evaluate::evaluate(tracked, reading, Quality::of(reading.temperature, reading.reliability, limit));
        }
        Ok(())
    }

    /// Something may have been missed: what is shown of others' devices is loaded again, and our shards catch up.
    async fn load_again(&self) -> Result<()> {
        self.doubts.fetch_add(1, Ordering::SeqCst);
        for shard in 0..SHARDS {
            let closed = self.ownership.close(&[shard]).await;
            if !self.ownership.ours().contains(&shard) {
                self.load(&[shard], None).await?;
            }
            drop(closed);
        }
        self.resolve_doubt().await?;
        let ours = |device: &DeviceId| self.ownership.owns(*device);
        for device in self.board.devices().iter().filter(|device| ours(device)) {
            self.look_again(*device).await?;
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
