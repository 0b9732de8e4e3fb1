use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn rollout(stage: i16) -> Rollout {
    let plan =
        Plan { stages: vec![10, 50, 100], min_sample: 10, success_percent: 95, error_percent: 5, install_minutes: 60 };
    Rollout {
        id: RolloutId(Uuid::nil()),
        release: ReleaseId(Uuid::nil()),
        replaces: None,
        state: State::Running,
        plan,
        stage,
        started_at: DateTime::UNIX_EPOCH,
    }
}

/// A stage in which everything was decided lately; `mature` of them have used up their time.
fn stand(stage: i16, (waiting, installed, failed): (i64, i64, i64), mature: bool) -> Stand {
    let (mature_installed, mature_failed) = if mature { (installed, failed) } else { (0, 0) };
    let decided_lately = installed + failed;
    Stand { stage, waiting, installed, failed, mature_installed, mature_failed, failed_lately: failed, decided_lately }
}

#[test]
fn it_goes_further_when_enough_have_succeeded() {
    assert_eq!(judge(&rollout(1), &[]), Verdict::GoOn);
    assert_eq!(judge(&rollout(1), &[stand(1, (0, 9, 0), true)]), Verdict::GoOn, "too few to conclude anything");
    assert_eq!(judge(&rollout(1), &[stand(1, (0, 10, 0), true)]), Verdict::NextStage);
    assert_eq!(judge(&rollout(3), &[stand(3, (0, 100, 0), true)]), Verdict::GoOn, "there is no further stage");
}

#[test]
fn quick_successes_do_not_hide_failures_that_are_still_to_show() {
    assert_eq!(judge(&rollout(1), &[stand(1, (2, 18, 0), false)]), Verdict::GoOn, "two are still out");
    assert_eq!(judge(&rollout(1), &[stand(1, (2, 18, 0), true)]), Verdict::NextStage, "their time was over");
}

#[test]
fn too_many_failures_pause_it_in_any_stage() {
    let errors = Verdict::Pause(Pause::Errors);
    assert_eq!(judge(&rollout(1), &[stand(1, (50, 9, 1), false)]), errors, "one in ten, while others are out");
    assert_eq!(judge(&rollout(1), &[stand(1, (0, 95, 5), true)]), Verdict::NextStage, "5 % is not more than 5 %");
    assert_eq!(judge(&rollout(2), &[stand(1, (0, 10, 0), true), stand(2, (30, 8, 2), false)]), errors);
    assert_eq!(judge(&rollout(1), &[stand(1, (0, 5, 4), true)]), Verdict::GoOn, "nine are no sample");
}

#[test]
fn too_few_successes_pause_it_where_failures_are_tolerated() {
    let mut tolerant = rollout(1);
    tolerant.plan.error_percent = 50;
    assert_eq!(judge(&tolerant, &[stand(1, (0, 90, 10), true)]), Verdict::Pause(Pause::Success));
    assert_eq!(judge(&tolerant, &[stand(1, (0, 95, 5), true)]), Verdict::NextStage);
}

#[test]
fn the_rate_is_of_what_is_decided() {
    assert_eq!(success_rate(&[stand(1, (7, 0, 0), false)]), None);
    assert_eq!(success_rate(&[stand(1, (7, 2, 1), false), stand(2, (0, 0, 0), false)]), Some(66));
}

#[test]
fn a_plan_rises_to_a_hundred() {
    let form = |stages: &str| PlanForm {
        stages: stages.to_owned(),
        min_sample: "10".to_owned(),
        success_percent: "95".to_owned(),
        error_percent: "5".to_owned(),
        install_minutes: "120".to_owned(),
    };
    assert_eq!(form("5, 25, 100").checked().unwrap().stages, [5, 25, 100]);
    assert_eq!(form("100").checked().unwrap().stages, [100]);
    for odd in ["", "5", "50, 25, 100", "0, 100", "5, 5, 100", "a, 100", "1,2,3,4,5,6,7,8,9,10,100"] {
        let faults = form(odd).checked().unwrap_err();
        assert_eq!(faults.first().unwrap().field, "stages", "{odd}");
    }
    let fields: Vec<_> = PlanForm::default().checked().unwrap_err().into_iter().map(|fault| fault.field).collect();
    assert_eq!(fields, ["min_sample", "success_percent", "error_percent", "install_minutes", "stages"]);
}

proptest! {
    /// Whatever is reported in whatever order: above the tolerated share of failures it never goes further.
    #[test]
    fn it_never_goes_further_on_too_many_failures(waiting in 0_i64..50, installed in 0_i64..500, failed in 0_i64..500, mature: bool) {
        let verdict = judge(&rollout(1), &[stand(1, (waiting, installed, failed), mature)]);
        let decided = installed + failed;
        if failed * 100 > 5 * decided {
            prop_assert_ne!(verdict, Verdict::NextStage);
            prop_assert_eq!(verdict == Verdict::Pause(Pause::Errors), decided >= 10);
        }
        if verdict == Verdict::NextStage {
            prop_assert!(decided >= 10 && installed * 100 >= 95 * decided && (waiting == 0 || mature));
        }
    }
}
