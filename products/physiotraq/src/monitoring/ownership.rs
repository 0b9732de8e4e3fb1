//! Which devices this process evaluates: those of the shards it holds.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use socle::peers::{SHARDS, shard_of};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::devices::DeviceId;

/// Not ours.
const NOT_OURS: i64 = i64::MIN;

/// One gate per shard: whoever steps a device holds its gate open, a shard that changes hands closes it. So no reading
/// is evaluated by halves.
pub(super) struct Ownership([Shard; SHARDS]);

struct Shard {
    gate: RwLock<()>,
    /// Since when it is ours, in microseconds since 1970.
    since: AtomicI64,
}

impl Default for Ownership {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Shard { gate: RwLock::new(()), since: AtomicI64::new(NOT_OURS) }))
    }
}

impl Ownership {
    fn shard(&self, device: DeviceId) -> Option<&Shard> {
        self.0.get(shard_of(device.0))
    }

    /// Holds the device's shard where it is.
    pub async fn gate(&self, device: DeviceId) -> Option<RwLockReadGuard<'_, ()>> {
        match self.shard(device) {
            Some(shard) => Some(shard.gate.read().await),
            None => None,
        }
    }

    /// Closes the gates of shards that change hands.
    pub async fn close(&self, shards: &[usize]) -> Vec<RwLockWriteGuard<'_, ()>> {
        let mut closed = Vec::with_capacity(shards.len());
        for shard in shards.iter().filter_map(|shard| self.0.get(*shard)) {
            closed.push(shard.gate.write().await);
        }
        closed
    }

    /// Whether a device is ours.
    pub fn owns(&self, device: DeviceId) -> bool {
        self.since(device).is_some()
    }

    /// Since when a device is ours.
    pub fn since(&self, device: DeviceId) -> Option<DateTime<Utc>> {
        let since = self.shard(device)?.since.load(Ordering::SeqCst);
        if since == NOT_OURS { None } else { DateTime::from_timestamp_micros(since) }
    }

    /// The shards that are ours.
    pub fn ours(&self) -> Vec<usize> {
        (0..SHARDS)
            .filter(|shard| self.0.get(*shard).is_some_and(|s| s.since.load(Ordering::SeqCst) != NOT_OURS))
            .collect()
    }

    pub fn take(&self, shards: &[usize], now: DateTime<Utc>) {
        self.set(shards, now.timestamp_micros());
    }

    pub fn give(&self, shards: &[usize]) {
        self.set(shards, NOT_OURS);
    }

    fn set(&self, shards: &[usize], to: i64) {
        for shard in shards.iter().filter_map(|shard| self.0.get(*shard)) {
            shard.since.store(to, Ordering::SeqCst);
        }
    }
}
