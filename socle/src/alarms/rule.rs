//! What an alarm is told (its rule, its samples) and what it tells (its transitions, its refusals).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// When an alarm is raised, repeated and cleared. Values are thousandths of the product's unit, so that comparisons
/// are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The product's name for the level, e.g. 39.
    pub level: i16,
    /// At or above this the condition exists.
    pub limit: i32,
    /// Below this it has gone (deadband).
    pub clear: i32,
    /// How long the condition must persist, in device time, over at least two samples.
    pub on_delay_seconds: i64,
    /// Whether samples that come slower than the on-delay raise at once.
    pub at_once_when_slow: bool,
    /// How long the value must stay below `clear`, in server time.
    pub off_delay_seconds: i64,
    /// Whether it stays visible until acknowledged, even when the condition has gone.
    pub latching: bool,
    /// How long after its acknowledgement an alarm that is not over rings again, in server time; none: never.
    #[serde(default)]
    pub re_alarm_seconds: Option<i64>,
    /// After how long unheard, in server time, the escalation steps 1, 2 and 3 are reached; 0: no such step. They
    /// are reached in order, whatever their delays.
    #[serde(default)]
    pub escalate_seconds: [i64; 3],
    /// For how long at most it may be set aside; 0: never.
    #[serde(default)]
    pub shelve_limit_seconds: i64,
}

impl Rule {
    pub(super) fn on_delay(&self) -> TimeDelta {
        span(self.on_delay_seconds)
    }

    pub(super) fn off_delay(&self) -> TimeDelta {
        span(self.off_delay_seconds)
    }

    /// The first escalation step beyond `reached`, and how long the alarm must be unheard for it.
    pub(super) fn step_after(&self, reached: u8) -> Option<(u8, TimeDelta)> {
        let mut steps = (1_u8..).zip(self.escalate_seconds);
        let next = steps.find(|(number, seconds)| *number > reached && *seconds > 0);
        next.map(|(number, seconds)| (number, span(seconds)))
    }
}

/// Whole seconds as a span. What does not fit is as long as a span can be: no rule panics.
pub(super) fn span(seconds: i64) -> TimeDelta {
    TimeDelta::try_seconds(seconds).unwrap_or(if seconds < 0 { TimeDelta::MIN } else { TimeDelta::MAX })
}

/// One evaluated value.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Device time.
    pub at: DateTime<Utc>,
    /// Server time of receipt.
    pub received: DateTime<Utc>,
    /// Thousandths of the unit.
    pub value: i32,
}

/// The facts of a raised alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Device time of the first sample of the condition.
    pub condition_at: DateTime<Utc>,
    /// Device time of the sample that confirmed it.
    pub at: DateTime<Utc>,
    /// Server time of that sample's receipt: timers start here.
    pub received: DateTime<Utc>,
    /// That sample's value.
    pub value: i32,
}

/// What a sample, an instant or a person changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A new alarm.
    Raised(Raised),
    /// The condition has gone; a latching alarm waits for its acknowledgement.
    Latched(Raised),
    /// The condition is back before anybody took note: the same alarm.
    Returned(Raised),
    /// Over: the condition has gone.
    Cleared(Raised),
    /// Nobody has taken note for as long as this escalation step (1 to 3) waits.
    Escalated(Raised, u8),
    /// Acknowledged, and not over for too long since: it rings again.
    ReAlarmed(Raised),
    /// Over: a named person has ended it, whatever the condition.
    Resolved(Raised),
    /// No longer set aside, and nobody has taken note: it rings.
    Unshelved(Raised),
}

/// Why an alarm cannot be set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShelveRefused {
    /// Its rule has no shelving.
    #[error("this alarm cannot be set aside")]
    Forbidden,
    /// The end is not after the start.
    #[error("an alarm is set aside until a time to come")]
    NotAhead,
    /// Longer than its rule has it.
    #[error("this alarm can be set aside for at most {limit_seconds} seconds")]
    TooLong {
        /// The longest time allowed.
        limit_seconds: i64,
    },
}
