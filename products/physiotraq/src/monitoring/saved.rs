//! What the monitor saves once a second of each device that changed.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use socle::ids::TenantId;
use socle::peers::SHARDS;
use socle::readings::Tally;
use uuid::Uuid;

use super::board::{Latest, Tracked};
use super::rules::Machine;
use crate::devices::DeviceId;

/// What one device's row of the save holds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Saved {
    pub device_id: DeviceId,
    pub license_id: TenantId,
    pub latest: Option<Latest>,
    pub seen_at: Option<DateTime<Utc>>,
    pub stored: i64,
    pub duplicate: i64,
    pub rejected: i64,
    pub through_ids: [i64; SHARDS],
    pub late_from: Option<DateTime<Utc>>,
    pub late_to: Option<DateTime<Utc>>,
    pub evaluated_through: Option<DateTime<Utc>>,
    pub machine: Option<Machine>,
    pub status: &'static str,
    pub firmware_version: Option<String>,
    pub ip_address: Option<String>,
    /// Its address, when it is another one than at the save before: its place is to be looked up.
    #[serde(skip)]
    pub moved: Option<IpAddr>,
    pub treatment_id: Option<Uuid>,
    pub max_temperature: Option<rust_decimal::Decimal>,
    pub max_temperature_at: Option<DateTime<Utc>>,
}

/// What was counted for a device that another server evaluates.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Counted {
    pub device_id: DeviceId,
    pub license_id: TenantId,
    pub duplicate: i64,
    pub rejected: i64,
}

/// What a server that does not evaluate the device saves of it.
pub(super) fn count(device: DeviceId, tracked: &mut Tracked) -> Option<Counted> {
    tracked.changed = false;
    let Tally { duplicate, rejected, .. } = std::mem::take(&mut tracked.tally);
    let counted = Counted { device_id: device, license_id: tracked.license, duplicate, rejected };
    (duplicate > 0 || rejected > 0).then_some(counted)
}

pub(super) fn take(device: DeviceId, tracked: &mut Tracked) -> Saved {
    tracked.changed = false;
    let tally = std::mem::take(&mut tracked.tally);
    let moved = tracked.ip.filter(|_| tracked.placed != tracked.ip);
    tracked.placed = tracked.ip;
    let running = tracked.running.as_ref();
    let warmest = running.and_then(|running| running.warmest);
    Saved {
        device_id: device,
        license_id: tracked.license,
        latest: tracked.latest.clone(),
        seen_at: tracked.seen_at,
        stored: tally.stored,
        duplicate: tally.duplicate,
        rejected: tally.rejected,
        through_ids: tracked.evaluated.save(),
        late_from: tracked.late.map(|(from, _)| from),
        late_to: tracked.late.map(|(_, to)| to),
        evaluated_through: tracked.evaluated_through,
        machine: running.map(|running| running.machine.clone()),
        status: tracked.presence.name(),
        firmware_version: tracked.firmware.clone(),
        ip_address: tracked.ip.map(|ip| ip.to_string()),
        moved,
        treatment_id: running.map(|running| running.id),
        max_temperature: warmest.map(|(value, _)| value.decimal()),
        max_temperature_at: warmest.map(|(_, at)| at),
    }
}
