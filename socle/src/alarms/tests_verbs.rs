//! Acknowledge, escalate, re-alarm, resolve, shelve: what people and server time do to one alarm.

use chrono::{DateTime, Utc};

use super::tests::{CRITICAL, at, run, sample, stored};
use crate::alarms::{Alarm, Phase, Rule, Sample, ShelveRefused, Transition};

/// The critical level with every timer.
const TOLD: Rule =
    Rule { re_alarm_seconds: Some(120), escalate_seconds: [60, 120, 180], shelve_limit_seconds: 600, ..CRITICAL };

/// An alarm raised at second 0 of both clocks.
fn raised(rule: Rule) -> Alarm {
    let mut alarm = Alarm::new(rule);
    assert_eq!(run(&mut alarm, (-15..=0).map(|s| (s, 40_200))), (1, 0, 0));
    alarm
}

/// An alarm raised at second 0 whose condition has gone at second 40.
fn latched(rule: Rule) -> Alarm {
    let mut alarm = raised(rule);
    assert_eq!(run(&mut alarm, (10..=40).map(|s| (s, 39_000))), (0, 1, 0));
    alarm
}

/// Ticks until there is nothing more to say; what was said.
fn ticked(alarm: &mut Alarm, second: i64) -> String {
    let mut said = Vec::new();
    while let Some(transition) = alarm.tick(at(second)) {
        said.push(match transition {
            Transition::Escalated(_, step) => format!("step {step}"),
            Transition::ReAlarmed(_) => "again".to_owned(),
            Transition::Unshelved(_) => "unshelved".to_owned(),
            other => panic!("time alone does not give {other:?}"),
        });
    }
    said.join(", ")
}

#[test]
fn an_alarm_nobody_takes_note_of_escalates_step_by_step() {
    let mut alarm = raised(TOLD);
    assert_eq!(ticked(&mut alarm, 59), "");
    assert_eq!(ticked(&mut alarm, 60), "step 1");
    assert_eq!(ticked(&mut alarm, 60), "");
    assert_eq!(ticked(&mut alarm, 119), "");
    assert_eq!(ticked(&mut alarm, 200), "step 2, step 3");
    assert_eq!(ticked(&mut alarm, 100_000), "");
}

#[test]
fn a_step_of_zero_seconds_does_not_exist() {
    assert_eq!(ticked(&mut raised(Rule { escalate_seconds: [60, 0, 180], ..TOLD }), 500), "step 1, step 3");
    assert_eq!(ticked(&mut raised(Rule { escalate_seconds: [0; 3], ..TOLD }), 500), "");
}

#[test]
fn steps_are_reached_in_order_whatever_their_delays() {
    let mut alarm = raised(Rule { escalate_seconds: [180, 60, 0], ..TOLD });
    assert_eq!(ticked(&mut alarm, 179), "");
    assert_eq!(ticked(&mut alarm, 180), "step 1, step 2");
}

#[test]
fn escalation_runs_in_server_time_from_the_receipt_of_the_confirming_sample() {
    let mut alarm = Alarm::new(TOLD);
    alarm.step(Sample { at: at(-100), received: at(0), value: 40_200 });
    alarm.step(Sample { at: at(-85), received: at(0), value: 40_200 });
    assert_eq!(ticked(&mut alarm, 59), "");
    assert_eq!(ticked(&mut alarm, 60), "step 1");
}

#[test]
fn an_acknowledgement_stops_the_escalation_and_the_sound() {
    let mut alarm = raised(Rule { re_alarm_seconds: None, ..TOLD });
    assert_eq!(ticked(&mut alarm, 60), "step 1");
    assert!(alarm.rings(at(61)));
    assert_eq!(alarm.acknowledge(at(61)), None);
    assert_eq!(alarm.acknowledged(), Some(at(61)));
    assert!(!alarm.rings(at(61)));
    assert_eq!(ticked(&mut alarm, 100_000), "");
}

#[test]
fn a_latched_alarm_rings_and_escalates_and_starts_anew_when_the_condition_returns() {
    let mut alarm = latched(TOLD);
    assert!(alarm.rings(at(41)));
    assert_eq!(ticked(&mut alarm, 60), "step 1");
    assert!(matches!(alarm.step(sample(100, 40_200)), Some(Transition::Returned(_))));
    assert_eq!(ticked(&mut alarm, 159), "");
    assert_eq!(ticked(&mut alarm, 160), "step 1");
}

#[test]
fn acknowledged_at_40_2_that_stays_it_is_silent_and_then_comes_back() {
    let mut alarm = raised(TOLD);
    assert_eq!(ticked(&mut alarm, 60), "step 1");
    alarm.acknowledge(at(70));
    run(&mut alarm, (71..=189).map(|s| (s, 40_200)));
    assert_eq!(ticked(&mut alarm, 189), "");
    assert!(!alarm.rings(at(189)));
    assert_eq!(ticked(&mut alarm, 190), "again");
    assert!(alarm.rings(at(190)));
    assert_eq!(alarm.acknowledged(), None);
    assert_eq!(ticked(&mut alarm, 249), "");
    assert_eq!(ticked(&mut alarm, 250), "step 1");
}

#[test]
fn what_is_over_does_not_come_back() {
    let mut alarm = raised(TOLD);
    alarm.acknowledge(at(1));
    assert_eq!(run(&mut alarm, (2..=40).map(|s| (s, 39_000))), (0, 0, 1));
    assert_eq!(ticked(&mut alarm, 1_000), "");
}

#[test]
fn a_sensor_taken_off_while_it_cools_does_not_keep_an_acknowledged_alarm_silent() {
    let mut alarm = raised(TOLD);
    alarm.acknowledge(at(1));
    alarm.step(sample(2, 39_000));
    assert_eq!(ticked(&mut alarm, 121), "again");
}

#[test]
fn after_an_interruption_it_rings_again_first_and_escalates_from_then() {
    let mut alarm = raised(TOLD);
    alarm.acknowledge(at(1));
    assert_eq!(ticked(&mut alarm, 5_000), "again");
    assert_eq!(ticked(&mut alarm, 5_059), "");
    assert_eq!(ticked(&mut alarm, 5_060), "step 1");
}

#[test]
fn a_resolved_alarm_is_over_and_a_lasting_condition_raises_another_after_the_on_delay() {
    let mut alarm = raised(TOLD);
    let first = alarm.raised().unwrap();
    run(&mut alarm, (1..=20).map(|s| (s, 40_200)));
    assert_eq!(alarm.resolve(at(20)), Some(Transition::Resolved(first)));
    assert_eq!(alarm.phase, Phase::Normal);
    assert!(!alarm.rings(at(20)));
    assert_eq!(run(&mut alarm, (21..=35).map(|s| (s, 40_200))), (0, 0, 0));
    assert_eq!(run(&mut alarm, [(36, 40_200)]), (1, 0, 0));
    assert_ne!(alarm.raised().unwrap().condition_at, first.condition_at);
}

#[test]
fn latched_and_acknowledged_alarms_can_be_resolved_and_rest_cannot() {
    assert!(matches!(latched(TOLD).resolve(at(50)), Some(Transition::Resolved(_))));
    let mut acknowledged = raised(TOLD);
    acknowledged.acknowledge(at(1));
    assert!(matches!(acknowledged.resolve(at(2)), Some(Transition::Resolved(_))));
    assert_eq!(acknowledged.resolve(at(3)), None);
    let mut pending = Alarm::new(TOLD);
    pending.step(sample(0, 40_200));
    assert_eq!(pending.resolve(at(1)), None);
    assert!(matches!(pending.phase, Phase::Pending { .. }));
}

#[test]
fn shelving_is_refused_without_a_rule_into_the_past_and_beyond_the_limit() {
    assert_eq!(raised(CRITICAL).shelve(at(0), at(1)), Err(ShelveRefused::Forbidden));
    let mut alarm = raised(TOLD);
    let before = alarm.clone();
    assert_eq!(alarm.shelve(at(10), at(10)), Err(ShelveRefused::NotAhead));
    assert_eq!(alarm.shelve(at(10), at(9)), Err(ShelveRefused::NotAhead));
    assert_eq!(alarm.shelve(at(10), at(611)), Err(ShelveRefused::TooLong { limit_seconds: 600 }));
    assert_eq!(alarm, before);
    assert_eq!(alarm.shelve(at(10), at(610)), Ok(()));
    assert!(alarm.is_shelved(at(609)) && !alarm.is_shelved(at(610)));
}

#[test]
fn a_shelved_alarm_is_recorded_as_ever_but_is_not_heard_until_the_end() {
    let mut alarm = Alarm::new(TOLD);
    alarm.shelve(at(0), at(600)).unwrap();
    assert_eq!(run(&mut alarm, (1..=16).map(|s| (s, 40_200))), (1, 0, 0));
    assert!(!alarm.rings(at(16)));
    assert_eq!(ticked(&mut alarm, 599), "");
    assert_eq!(ticked(&mut alarm, 600), "unshelved");
    assert!(alarm.rings(at(600)));
    assert_eq!(ticked(&mut alarm, 659), "");
    assert_eq!(ticked(&mut alarm, 660), "step 1");
}

#[test]
fn a_shelved_alarm_latches_and_clears() {
    let mut alarm = raised(TOLD);
    alarm.shelve(at(0), at(600)).unwrap();
    assert_eq!(run(&mut alarm, (10..=40).map(|s| (s, 39_000))), (0, 1, 0));
    assert!(!alarm.rings(at(41)));
    assert!(matches!(alarm.acknowledge(at(41)), Some(Transition::Cleared(_))));
    assert_eq!(ticked(&mut alarm, 1_000), "");
    assert_eq!(alarm.shelved_until, None);
}

#[test]
fn the_end_of_shelving_says_nothing_when_somebody_has_taken_note() {
    let mut alarm = raised(Rule { re_alarm_seconds: None, ..TOLD });
    alarm.shelve(at(0), at(100)).unwrap();
    alarm.acknowledge(at(10));
    assert_eq!(ticked(&mut alarm, 100), "");
    assert!(!alarm.rings(at(100)));
}

#[test]
fn what_should_have_rung_again_while_shelved_does_so_at_the_end() {
    let mut alarm = raised(TOLD);
    alarm.acknowledge(at(0));
    alarm.shelve(at(0), at(300)).unwrap();
    assert_eq!(ticked(&mut alarm, 299), "");
    assert_eq!(ticked(&mut alarm, 300), "again");
}

#[test]
fn taken_back_early_it_rings_and_counts_from_then() {
    let mut alarm = raised(TOLD);
    assert_eq!(ticked(&mut alarm, 60), "step 1");
    alarm.shelve(at(61), at(600)).unwrap();
    assert!(matches!(alarm.unshelve(at(200)), Some(Transition::Unshelved(_))));
    assert!(alarm.rings(at(200)));
    assert_eq!(alarm.unshelve(at(200)), None);
    assert_eq!(ticked(&mut alarm, 259), "");
    assert_eq!(ticked(&mut alarm, 260), "step 1");
}

#[test]
fn an_end_of_shelving_seen_late_counts_from_that_end() {
    let mut alarm = raised(TOLD);
    alarm.shelve(at(0), at(100)).unwrap();
    assert!(alarm.rings(at(100)));
    assert_eq!(ticked(&mut alarm, 170), "unshelved, step 1");
}

#[test]
fn shelving_that_was_over_has_no_part_in_a_later_alarm() {
    let mut alarm = Alarm::new(TOLD);
    alarm.shelve(at(-60), at(-30)).unwrap();
    assert_eq!(run(&mut alarm, (-15..=0).map(|s| (s, 40_200))), (1, 0, 0));
    assert_eq!(ticked(&mut alarm, 59), "");
    assert_eq!(ticked(&mut alarm, 60), "step 1");
}

#[test]
fn after_a_restart_a_latched_alarm_and_an_acknowledged_one_are_as_they_were() {
    let mut waiting = latched(TOLD);
    assert_eq!(ticked(&mut waiting, 60), "step 1");
    let mut waiting = stored(&waiting);
    assert_eq!(waiting.raised().unwrap().condition_at, at(-15));
    assert_eq!(ticked(&mut waiting, 120), "step 2");
    let mut noticed = raised(TOLD);
    noticed.acknowledge(at(10));
    let mut noticed = stored(&noticed);
    assert_eq!(noticed.acknowledged(), Some(at(10)));
    assert_eq!(ticked(&mut noticed, 129), "");
    assert_eq!(ticked(&mut noticed, 130), "again");
}

#[test]
fn a_clock_that_goes_backwards_changes_nothing() {
    let mut acknowledged = raised(TOLD);
    acknowledged.acknowledge(at(1));
    let mut shelved = raised(TOLD);
    shelved.shelve(at(0), at(600)).unwrap();
    let mut escalated = raised(TOLD);
    assert_eq!(ticked(&mut escalated, 60), "step 1");
    for mut alarm in [acknowledged, shelved, escalated, latched(TOLD)] {
        let before = alarm.clone();
        assert_eq!(ticked(&mut alarm, -100_000), "");
        assert_eq!(alarm, before);
    }
}

#[test]
fn no_rule_and_no_instant_panics() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for seconds in [i64::MIN, -1, 0, i64::MAX] {
        let mut alarm = Alarm::new(Rule {
            on_delay_seconds: i64::MIN,
            off_delay_seconds: seconds,
            re_alarm_seconds: Some(seconds),
            escalate_seconds: [seconds; 3],
            shelve_limit_seconds: i64::MAX,
            ..TOLD
        });
        alarm.step(Sample { at: first, received: first, value: i32::MAX });
        assert!(alarm.step(Sample { at: last, received: first, value: i32::MAX }).is_some());
        for now in [first, last, first] {
            alarm.shelve(first, last).unwrap();
            alarm.unshelve(now);
            ticked(&mut alarm, 0);
            alarm.tick(now);
            alarm.acknowledge(now);
            alarm.tick(last);
            alarm.step(Sample { at: now, received: now, value: i32::MIN });
        }
    }
}
