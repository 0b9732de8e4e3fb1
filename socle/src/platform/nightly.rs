//! What comes round by itself: partitions are made ahead. (What is old enough is forgotten by [`crate::privacy::jobs`].)

use chrono::Months;

use crate::jobs::{Job, Jobs, MAINTENANCE, Outcome, Schedule};
use crate::{App, db};

pub(super) fn jobs(jobs: Jobs) -> Jobs {
    let (name, cron, zone) = ("socle.partitions", "15 */6 * * *", chrono_tz::Europe::Paris);
    jobs.on(name, async |app: App, job: Job| partitions(&app, &job).await).every(Schedule {
        name,
        cron,
        zone,
        kind: name,
        queue: MAINTENANCE,
    })
}

async fn partitions(app: &App, job: &Job) -> Outcome {
    let today = job.caller.now().date_naive();
    db::ensure_months(&app.db, today - Months::new(1), today + Months::new(2)).await?;
    Ok(())
}
