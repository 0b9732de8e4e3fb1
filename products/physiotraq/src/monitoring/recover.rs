//! At start: the board is rebuilt from the last save, then every reading committed since is evaluated, before the
//! port opens.

use std::sync::Arc;

use socle::{App, Result};

use super::board::Tracked;
use super::rules::{Machine, Running};
use super::{Monitor, evaluate, sql};
use crate::BRANDING;
use crate::devices::DeviceId;
use socle::ids::TenantId;
use socle::readings::Tally;
use uuid::Uuid;

impl Monitor {
    /// Rebuilds the state of all devices.
    ///
    /// # Errors
    /// 503 when the database cannot be read.
    pub async fn recover(app: App) -> Result<Arc<Self>> {
        let monitor = Self::new(app);
        for device in sql::devices(&monitor.app.db).await? {
            let running = match device.treatment_id {
                Some(treatment) => monitor.resume(device.license_id, treatment, device.machine).await?,
                None => None,
            };
            let mut tracked = Tracked::new(TenantId(device.license_id));
            tracked.presence = crate::devices::Presence::parse(&device.status);
            tracked.seen_at = device.seen_at;
            tracked.latest = device.latest.and_then(|latest| serde_json::from_value(latest).ok());
            tracked.through_id = device.through_id;
            tracked.evaluated_through = device.evaluated_through;
            tracked.running = running;
            monitor.board.lock().insert(DeviceId(device.device_id), tracked);
        }
        let evaluated = monitor.catch_up().await?;
        tracing::info!(devices = monitor.board.lock().len(), readings = evaluated, "monitor recovered");
        Ok(Arc::new(monitor))
    }

    /// A running treatment: its machine as saved (or at rest when it was never saved) and its alerts as stored, which
    /// win: somebody may have taken note after the last save.
    async fn resume(&self, license: Uuid, id: Uuid, machine: Option<serde_json::Value>) -> Result<Option<Running>> {
        let mut tx = self.app.system(BRANDING.realm.name, TenantId(license)).begin().await?;
        let stored = sql::running(&mut tx, id).await?;
        let mut alerts = sql::open_alerts(&mut tx, id).await?;
        drop(tx);
        let saved = machine.and_then(|machine| serde_json::from_value::<Machine>(machine).ok());
        let saved = saved.filter(|machine| machine.treatment == id);
        let mut machine = saved.unwrap_or_else(|| Machine::new(id, &stored.preset));
        let mut pending = Vec::new();
        for alert in &mut alerts {
            let saved = machine.state_of(alert.level, alert.raised.condition_at);
            match (&alert.acknowledged, saved) {
                (Some((_, at)), Some(_)) => {
                    pending.extend(machine.acknowledge(alert.level, *at).map(|over| (alert.level, over)));
                }
                (None, Some(state)) => alert.state = state,
                (_, None) => {}
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

    /// Evaluates the readings committed after the last save. Their counters were not saved either.
    async fn catch_up(&self) -> Result<usize> {
        let readings = sql::unevaluated(&self.app.db).await?;
        {
            let mut devices = self.board.lock();
            for reading in &readings {
                if let Some(tracked) = devices.get_mut(&reading.device) {
                    tracked.tally = Tally { stored: tracked.tally.stored + 1, ..tracked.tally };
                    tracked.seen_at = tracked.seen_at.max(Some(reading.received_at));
                    tracked.changed = true;
                    evaluate::one(tracked, reading);
                }
            }
        }
        self.settle_pending().await;
        self.save().await;
        Ok(readings.len())
    }
}
