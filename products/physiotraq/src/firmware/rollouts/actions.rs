//! What can be done with rollouts: one function per verb.

use serde_json::json;
use socle::access::Resource;
use socle::db::Tx;
use socle::error::Detail;
use socle::mail::{self, Letter};
use socle::security::{self, Event, Severity};
use socle::web::Lang;
use socle::{Caller, Error, Result, audit};

use super::{Pause, Plan, Rollout, RolloutId, Stand, State, Verdict, judge, sql};
use crate::firmware::{self, Release, ReleaseId, Version};
use crate::{BRANDING, Physiotraq, roles, vendor};

/// A transaction of somebody of the vendor who may manage firmware, and has proved lately who they are: a release reaches
/// every device there is.
pub(crate) async fn begin(product: &Physiotraq, caller: &Caller) -> Result<Tx> {
    let person = caller.person()?;
    let firmware = Resource::of(vendor::TENANT.0);
    product.policies.require(person, (roles::MANAGE_FIRMWARE, roles::MANAGE_FIRMWARE), &firmware)?;
    person.proved_lately(caller.now())?;
    caller.begin().await
}

/// Rolls a release out.
///
/// # Errors
/// 404 when there is none, 409 when it is being rolled out already.
pub async fn start(product: &Physiotraq, caller: &Caller, release: ReleaseId, plan: &Plan) -> Result<RolloutId> {
    let mut tx = begin(product, caller).await?;
    let release = firmware::sql::lock(&mut tx, release).await?;
    let id = open(&mut tx, &release, None, plan).await?;
    tx.commit().await?;
    Ok(id)
}

/// Gives an older release to the devices that run a newer one which is not good: the only way down. The rollouts of that
/// one end, and nobody is offered it any more.
///
/// # Errors
/// 404 when one of the two is not there; 400 when it is not a newer one of the same hardware; 409 when the older one is
/// being rolled out already.
pub async fn roll_back(
    product: &Physiotraq,
    caller: &Caller,
    (release, bad): (ReleaseId, ReleaseId),
    plan: &Plan,
) -> Result<RolloutId> {
    let mut tx = begin(product, caller).await?;
    let release = firmware::sql::lock(&mut tx, release).await?;
    let bad = firmware::sql::lock(&mut tx, bad).await?;
    if bad.version <= release.version || bad.hardware != release.hardware {
        return Err(Error::invalid(vec![Detail::new("replaces", "NOT_NEWER", "rollout-error-replaces")]));
    }
    for rollout in sql::list(&mut tx, None).await? {
        if rollout.release == bad.id && rollout.state != State::Aborted {
            sql::set(&mut tx, rollout.id, (State::Aborted, rollout.stage), false).await?;
            audit::record(&mut tx, audit::Entry::done("firmware.rollout_aborted", "Rollout", rollout.id.0)).await?;
        }
    }
    let id = open(&mut tx, &release, Some(&bad.version), plan).await?;
    firmware::sql::withdraw(&mut tx, bad.id).await?;
    tx.commit().await?;
    Ok(id)
}

async fn open(tx: &mut Tx, release: &Release, replaces: Option<&Version>, plan: &Plan) -> Result<RolloutId> {
    let id = RolloutId::fresh(tx.caller().now());
    sql::insert(tx, id, (release.id, replaces), plan).await?;
    firmware::sql::release(tx, release.id).await?;
    let details = json!({
        "release": release.id, "version": release.version.text(), "hardware": release.hardware,
        "replaces": replaces.map(Version::text), "stages": plan.stages,
    });
    audit::record(tx, audit::Entry::done("firmware.rollout_started", "Rollout", id.0).with(details)).await?;
    Ok(id)
}

/// What somebody of the vendor says of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// No device is offered it for now.
    Pause,
    /// It goes on where it was; what has failed until now does not pause it again.
    Resume,
    /// It goes on with the next stage, whatever the figures say.
    NextStage,
    /// It ends for good, and the release is withdrawn.
    Abort,
}

/// Pauses, resumes, takes further or aborts a rollout.
///
/// # Errors
/// 404 when there is none, 409 when it is not in a state for that.
pub async fn say(product: &Physiotraq, caller: &Caller, id: RolloutId, word: Word) -> Result<Rollout> {
    let mut tx = begin(product, caller).await?;
    let rollout = sql::lock(&mut tx, id).await?;
    let next = (State::Running, rollout.stage + 1);
    let (to, action) = match (word, rollout.state) {
        (Word::Pause, State::Running) => ((State::Paused(Pause::Person), rollout.stage), "firmware.rollout_paused"),
        (Word::Resume, State::Paused(_)) => ((State::Running, rollout.stage), "firmware.rollout_resumed"),
        (Word::NextStage, State::Running | State::Paused(_)) if !rollout.is_last_stage() => {
            (next, "firmware.rollout_advanced")
        }
        (Word::Abort, State::Running | State::Paused(_)) => {
            ((State::Aborted, rollout.stage), "firmware.rollout_aborted")
        }
        _ => {
            let message = "The rollout is in another state by now. Load the page again.";
            return Err(Error::conflict("BIZ_ROLLOUT_STATE", message));
        }
    };
    sql::set(&mut tx, id, to, matches!(word, Word::Resume | Word::NextStage)).await?;
    if word == Word::Abort {
        firmware::sql::withdraw(&mut tx, rollout.release).await?;
    }
    let details = json!({ "stage": to.1 });
    audit::record(&mut tx, audit::Entry::done(action, "Rollout", id.0).with(details)).await?;
    tx.commit().await?;
    Ok(rollout)
}

/// Judges a running rollout by what devices have reported: it goes on, goes further, or pauses itself, and then tells the
/// vendor by mail and the operators by a security event. Done again it does no harm.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn review(product: &Physiotraq, id: RolloutId) -> Result<Verdict> {
    let mut tx = product.app.system(BRANDING.realm.name, vendor::TENANT).begin().await?;
    let rollout = match sql::lock(&mut tx, id).await {
        Ok(rollout) if rollout.state == State::Running => rollout,
        Ok(_) => return Ok(Verdict::GoOn),
        // Deleted meanwhile.
        Err(error) if error.status == http::StatusCode::NOT_FOUND => return Ok(Verdict::GoOn),
        Err(error) => return Err(error),
    };
    let stands: Vec<Stand> = sql::stands(&mut tx, &[id]).await?.into_iter().map(|(_, stand)| stand).collect();
    let verdict = judge(&rollout, &stands);
    match verdict {
        Verdict::GoOn => return Ok(verdict),
        Verdict::NextStage => {
            sql::set(&mut tx, id, (State::Running, rollout.stage + 1), false).await?;
            let details = json!({ "stage": rollout.stage + 1 });
            audit::record(&mut tx, audit::Entry::done("firmware.rollout_advanced", "Rollout", id.0).with(details))
                .await?;
        }
        Verdict::Pause(reason) => pause(product, &mut tx, &rollout, (reason, &stands)).await?,
    }
    tx.commit().await?;
    Ok(verdict)
}

async fn pause(
    product: &Physiotraq,
    tx: &mut Tx,
    rollout: &Rollout,
    (reason, stands): (Pause, &[Stand]),
) -> Result<()> {
    sql::set(tx, rollout.id, (State::Paused(reason), rollout.stage), false).await?;
    let release = firmware::sql::lock(tx, rollout.release).await?;
    let failed: i64 = stands.iter().map(|stand| stand.failed).sum();
    let facts =
        json!({ "rollout": rollout.id, "version": release.version.text(), "reason": reason.name(), "failed": failed });
    let entry = audit::Entry::done("firmware.rollout_paused", "Rollout", rollout.id.0);
    audit::record(tx, entry.with(facts.clone())).await?;
    security::record(tx, Event::new("FIRMWARE_ROLLOUT_PAUSED", Severity::High, None).with(facts)).await?;
    for one in sql::addressees(tx).await? {
        let letter = Letter::new("firmware-paused", Lang::parse(&one.language).unwrap_or(Lang::Fr))
            .with("version", release.version.text())
            .with("failed", &failed.to_string())
            .link(&format!("{}/vendor/firmware/{}", BRANDING.base, release.id))
            .to_account(one.account);
        mail::send(product, tx, &one.email, letter).await?;
    }
    Ok(())
}
