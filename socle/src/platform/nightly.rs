//! What comes round by itself: partitions are made ahead, what is old enough is forgotten.

use chrono::{Months, TimeDelta};

use crate::jobs::{Job, Jobs, MAINTENANCE, Outcome, Schedule};
use crate::{App, db, identity, jobs as queues, mail, web};

pub(super) fn jobs(jobs: Jobs) -> Jobs {
    let zone = chrono_tz::Europe::Paris;
    let round = |name, cron| Schedule { name, cron, zone, kind: name, queue: MAINTENANCE };
    jobs.on("socle.partitions", async |app: App, job: Job| partitions(&app, &job).await)
        .on("socle.forget", async |app: App, job: Job| forget(&app, &job).await)
        .every(round("socle.partitions", "15 */6 * * *"))
        .every(round("socle.forget", "30 3 * * *"))
}

async fn partitions(app: &App, job: &Job) -> Outcome {
    let today = job.caller.now().date_naive();
    db::ensure_months(&app.db, today - Months::new(1), today + Months::new(2)).await?;
    Ok(())
}

/// Done jobs are kept for 7 days, mails for 90, sessions for 90 after their end, answers to creations for one; challenges
/// for one after they are over, tries of passwords for as long as they count.
async fn forget(app: &App, job: &Job) -> Outcome {
    let now = job.caller.now();
    let jobs = queues::forget(&app.db, now - TimeDelta::days(7)).await?;
    let mails = mail::forget(&app.db, now - TimeDelta::days(90)).await?;
    let sessions = identity::actions::forget_sessions(&job.caller).await?;
    let answers = web::idempotency::purge(&app.db, now).await?;
    let challenges = identity::challenges::forget(&job.caller, now - TimeDelta::days(1)).await?;
    let tries = identity::passwords::change::forget_tries(&job.caller).await?;
    tracing::info!(jobs, mails, sessions, answers, challenges, tries, "forgotten");
    Ok(())
}
