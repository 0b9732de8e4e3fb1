//! Each minute: devices that nothing was heard of until their time was over have failed, and running rollouts are judged.

use socle::jobs::{Job, Jobs, MAINTENANCE, Outcome, Schedule};
use socle::web::Product;

use super::{State, actions, sql};
use crate::firmware::updates;
use crate::{BRANDING, Physiotraq, vendor};

const REVIEW: &str = "firmware.review";

/// Who does it.
pub(crate) fn jobs(jobs: Jobs, product: &Physiotraq) -> Jobs {
    let product = product.clone();
    jobs.on(REVIEW, move |_, _: Job| {
        let product = product.clone();
        async move { review(&product).await }
    })
    .every(Schedule {
        name: REVIEW,
        cron: "* * * * *",
        zone: chrono_tz::Europe::Paris,
        kind: REVIEW,
        queue: MAINTENANCE,
    })
}

/// What the job does; tests call it when they have moved the clock.
pub(crate) async fn review(product: &Physiotraq) -> Outcome {
    let overdue = updates::actions::give_up_silent(product).await?;
    let mut tx = product.app().system(BRANDING.realm.name, vendor::TENANT).begin().await?;
    let rollouts = sql::list(&mut tx, None).await?;
    drop(tx);
    for rollout in rollouts.into_iter().filter(|rollout| rollout.state == State::Running) {
        actions::review(product, rollout.id).await?;
    }
    if overdue > 0 {
        tracing::info!(overdue, "devices did not report a new firmware in time");
    }
    Ok(())
}
