//! Which readings of a device are counted and evaluated. Per slot: all up to the id that was saved, and those since.
//!
//! One mark per slot would do if readings were always heard of in the order of their ids. When a connection or a word of
//! another server is lost there is a hole; the readings after it must not hide it.

use std::collections::HashSet;

use socle::peers::SHARDS;
use socle::readings::Reading;

use crate::measurements::Measurement;

/// The ids that are done.
#[derive(Clone, Debug)]
pub(super) struct Evaluated {
    saved: [i64; SHARDS],
    newest: [i64; SHARDS],
    since: HashSet<i64>,
}

impl Evaluated {
    /// All up to these ids.
    pub fn through(saved: [i64; SHARDS]) -> Self {
        Self { saved, newest: saved, since: HashSet::new() }
    }

    /// Takes a reading; whether it is new.
    pub fn take(&mut self, id: i64) -> bool {
        let slot = slot_of(id);
        let known = self.saved.get(slot).is_none_or(|saved| id <= *saved) || !self.since.insert(id);
        if let Some(newest) = self.newest.get_mut(slot) {
            *newest = id.max(*newest);
        }
        !known
    }

    /// What is saved now; there is no hole below it (see `Monitor::save`).
    pub fn save(&mut self) -> [i64; SHARDS] {
        self.saved = self.newest;
        self.since.clear();
        self.saved
    }
}

/// The slot whose block an id is of.
fn slot_of(id: i64) -> usize {
    let block = (id - 1).max(0) / Measurement::TABLE.block;
    usize::try_from(block).unwrap_or_default() % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_taken_once_in_whatever_order_and_a_hole_stays_open_until_it_is_saved_over() {
        let mut evaluated = Evaluated::through([0; SHARDS]);
        // Slot 0 has 1 to 1000, slot 1 has 1001 to 2000, slot 0 again 16001 to 17000.
        assert!([3, 1, 1_001, 16_001].into_iter().all(|id| evaluated.take(id)));
        assert!([3, 1, 1_001, 16_001].into_iter().all(|id| !evaluated.take(id)));
        assert!(evaluated.take(2), "the hole between them");
        let saved = evaluated.save();
        assert_eq!((saved[0], saved[1], saved[2]), (16_001, 1_001, 0));
        assert!(!evaluated.take(2) && !evaluated.take(1_001) && evaluated.take(16_002) && evaluated.take(2_001));
    }
}
