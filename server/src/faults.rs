//! What goes wrong between a thermometer and the server, planned from a seed: the same seed, the same faults.
//!
//! A device makes a reading every so often and sends it at once. A plan says what comes between, in the order of a
//! reading's way: the device's clock is off, the network is gone and readings wait in the device, the power is cut
//! while they wait, they are held up on the way, they arrive out of order, they are sent again. Nothing here knows a
//! server or the time: `simulate` lives through the steps.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

/// Readings in one batch at most (companion §3).
pub const BATCH: usize = 500;
/// Readings that the device gathers in RAM before it writes them to flash; so many a power cut can take.
const PAGE: usize = 8;
/// One lost network in so many readings.
const OUTAGE_EVERY: usize = 2_000;
/// One power cut in so many readings.
const CUT_EVERY: usize = 100;
/// One spell of any other fault in so many readings or batches.
const SPELL_EVERY: usize = 20;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Readings are held up on the way for some seconds.
    Delay,
    /// Batches arrive out of order.
    Reorder,
    /// Batches, or single readings of them, are sent again.
    Duplicate,
    /// The device's clock is minutes ahead or behind, or begins at 1970 as after a reset.
    Clock,
    /// What was gathered since the last write to flash is lost; the counter lies on flash and goes on.
    Power,
    /// The network is gone for a while; then the device catches up.
    Wifi,
}

impl Fault {
    const ALL: [Self; 6] = [Self::Delay, Self::Reorder, Self::Duplicate, Self::Clock, Self::Power, Self::Wifi];

    /// As `--faults` spells it.
    fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::Duplicate => "duplicate",
            Self::Clock => "clock",
            Self::Power => "power",
            Self::Wifi => "wifi",
        }
    }
}

/// The faults of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeSet<Fault>);

impl Faults {
    /// Reads `all`, `none` or a list of names with commas.
    ///
    /// # Errors
    /// A sentence with the names there are, when one is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = Fault::ALL.map(Fault::name).join(", ");
        let one = |name: &str| {
            let found = Fault::ALL.into_iter().find(|fault| fault.name() == name);
            found.ok_or_else(|| format!("no fault is called {name:?}; there are {known}, all and none"))
        };
        match text.trim() {
            "all" => Ok(Self(Fault::ALL.into_iter().collect())),
            "none" => Ok(Self::default()),
            names => names.split(',').map(|name| one(name.trim())).collect::<Result<_, _>>().map(Self),
        }
    }
}

/// What a device's clock shows when a reading is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceClock {
    /// The time.
    Right,
    /// So much more than the time, or less.
    Off(TimeDelta),
    /// 1970, and what has passed since the device was switched on, so long after the start of the run.
    Unset(Duration),
}

/// A reading that the device made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its number, from 0.
    pub number: u32,
    /// When it was made, from the start of the run.
    pub at: Duration,
    /// What it is stamped by.
    pub clock: DeviceClock,
}

impl Made {
    /// The device time it carries, in a run that began at `start`.
    pub fn stamp(&self, start: DateTime<Utc>) -> DateTime<Utc> {
        match self.clock {
            DeviceClock::Right => start + self.at,
            DeviceClock::Off(by) => start + self.at + by,
            DeviceClock::Unset(on) => DateTime::UNIX_EPOCH + self.at.saturating_sub(on),
        }
    }
}

/// What the device does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until so long after the start of the run.
    Wait(Duration),
    /// These leave in one batch.
    Send(Vec<Made>),
    /// These are gone and were never sent.
    Lose(Vec<Made>),
}

/// A step and when it is due, from the start of the run.
type Due = (Duration, Step);

/// A reading on its way.
#[derive(Clone, Copy)]
struct Waiting {
    reading: Made,
    leaves: Duration,
    lost: Option<Duration>,
}

/// One device's run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What goes wrong.
    pub faults: Faults,
    /// When and how.
    pub seed: u64,
    /// How many readings are made.
    pub readings: u32,
    /// The time from one to the next.
    pub period: Duration,
}

impl Plan {
    /// The whole run, in order. Every reading is in a [`Step::Send`] or in one [`Step::Lose`], and none leaves before
    /// it is made.
    pub fn steps(&self) -> Vec<Step> {
        let waiting = self.waiting(self.made());
        let (mut kept, mut due) = self.cut(waiting);
        self.hold_up(&mut kept);
        let mut sends = batches(kept);
        self.reorder(&mut sends);
        self.repeat(&mut sends);
        due.extend(sends);
        timetable(due)
    }

    /// The chance that a fault takes, if it is one of this run. Each has its own, so that asking for one more changes
    /// as little as can be.
    fn chance(&self, fault: Fault) -> Option<Xoshiro256PlusPlus> {
        let seed = self.seed.wrapping_mul(8).wrapping_add(fault as u64);
        self.faults.0.contains(&fault).then(|| Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn made(&self) -> Vec<Made> {
        let one = |number| Made { number, at: self.period * number, clock: DeviceClock::Right };
        let mut made: Vec<Made> = (0..self.readings).map(one).collect();
        let Some(mut chance) = self.chance(Fault::Clock) else { return made };
        for spell in spells(&mut chance, made.len(), (SPELL_EVERY, 1)) {
            let spell = made.get_mut(spell).unwrap_or_default();
            let on = spell.first().map(|first| first.at).unwrap_or_default();
            let minutes = TimeDelta::minutes(chance.random_range(1..=20));
            let clock = match chance.random_range(0..3) {
                0 => DeviceClock::Off(minutes),
                1 => DeviceClock::Off(-minutes),
                _ => DeviceClock::Unset(on),
            };
            for reading in spell {
                reading.clock = clock;
            }
        }
        made
    }

    /// Readings leave when they are made; those of a lost network when it is back.
    fn waiting(&self, made: Vec<Made>) -> Vec<Waiting> {
        let one = |reading: Made| Waiting { reading, leaves: reading.at, lost: None };
        let mut waiting: Vec<Waiting> = made.into_iter().map(one).collect();
        let Some(mut chance) = self.chance(Fault::Wifi) else { return waiting };
        for outage in spells(&mut chance, waiting.len(), (OUTAGE_EVERY, 1)) {
            let back = waiting.get(outage.end).map_or(self.period * self.readings, |next| next.reading.at);
            for one in waiting.get_mut(outage).unwrap_or_default() {
                one.leaves = back;
            }
        }
        waiting
    }

    /// Cuts the power: what is in RAM and has not left is lost, with the reading that was about to leave. What was
    /// kept comes first.
    fn cut(&self, mut waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Due>) {
        let Some(mut chance) = self.chance(Fault::Power) else { return (waiting, Vec::new()) };
        for Range { start: last, .. } in spells(&mut chance, waiting.len(), (CUT_EVERY, 1)) {
            let Some(at) = waiting.get(last).map(|one| one.reading.at) else { continue };
            let page = last - last % PAGE;
            for one in waiting.get_mut(page..=last).unwrap_or_default() {
                if one.leaves >= at {
                    one.lost = one.lost.or(Some(at));
                }
            }
        }
        let (lost, kept): (Vec<Waiting>, Vec<Waiting>) = waiting.into_iter().partition(|one| one.lost.is_some());
        let together = lost.chunk_by(|one, next| one.lost == next.lost);
        let due = together.filter_map(|cut| Some((cut.first()?.lost?, Step::Lose(readings(cut))))).collect();
        (kept, due)
    }

    fn hold_up(&self, kept: &mut [Waiting]) {
        let Some(mut chance) = self.chance(Fault::Delay) else { return };
        for spell in spells(&mut chance, kept.len(), (SPELL_EVERY, 1)) {
            for one in kept.get_mut(spell).unwrap_or_default() {
                one.leaves += Duration::from_millis(chance.random_range(1_000..=5_000));
            }
        }
    }

    /// A spell's batches leave when its last one is due, in another order.
    fn reorder(&self, sends: &mut [Due]) {
        let Some(mut chance) = self.chance(Fault::Reorder) else { return };
        for spell in spells(&mut chance, sends.len(), (SPELL_EVERY, 2)) {
            let spell = sends.get_mut(spell).unwrap_or_default();
            let (first, last) = (spell.first().cloned(), spell.iter().map(|(at, _)| *at).max());
            spell.shuffle(&mut chance);
            // Chance may leave everything in its place.
            if spell.first() == first.as_ref() {
                spell.rotate_left(1);
            }
            for (at, _) in spell.iter_mut() {
                *at = last.unwrap_or(*at);
            }
        }
    }

    /// Sends a spell's batches again, whole or one reading of each, at once or up to two seconds later.
    fn repeat(&self, sends: &mut Vec<Due>) {
        let Some(mut chance) = self.chance(Fault::Duplicate) else { return };
        let mut again = Vec::new();
        for spell in spells(&mut chance, sends.len(), (SPELL_EVERY, 1)) {
            for (at, step) in sends.get(spell).unwrap_or_default() {
                let Step::Send(batch) = step else { continue };
                let whole = chance.random_bool(0.5);
                let one = batch.choose(&mut chance).copied();
                let batch = if whole { batch.clone() } else { one.into_iter().collect() };
                again.push((*at + Duration::from_millis(chance.random_range(0..=2_000)), Step::Send(batch)));
            }
        }
        sends.extend(again);
    }
}

/// Spells over `count` things in order: one in every so many, at least one, apart from each other, each a third of its
/// share at most, but at least so long.
fn spells(chance: &mut Xoshiro256PlusPlus, count: usize, (every, least): (usize, usize)) -> Vec<Range<usize>> {
    let shares = 1 + count / every;
    let share = count / shares;
    if share < least {
        return Vec::new();
    }
    let spell = |number: usize| {
        let length = chance.random_range(least..=least.max(share / 3));
        let start = number * share + chance.random_range(0..=share - length);
        start..start + length
    };
    (0..shares).map(spell).collect()
}

fn readings(waiting: &[Waiting]) -> Vec<Made> {
    waiting.iter().map(|one| one.reading).collect()
}

/// What leaves at one moment leaves in batches.
fn batches(mut kept: Vec<Waiting>) -> Vec<Due> {
    kept.sort_by_key(|one| (one.leaves, one.reading.number));
    let together = kept.chunk_by(|one, next| one.leaves == next.leaves);
    let batches = together.flat_map(|together| together.chunks(BATCH));
    batches.filter_map(|batch| Some((batch.first()?.leaves, Step::Send(readings(batch))))).collect()
}

/// Puts the waiting between. The sort is stable: what is due at one moment keeps its order, so that a repeat comes
/// after what it repeats.
fn timetable(mut due: Vec<Due>) -> Vec<Step> {
    due.sort_by_key(|(at, _)| *at);
    let mut steps = Vec::with_capacity(due.len() * 2);
    let mut now = Duration::ZERO;
    for (at, step) in due {
        if at > now {
            steps.push(Step::Wait(at));
            now = at;
        }
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests;
