//! What comes round by itself: partitions are made ahead. (What is old enough is forgotten by [`crate::privacy::jobs`].)

use chrono::Months;

use crate::jobs::{Job, Jobs, MAINTENANCE, Outcome, Schedule};
use crate::{App, db, security};

pub(super) fn jobs(jobs: Jobs) -> Jobs {
    let zone = chrono_tz::Europe::Paris;
    let round = |name, cron| Schedule { name, cron, zone, kind: name, queue: MAINTENANCE };
    jobs.on("socle.partitions", async |app: App, job: Job| partitions(&app, &job).await)
        .on("security.watch", async |app: App, job: Job| watch(&app, &job).await)
        .every(round("security.watch", "* * * * *"))
        .every(round("socle.partitions", "15 */6 * * *"))
}

async fn partitions(app: &App, job: &Job) -> Outcome {
    let today = job.caller.now().date_naive();
    db::ensure_months(&app.db, today - Months::new(1), today + Months::new(2)).await?;
    Ok(())
}

/// Each minute.
async fn watch(app: &App, job: &Job) -> Outcome {
    let found = security::watch::look(app, &job.caller).await?;
    if found > 0 {
        tracing::warn!(found, "the watch found something: /platform/security");
    }
    Ok(())
}
