//! What a machine says of itself when it is taken over.

use super::*;

const PRESET: Preset = Preset {
    watch_limit: Celsius(39_000),
    watch_clear: Celsius(38_800),
    critical_limit: Celsius(40_000),
    critical_clear: Celsius(39_700),
    on_delay_seconds: 15,
    off_delay_seconds: 30,
    reliability_limit: 50,
};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn heated() -> Machine {
    let mut machine = Machine::new(Uuid::nil(), &PRESET, at(0));
    for second in 1..=20 {
        machine.heard(at(second));
        machine.step(Sample { at: at(second), received: at(second), value: 40_200 });
    }
    machine
}

fn stored(kind: AlertKind, raised: Raised) -> LiveAlert {
    let (limit, state) = (None, AlertState::Active);
    LiveAlert { id: Uuid::nil(), kind, limit, raised, acknowledged: None, escalation: 0, state }
}

#[test]
fn what_was_raised_and_never_written_is_found_and_so_is_what_is_over_and_still_stored() {
    let machine = heated();
    let missing = machine.unwritten(&[]);
    let kinds: Vec<AlertKind> = missing.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [AlertKind::Watch, AlertKind::Critical]);
    let raised = |one: &(AlertKind, Transition)| match one.1 {
        Transition::Raised(raised) => stored(one.0, raised),
        ref other => panic!("{other:?}"),
    };
    let mut alerts: Vec<LiveAlert> = missing.iter().map(raised).collect();
    assert_eq!(machine.unwritten(&alerts), [], "all of it is stored");
    let old = Raised { condition_at: at(-500), ..alerts[0].raised };
    alerts.push(stored(AlertKind::NoData, old));
    assert_eq!(machine.unwritten(&alerts), [(AlertKind::NoData, Transition::Cleared(old))]);
}

#[test]
fn time_in_which_nobody_listened_is_no_silence() {
    let mut machine = heated();
    let mut same = machine.clone();
    assert_eq!(machine.tick(at(40)).first().map(|(kind, _)| *kind), Some(AlertKind::NoData));
    // Saved at second 25; the next server begins at second 600 and has heard nothing for five seconds.
    same.listened(at(25));
    same.resumed(at(600));
    assert!(!same.tick(at(605)).iter().any(|(kind, _)| *kind == AlertKind::NoData));
    assert!(same.tick(at(611)).iter().any(|(kind, _)| *kind == AlertKind::NoData));
}
