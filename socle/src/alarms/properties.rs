//! What holds for any rule and any history, clocks that go backwards included, and a naive model of a limit to agree
//! with.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Alarm, Phase, Raised, Rule, Sample, Transition};

/// What happens to an alarm; spans are milliseconds.
#[derive(Clone, Copy, Debug)]
enum Event {
    Sample { lag: i64, value: i32 },
    Tick,
    Acknowledge,
    Resolve,
    Shelve(i64),
    Unshelve,
}

impl Event {
    fn apply(self, alarm: &mut Alarm, now: DateTime<Utc>) -> Option<Transition> {
        match self {
            Self::Sample { lag, value } => {
                alarm.step(Sample { at: now - TimeDelta::milliseconds(lag), received: now, value })
            }
            Self::Tick => alarm.tick(now),
            Self::Acknowledge => alarm.acknowledge(now),
            Self::Resolve => alarm.resolve(now),
            Self::Shelve(length) => {
                alarm.shelve(now, now + TimeDelta::milliseconds(length)).ok();
                None
            }
            Self::Unshelve => alarm.unshelve(now),
        }
    }

    /// Everything one event gives: a tick is repeated until there is nothing more.
    fn all(self, alarm: &mut Alarm, now: DateTime<Utc>) -> Vec<Transition> {
        let times = if matches!(self, Self::Tick) { 10 } else { 1 };
        std::iter::from_fn(|| self.apply(alarm, now)).take(times).collect()
    }
}

/// What has been said of an alarm, from which alone it is known what may be said next.
struct Witness {
    open: Option<Raised>,
    acknowledged: bool,
    unheard_since: DateTime<Utc>,
    reached: u8,
}

impl Witness {
    /// Checks one transition against what was said before it and the alarm as it was.
    fn hear(&mut self, said: Transition, before: &Alarm, now: DateTime<Utc>) -> Result<(), TestCaseError> {
        match said {
            Transition::Raised(raised) => {
                prop_assert_eq!(self.open, None, "raised while raised");
                self.open = Some(raised);
                self.unheard(now);
            }
            Transition::Latched(raised) => {
                prop_assert_eq!(self.open, Some(raised));
                prop_assert!(before.rule.latching && !self.acknowledged);
            }
            Transition::Returned(raised) => {
                prop_assert_eq!(self.open, Some(raised));
                self.unheard(now);
            }
            Transition::Unshelved(raised) => {
                prop_assert_eq!(self.open, Some(raised));
                prop_assert!(!self.acknowledged);
                let until = before.shelved_until.ok_or_else(|| TestCaseError::fail("unshelved, but not shelved"))?;
                self.unheard(until.min(now));
            }
            Transition::ReAlarmed(raised) => {
                prop_assert_eq!(self.open, Some(raised));
                prop_assert!(self.acknowledged && !before.is_shelved(now));
                self.unheard(now);
            }
            Transition::Escalated(raised, step) => {
                prop_assert_eq!(self.open, Some(raised));
                prop_assert!(!self.acknowledged && !before.is_shelved(now));
                prop_assert!(step > self.reached);
                let seconds = before.rule.escalate_seconds[usize::from(step) - 1];
                prop_assert!(seconds > 0 && now - self.unheard_since >= TimeDelta::seconds(seconds));
                self.reached = step;
            }
            Transition::Cleared(raised) | Transition::Resolved(raised) => {
                prop_assert_eq!(self.open, Some(raised));
                self.open = None;
            }
        }
        Ok(())
    }

    fn unheard(&mut self, since: DateTime<Utc>) {
        (self.acknowledged, self.unheard_since, self.reached) = (false, since, 0);
    }

    /// The alarm says the same of itself as its transitions did.
    fn agrees(&self, alarm: &Alarm, now: DateTime<Utc>) -> Result<(), TestCaseError> {
        prop_assert_eq!(alarm.raised(), self.open);
        prop_assert_eq!(alarm.acknowledged().is_some(), self.open.is_some() && self.acknowledged);
        prop_assert_eq!(alarm.rings(now), self.open.is_some() && !self.acknowledged && !alarm.is_shelved(now));
        if let Phase::Active { step, unheard_since, .. } | Phase::Latched { step, unheard_since, .. } = alarm.phase {
            prop_assert_eq!((step, unheard_since), (self.reached, self.unheard_since));
        }
        Ok(())
    }
}

fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
}

fn rules() -> impl Strategy<Value = Rule> {
    let delays = (0_i64..20, 0_i64..40);
    let timers = (prop::option::of(0_i64..60), prop::array::uniform3(0_i64..60), 0_i64..200);
    (any::<bool>(), any::<bool>(), delays, timers).prop_map(|(latching, at_once_when_slow, delays, timers)| Rule {
        level: 39,
        limit: 39_000,
        clear: 38_800,
        on_delay_seconds: delays.0,
        at_once_when_slow,
        off_delay_seconds: delays.1,
        latching,
        re_alarm_seconds: timers.0,
        escalate_seconds: timers.1,
        shelve_limit_seconds: timers.2,
    })
}

/// Below the deadband, in it, above it.
fn values() -> impl Strategy<Value = i32> {
    prop_oneof![2 => 38_000..38_800, 1 => 38_800..39_000, 4 => 39_000..40_000]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => (0_i64..5_000, values()).prop_map(|(lag, value)| Event::Sample { lag, value }),
        6 => Just(Event::Tick),
        1 => Just(Event::Acknowledge),
        1 => Just(Event::Resolve),
        1 => (-10_000_i64..220_000).prop_map(Event::Shelve),
        1 => Just(Event::Unshelve),
    ]
}

/// Events with their server times, which mostly go forward.
fn histories() -> impl Strategy<Value = Vec<(DateTime<Utc>, Event)>> {
    let pauses = prop_oneof![12 => 0_i64..15_000, 1 => -60_000_i64..0, 1 => 15_000_i64..300_000];
    prop::collection::vec((pauses, events()), 0..150).prop_map(|history| {
        let mut now = 0;
        let timed = history.into_iter().map(|(pause, event)| {
            now += pause;
            (instant(now), event)
        });
        timed.collect()
    })
}

/// Values in device-time order, received whenever.
fn series() -> impl Strategy<Value = Vec<Sample>> {
    prop::collection::vec((0_i64..12_000, 0_i64..20_000, values()), 0..80).prop_map(|series| {
        let mut at = 0;
        let timed = series.into_iter().map(|(pause, delay, value)| {
            at += pause;
            Sample { at: instant(at), received: instant(at + delay), value }
        });
        timed.collect()
    })
}

proptest! {
    #[test]
    fn whatever_happens_each_transition_follows_from_those_before(rule in rules(), history in histories()) {
        let mut alarm = Alarm::new(rule);
        let mut witness = Witness { open: None, acknowledged: false, unheard_since: instant(0), reached: 0 };
        for (now, event) in history {
            for _ in 0..10 {
                let before = alarm.clone();
                let said = event.apply(&mut alarm, now);
                if let Some(said) = said {
                    witness.hear(said, &before, now)?;
                }
                witness.acknowledged |= matches!(event, Event::Acknowledge) && witness.open.is_some();
                witness.agrees(&alarm, now)?;
                if said.is_none() || !matches!(event, Event::Tick) {
                    break;
                }
            }
            prop_assert!(!matches!(event, Event::Tick) || alarm.tick(now).is_none(), "ticking does not end");
        }
    }

    #[test]
    fn a_restart_at_any_moment_changes_nothing(rule in rules(), history in histories()) {
        let mut kept = Alarm::new(rule);
        let mut restarted = kept.clone();
        for (now, event) in history {
            restarted = serde_json::from_str(&serde_json::to_string(&restarted).unwrap()).unwrap();
            prop_assert_eq!(event.all(&mut kept, now), event.all(&mut restarted, now));
            prop_assert_eq!(&kept, &restarted);
        }
    }

    #[test]
    fn ticking_once_late_gives_what_ticking_every_second_gives(
        rule in rules(),
        latched in any::<bool>(),
        shelved in prop::option::of(1_i64..200),
        (from, length) in (0_i64..100, 0_i64..400),
    ) {
        let raised = Raised { condition_at: instant(0), at: instant(0), received: instant(0), value: 39_000 };
        let (unheard_since, step) = (instant(0), 0);
        let phase = if latched {
            Phase::Latched { raised, unheard_since, step }
        } else {
            Phase::Active { raised, below_since: None, acknowledged: None, unheard_since, step }
        };
        let mut prompt = Alarm { phase, ..Alarm::new(rule) };
        Event::Tick.all(&mut prompt, instant(from * 1_000));
        if let Some(seconds) = shelved {
            Event::Shelve(seconds * 1_000).apply(&mut prompt, instant(from * 1_000));
        }
        let mut late = prompt.clone();
        let seconds = from..=from + length;
        let said: Vec<_> = seconds.flat_map(|s| Event::Tick.all(&mut prompt, instant(s * 1_000))).collect();
        prop_assert_eq!(said, Event::Tick.all(&mut late, instant((from + length) * 1_000)));
        prop_assert_eq!(prompt, late);
    }

    #[test]
    fn without_latch_and_timers_it_agrees_with_a_naive_model(rule in rules(), samples in series()) {
        let rule = Rule { latching: false, ..rule };
        let mut alarm = Alarm::new(rule);
        let steps = samples.iter().enumerate().filter_map(|(index, sample)| match alarm.step(*sample)? {
            Transition::Raised(raised) => Some((index, Some(raised.condition_at))),
            Transition::Cleared(_) => Some((index, None)),
            other => panic!("samples alone do not give {other:?}"),
        });
        let told: Vec<_> = steps.collect();
        prop_assert_eq!(told, naive(&rule, &samples));
    }
}

/// Looks at the whole series again for every answer: which samples raise (with the device time of the condition) and
/// which clear.
fn naive(rule: &Rule, series: &[Sample]) -> Vec<(usize, Option<DateTime<Utc>>)> {
    let mut told = Vec::new();
    let mut start = 0;
    while let Some((raised, first)) =
        (start..series.len()).find_map(|newest| Some((newest, confirmed(rule, series, start, newest)?)))
    {
        told.push((raised, Some(series[first].at)));
        let Some(cleared) = (raised + 1..series.len()).find(|newest| gone(rule, series, raised, *newest)) else {
            break;
        };
        told.push((cleared, None));
        start = cleared + 1;
    }
    told
}

/// The first sample of the condition which the newest one confirms.
fn confirmed(rule: &Rule, series: &[Sample], start: usize, newest: usize) -> Option<usize> {
    let delay = TimeDelta::seconds(rule.on_delay_seconds);
    let first = (start..=newest).find(|first| unbroken(rule, &series[*first..=newest]))?;
    let persisted = first < newest && series[newest].at - series[first].at >= delay;
    let slow = rule.at_once_when_slow && newest > 0 && series[newest].at - series[newest - 1].at > delay;
    (persisted || slow).then_some(first)
}

/// From one value at the limit to another, none below the deadband, and none in it later than the on-delay after the
/// newest value at the limit.
fn unbroken(rule: &Rule, stretch: &[Sample]) -> bool {
    let delay = TimeDelta::seconds(rule.on_delay_seconds);
    let reaches = |index: usize| stretch[index].value >= rule.limit;
    let lingers = |index: usize| {
        let last = (0..index).rev().find(|earlier| reaches(*earlier));
        stretch[index].value >= rule.clear && last.is_some_and(|last| stretch[index].at - stretch[last].at <= delay)
    };
    reaches(0) && reaches(stretch.len() - 1) && (0..stretch.len()).all(|index| reaches(index) || lingers(index))
}

/// Whether the values up to the newest are below the deadband for the off-delay.
fn gone(rule: &Rule, series: &[Sample], raised: usize, newest: usize) -> bool {
    let below = (raised + 1..=newest).rev().take_while(|index| series[*index].value < rule.clear);
    below.last().is_some_and(|first| {
        series[newest].received - series[first].received >= TimeDelta::seconds(rule.off_delay_seconds)
    })
}
