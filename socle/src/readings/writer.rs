//! The writer's front: bounds what may wait, spreads devices over lanes, answers per item.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::lane::{Lane, Submission};
use super::{Outcome, Reading, Sink};
use crate::db::Db;
use crate::peers::Slot;
use crate::{Error, Result};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Parallel lanes.
    pub lanes: usize,
    /// Readings waiting, over all lanes.
    pub queue: usize,
    /// Requests of one device under way.
    pub per_device: usize,
}

/// One outcome per reading, in the order they were given.
pub type Written = Vec<Outcome>;

/// The writer of one telemetry table. Cheap to clone.
pub struct Writer<R: Reading> {
    lanes: Arc<[mpsc::UnboundedSender<Submission<R>>]>,
    room: Arc<Semaphore>,
    queue: usize,
    devices: Arc<Mutex<HashMap<Uuid, usize>>>,
    per_device: usize,
}

impl<R: Reading> Clone for Writer<R> {
    fn clone(&self) -> Self {
        Self {
            lanes: Arc::clone(&self.lanes),
            room: Arc::clone(&self.room),
            queue: self.queue,
            devices: Arc::clone(&self.devices),
            per_device: self.per_device,
        }
    }
}

impl<R: Reading> Writer<R> {
    /// Starts the lanes. `sink` gets what was committed.
    #[must_use]
    pub fn start<S: Sink<R>>((db, slot): (&Db, &Slot), limits: Limits, sink: &Arc<S>) -> Self {
        let lanes = (0..limits.lanes.max(1)).map(|_| {
            // The channel is unbounded, what is in it is not: `room` bounds the readings of all lanes together.
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(Lane::new((db.clone(), slot.clone()), Arc::clone(sink), receiver).run());
            sender
        });
        Self {
            lanes: lanes.collect(),
            room: Arc::new(Semaphore::new(limits.queue)),
            queue: limits.queue,
            devices: Arc::default(),
            per_device: limits.per_device,
        }
    }

    /// Writes the readings of one device; returns when their fate is known and, if stored, durable.
    ///
    /// # Errors
    /// 429 when the device has too many requests under way, 503 when the queue is full or the database cannot be
    /// reached (then nothing of it counts as acknowledged; sent again, what was stored says duplicate).
    pub async fn write(&self, device: Uuid, rows: Vec<R>) -> Result<Written> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.turn(device)?;
        let size = u32::try_from(rows.len()).map_err(|_| Error::too_large())?;
        if rows.len() > self.queue {
            return Err(Error::too_large());
        }
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(|_| Error::unavailable(1))?;
        let (reply, answer) = oneshot::channel();
        let lane = usize::try_from(device.as_u128() % self.lanes.len() as u128).unwrap_or_default();
        let lane = self.lanes.get(lane).ok_or_else(|| Error::unavailable(1))?;
        lane.send(Submission { device, rows, room, reply }).map_err(|_| Error::unavailable(1))?;
        answer.await.map_err(|_| Error::unavailable(1))?
    }

    fn turn(&self, device: Uuid) -> Result<Turn> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = devices.entry(device).or_default();
        if *under_way >= self.per_device {
            let message = "This device has too many requests under way. Wait for their answers, then send again.";
            return Err(Error::too_many("BIZ_DEVICE_RATE", message, 1));
        }
        *under_way += 1;
        Ok(Turn { device, devices: Arc::clone(&self.devices) })
    }
}

/// A device's place; given back when the request ends, however it ends.
struct Turn {
    device: Uuid,
    devices: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = devices.get_mut(&self.device) {
            *under_way -= 1;
            if *under_way == 0 {
                devices.remove(&self.device);
            }
        }
    }
}
