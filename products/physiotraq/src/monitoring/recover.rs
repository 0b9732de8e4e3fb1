//! Taking devices over: at start, and whenever a shard becomes ours. Their state is loaded as it was saved, then every
//! reading committed since is evaluated. At start that is done before the port opens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use socle::ids::TenantId;
use socle::peers::{Owner, SHARDS};
use socle::readings::Tally;
use socle::{App, Result};
use uuid::Uuid;

use super::board::Tracked;
use super::evaluated::Evaluated;
use super::rules::{Machine, Running};
use super::{Monitor, evaluate, sql};
use crate::BRANDING;
use crate::devices::DeviceId;
use crate::measurements::Measurement;

impl Monitor {
    /// Loads what is known of all devices. Which of them are evaluated here, the shards say afterwards.
    ///
    /// # Errors
    /// 503 when the database cannot be read.
    pub async fn recover(app: App) -> Result<Arc<Self>> {
        let monitor = Self::new(app);
        monitor.load(&(0..SHARDS).collect::<Vec<_>>(), None).await?;
        Ok(Arc::new(monitor))
    }

    /// Loads devices of shards, or one device, from the database.
    pub(super) async fn load(&self, shards: &[usize], one: Option<DeviceId>) -> Result<()> {
        for device in sql::devices(&self.app.db, shards, one).await? {
            let license = TenantId(device.license_id);
            let running = match device.treatment_id {
                Some(treatment) => self.resume(license, treatment, device.machine).await?,
                None => None,
            };
            let mut tracked = Tracked::new(license);
            tracked.presence = crate::devices::Presence::parse(&device.status);
            tracked.seen_at = device.seen_at;
            tracked.latest = device.latest.and_then(|latest| serde_json::from_value(latest).ok());
            if let Some(through) = device.through_ids.and_then(|ids| ids.try_into().ok()) {
                tracked.evaluated = Evaluated::through(through);
            }
            tracked.late = device.late_from.zip(device.late_to);
            tracked.evaluated_through = device.evaluated_through;
            tracked.running = running;
            self.board.put(DeviceId(device.device_id), tracked);
        }
        Ok(())
    }

    /// A running treatment: its machine as saved (or at rest when it was never saved) and its alerts as stored, which
    /// win: somebody may have taken note after the last save.
    pub(super) async fn resume(
        &self,
        license: TenantId,
        id: Uuid,
        machine: Option<serde_json::Value>,
    ) -> Result<Option<Running>> {
        let mut tx = self.app.system(BRANDING.realm.name, license).begin().await?;
        let stored = sql::running(&mut tx, id).await?;
        let alerts = sql::open_alerts(&mut tx, id).await?;
        drop(tx);
        let saved = machine.and_then(|machine| serde_json::from_value::<Machine>(machine).ok());
        let saved = saved.filter(|machine| machine.treatment == id);
        let restored = saved.is_some();
        let mut pending = Vec::new();
        let mut machine = saved.unwrap_or_else(|| Machine::new(id, &stored.preset, stored.started_at));
        for alert in &alerts {
            let saved = machine.state_of(alert.kind, alert.raised.condition_at);
            if let (Some((_, at)), Some(_)) = (&alert.acknowledged, saved) {
                pending.extend(machine.acknowledge(alert.kind, *at).map(|over| (alert.kind, over)));
            }
        }
        Ok(Some(Running {
            id,
            started_at: stored.started_at,
            reliability_limit: stored.preset.reliability_limit,
            machine,
            warmest: stored.warmest,
            alerts,
            pending,
            restored,
        }))
    }

    /// Looks for readings of ours that were committed without a word: a lane lost its connection, another server died or
    /// could not be heard. Before every save: a save says that there is nothing below its marks.
    pub(super) async fn resolve_doubt(&self) -> Result<()> {
        let doubts = self.doubts.load(Ordering::SeqCst);
        if self.resolved.load(Ordering::SeqCst) == doubts {
            return Ok(());
        }
        let mut by_device: BTreeMap<DeviceId, Vec<Measurement>> = BTreeMap::new();
        for reading in sql::unevaluated(&self.app.db, &self.ownership.ours()).await? {
            by_device.entry(reading.device).or_default().push(reading);
        }
        for (device, readings) in by_device {
            self.absorb(device, readings, Tally::default()).await;
        }
        self.resolved.store(doubts, Ordering::SeqCst);
        Ok(())
    }

    /// Whether there are readings to be looked for.
    fn doubtful(&self) -> bool {
        self.resolved.load(Ordering::SeqCst) != self.doubts.load(Ordering::SeqCst)
    }

    /// Evaluates the readings of our shards that nobody has evaluated: committed after the last save.
    async fn catch_up(&self, shards: &[usize]) -> Result<usize> {
        let mut readings = sql::unevaluated(&self.app.db, shards).await?;
        // By device time: what came by several servers has its ids in another order.
        readings.sort_by_key(|reading| (reading.measured_at, reading.sequence));
        let now = self.app.clock.now();
        let mut devices = self.board.lock();
        for reading in &readings {
            if let Some(tracked) = devices.get_mut(&reading.device) {
                tracked.seen_at = tracked.seen_at.max(Some(reading.received_at));
                evaluate::one(tracked, reading);
            }
        }
        for (_, tracked) in devices.iter_mut().filter(|(device, _)| shards.contains(&socle::peers::shard_of(device.0)))
        {
            if let Some(running) = tracked.running.as_mut() {
                running.machine.resumed(now);
                running.add_unwritten();
            }
        }
        Ok(readings.len())
    }
}

impl Owner for Monitor {
    async fn gained(&self, shards: &[usize]) -> Result<()> {
        let closed = self.ownership.close(shards).await;
        self.load(shards, None).await?;
        let evaluated = self.catch_up(shards).await?;
        self.ownership.take(shards, self.app.clock.now());
        drop(closed);
        tracing::info!(shards = shards.len(), readings = evaluated, "devices taken over");
        self.settle_pending().await;
        self.save().await;
        Ok(())
    }

    async fn leaving(&self, shards: &[usize]) {
        if let Err(error) = self.resolve_doubt().await {
            tracing::warn!(%error, "readings in doubt are left to the next owner");
        }
        let closed = self.ownership.close(shards).await;
        if self.doubtful() {
            self.board.forget_stored(shards);
        } else {
            self.save_now().await;
        }
        self.ownership.give(shards);
        drop(closed);
    }

    async fn lost(&self, shards: &[usize]) {
        let closed = self.ownership.close(shards).await;
        self.ownership.give(shards);
        // What was counted since the last save is counted again by whoever takes over.
        self.board.forget_stored(shards);
        drop(closed);
    }
}
