//! A limit alarm as a pure state machine: on-delay, deadband, off-delay, latch, acknowledge.
//!
//! It knows no database, no clock and no screen: samples and instants go in, transitions come out, and the whole
//! state is a value that products store beside their data, so that it survives a restart. Vocabulary and defaults:
//! domain/temperature-monitoring.md §7 and §9.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// When an alarm is raised and cleared. Values are thousandths of the product's unit, so that comparisons are exact.
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

/// An alarm of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its rule.
    pub rule: Rule,
    /// Where it stands.
    pub phase: Phase,
    /// Device time of the last sample, to tell how fast they come.
    pub previous: Option<DateTime<Utc>>,
}

/// Where an alarm stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// No condition.
    Normal,
    /// The condition exists, not yet for long enough.
    Pending {
        /// Device time of the first sample at or above the limit.
        since: DateTime<Utc>,
        /// Device time of the newest such sample.
        last: DateTime<Utc>,
    },
    /// Raised, and the condition exists (or has not been gone for the off-delay).
    Active {
        /// What was raised.
        raised: Raised,
        /// Server time since which the value is below `clear`.
        below_since: Option<DateTime<Utc>>,
        /// Server time of the acknowledgement.
        acknowledged: Option<DateTime<Utc>>,
    },
    /// Raised, the condition has gone, nobody has acknowledged.
    Latched {
        /// What was raised.
        raised: Raised,
    },
}

/// The facts of a raised alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Device time of the first sample of the condition.
    pub condition_at: DateTime<Utc>,
    /// Device time of the sample that confirmed it.
    pub at: DateTime<Utc>,
    /// That sample's value.
    pub value: i32,
}

/// What a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A new alarm.
    Raised(Raised),
    /// The condition has gone; a latching alarm waits for its acknowledgement.
    Latched(Raised),
    /// The condition is back before anybody took note: the same alarm.
    Returned(Raised),
    /// Over.
    Cleared(Raised),
}

impl Alarm {
    /// An alarm at rest.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, phase: Phase::Normal, previous: None }
    }

    /// Takes one sample, in device-time order.
    pub fn step(&mut self, sample: Sample) -> Option<Transition> {
        let gap = self.previous.map(|previous| sample.at - previous);
        self.previous = Some(sample.at);
        let (phase, transition) = match self.phase.clone() {
            Phase::Normal => self.when_normal(sample, gap),
            Phase::Pending { since, last } => self.when_pending(sample, since, last, gap),
            Phase::Active { raised, below_since, acknowledged } => {
                self.when_active(sample, raised, below_since, acknowledged)
            }
            Phase::Latched { raised } if sample.value >= self.rule.limit => {
                let active = Phase::Active { raised, below_since: None, acknowledged: None };
                (active, Some(Transition::Returned(raised)))
            }
            latched @ Phase::Latched { .. } => (latched, None),
        };
        self.phase = phase;
        transition
    }

    /// A named person has noticed. A latched alarm is over; an active one stays, silent for a while.
    pub fn acknowledge(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        match self.phase.clone() {
            Phase::Active { raised, below_since, .. } => {
                self.phase = Phase::Active { raised, below_since, acknowledged: Some(now) };
                None
            }
            Phase::Latched { raised } => {
                self.phase = Phase::Normal;
                Some(Transition::Cleared(raised))
            }
            Phase::Normal | Phase::Pending { .. } => None,
        }
    }

    fn when_normal(&self, sample: Sample, gap: Option<TimeDelta>) -> (Phase, Option<Transition>) {
        if sample.value < self.rule.limit {
            return (Phase::Normal, None);
        }
        if self.rule.at_once_when_slow && gap.is_some_and(|gap| gap > self.on_delay()) {
            return raise(sample, sample.at);
        }
        (Phase::Pending { since: sample.at, last: sample.at }, None)
    }

    /// Within the deadband the condition is neither confirmed nor gone, so that noise around the limit gives one
    /// alarm and not ten; but it is forgotten when nothing reached the limit for a whole on-delay.
    fn when_pending(
        &self,
        sample: Sample,
        since: DateTime<Utc>,
        last: DateTime<Utc>,
        gap: Option<TimeDelta>,
    ) -> (Phase, Option<Transition>) {
        let above = sample.value >= self.rule.limit;
        let forgotten = sample.value < self.rule.clear || (!above && sample.at - last > self.on_delay());
        if forgotten {
            return (Phase::Normal, None);
        }
        if !above {
            return (Phase::Pending { since, last }, None);
        }
        let persisted = sample.at - since >= self.on_delay();
        let slow = self.rule.at_once_when_slow && gap.is_some_and(|gap| gap > self.on_delay());
        if persisted || slow { raise(sample, since) } else { (Phase::Pending { since, last: sample.at }, None) }
    }

    fn when_active(
        &self,
        sample: Sample,
        raised: Raised,
        below_since: Option<DateTime<Utc>>,
        acknowledged: Option<DateTime<Utc>>,
    ) -> (Phase, Option<Transition>) {
        if sample.value >= self.rule.clear {
            return (Phase::Active { raised, below_since: None, acknowledged }, None);
        }
        let since = below_since.unwrap_or(sample.received);
        if sample.received - since < TimeDelta::seconds(self.rule.off_delay_seconds) {
            return (Phase::Active { raised, below_since: Some(since), acknowledged }, None);
        }
        if self.rule.latching && acknowledged.is_none() {
            return (Phase::Latched { raised }, Some(Transition::Latched(raised)));
        }
        (Phase::Normal, Some(Transition::Cleared(raised)))
    }

    fn on_delay(&self) -> TimeDelta {
        TimeDelta::seconds(self.rule.on_delay_seconds)
    }
}

fn raise(sample: Sample, condition_at: DateTime<Utc>) -> (Phase, Option<Transition>) {
    let raised = Raised { condition_at, at: sample.at, value: sample.value };
    (Phase::Active { raised, below_since: None, acknowledged: None }, Some(Transition::Raised(raised)))
}

#[cfg(test)]
mod tests;
