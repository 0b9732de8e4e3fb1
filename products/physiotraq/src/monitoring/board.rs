//! The board: what is known of every device, behind one short lock that is never held across an await.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use socle::ids::TenantId;
use socle::peers::{SHARDS, shard_of};
use socle::readings::Tally;
use uuid::Uuid;

use super::evaluated::Evaluated;
use super::rules::{LiveAlert, Running};
use super::saved::{self, Counted, Saved};
use crate::devices::{DeviceId, ONLINE_FOR, Presence};
use crate::measurements::{Measurement, Quality};
use crate::units::Celsius;

/// All devices of this process.
#[derive(Default)]
pub(super) struct Board(Mutex<HashMap<DeviceId, Tracked>>);

/// One device.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub license: TenantId,
    pub presence: Presence,
    pub seen_at: Option<DateTime<Utc>>,
    pub ip: Option<IpAddr>,
    /// The address that its place was looked up for.
    pub placed: Option<IpAddr>,
    pub firmware: Option<String>,
    pub latest: Option<Latest>,
    pub tally: Tally,
    /// Readings that are counted and evaluated.
    pub evaluated: Evaluated,
    /// When other servers were last told that the device was heard.
    pub told_at: Option<DateTime<Utc>>,
    pub evaluated_through: Option<DateTime<Utc>>,
    /// Device times of late readings that are not yet given to their treatment.
    pub late: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub running: Option<Running>,
    pub changed: bool,
}

impl Tracked {
    /// A device of which nothing is known yet.
    pub fn new(license: TenantId) -> Self {
        Self {
            license,
            presence: Presence::Unknown,
            seen_at: None,
            ip: None,
            placed: None,
            firmware: None,
            latest: None,
            tally: Tally::default(),
            evaluated: Evaluated::through([0; SHARDS]),
            told_at: None,
            evaluated_through: None,
            late: None,
            running: None,
            changed: false,
        }
    }
}

/// The newest reading by device time, as the live screen shows it and as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// Value.
    pub temperature: Celsius,
    /// Device time.
    pub measured_at: DateTime<Utc>,
    /// Server time.
    pub received_at: DateTime<Utc>,
    /// Its counter.
    pub sequence: i64,
    /// Trust.
    pub quality: Quality,
    /// 0–100.
    pub reliability: Option<i16>,
    /// Percent.
    pub battery: Option<i16>,
    /// dBm.
    pub wifi: Option<i16>,
    /// Running firmware.
    pub firmware: Option<String>,
}

impl Latest {
    pub(super) fn of(reading: &Measurement, limit: i16) -> Self {
        Self {
            temperature: reading.temperature,
            measured_at: reading.measured_at,
            received_at: reading.received_at,
            sequence: reading.sequence,
            quality: Quality::of(reading.temperature, reading.reliability, limit),
            reliability: reading.reliability,
            battery: reading.battery_level,
            wifi: reading.wifi_strength,
            firmware: reading.firmware_version.clone(),
        }
    }
}

/// A device's state at one moment, for pages and streams.
#[derive(Clone, Debug)]
pub struct Glance {
    /// Online, offline, never seen.
    pub presence: Presence,
    /// Last contact.
    pub seen_at: Option<DateTime<Utc>>,
    /// Newest reading.
    pub latest: Option<Latest>,
    /// Running treatment.
    pub treatment: Option<Uuid>,
    /// Its start.
    pub started_at: Option<DateTime<Utc>>,
    /// Its alerts that are not over.
    pub alerts: Vec<LiveAlert>,
    /// Colour of the newest value.
    pub band: &'static str,
}

impl Board {
    pub fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Tracked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in what was loaded. What was counted here and not saved yet is kept.
    pub fn put(&self, device: DeviceId, mut tracked: Tracked) {
        let mut devices = self.lock();
        if let Some(held) = devices.get_mut(&device) {
            let Tally { duplicate, rejected, .. } = std::mem::take(&mut held.tally);
            tracked.tally = Tally { stored: 0, duplicate, rejected };
            tracked.seen_at = tracked.seen_at.max(held.seen_at);
            (tracked.ip, tracked.placed) = (held.ip, held.placed);
            tracked.changed = held.changed;
        }
        devices.insert(device, tracked);
    }

    /// Of shards that were lost: what was counted since the last save will be counted by others.
    pub fn forget_stored(&self, shards: &[usize]) {
        for (_, tracked) in self.lock().iter_mut().filter(|(device, _)| shards.contains(&shard_of(device.0))) {
            tracked.tally.stored = 0;
        }
    }

    /// The places of these devices could not be saved: they are looked up again with the next save.
    pub fn misplaced(&self, moved: impl Iterator<Item = DeviceId>) {
        let mut devices = self.lock();
        for device in moved {
            if let Some(tracked) = devices.get_mut(&device) {
                tracked.placed = None;
            }
        }
    }

    /// Forgets a device that was released.
    pub fn dismiss(&self, device: DeviceId) {
        self.lock().remove(&device);
    }

    /// All devices.
    pub fn devices(&self) -> Vec<DeviceId> {
        self.lock().keys().copied().collect()
    }

    /// Whether somebody has taken note of an alert, as far as is known here.
    pub fn is_acknowledged(&self, device: DeviceId, alert: Uuid) -> bool {
        let devices = self.lock();
        let running = devices.get(&device).and_then(|tracked| tracked.running.as_ref());
        let held = running.and_then(|running| running.alerts.iter().find(|held| held.id == alert));
        held.is_some_and(|held| held.acknowledged.is_some())
    }

    /// Notes a contact that another server had.
    pub fn note_seen(&self, device: DeviceId, at: DateTime<Utc>) {
        if let Some(tracked) = self.lock().get_mut(&device) {
            tracked.seen_at = tracked.seen_at.max(Some(at));
        }
    }

    /// Notes what the device's owner says of its presence.
    pub fn mark(&self, device: DeviceId, presence: Presence, at: Option<DateTime<Utc>>) {
        if let Some(tracked) = self.lock().get_mut(&device) {
            tracked.presence = presence;
            tracked.seen_at = tracked.seen_at.max(at);
        }
    }

    pub fn admit(&self, device: DeviceId, license: TenantId) {
        self.lock().entry(device).or_insert_with(|| Tracked::new(license));
    }

    /// Notes a contact; the licence when the device has just come online.
    pub fn heard(
        &self,
        device: DeviceId,
        now: DateTime<Utc>,
        ip: Option<IpAddr>,
        firmware: Option<String>,
    ) -> Option<TenantId> {
        let mut devices = self.lock();
        let tracked = devices.get_mut(&device)?;
        tracked.seen_at = Some(tracked.seen_at.map_or(now, |before| before.max(now)));
        tracked.ip = ip.or(tracked.ip);
        tracked.firmware = firmware.or(tracked.firmware.take());
        tracked.changed = true;
        let fresh = tracked.presence != Presence::Online;
        tracked.presence = Presence::Online;
        if fresh {
            // Its place may have been forgotten while it was silent.
            tracked.placed = None;
        }
        fresh.then_some(tracked.license)
    }

    pub fn count(&self, device: DeviceId, more: Tally) {
        if let Some(tracked) = self.lock().get_mut(&device) {
            add(&mut tracked.tally, more);
            tracked.changed |= more.received() > 0;
        }
    }

    pub fn newest(&self, device: DeviceId) -> Option<DateTime<Utc>> {
        self.lock().get(&device)?.latest.as_ref().map(|latest| latest.measured_at)
    }

    pub fn running(&self, device: DeviceId) -> Option<(Uuid, DateTime<Utc>)> {
        self.lock().get(&device)?.running.as_ref().map(|running| (running.id, running.started_at))
    }

    pub fn glance(&self, device: DeviceId, now: DateTime<Utc>) -> Glance {
        let devices = self.lock();
        let tracked = devices.get(&device);
        let running = tracked.and_then(|t| t.running.as_ref());
        let seen_at = tracked.and_then(|t| t.seen_at);
        let presence = match seen_at {
            None => Presence::Unknown,
            Some(at) if now - at < ONLINE_FOR => Presence::Online,
            Some(_) => Presence::Offline,
        };
        let latest = tracked.and_then(|t| t.latest.clone());
        let band = latest.as_ref().map_or("normal", |latest| match running {
            Some(running) => running.machine.band(latest.temperature),
            None => super::rules::default_band(latest.temperature),
        });
        Glance {
            presence,
            seen_at,
            latest,
            treatment: running.map(|r| r.id),
            started_at: running.map(|r| r.started_at),
            alerts: running.map(|r| r.alerts.clone()).unwrap_or_default(),
            band,
        }
    }

    /// Begins a treatment if another one, or none, is still the one that was seen; whether it was.
    pub fn begin_after(&self, device: DeviceId, seen: Option<Uuid>, running: Option<Running>) -> bool {
        let mut devices = self.lock();
        let Some(tracked) = devices.get_mut(&device) else { return true };
        if tracked.running.as_ref().map(|running| running.id) != seen {
            return false;
        }
        tracked.running = running;
        tracked.changed = true;
        true
    }

    pub fn begin(&self, device: DeviceId, license: TenantId, running: Running) {
        let mut devices = self.lock();
        let tracked = devices.entry(device).or_insert_with(|| Tracked::new(license));
        tracked.running = Some(running);
        tracked.changed = true;
    }

    pub fn end(&self, device: DeviceId, treatment: Uuid) {
        if let Some(tracked) = self.lock().get_mut(&device)
            && tracked.running.as_ref().is_some_and(|running| running.id == treatment)
        {
            tracked.running = None;
            tracked.changed = true;
        }
    }

    /// Online devices not heard since; they are marked offline.
    pub fn fallen_silent(&self, since: DateTime<Utc>, ours: impl Fn(DeviceId) -> bool) -> Vec<(DeviceId, TenantId)> {
        let mut fallen = Vec::new();
        for (device, tracked) in self.lock().iter_mut().filter(|(device, _)| ours(**device)) {
            if tracked.presence == Presence::Online && tracked.seen_at.is_none_or(|seen| seen <= since) {
                tracked.presence = Presence::Offline;
                tracked.changed = true;
                fallen.push((*device, tracked.license));
            }
        }
        fallen
    }

    /// What changed since the last time, and every running treatment of ours: until when somebody listened is part of
    /// it. Counters start again at zero.
    pub fn take_changed(&self, now: DateTime<Utc>, ours: impl Fn(DeviceId) -> bool) -> (Vec<Saved>, Vec<Counted>) {
        let (mut states, mut counts) = (Vec::new(), Vec::new());
        for (device, tracked) in self.lock().iter_mut() {
            let ours = ours(*device);
            if let Some(running) = tracked.running.as_mut().filter(|_| ours) {
                running.machine.listened(now);
                tracked.changed = true;
            }
            if !tracked.changed {
                continue;
            }
            if ours {
                states.push(saved::take(*device, tracked));
            } else {
                counts.extend(saved::count(*device, tracked));
            }
        }
        // Always in the same order: two servers that save at once must not wait for each other.
        states.sort_by_key(|saved: &Saved| saved.device_id);
        counts.sort_by_key(|counted: &Counted| counted.device_id);
        (states, counts)
    }

    /// A save failed: counters are put back and everything is due again.
    pub fn give_back(&self, (states, counts): (Vec<Saved>, Vec<Counted>)) {
        let mut devices = self.lock();
        let states = states.into_iter().map(|saved| {
            let Saved { device_id, stored, duplicate, rejected, .. } = saved;
            (device_id, Tally { stored, duplicate, rejected })
        });
        let counts = counts.into_iter().map(|counted| {
            let Counted { device_id, duplicate, rejected, .. } = counted;
            (device_id, Tally { stored: 0, duplicate, rejected })
        });
        for (device, tally) in states.chain(counts) {
            if let Some(tracked) = devices.get_mut(&device) {
                add(&mut tracked.tally, tally);
                tracked.changed = true;
                tracked.placed = None;
            }
        }
    }
}

fn add(to: &mut Tally, more: Tally) {
    to.stored += more.stored;
    to.duplicate += more.duplicate;
    to.rejected += more.rejected;
}
