//! Technical alarms, about the equipment and not the patient, over the same [`Alarm`]: no data, low reliability
//! (domain/temperature-monitoring.md §9). Neither latches; timers are the caller's to set in `alarm.rule`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Alarm, Rule, Sample, Transition};

/// No silence shorter than this is one, in milliseconds (§9).
const SHORTEST_SILENCE: i64 = 15_000;
/// The expected interval until two readings have come, and the shortest one learned, in milliseconds.
const SHORTEST_INTERVAL: i64 = 1_000;
/// The longest expected interval learned, in milliseconds: five minutes, when the curve is interrupted (§9).
const LONGEST_INTERVAL: i64 = 300_000;
/// The expected interval is the median of as many gaps: enough that two outages do not teach it patience.
const GAPS: usize = 5;
/// How long the reliability must be too low, in seconds of device time (§9).
const LOW_RELIABILITY_DELAY: i64 = 30;

/// Nothing comes although something should: raised when it lasts twice the expected interval and 15 s at least,
/// cleared by the next reading. The value carried is the silence, in thousandths of a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its alarm. The limit follows the expected interval.
    pub alarm: Alarm,
    /// Server time of the newest reading, or since when one is expected.
    last_heard: Option<DateTime<Utc>>,
    /// Whether `last_heard` is a reading: the wait for the first one says nothing of the interval.
    read: bool,
    /// The newest gaps between readings, in milliseconds, oldest first, at most [`GAPS`].
    gaps: Vec<i64>,
}

impl Silence {
    /// Nothing heard yet, so nothing missed: see [`Silence::expect`].
    #[must_use]
    pub fn new(level: i16) -> Self {
        let rule = technical(level, thousandths(SHORTEST_SILENCE), 0);
        Self { alarm: Alarm::new(rule), last_heard: None, read: false, gaps: Vec::new() }
    }

    /// Readings are expected from here on.
    pub fn expect(&mut self, from: DateTime<Utc>) {
        self.last_heard = Some(from);
        self.read = false;
    }

    /// Something came, at this server time. Readings of one instant are one delivery and say nothing of the interval;
    /// nor does a clock that went backwards, from which silence is counted anew.
    pub fn heard(&mut self, at_server: DateTime<Utc>) -> Option<Transition> {
        let gap = self.last_heard.map(|last| at_server - last);
        if let Some(gap) = gap.filter(|gap| self.read && *gap > TimeDelta::zero()) {
            if self.gaps.len() >= GAPS {
                self.gaps.remove(0);
            }
            self.gaps.push(gap.num_milliseconds().clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL));
        }
        self.last_heard = Some(at_server);
        self.read = true;
        self.alarm.step(Sample { at: at_server, received: at_server, value: 0 })
    }

    /// Nobody listened for this long: it was no silence.
    pub fn unheard_for(&mut self, span: TimeDelta) {
        if span > TimeDelta::zero() {
            self.last_heard = self.last_heard.and_then(|last| last.checked_add_signed(span));
        }
    }

    /// Server time has come to `now`: raises, or else does what [`Alarm::tick`] does. Call it until there is none.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let raised = if self.alarm.raised().is_none() { self.raise(now) } else { None };
        raised.or_else(|| self.alarm.tick(now))
    }

    /// The expected interval as learned, 1 s to 5 min: the median of the newest gaps, the shorter one of two.
    #[must_use]
    pub fn interval(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.expected())
    }

    fn expected(&self) -> i64 {
        let mut sorted = self.gaps.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(SHORTEST_INTERVAL)
    }

    /// The condition starts when something was last heard, so that a restart that repeats this raises the same alarm;
    /// after an alarm of the same silence was resolved, it starts where that one was raised, and is another.
    fn raise(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let last_heard = self.last_heard?;
        let silent = (now - last_heard).num_milliseconds();
        let limit = SHORTEST_SILENCE.max(2 * self.expected());
        if silent < limit {
            return None;
        }
        self.alarm.rule.limit = thousandths(limit);
        self.alarm.rule.clear = thousandths(limit);
        let since = self.alarm.previous.filter(|previous| *previous <= now).unwrap_or(last_heard);
        let value = thousandths(silent);
        // Two samples confirm a condition: its start and now.
        self.alarm.step(Sample { at: since, received: since, value });
        self.alarm.step(Sample { at: now, received: now, value })
    }
}

/// The readings are not to be trusted: raised after 30 s of device time continuously below the limit, cleared at or
/// above it. The value carried is minus the reliability, in thousandths, because alarms look for what is high.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowReliability {
    /// Its alarm. The limit follows the one below.
    pub alarm: Alarm,
    /// Below this a reading is not trusted.
    pub limit: i16,
}

impl LowReliability {
    /// At rest.
    #[must_use]
    pub fn new(level: i16, limit: i16) -> Self {
        Self { alarm: Alarm::new(technical(level, below(limit), LOW_RELIABILITY_DELAY)), limit }
    }

    /// Takes the reliability of one reading, in device-time order; a reading without one is trusted.
    pub fn step(
        &mut self,
        at_device: DateTime<Utc>,
        received: DateTime<Utc>,
        reliability: Option<i16>,
    ) -> Option<Transition> {
        self.alarm.rule.limit = below(self.limit);
        self.alarm.rule.clear = below(self.limit);
        let value = reliability.map_or(i32::MIN, |index| -1_000 * i32::from(index));
        self.alarm.step(Sample { at: at_device, received, value })
    }
}

/// The least value of a reliability below `limit`: the index being whole, that of one point less.
fn below(limit: i16) -> i32 {
    -1_000 * (i32::from(limit) - 1)
}

/// Milliseconds as an alarm's value; 24 days and more are the same silence.
fn thousandths(milliseconds: i64) -> i32 {
    i32::try_from(milliseconds).unwrap_or(i32::MAX)
}

/// No deadband, no off-delay, no latch: the equipment works or it does not.
fn technical(level: i16, limit: i32, on_delay_seconds: i64) -> Rule {
    Rule {
        level,
        limit,
        clear: limit,
        on_delay_seconds,
        at_once_when_slow: false,
        off_delay_seconds: 0,
        latching: false,
        re_alarm_seconds: None,
        escalate_seconds: [0; 3],
        shelve_limit_seconds: 0,
    }
}
