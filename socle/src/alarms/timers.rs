//! What people and server time do to an alarm, and who is to hear it.
//!
//! Times come in as arguments and are only compared, so that a clock that goes backwards makes a timer wait, never
//! panic, and no escalation step is taken back by it.

use chrono::{DateTime, Utc};

use super::rule::span;
use super::{Alarm, Phase, Raised, ShelveRefused, Transition};

impl Alarm {
    /// Server time has come to `now`: the end of shelving, then the next escalation step or the repetition of an
    /// acknowledged alarm. One transition per call: call it until there is none.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        if self.shelved_until.is_some_and(|until| until <= now)
            && let Some(unshelved) = self.unshelve(now)
        {
            return Some(unshelved);
        }
        if self.is_shelved(now) {
            return None;
        }
        if self.acknowledged().is_some() { self.re_alarm(now) } else { self.escalate(now) }
    }

    /// A named person has noticed: it no longer rings nor escalates. A latched alarm is over; an active one stays,
    /// silent for a while.
    pub fn acknowledge(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        match &mut self.phase {
            Phase::Active { acknowledged, .. } => {
                *acknowledged = Some(now);
                None
            }
            Phase::Latched { raised, .. } => {
                let over = Transition::Cleared(*raised);
                self.phase = Phase::Normal;
                Some(over)
            }
            Phase::Normal | Phase::Pending { .. } => None,
        }
    }

    /// A named person ends it, whatever the condition. When the condition still exists, the next samples raise a new
    /// alarm after the on-delay; shelving that has not ended holds for that one too.
    pub fn resolve(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let raised = self.raised()?;
        self.drop_ended_shelving(now);
        self.phase = Phase::Normal;
        Some(Transition::Resolved(raised))
    }

    /// An operator sets it aside until then: it is evaluated and recorded as ever, only it does not ring, escalate or
    /// ring again. Shelving it once more replaces the end.
    ///
    /// # Errors
    /// When the rule forbids it, when `until` is not after `now`, when it is longer than the rule's limit.
    pub fn shelve(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<(), ShelveRefused> {
        let limit_seconds = self.rule.shelve_limit_seconds;
        if limit_seconds <= 0 {
            return Err(ShelveRefused::Forbidden);
        }
        if until <= now {
            return Err(ShelveRefused::NotAhead);
        }
        if until - now > span(limit_seconds) {
            return Err(ShelveRefused::TooLong { limit_seconds });
        }
        self.shelved_until = Some(until);
        Ok(())
    }

    /// It is no longer set aside. An alarm of which nobody has taken note rings, and is unheard from when it could
    /// ring: from now, or from the end of the shelving when that was earlier and no tick has seen it.
    pub fn unshelve(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let until = self.shelved_until.take()?;
        match &mut self.phase {
            Phase::Active { raised, acknowledged: None, unheard_since, step, .. }
            | Phase::Latched { raised, unheard_since, step } => {
                *unheard_since = until.min(now);
                *step = 0;
                Some(Transition::Unshelved(*raised))
            }
            Phase::Normal | Phase::Pending { .. } | Phase::Active { .. } => None,
        }
    }

    /// Whether it is to be heard: raised, not acknowledged, not set aside.
    #[must_use]
    pub fn rings(&self, now: DateTime<Utc>) -> bool {
        self.raised().is_some() && self.acknowledged().is_none() && !self.is_shelved(now)
    }

    /// Whether an operator has set it aside.
    #[must_use]
    pub fn is_shelved(&self, now: DateTime<Utc>) -> bool {
        self.shelved_until.is_some_and(|until| now < until)
    }

    /// Server time at which somebody took note of the alarm that is not over.
    #[must_use]
    pub fn acknowledged(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Active { acknowledged, .. } => acknowledged,
            Phase::Normal | Phase::Pending { .. } | Phase::Latched { .. } => None,
        }
    }

    /// The alarm that is not over.
    #[must_use]
    pub fn raised(&self) -> Option<Raised> {
        match self.phase {
            Phase::Active { raised, .. } | Phase::Latched { raised, .. } => Some(raised),
            Phase::Normal | Phase::Pending { .. } => None,
        }
    }

    /// Forgets shelving that was over at `now` before a tick has seen its end.
    pub(super) fn drop_ended_shelving(&mut self, now: DateTime<Utc>) {
        self.shelved_until = self.shelved_until.filter(|until| now < *until);
    }

    /// An alarm within its off-delay is not over either: silence must not keep it from ringing again. It is unheard
    /// from now, not from when it was due: until this call nobody could hear it.
    fn re_alarm(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let after = span(self.rule.re_alarm_seconds?.max(0));
        let Phase::Active { raised, acknowledged, unheard_since, step, .. } = &mut self.phase else { return None };
        let noticed = (*acknowledged)?;
        if now - noticed < after {
            return None;
        }
        *acknowledged = None;
        *unheard_since = now;
        *step = 0;
        Some(Transition::ReAlarmed(*raised))
    }

    fn escalate(&mut self, now: DateTime<Utc>) -> Option<Transition> {
        let rule = self.rule;
        let (Phase::Active { raised, unheard_since, step, .. } | Phase::Latched { raised, unheard_since, step }) =
            &mut self.phase
        else {
            return None;
        };
        let (next, after) = rule.step_after(*step)?;
        if now - *unheard_since < after {
            return None;
        }
        *step = next;
        Some(Transition::Escalated(*raised, next))
    }
}
