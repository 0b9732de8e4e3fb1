//! The slot of this process: a number from 0 to 15 that no other process of this database has at the same time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A process that says hello takes its slot within this time, when it has loaded what is known.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// The slot, and how many processes there are. Cheap to clone; clones share both.
///
/// The slot may change when the connection that holds it is lost; its *turn* says so, and whatever was numbered with the
/// former slot (blocks of ids) is not to be used any more.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Turn × 16 + slot.
    held: Arc<AtomicU64>,
    processes: Arc<AtomicUsize>,
    /// When somebody was heard last.
    greeted: Arc<Mutex<Option<Instant>>>,
}

impl Slot {
    /// The first slot, of a process that is alone: tests of the writer.
    #[must_use]
    pub fn alone() -> Self {
        Self { held: Arc::default(), processes: Arc::new(AtomicUsize::new(1)), greeted: Arc::default() }
    }

    /// Slot (0–15) and turn.
    #[must_use]
    pub fn held(&self) -> (i64, u64) {
        let held = self.held.load(Ordering::SeqCst);
        (i64::try_from(held % 16).unwrap_or_default(), held / 16)
    }

    /// How many processes there are, this one included.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes.load(Ordering::SeqCst)
    }

    pub(super) fn hold(&self, slot: i32) {
        let turn = self.held.load(Ordering::SeqCst) / 16;
        let slot = u64::try_from(slot).unwrap_or_default() % 16;
        self.held.store((turn + 1) * 16 + slot, Ordering::SeqCst);
    }

    /// So many slots are taken. Somebody who was heard a moment ago may not have taken theirs yet.
    pub(super) fn seen(&self, processes: usize) {
        let greeted = *self.greeted.lock().unwrap_or_else(PoisonError::into_inner);
        let least = if greeted.is_some_and(|at| at.elapsed() < ARRIVES_WITHIN) { 2 } else { 1 };
        self.processes.store(processes.max(least), Ordering::SeqCst);
    }

    /// Another process was heard.
    pub(super) fn greeted(&self) {
        *self.greeted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.processes.fetch_max(2, Ordering::SeqCst);
    }
}
