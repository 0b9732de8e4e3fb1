//! The work behind files: the virus scanner, and the sweep of what is nobody's any more.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::scanner::Found;
use super::store::Place;
use super::{FileId, State, sql};
use crate::jobs::{self as queues, Failure, Job, Jobs, MAINTENANCE, NewJob, Outcome, Schedule};
use crate::web::Branding;
use crate::{App, audit};

pub(super) const SCAN: &str = "files.scan";
pub(super) const SWEEP: &str = "files.sweep";

/// Objects taken away at once.
const BATCH: i32 = 200;
/// How long a finished file may wait for a scanner before it is asked again.
const ASKED_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(15);

/// Who does it, for products of these brandings.
#[must_use]
pub fn jobs(jobs: Jobs, brandings: &[&'static Branding]) -> Jobs {
    let realms: Vec<&'static str> = brandings.iter().map(|branding| branding.realm.name).collect();
    let zone = chrono_tz::Europe::Paris;
    jobs.on(SCAN, async |app: App, job: Job| scan(&app, &job).await)
        .on(SWEEP, move |app: App, job: Job| {
            let realms = realms.clone();
            async move { sweep(&app, &job, &realms).await }
        })
        .every(Schedule { name: SWEEP, cron: "*/15 * * * *", zone, kind: SWEEP, queue: MAINTENANCE })
}

async fn scan(app: &App, job: &Job) -> Outcome {
    let Some(scanner) = &app.files.scanner else { return Ok(()) };
    let id: FileId = job.field("file")?;
    let mut tx = job.caller.begin().await?;
    let file = match sql::find(&mut tx, id).await {
        Ok(file) if file.state == State::Pending => file,
        // Scanned already, or removed meanwhile.
        Ok(_) => return Ok(()),
        Err(error) if error.status == http::StatusCode::NOT_FOUND => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    drop(tx);
    let place = Place::of(&file.realm, &file.kind, id);
    let content = app.files.store.read(&place, None).await?;
    let found = scanner.look(content).await.map_err(Failure::Retry)?;
    let state = if found == Found::Nothing { State::Clean } else { State::Refused };
    let mut tx = job.caller.begin().await?;
    if sql::judged(&mut tx, id, state).await? {
        let details = json!({ "kind": file.kind, "state": state.name() });
        audit::record(&mut tx, audit::Entry::done("file.scanned", "File", id.0).with(details)).await?;
    }
    tx.commit().await?;
    if state == State::Refused {
        app.files.store.delete(&place).await?;
    }
    Ok(())
}

/// Contents first, rows after: what a crash leaves in between is found again.
async fn sweep(app: &App, job: &Job, realms: &[&'static str]) -> Outcome {
    let now = job.caller.now();
    loop {
        let doomed = sql::doomed(&app.db, now - super::actions::COMPLETED_WITHIN * 2, now, BATCH).await?;
        let mut gone: Vec<Uuid> = Vec::with_capacity(doomed.len());
        for (id, realm, kind) in doomed {
            app.files.store.delete(&Place::of(&realm, &kind, id)).await?;
            gone.push(id.0);
        }
        let forgotten = sql::forget(&app.db, &gone, now).await?;
        if forgotten < i64::from(BATCH) {
            break;
        }
    }
    app.files.store.sweep_pieces().await?;
    if app.files.scanner.is_some() {
        ask_again(app, job, realms).await?;
    }
    Ok(())
}

/// A scanner that was out of reach for long has used up its jobs' attempts.
async fn ask_again(app: &App, job: &Job, realms: &[&'static str]) -> Outcome {
    for (id, realm, tenant) in sql::unscanned(&app.db, job.caller.now() - ASKED_AGAIN_AFTER, BATCH).await? {
        let Some(realm) = realms.iter().find(|known| **known == realm) else { continue };
        let mut tx = app.system(realm, tenant).begin().await?;
        let again = NewJob::now(SCAN, MAINTENANCE, json!({ "file": id })).once(id.to_string());
        queues::enqueue(&mut tx, again).await?;
        tx.commit().await?;
    }
    Ok(())
}
