//! Taking devices over: at start, and whenever a shard becomes ours. Their state is loaded as it was saved, then every
//! reading committed since is evaluated. At start that is done before the port opens.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use socle::ids::TenantId;
use socle::peers::{Owner, SHARDS};
use socle::readings::Tally;
use socle::{App, Result};
use uuid::Uuid;

use super::board::Tracked;
use super::rules::{Machine, Running};
use super::{Monitor, evaluate, sql};
use crate::BRANDING;
use crate::devices::DeviceId;

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
                tracked.through = through;
            }
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
        let mut alerts = sql::open_alerts(&mut tx, id).await?;
        drop(tx);
        let saved = machine.and_then(|machine| serde_json::from_value::<Machine>(machine).ok());
        let saved = saved.filter(|machine| machine.treatment == id);
        let mut machine = saved.unwrap_or_else(|| Machine::new(id, &stored.preset, stored.started_at));
        let mut pending = Vec::new();
        for alert in &mut alerts {
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
        }))
    }

    /// Looks for readings that were committed although their lane lost its connection. Before the next save: it would
    /// move the mark from which is looked.
    pub(super) async fn resolve_doubt(&self) -> Result<()> {
        if !self.doubt.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let found = sql::unevaluated(&self.app.db, &self.ownership.ours()).await;
        let readings = found.inspect_err(|_| self.doubt.store(true, Ordering::SeqCst))?;
        for reading in readings {
            self.absorb(reading.device, vec![reading], Tally::default()).await;
        }
        Ok(())
    }

    /// Evaluates the readings of our shards that nobody has evaluated: committed after the last save.
    async fn catch_up(&self, shards: &[usize]) -> Result<usize> {
        let readings = sql::unevaluated(&self.app.db, shards).await?;
        let now = self.app.clock.now();
        let mut devices = self.board.lock();
        for reading in &readings {
            if let Some(tracked) = devices.get_mut(&reading.device) {
                tracked.seen_at = tracked.seen_at.max(Some(reading.received_at));
                // In the order of ids: each is the first of its slot that is beyond those before.
                let before = tracked.through;
                evaluate::one(tracked, reading, &before);
            }
        }
        for (_, tracked) in devices.iter_mut().filter(|(device, _)| shards.contains(&socle::peers::shard_of(device.0)))
        {
            if let Some(running) = tracked.running.as_mut() {
                running.machine.resumed(now);
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
        let closed = self.ownership.close(shards).await;
        self.save().await;
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
