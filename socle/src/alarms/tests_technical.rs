//! No data, low reliability: what is raised about the equipment.

use chrono::TimeDelta;

use super::tests::{at, stored};
use crate::alarms::{LowReliability, Phase, Raised, Silence, Transition};

/// A device heard at these seconds.
fn heard(seconds: impl IntoIterator<Item = i64>) -> Silence {
    let mut silence = Silence::new(1);
    for second in seconds {
        assert_eq!(silence.heard(at(second)), None);
    }
    silence
}

/// The alarm raised at this second, if any.
fn missed(silence: &mut Silence, second: i64) -> Option<Raised> {
    match silence.tick(at(second)) {
        Some(Transition::Raised(raised)) => Some(raised),
        None => None,
        other => panic!("{other:?} was not expected"),
    }
}

#[test]
fn a_sensor_off_for_90_seconds_is_one_alarm_and_over_when_it_is_back() {
    let mut silence = heard(0..=10);
    assert_eq!(missed(&mut silence, 24), None);
    let raised = missed(&mut silence, 25).unwrap();
    assert_eq!(raised, Raised { condition_at: at(10), at: at(25), received: at(25), value: 15_000 });
    assert!((26..100).all(|second| missed(&mut silence, second).is_none()));
    assert_eq!(silence.heard(at(100)), Some(Transition::Cleared(raised)));
    assert_eq!(missed(&mut silence, 114), None);
    assert!(missed(&mut silence, 115).is_some());
}

#[test]
fn who_never_said_anything_is_not_missed() {
    assert_eq!(missed(&mut Silence::new(1), 100_000), None);
}

#[test]
fn a_slow_device_is_missed_after_twice_its_interval() {
    let mut silence = heard((0..5).map(|reading| reading * 60));
    assert_eq!(silence.interval(), TimeDelta::seconds(60));
    assert_eq!(missed(&mut silence, 240 + 119), None);
    assert_eq!(missed(&mut silence, 240 + 120).unwrap().value, 120_000);
}

#[test]
fn the_interval_is_one_second_until_two_readings_and_stays_within_its_bounds() {
    assert_eq!(heard([]).interval(), TimeDelta::seconds(1));
    assert_eq!(heard([0]).interval(), TimeDelta::seconds(1));
    assert_eq!(heard([0, 40]).interval(), TimeDelta::seconds(40));
    assert_eq!(heard([0, 2, 42]).interval(), TimeDelta::seconds(2));
    assert_eq!(heard((0..9).map(|reading| reading * 3_600)).interval(), TimeDelta::minutes(5));
    let mut fast = Silence::new(1);
    for reading in 0..9 {
        fast.heard(at(0) + TimeDelta::milliseconds(reading * 100));
    }
    assert_eq!(fast.interval(), TimeDelta::seconds(1));
}

#[test]
fn one_outage_does_not_teach_patience_and_a_new_pace_is_learned() {
    let mut silence = heard((0..=10).chain([250]));
    assert_eq!(silence.interval(), TimeDelta::seconds(1));
    for reading in 1..=3 {
        silence.heard(at(250 + reading * 30));
    }
    assert_eq!(silence.interval(), TimeDelta::seconds(30));
}

#[test]
fn readings_delivered_together_are_one_delivery() {
    let silence = heard([0, 0, 0, 60, 60, 60, 120, 120, 120]);
    assert_eq!(silence.interval(), TimeDelta::seconds(60));
}

#[test]
fn a_restart_that_repeats_the_tick_raises_the_same_alarm() {
    let mut first = heard(0..=10);
    let mut again = stored(&first);
    assert_eq!(again, first);
    let condition = |raised: Option<Raised>| raised.unwrap().condition_at;
    assert_eq!(condition(missed(&mut first, 25)), condition(missed(&mut again, 90)));
}

#[test]
fn a_silence_that_goes_on_after_it_was_resolved_is_another_alarm() {
    let mut silence = heard(0..=10);
    let first = missed(&mut silence, 25).unwrap();
    assert_eq!(silence.alarm.resolve(at(30)), Some(Transition::Resolved(first)));
    let second = missed(&mut silence, 31).unwrap();
    assert_eq!((second.condition_at, second.value), (at(25), 21_000));
}

#[test]
fn a_silence_escalates_by_the_timers_it_was_given() {
    let mut silence = heard(0..=10);
    silence.alarm.rule.escalate_seconds = [60, 0, 0];
    let raised = missed(&mut silence, 25).unwrap();
    assert_eq!(silence.tick(at(84)), None);
    assert_eq!(silence.tick(at(85)), Some(Transition::Escalated(raised, 1)));
}

#[test]
fn a_clock_that_goes_backwards_neither_raises_nor_hides_silence() {
    let mut silence = heard(0..=10);
    assert_eq!(missed(&mut silence, -3_600), None);
    assert_eq!(silence.heard(at(-3_600)), None);
    assert_eq!(silence.interval(), TimeDelta::seconds(1));
    assert_eq!(missed(&mut silence, -3_600 + 15).unwrap().condition_at, at(-3_600));
}

/// Feeds the same reliability for these seconds, received at once; what was raised.
fn read(low: &mut LowReliability, seconds: impl IntoIterator<Item = i64>, reliability: Option<i16>) -> Option<Raised> {
    let mut raised = None;
    for second in seconds {
        match low.step(at(second), at(0), reliability) {
            Some(Transition::Raised(new)) => raised = Some(new),
            None => {}
            other => panic!("{other:?} was not expected"),
        }
    }
    raised
}

#[test]
fn a_reliability_of_10_for_30_seconds_of_device_time_is_an_alarm() {
    let mut low = LowReliability::new(2, 50);
    assert_eq!(read(&mut low, 0..30, Some(10)), None);
    let raised = read(&mut low, [30], Some(10)).unwrap();
    assert_eq!((raised.condition_at, raised.value), (at(0), -10_000));
    assert_eq!(read(&mut low, 31..100, Some(10)), None);
    assert_eq!(low.step(at(100), at(100), Some(50)), Some(Transition::Cleared(raised)));
}

#[test]
fn one_trustworthy_reading_starts_the_30_seconds_again() {
    let mut low = LowReliability::new(2, 50);
    assert_eq!(read(&mut low, 0..30, Some(49)), None);
    assert_eq!(read(&mut low, [30], Some(50)), None);
    assert_eq!(read(&mut low, 31..=60, Some(49)), None);
    assert!(read(&mut low, [61], Some(49)).is_some());
}

#[test]
fn a_reading_without_reliability_is_trusted() {
    let mut low = LowReliability::new(2, 50);
    assert_eq!(read(&mut low, 0..100, None), None);
    let raised = read(&mut low, 100..=130, Some(0)).unwrap();
    assert_eq!(low.step(at(131), at(131), None), Some(Transition::Cleared(raised)));
    assert_eq!(low.alarm.phase, Phase::Normal);
}

#[test]
fn low_reliability_survives_a_restart_and_knows_no_limit_that_panics() {
    let mut low = LowReliability::new(2, 50);
    read(&mut low, 0..20, Some(10));
    let mut low: LowReliability = stored(&low);
    assert!(read(&mut low, [30], Some(10)).is_some());
    let mut widest = LowReliability::new(2, i16::MAX);
    assert!(read(&mut widest, [0, 30], Some(i16::MIN)).is_some());
    let mut never = LowReliability::new(2, i16::MIN);
    assert_eq!(read(&mut never, [0, 30], Some(i16::MIN)), None);
}
