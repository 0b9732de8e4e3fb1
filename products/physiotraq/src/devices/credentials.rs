//! Device credentials: looked up by hash, remembered for five seconds so that a device posting every second does not
//! ask the database each time. A revoked credential is refused after those five seconds at the latest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use socle::ids::TenantId;
use socle::{App, Result, tokens};

use super::{DeviceId, sql};

const REMEMBERED: TimeDelta = TimeDelta::seconds(5);
/// Entries kept at most; beyond it the memory is emptied rather than grown.
const MOST: usize = 20_000;

/// A device behind a credential, with its calibration.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The device.
    pub id: DeviceId,
    /// Its licence.
    pub license: TenantId,
    /// Calibration.
    pub slope: Decimal,
    /// Calibration.
    pub intercept: Decimal,
    /// Its version.
    pub calibration: i32,
}

/// The memory of recent look-ups. Cheap to clone.
#[derive(Clone, Default)]
pub struct Credentials(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    by_hash: HashMap<Vec<u8>, (DateTime<Utc>, DeviceId)>,
    by_device: HashMap<DeviceId, Known>,
}

impl Credentials {
    /// The device behind a credential.
    ///
    /// # Errors
    /// 503 when the database cannot be asked.
    pub async fn find(&self, app: &App, credential: &str) -> Result<Option<Known>> {
        let hash = tokens::hash(credential);
        let now = app.clock.now();
        if let Some(known) = self.remembered(&hash, now) {
            return Ok(Some(known));
        }
        let found = sql::by_credential(&app.db, &hash).await?;
        let mut memory = self.lock();
        match found {
            Some(known) => {
                if memory.by_hash.len() >= MOST {
                    *memory = Memory::default();
                }
                memory.by_hash.insert(hash, (now + REMEMBERED, known.id));
                memory.by_device.insert(known.id, known);
            }
            None => {
                memory.by_hash.remove(&hash);
            }
        }
        Ok(found)
    }

    fn remembered(&self, hash: &[u8], now: DateTime<Utc>) -> Option<Known> {
        let memory = self.lock();
        let (until, device) = memory.by_hash.get(hash)?;
        // A clock that was set back must not keep a credential alive.
        let fresh = (now..=now + REMEMBERED).contains(until);
        if fresh { memory.by_device.get(device).copied() } else { None }
    }

    /// The calibration of a device that was just admitted.
    #[must_use]
    pub fn calibration(&self, device: DeviceId) -> Option<Known> {
        self.lock().by_device.get(&device).copied()
    }

    /// Forgets a device whose credential was revoked, or that was calibrated: the next request asks the database. (Other
    /// servers do after five seconds.)
    pub fn forget(&self, device: DeviceId) {
        let mut memory = self.lock();
        memory.by_hash.retain(|_, (_, known)| *known != device);
        memory.by_device.remove(&device);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
