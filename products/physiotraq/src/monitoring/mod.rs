//! What the platform knows of every device right now: latest reading, presence, the running treatment's alarms.
//!
//! The [`Monitor`] is the writer's sink: it sees every committed reading in order, steps the alarm machine, publishes
//! to live pages, and saves its state once a second. Alerts are persisted before they are shown.
//!
//! Of several servers each evaluates the devices of its shards (`ownership`) and shows all others as their owner says
//! (`told`). A shard that changes hands is rebuilt from the last save and the readings committed since (`recover`).

mod board;
mod evaluate;
mod evaluated;
mod ownership;
mod persist;
mod publish;
mod recover;
mod rules;
mod saved;
pub(crate) mod sql;
mod told;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use socle::ids::TenantId;
use socle::readings::{Sink, Tally};
use socle::web::Lang;
use socle::{App, Result};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::devices::{DeviceId, Presence};
use crate::measurements::{Leaves, Measurement};

pub use board::{Glance, Latest};
pub(crate) use rules::Machine;
pub use rules::{AlertKind, AlertState, LiveAlert, Preset, Running};

use board::Board;
use ownership::Ownership;

/// How often state is saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How often presence is looked at.
const PRESENCE_EVERY: u32 = 5;
/// How often partitions are made ahead.
const PARTITIONS_EVERY: u32 = 6 * 3_600;

/// What is known of all devices, and the evaluation of ours.
pub struct Monitor {
    app: App,
    board: Board,
    ownership: Ownership,
    /// How often readings may have been stored without a word, and how much of it was looked into.
    doubts: AtomicU64,
    resolved: AtomicU64,
    /// One save at a time: an older one must not overtake a newer.
    saving: tokio::sync::Mutex<()>,
}

impl Monitor {
    fn new(app: App) -> Self {
        let (doubts, resolved, saving) = (AtomicU64::new(0), AtomicU64::new(0), tokio::sync::Mutex::default());
        Self { app, board: Board::default(), ownership: Ownership::default(), doubts, resolved, saving }
    }

    /// Starts the once-a-second work: save, presence, late readings, partitions.
    pub fn run(self: &Arc<Self>, leaves: Leaves) {
        tokio::spawn(Arc::clone(self).hear());
        let monitor = Arc::clone(self);
        tokio::spawn(async move {
            let mut closing = monitor.app.live.closing();
            let mut ticks = tokio::time::interval(SAVE_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut count: u32 = 0;
            while !*closing.borrow() {
                tokio::select! {
                    _ = ticks.tick() => {}
                    changed = closing.changed() => if changed.is_err() { return },
                }
                count = count.wrapping_add(1);
                monitor.settle_pending().await;
                monitor.save().await;
                if count.is_multiple_of(PRESENCE_EVERY) {
                    monitor.look_for_silence().await;
                }
                if count.is_multiple_of(PARTITIONS_EVERY)
                    && let Err(error) = leaves.refresh(&monitor.app).await
                {
                    tracing::error!(%error, "partitions could not be made ahead");
                }
            }
        });
    }

    /// Saves everything that changed since the last save. What cannot be saved is kept for the next time; nothing is saved
    /// while readings are in doubt.
    pub async fn save(&self) {
        match self.resolve_doubt().await {
            Ok(()) => self.save_now().await,
            Err(error) => tracing::warn!(%error, "readings in doubt could not be looked for"),
        }
    }

    async fn save_now(&self) {
        let _turn = self.saving.lock().await;
        let ours = self.ownership.ours();
        let now = self.app.clock.now();
        let changed = self.board.take_changed(now, |device| self.ownership.owns(device));
        if changed.0.is_empty() && changed.1.is_empty() {
            return;
        }
        if let Err(error) = sql::save(&self.app.db, (&changed.0, &changed.1), &ours, now).await {
            tracing::warn!(%error, devices = changed.0.len(), "device states could not be saved; kept");
            self.board.give_back(changed);
            return;
        }
        if let Err(error) = self.place(&changed.0).await {
            tracing::warn!(%error, "the places of devices could not be saved; looked up again");
            self.board.misplaced(changed.0.iter().map(|saved| saved.device_id));
        }
    }

    /// Writes where devices are that were heard from another address, if there is a file of places.
    async fn place(&self, saved: &[saved::Saved]) -> Result<()> {
        let places = self.app.watch.places();
        let moved = saved.iter().filter_map(|saved| Some((saved.device_id, saved.moved?)));
        // As the file has it in French: pages look the address up again, in their language.
        let words = |ip| places.of(ip).map(|place| place.words(Lang::Fr));
        let found: Vec<_> = moved.map(|(device, ip)| (device, words(ip))).collect();
        if found.is_empty() || !places.known() {
            return Ok(());
        }
        sql::place(&self.app.db, &found).await
    }

    /// Takes in a device that was just claimed.
    pub(crate) fn admit(&self, device: DeviceId, license: TenantId) {
        self.board.admit(device, license);
        self.tell_changed(device);
    }

    /// Forgets a device that was released.
    pub(crate) fn dismiss(&self, device: DeviceId) {
        self.board.dismiss(device);
        self.tell_changed(device);
    }

    /// A device was heard: a reading, or a heartbeat.
    pub(crate) async fn contact(
        &self,
        device: DeviceId,
        (now, ip, firmware): (DateTime<Utc>, Option<IpAddr>, Option<String>),
    ) {
        let came = self.board.heard(device, now, ip, firmware);
        self.tell_seen(device, now);
        let Some(license) = came else { return };
        if self.ownership.owns(device) {
            self.presence_changed(device, license, Presence::Online).await;
        } else {
            self.publish_presence(device);
        }
    }

    /// Items of a device that were refused before they reached the writer.
    pub(crate) fn refused(&self, device: DeviceId, items: usize) {
        let rejected = i64::try_from(items).unwrap_or(i64::MAX);
        self.board.count(device, Tally { rejected, ..Tally::default() });
    }

    /// The state of a device, for pages.
    #[must_use]
    pub fn glance(&self, device: DeviceId) -> Glance {
        self.board.glance(device, self.app.clock.now())
    }

    /// Device time of the newest reading.
    pub(crate) fn newest(&self, device: DeviceId) -> Option<DateTime<Utc>> {
        self.board.newest(device)
    }

    /// The running treatment and its start.
    pub(crate) fn running(&self, device: DeviceId) -> Option<(Uuid, DateTime<Utc>)> {
        self.board.running(device)
    }

    /// The live topic of a device.
    #[must_use]
    pub fn topic(device: DeviceId) -> String {
        format!("physiotraq:device:{device}")
    }

    /// A treatment began: alarms are evaluated from now on.
    pub(crate) async fn begin(&self, device: DeviceId, license: TenantId, running: Running) {
        let gate = self.ownership.gate(device).await;
        self.board.begin(device, license, running);
        drop(gate);
        self.tell_changed(device);
        self.publish_treatment(device, None);
        self.publish_alarm(device);
    }

    /// A treatment ended.
    pub(crate) async fn end(&self, device: DeviceId, ended: &Ended) {
        let gate = self.ownership.gate(device).await;
        self.board.end(device, ended.treatment);
        drop(gate);
        self.tell_ended(device, ended);
        self.publish_treatment(device, Some(ended));
        self.publish_alarm(device);
    }

    /// After a shard has become ours nobody of it is called offline before everybody had two minutes to be heard.
    async fn look_for_silence(&self) {
        let silent_since = self.app.clock.now() - crate::devices::ONLINE_FOR;
        let watched = |device| self.ownership.since(device).is_some_and(|since| since <= silent_since);
        for (device, license) in self.board.fallen_silent(silent_since, watched) {
            self.presence_changed(device, license, Presence::Offline).await;
        }
    }

    async fn presence_changed(&self, device: DeviceId, license: TenantId, presence: Presence) {
        self.publish_presence(device);
        self.tell_presence(device, presence, self.glance(device).seen_at);
        if let Err(error) = persist::presence(&self.app, device, license, presence).await {
            tracing::warn!(%error, "a presence event could not be written");
        }
    }
}

pub(crate) use publish::{Ended, banner, clock};

impl Sink<Measurement> for Monitor {
    async fn committed(&self, device: Uuid, stored: Vec<Measurement>, outcomes: Tally) {
        let device = DeviceId(device);
        self.tell_readings(device, &stored);
        self.absorb(device, stored, outcomes).await;
    }

    fn in_doubt(&self) {
        self.doubts.fetch_add(1, Ordering::SeqCst);
        self.app.bus.missed();
    }
}

/// Outside a treatment, readings below this are shown as of low quality (the preset's default).
pub(crate) const DEFAULT_RELIABILITY_LIMIT: i16 = 50;

/// How long the sound stays silent after an acknowledgement.
pub(crate) const AUDIO_PAUSE: TimeDelta = TimeDelta::minutes(2);
