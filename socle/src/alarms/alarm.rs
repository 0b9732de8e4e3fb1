//! The alarm and what samples do to it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Raised, Rule, Sample, Transition};

/// An alarm of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its rule.
    pub rule: Rule,
    /// Where it stands.
    pub phase: Phase,
    /// Device time of the last sample, to tell how fast they come.
    pub previous: Option<DateTime<Utc>>,
    /// Server time until which an operator has set it aside; kept until [`Alarm::tick`] has seen its end.
    #[serde(default)]
    pub shelved_until: Option<DateTime<Utc>>,
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
        /// Server time since which nobody has taken note: since it was raised, came back, rang again or was
        /// unshelved, whichever was last.
        unheard_since: DateTime<Utc>,
        /// Escalation step reached since then; 0: none.
        step: u8,
    },
    /// Raised, the condition has gone, nobody has acknowledged.
    Latched {
        /// What was raised.
        raised: Raised,
        /// As in [`Phase::Active`]: what nobody has seen escalates, even when the condition has gone.
        unheard_since: DateTime<Utc>,
        /// As in [`Phase::Active`].
        step: u8,
    },
}

impl Alarm {
    /// An alarm at rest.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, phase: Phase::Normal, previous: None, shelved_until: None }
    }

    /// Takes one sample, in device-time order. Shelving changes nothing here: the record must be whole.
    pub fn step(&mut self, sample: Sample) -> Option<Transition> {
        let gap = self.previous.map(|previous| sample.at - previous);
        self.previous = Some(sample.at);
        let transition = match self.phase {
            Phase::Normal => self.when_normal(sample, gap),
            Phase::Pending { since, last } => self.when_pending(sample, (since, last), gap),
            Phase::Active { .. } => self.when_active(sample),
            Phase::Latched { raised, .. } => self.when_latched(sample, raised),
        };
        if matches!(transition, Some(Transition::Raised(_) | Transition::Returned(_))) {
            // Its span of being unheard starts now; shelving that was over before has no part in it.
            self.drop_ended_shelving(sample.received);
        }
        transition
    }

    fn when_normal(&mut self, sample: Sample, gap: Option<TimeDelta>) -> Option<Transition> {
        if sample.value < self.rule.limit {
            return None;
        }
        if self.is_slow(gap) {
            return Some(self.raise(sample, sample.at));
        }
        self.phase = Phase::Pending { since: sample.at, last: sample.at };
        None
    }

    /// Within the deadband the condition is neither confirmed nor gone, so that noise around the limit gives one
    /// alarm and not ten; but it is forgotten when nothing reached the limit for a whole on-delay.
    fn when_pending(
        &mut self,
        sample: Sample,
        (since, last): (DateTime<Utc>, DateTime<Utc>),
        gap: Option<TimeDelta>,
    ) -> Option<Transition> {
        let above = sample.value >= self.rule.limit;
        if sample.value < self.rule.clear || (!above && sample.at - last > self.rule.on_delay()) {
            self.phase = Phase::Normal;
            return None;
        }
        if !above {
            return None;
        }
        let persisted = sample.at - since >= self.rule.on_delay();
        if persisted || self.is_slow(gap) {
            return Some(self.raise(sample, since));
        }
        self.phase = Phase::Pending { since, last: sample.at };
        None
    }

    fn when_active(&mut self, sample: Sample) -> Option<Transition> {
        let rule = self.rule;
        let Phase::Active { raised, below_since, acknowledged, unheard_since, step } = &mut self.phase else {
            return None;
        };
        if sample.value >= rule.clear {
            *below_since = None;
            return None;
        }
        let since = *below_since.get_or_insert(sample.received);
        if sample.received - since < rule.off_delay() {
            return None;
        }
        let (raised, unheard_since, step) = (*raised, *unheard_since, *step);
        if rule.latching && acknowledged.is_none() {
            self.phase = Phase::Latched { raised, unheard_since, step };
            return Some(Transition::Latched(raised));
        }
        self.phase = Phase::Normal;
        Some(Transition::Cleared(raised))
    }

    fn when_latched(&mut self, sample: Sample, raised: Raised) -> Option<Transition> {
        if sample.value < self.rule.limit {
            return None;
        }
        self.phase = unheard(raised, sample.received);
        Some(Transition::Returned(raised))
    }

    fn raise(&mut self, sample: Sample, condition_at: DateTime<Utc>) -> Transition {
        let raised = Raised { condition_at, at: sample.at, received: sample.received, value: sample.value };
        self.phase = unheard(raised, sample.received);
        Transition::Raised(raised)
    }

    fn is_slow(&self, gap: Option<TimeDelta>) -> bool {
        self.rule.at_once_when_slow && gap.is_some_and(|gap| gap > self.rule.on_delay())
    }
}

fn unheard(raised: Raised, since: DateTime<Utc>) -> Phase {
    Phase::Active { raised, below_since: None, acknowledged: None, unheard_since: since, step: 0 }
}
