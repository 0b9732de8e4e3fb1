//! Who is told, and what comes later: the end that is written down when the time is over, and the reminder of what
//! nobody has reviewed.

use serde_json::json;

use super::{Opening, OpeningId, REVIEW_WITHIN, Rules, actions, sql};
use crate::db::Tx;
use crate::jobs::{self as queues, Failure, Job, Jobs, MAINTENANCE, NewJob, Outcome};
use crate::mail::{self, Letter};
use crate::web::{Branding, Lang, Product};
use crate::{App, Result};

const OVER: &str = "break_glass.over";
const REMIND: &str = "break_glass.remind";

/// Adds the end and the reminder, for products of these brandings.
#[must_use]
pub fn jobs(jobs: Jobs, brandings: &[&'static Branding]) -> Jobs {
    let brandings = brandings.to_vec();
    let jobs = jobs.on(OVER, async |_: App, job: Job| over(&job).await);
    jobs.on(REMIND, move |app: App, job: Job| {
        let branding = brandings.iter().copied().find(|branding| branding.realm.name == job.caller.realm());
        async move { remind(&app, &job, branding).await }
    })
}

/// Tells the reviewers, and enqueues what comes later. Returns how many were told.
pub(super) async fn tell<P: Product>(product: &P, tx: &mut Tx, opening: &Opening, rules: &Rules) -> Result<usize> {
    let roles = product.roles().iter().filter(|role| product.policies().role_allows(role, rules.review));
    let roles: Vec<String> = roles.map(|role| (*role).to_owned()).collect();
    let person = tx.caller().person()?.clone();
    let reviewers = sql::holders(tx, &roles).await?.into_iter().filter(|one| one.account != opening.account);
    let mut told = 0;
    for reviewer in reviewers {
        let letter = letter("break-glass-opened", &reviewer, product.branding())
            .with("person", &person.name)
            .with("tenant", &person.tenant_name);
        mail::send(product, tx, &reviewer.email, letter).await?;
        told += 1;
    }
    queues::enqueue(tx, NewJob::now(OVER, MAINTENANCE, json!({})).at(opening.expires_at)).await?;
    remember(tx, opening.id, &roles).await?;
    Ok(told)
}

async fn remember(tx: &mut Tx, opening: OpeningId, roles: &[String]) -> Result<()> {
    let at = tx.caller().now() + REVIEW_WITHIN;
    let payload = json!({ "opening": opening, "roles": roles });
    queues::enqueue(tx, NewJob::now(REMIND, MAINTENANCE, payload).at(at)).await?;
    Ok(())
}

/// The mail names neither record nor reason: those stay behind the sign-in.
fn letter(template: &'static str, reviewer: &sql::Reviewer, branding: &Branding) -> Letter {
    let language = Lang::parse(&reviewer.language).unwrap_or(Lang::Fr);
    Letter::new(template, language).link(&format!("{}/admin/break_glass", branding.base))
}

async fn over(job: &Job) -> Outcome {
    let mut tx = job.caller.begin().await?;
    actions::end_over(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Reminds the reviewers as long as nobody has said anything.
async fn remind(app: &App, job: &Job, branding: Option<&'static Branding>) -> Outcome {
    let opening: OpeningId = job.field("opening")?;
    let roles: Vec<String> = job.field("roles")?;
    let branding = branding.ok_or_else(|| Failure::GiveUp("the product is not mounted".to_owned()))?;
    let mut tx = job.caller.begin().await?;
    let Some(standing) = sql::standing(&mut tx, opening).await?.filter(|standing| !standing.reviewed) else {
        return Ok(());
    };
    let reviewers = sql::holders(&mut tx, &roles).await?.into_iter().filter(|one| one.account != standing.account);
    for reviewer in reviewers {
        let letter = letter("break-glass-reminder", &reviewer, branding);
        mail::send_by(app, &mut tx, &reviewer.email, letter).await?;
    }
    remember(&mut tx, opening, &roles).await?;
    tx.commit().await?;
    Ok(())
}
