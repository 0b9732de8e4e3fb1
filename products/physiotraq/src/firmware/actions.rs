//! What can be done with releases: one function per verb.

use std::collections::HashMap;

use serde_json::json;
use socle::access::Resource;
use socle::db::Tx;
use socle::error::Detail;
use socle::files::{self, Received, signature};
use socle::{Caller, Error, Result, audit};

use super::model::{self, BINARY, NewRelease, Published, Release, ReleaseForm, ReleaseId};
use super::rollouts::{self, Rollout, RolloutId, Stand, State};
use super::{Version, sql};
use crate::{Physiotraq, roles, vendor};

/// Refuses who may not manage firmware, and who has not proved lately who they are; before an upload, so that nobody sends
/// it for nothing.
///
/// # Errors
/// 404 for who is not of the vendor, 403 `AUTH_STEP_UP`.
pub fn may_publish(product: &Physiotraq, caller: &Caller) -> Result<()> {
    let person = caller.person()?;
    let firmware = Resource::of(vendor::TENANT.0);
    product.policies.require(person, (roles::MANAGE_FIRMWARE, roles::MANAGE_FIRMWARE), &firmware)?;
    person.proved_lately(caller.now())
}

/// Makes an upload a release: its signature must be that of a trusted key, over this very content, version and hardware. An
/// upload that does not become one is taken back.
///
/// # Errors
/// 400 with fields; 409 when there is this version for this hardware already.
pub async fn publish(
    product: &Physiotraq,
    caller: &Caller,
    form: &ReleaseForm,
    received: &Received,
) -> Result<ReleaseId> {
    let published = written(product, caller, form, received).await;
    if published.is_err() {
        files::discard(&product.app, received).await;
    }
    published
}

async fn written(product: &Physiotraq, caller: &Caller, form: &ReleaseForm, received: &Received) -> Result<ReleaseId> {
    may_publish(product, caller)?;
    let new = form.checked().map_err(Error::invalid)?;
    let signed_by = verified(product, &new, received)?;
    let mut tx = caller.begin().await?;
    files::complete(&product.app, &mut tx, received).await?;
    let id = ReleaseId::fresh(caller.now());
    sql::insert(&mut tx, id, (&new, signed_by), received).await?;
    let details = json!({
        "version": new.version.text(), "hardware": new.hardware, "sha256": received.checksum(), "key": signed_by,
        "stable": new.is_stable,
    });
    audit::record(&mut tx, audit::Entry::done("firmware.uploaded", "Firmware", id.0).with(details)).await?;
    tx.commit().await?;
    Ok(id)
}

/// The trusted key that made the signature.
fn verified<'a>(product: &'a Physiotraq, new: &NewRelease, received: &Received) -> Result<&'a str> {
    let keys = &product.app.config.files.trusted_keys;
    let fault = |code, key| Error::invalid(vec![Detail::new("signature", code, key)]);
    if keys.is_empty() {
        return Err(fault("NO_KEYS", "firmware-error-no-keys"));
    }
    let message = model::message(&received.checksum(), new.version.text(), &new.hardware);
    let made_by = signature::trusted(keys, &message, &new.signature);
    made_by.ok_or_else(|| fault("WRONG_SIGNATURE", "firmware-error-signature"))
}

/// A release with its rollouts and how they stand.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The release.
    pub release: Release,
    /// Newest first.
    pub rollouts: Vec<(Rollout, Vec<Stand>)>,
    /// Devices of every licence that report it.
    pub running: i64,
}

/// Every release, for the vendor.
///
/// # Errors
/// 404 for who is not of the vendor.
pub async fn overview(product: &Physiotraq, caller: &Caller) -> Result<Vec<Overview>> {
    let firmware = Resource::of(vendor::TENANT.0);
    let may = (roles::MANAGE_FIRMWARE, roles::MANAGE_FIRMWARE);
    product.policies.require(caller.person()?, may, &firmware)?;
    let mut tx = caller.begin().await?;
    let releases = sql::list(&mut tx).await?;
    let running = sql::running(&mut tx).await?;
    let rollouts = rollouts::sql::list(&mut tx, None).await?;
    let ids: Vec<RolloutId> = rollouts.iter().map(|rollout| rollout.id).collect();
    let mut stands: HashMap<RolloutId, Vec<Stand>> = HashMap::new();
    for (rollout, stand) in rollouts::sql::stands(&mut tx, &ids).await? {
        stands.entry(rollout).or_default().push(stand);
    }
    let one = |release: Release| Overview {
        running: devices_running(&running, &release),
        rollouts: rollouts
            .iter()
            .filter(|rollout| rollout.release == release.id)
            .map(|rollout| (rollout.clone(), stands.get(&rollout.id).cloned().unwrap_or_default()))
            .collect(),
        release,
    };
    Ok(releases.into_iter().map(one).collect())
}

/// A device that has not said its hardware counts for every hardware: it might be one.
fn devices_running(running: &[(Option<String>, Version, i64)], release: &Release) -> i64 {
    let same = running.iter().filter(|(hardware, version, _)| {
        *version == release.version && hardware.as_ref().is_none_or(|hardware| *hardware == release.hardware)
    });
    same.map(|(.., devices)| devices).sum()
}

/// Deletes a release that nothing runs and nothing is given: with its rollouts and its binary.
///
/// # Errors
/// 404 when there is none; 409 naming how many devices run it or are being given it, or that it is being rolled out.
pub async fn delete(product: &Physiotraq, caller: &Caller, id: ReleaseId) -> Result<()> {
    may_publish(product, caller)?;
    let mut tx = caller.begin().await?;
    let release = sql::lock(&mut tx, id).await?;
    refuse_used(&mut tx, &release).await?;
    sql::delete(&mut tx, id).await?;
    files::remove(&mut tx, release.file).await?;
    let details = json!({ "version": release.version.text(), "hardware": release.hardware });
    audit::record(&mut tx, audit::Entry::done("firmware.deleted", "Firmware", id.0).with(details)).await?;
    tx.commit().await
}

async fn refuse_used(tx: &mut Tx, release: &Release) -> Result<()> {
    let open = rollouts::sql::list(tx, Some(release.id)).await?;
    let open = open.iter().filter(|rollout| rollout.state != State::Aborted).count();
    let running = devices_running(&sql::running(tx).await?, release);
    let given = sql::on_its_way(tx, release.id).await?;
    if open == 0 && running == 0 && given == 0 {
        return Ok(());
    }
    let detail = |(what, count): (&'static str, i64)| Detail::new(what, "IN_USE", count.to_string());
    let uses = [("running", running), ("given", given), ("rollouts", i64::try_from(open).unwrap_or(i64::MAX))];
    let message = "Devices run this release, are being given it, or it is being rolled out. Nothing was deleted.";
    Err(Error { details: uses.map(detail).to_vec(), ..Error::conflict("BIZ_FIRMWARE_IN_USE", message) })
}

/// What is published for all hardware, newest version first, for the owner of a licence.
///
/// # Errors
/// 403 for who does not own it.
pub async fn published(product: &Physiotraq, caller: &Caller) -> Result<Vec<Published>> {
    let person = caller.person()?;
    let licence = Resource::of(person.tenant.0);
    product.policies.require(person, (roles::USE_APP, roles::SEE_FIRMWARE), &licence)?;
    sql::published(&mut caller.begin().await?, None).await
}

/// The newest release that a device of this hardware could have, and whether it needs it (spec: `latest_stable`,
/// `needs_firmware_update?`).
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn update_for(
    tx: &mut Tx,
    (hardware, running): (Option<&str>, Option<&str>),
    beta: bool,
) -> Result<Option<Published>> {
    let Some(hardware) = hardware else { return Ok(None) };
    let published = sql::published(tx, Some(hardware)).await?;
    let latest = model::latest(&published, beta);
    Ok(latest.filter(|latest| model::needs_update(running, Some(latest))).cloned())
}

/// Receives a binary on its way to becoming a release.
///
/// # Errors
/// As [`files::receive`].
pub async fn receive<S, E>(product: &Physiotraq, caller: &Caller, name: &str, content: S) -> Result<Received>
where
    S: futures_util::Stream<Item = Result<bytes::Bytes, E>> + Send,
    E: std::fmt::Display,
{
    files::receive(&product.app, caller, (&BINARY, name), content).await
}
