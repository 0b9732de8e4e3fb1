//! The whole state machine of sessions against a small model: after each random step every credential ever given is
//! tried, and opens its door exactly when the model says so.
//!
//! A few cases in an ordinary run, many with `SOCLE_LONG=1`.

mod held;
mod model;

use std::cell::Cell;

use anyhow::{Result, ensure};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use testkit::Stage;
use tokio::runtime::Runtime;

use super::refresh::cases;
use held::Story;

/// What happens. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    SignIn { person: usize, browser: bool },
    Refresh { token: usize },
    ChangeTenant { session: usize },
    SignOut { session: usize },
    End { by: usize, target: usize },
    EndOthers { by: usize },
    Factor { person: usize, on: bool },
    Role { person: usize, tenant: usize, role: usize },
    Active { person: usize, on: bool },
    Suspended { tenant: usize, on: bool },
    Pass { minutes: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (person, tenant, one_of) = (0..2_usize, 0..2_usize, 0..64_usize);
    let minutes =
        prop_oneof![4 => 1..10_i64, 3 => 10..20_i64, 2 => Just(11 * 60), 1 => Just(12 * 60), 1 => Just(3 * 1_440)];
    let one = prop_oneof![
        8 => (person.clone(), any::<bool>()).prop_map(|(person, browser)| Step::SignIn { person, browser }),
        6 => one_of.clone().prop_map(|token| Step::Refresh { token }),
        2 => one_of.clone().prop_map(|session| Step::ChangeTenant { session }),
        2 => one_of.clone().prop_map(|session| Step::SignOut { session }),
        2 => (one_of.clone(), one_of.clone()).prop_map(|(by, target)| Step::End { by, target }),
        1 => one_of.prop_map(|by| Step::EndOthers { by }),
        2 => (person.clone(), any::<bool>()).prop_map(|(person, on)| Step::Factor { person, on }),
        2 => (person.clone(), tenant.clone(), 0..3_usize)
            .prop_map(|(person, tenant, role)| Step::Role { person, tenant, role }),
        2 => (person, any::<bool>()).prop_map(|(person, on)| Step::Active { person, on }),
        1 => (tenant, any::<bool>()).prop_map(|(tenant, on)| Step::Suspended { tenant, on }),
        6 => minutes.prop_map(|minutes| Step::Pass { minutes }),
    ];
    vec(one, 4..28)
}

#[test]
fn every_credential_opens_its_door_exactly_when_the_model_says_so() -> Result<()> {
    let runtime = Runtime::new()?;
    let stage = runtime.block_on(Stage::new())?;
    let (number, knocks) = (Cell::new(0), Cell::new([0, 0]));
    let told = TestRunner::new(cases(8, 150)).run(&steps(), |steps| {
        number.set(number.get() + 1);
        let told = runtime.block_on(async {
            let mut story = Story::begin(&stage, number.get()).await?;
            for (place, step) in steps.iter().enumerate() {
                let done = story.take(step).await;
                ensure!(done.is_ok(), "step {place}, {step:?}: {:?}", done.err());
                let tried = story.try_all().await;
                ensure!(tried.is_ok(), "after step {place}, {step:?}: {:?}", tried.err());
            }
            story.refresh_all().await?;
            let [opened, refused] = knocks.get();
            knocks.set([opened + story.knocks[0], refused + story.knocks[1]]);
            Ok(())
        });
        told.map_err(|error: anyhow::Error| TestCaseError::fail(error.to_string()))
    });
    drop(stage);
    told.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let [opened, refused] = knocks.get();
    ensure!(opened > 50 && refused > 50, "{opened} doors opened, {refused} did not: the steps try too little");
    Ok(())
}
