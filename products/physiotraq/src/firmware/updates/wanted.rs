//! What devices are wanted to run, remembered for a minute: a thermometer posts every second, and each post is compared.
//!
//! A server learns at the latest after that minute what another server has offered. What is written is decided on the row
//! itself, never on this memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::Install;
use crate::devices::DeviceId;

const REMEMBERED: TimeDelta = TimeDelta::seconds(60);
/// Devices kept at most; beyond it the memory is emptied rather than grown.
const MOST: usize = 50_000;

type Known = HashMap<DeviceId, (DateTime<Utc>, Option<Install>)>;

/// The memory. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Wanted(Arc<Mutex<Known>>);

impl Wanted {
    /// What is known; `None` when it is not known well enough.
    pub(super) fn known(&self, device: DeviceId, now: DateTime<Utc>) -> Option<Option<Install>> {
        let known = self.lock();
        let (until, install) = known.get(&device)?;
        // A clock that was set back must not keep it.
        (now..=now + REMEMBERED).contains(until).then(|| install.clone())
    }

    pub(super) fn remember(&self, device: DeviceId, install: Option<Install>, now: DateTime<Utc>) {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(device, (now + REMEMBERED, install));
    }

    /// Something was written: it is read again.
    pub(super) fn forget(&self, device: DeviceId) {
        self.lock().remove(&device);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
