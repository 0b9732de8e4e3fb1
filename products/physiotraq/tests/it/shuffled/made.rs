//! Made-up sessions: values around the limits, some not to be trusted, some impossible, times that come more than once.

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

/// One reading of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Device time: seconds after the start of the treatment.
    pub second: i64,
    /// Counts the readings of one second.
    pub sequence: i64,
    /// Thousandths of a degree Celsius.
    pub value: i32,
    /// 0–100, when the device says it.
    pub reliability: Option<i16>,
}

impl Made {
    /// Whether it may be a maximum and set off an alarm.
    pub fn good(&self) -> bool {
        PLAUSIBLE.contains(&self.value) && self.reliability.is_none_or(|reliability| reliability >= 50)
    }
}

/// What a body core can have, in thousandths of a degree Celsius.
pub const PLAUSIBLE: RangeInclusive<i32> = 25_000..=45_000;

/// A reading of long ago that comes while the session is live.
#[derive(Clone, Copy, Debug)]
pub struct Old {
    /// After which of the live groups.
    pub after: usize,
    /// Its age then, in seconds: more than a minute, so it is late.
    pub age: i64,
    /// Thousandths of a degree Celsius, at an alarm's limit or above.
    pub value: i32,
}

/// A session, and the ways in which its readings come.
#[derive(Clone, Debug)]
pub struct Case {
    /// In the order of their times.
    pub readings: Vec<Made>,
    /// What is live is sent every so many seconds, so none is older than that when it comes.
    pub window: i64,
    /// Every reading at least once, some up to three times, in any order.
    pub shuffled: Vec<Made>,
    /// Sizes of the batches in which the shuffled ones come, in turn.
    pub sizes: Vec<usize>,
    /// Of a hundred batches, how many come before the treatment ends.
    pub before_end: usize,
    /// What comes in between.
    pub old: Vec<Old>,
}

impl Case {
    /// The readings as a live device sends them, together.
    pub fn groups(&self) -> impl Iterator<Item = &[Made]> {
        self.readings.chunk_by(move |one, next| one.second / self.window == next.second / self.window)
    }

    /// The shuffled readings as they come: before the treatment's end, and after it.
    pub fn batches(&self) -> (Vec<&[Made]>, Vec<&[Made]>) {
        let mut rest = self.shuffled.as_slice();
        let mut batches = Vec::new();
        for size in self.sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            batches.push(batch);
            rest = after;
        }
        let after = batches.split_off(batches.len() * self.before_end / 100);
        (batches, after)
    }
}

/// One reading as it is drawn.
#[derive(Clone, Debug)]
struct Drawn {
    /// Seconds after the one before it; with 0 it has the same time.
    gap: i64,
    /// Beside the level of its part of the session.
    beside: i32,
    /// Instead of it.
    impossible: Option<i32>,
    reliability: Option<i16>,
    /// Its places among the shuffled ones.
    places: Vec<u16>,
}

/// What a part of a session stays around: below, in the deadbands of, at and above the two limits.
fn level() -> impl Strategy<Value = i32> {
    prop_oneof![Just(36_800_i32), Just(38_900), Just(39_050), Just(39_800), Just(40_050), Just(41_000)]
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let gap = prop_oneof![1 => Just(0_i64), 6 => 1_i64..=5, 2 => 6_i64..=20];
    // Steps of 0.05 °C: the same value, the highest too, comes more than once.
    let beside = (-3_i32..=3).prop_map(|steps| steps * 50);
    let wrong = prop_oneof![Just(-17_800_i32), Just(24_950), Just(45_050), Just(300_000)];
    let impossible = prop_oneof![14 => Just(None), 1 => wrong.prop_map(Some)];
    let reliability =
        prop_oneof![7 => Just(None), 7 => (50_i16..=100).prop_map(Some), 2 => (0_i16..=49).prop_map(Some)];
    let places = vec(any::<u16>(), 1..=3);
    (gap, beside, impossible, reliability, places).prop_map(|(gap, beside, impossible, reliability, places)| Drawn {
        gap,
        beside,
        impossible,
        reliability,
        places,
    })
}

fn old() -> impl Strategy<Value = Old> {
    (0_usize..6, 61_i64..=900, 39_000_i32..=42_000).prop_map(|(after, age, value)| Old { after, age, value })
}

/// Any session of up to 66 readings.
pub fn cases() -> impl Strategy<Value = Case> {
    let parts = vec((level(), vec(drawn(), 1..12)), 1..=6);
    let ways = (1_i64..=45, vec(1_usize..=15, 1..5), 0_usize..=100, vec(old(), 0..12));
    (parts, ways).prop_map(|(parts, (window, sizes, before_end, old))| {
        let (readings, shuffled) = readings(&parts);
        Case { readings, window, shuffled, sizes, before_end, old }
    })
}

/// The readings in the order of their times, and in the order of their places.
fn readings(parts: &[(i32, Vec<Drawn>)]) -> (Vec<Made>, Vec<Made>) {
    let (mut second, mut sequence) = (1, 0);
    let (mut ordered, mut placed): (Vec<Made>, Vec<(u16, Made)>) = (Vec::new(), Vec::new());
    for (level, drawn) in parts {
        for drawn in drawn {
            sequence = if drawn.gap == 0 { sequence + 1 } else { 0 };
            second += drawn.gap;
            let value = drawn.impossible.unwrap_or(level + drawn.beside);
            let made = Made { second, sequence, value, reliability: drawn.reliability };
            ordered.push(made);
            placed.extend(drawn.places.iter().map(|place| (*place, made)));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    (ordered, placed.into_iter().map(|(_, made)| made).collect())
}
