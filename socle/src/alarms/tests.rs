//! The scenarios of domain/temperature-monitoring.md §11 that a single limit decides by its samples; what people and
//! timers do is in `tests_verbs`, the equipment's alarms in `tests_technical`.

use chrono::{DateTime, Utc};

use super::{Alarm, Phase, Rule, Sample, Transition};

pub(super) const WATCH: Rule = Rule {
    level: 39,
    limit: 39_000,
    clear: 38_800,
    on_delay_seconds: 15,
    at_once_when_slow: false,
    off_delay_seconds: 30,
    latching: false,
    re_alarm_seconds: None,
    escalate_seconds: [0; 3],
    shelve_limit_seconds: 0,
};
pub(super) const CRITICAL: Rule =
    Rule { level: 40, limit: 40_000, clear: 39_700, at_once_when_slow: true, latching: true, ..WATCH };

/// Server and device time of a test.
pub(super) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

/// A value received as it was measured.
pub(super) fn sample(second: i64, value: i32) -> Sample {
    Sample { at: at(second), received: at(second), value }
}

/// A value after storing and reading it, as a restart does.
pub(super) fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
}

/// Feeds (second, value) pairs received as they were measured; counts what was raised, latched, cleared.
pub(super) fn run(alarm: &mut Alarm, samples: impl IntoIterator<Item = (i64, i32)>) -> (usize, usize, usize) {
    let mut counts = (0, 0, 0);
    for (second, value) in samples {
        match alarm.step(sample(second, value)) {
            Some(Transition::Raised(_)) => counts.0 += 1,
            Some(Transition::Latched(_)) => counts.1 += 1,
            Some(Transition::Cleared(_)) => counts.2 += 1,
            Some(Transition::Returned(_)) | None => {}
            Some(other) => panic!("a sample does not give {other:?}"),
        }
    }
    counts
}

#[test]
fn a_ramp_to_38_5_raises_nothing() {
    let ramp = (0..492).map(|i| (i * 10, 36_800 + i32::try_from(i).unwrap() * 1_700 / 492));
    assert_eq!(run(&mut Alarm::new(WATCH), ramp), (0, 0, 0));
}

#[test]
fn noise_around_the_limit_ten_times_in_a_minute_is_one_alarm() {
    let noise = (0..60).map(|s| (s, if s % 6 < 3 { 39_010 } else { 38_990 }));
    assert_eq!(run(&mut Alarm::new(WATCH), noise), (1, 0, 0));
}

#[test]
fn five_seconds_at_the_limit_raise_nothing_even_if_a_spike_follows_later() {
    let mut alarm = Alarm::new(WATCH);
    let short = (0..5).map(|s| (s, 39_000)).chain((5..300).map(|s| (s, 38_900)));
    assert_eq!(run(&mut alarm, short), (0, 0, 0));
    assert_eq!(run(&mut alarm, [(300, 39_000), (301, 38_900)]), (0, 0, 0));
}

#[test]
fn the_critical_level_latches_until_it_is_acknowledged() {
    let mut alarm = Alarm::new(CRITICAL);
    let twenty_seconds = (0..=20).map(|s| (s, 40_000)).chain((21..200).map(|s| (s, 39_600)));
    assert_eq!(run(&mut alarm, twenty_seconds), (1, 1, 0));
    assert!(matches!(alarm.phase, Phase::Latched { .. }));
    assert!(matches!(alarm.acknowledge(DateTime::UNIX_EPOCH), Some(Transition::Cleared(_))));
    assert_eq!(alarm.phase, Phase::Normal);
}

#[test]
fn inside_the_deadband_an_active_alarm_stays() {
    let mut alarm = Alarm::new(CRITICAL);
    let held = (0..=20).map(|s| (s, 40_000)).chain((21..400).map(|s| (s, 39_800)));
    assert_eq!(run(&mut alarm, held), (1, 0, 0));
}

#[test]
fn slow_samples_raise_the_critical_level_at_once_and_the_watch_level_at_the_second() {
    let mut critical = Alarm::new(CRITICAL);
    assert_eq!(run(&mut critical, [(0, 39_900), (60, 40_000)]), (1, 0, 0));
    let mut watch = Alarm::new(WATCH);
    assert_eq!(run(&mut watch, [(0, 38_700), (60, 39_100)]), (0, 0, 0));
    assert_eq!(run(&mut watch, [(120, 39_100)]), (1, 0, 0));
}

#[test]
fn an_acknowledged_alarm_clears_after_the_off_delay_and_can_be_raised_again() {
    let mut alarm = Alarm::new(CRITICAL);
    run(&mut alarm, (0..=20).map(|s| (s, 40_200)));
    assert_eq!(alarm.acknowledge(DateTime::UNIX_EPOCH), None);
    assert_eq!(run(&mut alarm, (21..=50).map(|s| (s, 39_000))), (0, 0, 0));
    assert_eq!(run(&mut alarm, [(51, 39_000)]), (0, 0, 1));
    assert_eq!(run(&mut alarm, (60..=80).map(|s| (s, 40_000))), (1, 0, 0));
}

#[test]
fn a_raised_alarm_says_when_the_condition_began_and_when_it_was_confirmed_and_received() {
    let mut alarm = Alarm::new(WATCH);
    run(&mut alarm, (0..15).map(|s| (s, 39_100)));
    let confirming = Sample { at: at(15), received: at(17), value: 39_200 };
    let Some(Transition::Raised(raised)) = alarm.step(confirming) else { panic!("not raised") };
    assert_eq!((raised.condition_at, raised.at, raised.received, raised.value), (at(0), at(15), at(17), 39_200));
}

#[test]
fn silence_never_clears_an_alarm() {
    let mut alarm = Alarm::new(WATCH);
    run(&mut alarm, (0..=15).map(|s| (s, 39_100)));
    assert_eq!(run(&mut alarm, [(16, 38_000)]), (0, 0, 0));
    let before = alarm.clone();
    assert_eq!(alarm.tick(at(100_000)), None);
    assert_eq!(alarm, before);
}

#[test]
fn the_state_survives_being_stored_at_any_moment() {
    let mut whole = Alarm::new(CRITICAL);
    let mut restarted = Alarm::new(CRITICAL);
    for second in 0..40 {
        let value = 39_950 + i32::try_from(second).unwrap() * 3;
        assert_eq!(whole.step(sample(second, value)), restarted.step(sample(second, value)));
        restarted = stored(&restarted);
    }
    assert!(whole.raised().is_some());
    assert_eq!(whole, restarted);
}

#[test]
fn a_rule_stored_before_it_had_timers_has_none() {
    let mut json = serde_json::to_value(CRITICAL).unwrap();
    for added in ["re_alarm_seconds", "escalate_seconds", "shelve_limit_seconds"] {
        assert!(json.as_object_mut().unwrap().remove(added).is_some());
    }
    assert_eq!(serde_json::from_value::<Rule>(json).unwrap(), CRITICAL);
}
