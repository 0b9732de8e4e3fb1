//! What devices do about firmware: one function per verb.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use socle::db::Tx;
use socle::files::{self, File};
use socle::{Caller, Error, Result, audit};

use super::model::ATTEMPTS;
use super::{Asking, Install, InstallId, InstallState, Offer, Refusal, Reported, choose, sql, weigh};
use crate::devices::DeviceId;
use crate::firmware::rollouts::{self, RolloutId};
use crate::firmware::{Version, is_hardware};
use crate::{BRANDING, Physiotraq, vendor};

/// A link to a binary is good for this long; a device that needs longer asks for another.
pub(super) const LINK_LASTS: TimeDelta = TimeDelta::minutes(15);

/// Devices that are given up at once.
const BATCH: i32 = 500;

/// What a device that asks is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// It is to install this; a link to fetch it from.
    Install(Box<Offer>, String),
    /// Nothing, and why.
    Nothing(Refusal),
}

/// A device asks what there is for it. What it runs is compared with what it was to run first.
///
/// # Errors
/// 422 when its hardware is not known and it does not say it.
pub async fn check(product: &Physiotraq, caller: &Caller, running: Version, hardware: Option<&str>) -> Result<Told> {
    let device = DeviceId(caller.machine()?.device);
    let mut tx = caller.begin().await?;
    let flags = sql::flags(&mut tx, device).await?;
    let hardware = known_hardware(&mut tx, device, (flags.hardware, hardware)).await?;
    let reported = Reported { version: running.clone(), at: caller.now(), confirms: false };
    let decided = compare(&mut tx, device, &reported).await?;
    let asking = Asking { device, running, beta: flags.beta };
    let offers = sql::offers(&mut tx, &hardware).await?;
    let told = match choose(&asking, &offers) {
        Err(refusal) => Told::Nothing(refusal),
        Ok(_) if !flags.auto_update => Told::Nothing(Refusal::AutoUpdateOff),
        Ok(_) if flags.in_treatment => Told::Nothing(Refusal::InTreatment),
        Ok(offer) => give(product, &mut tx, &asking, offer).await?,
    };
    tx.commit().await?;
    product.wanted.forget(device);
    after(product, decided).await?;
    Ok(told)
}

/// The hardware that a device says it is, or has said before.
async fn known_hardware(
    tx: &mut Tx,
    device: DeviceId,
    (before, now): (Option<String>, Option<&str>),
) -> Result<String> {
    match (before, now) {
        (_, Some(now)) if !is_hardware(now) => {
            let message = "hardware is what is burnt into the device: letters, digits, . _ -, at most 40.";
            Err(Error::unprocessable("VAL_HARDWARE", message))
        }
        (Some(before), Some(now)) if before == now => Ok(before),
        (_, Some(now)) => {
            sql::set_hardware(tx, device, now).await?;
            Ok(now.to_owned())
        }
        (Some(before), None) => Ok(before),
        (None, None) => {
            Err(Error::unprocessable("VAL_HARDWARE", "The device has never said its hardware; send ?hardware=…."))
        }
    }
}

/// Writes down that a device is offered a release, and makes the link.
async fn give(product: &Physiotraq, tx: &mut Tx, asking: &Asking, offer: &Offer) -> Result<Told> {
    let now = tx.caller().now();
    let machine = tx.caller().machine()?;
    let deadline = now + offer.install;
    match sql::of_rollout(tx, asking.device, offer.rollout).await? {
        // It asks again in its time: another link, no other deadline.
        Some(install) if is_under_way(&install, now) => {}
        Some(install) if install.attempts >= ATTEMPTS => return Ok(Told::Nothing(Refusal::GivenUp)),
        Some(install) => {
            sql::again(tx, install.id, deadline).await?;
            offered(tx, asking, offer).await?;
        }
        None => {
            let id = InstallId::fresh(now);
            sql::supersede(tx, asking.device).await?;
            sql::insert(tx, (id, machine.tenant, asking.device), (asking.running.text(), offer)).await?;
            offered(tx, asking, offer).await?;
        }
    }
    Ok(Told::Install(Box::new(offer.clone()), download_url(product, asking.device, &offer.version)))
}

/// Whether the device still has time for what it was offered last; a failure may be tried anew, and is one all the while.
fn is_under_way(install: &Install, now: DateTime<Utc>) -> bool {
    install.deadline > now && install.decided_at.is_none_or(|decided| decided < install.offered_at)
}

async fn offered(tx: &mut Tx, asking: &Asking, offer: &Offer) -> Result<()> {
    let details = json!({ "version": offer.version.text(), "from": asking.running.text(), "rollout": offer.rollout });
    audit::record(tx, audit::Entry::done("firmware.offered", "Device", asking.device.0).with(details)).await
}

/// The address at which a device fetches a version (spec: `download_url`): signed, for it alone, for a quarter of an hour.
#[must_use]
pub fn download_url(product: &Physiotraq, device: DeviceId, version: &Version) -> String {
    product.app.files.links.sign(&path(version), &audience(device), product.app.clock.now() + LINK_LASTS)
}

/// Where a version is fetched from.
pub(super) fn path(version: &Version) -> String {
    format!("{}/api/v1/firmware/download/{version}", BRANDING.base)
}

/// A link is good for one device.
pub(super) fn audience(device: DeviceId) -> String {
    format!("device {device}")
}

/// The binary that a device was offered and may fetch now.
///
/// # Errors
/// 404 when it was offered no such version, or its time or the rollout is over.
pub async fn fetch(product: &Physiotraq, caller: &Caller, version: &Version) -> Result<File> {
    let device = DeviceId(caller.machine()?.device);
    let mut tx = caller.begin().await?;
    let install = sql::glance(&mut tx, device).await?;
    let install = install.filter(|install| install.wanted == *version && install.deadline > caller.now());
    let install = install.ok_or_else(Error::not_found)?;
    let file = sql::granted(&mut tx, &install).await?.ok_or_else(Error::not_found)?;
    drop(tx);
    let mut tx = product.app.system(BRANDING.realm.name, vendor::TENANT).begin().await?;
    files::find(&mut tx, file).await
}

/// A device says what it runs after an update, or after it could not do one.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn confirm(product: &Physiotraq, caller: &Caller, version: Version) -> Result<Option<Install>> {
    let device = DeviceId(caller.machine()?.device);
    let reported = Reported { version, at: caller.now(), confirms: true };
    let mut tx = caller.begin().await?;
    let decided = compare(&mut tx, device, &reported).await?;
    let install = sql::glance(&mut tx, device).await?;
    tx.commit().await?;
    product.wanted.forget(device);
    after(product, decided).await?;
    Ok(install)
}

/// A device was heard and has said what it runs: a heartbeat, a reading. The memory says whether that can mean anything;
/// what it means is decided on the row.
pub(crate) async fn heard(product: &Physiotraq, caller: &Caller, reported: &Reported) -> Result<()> {
    let device = DeviceId(caller.machine()?.device);
    let now = caller.now();
    let install = match product.wanted.known(device, now) {
        Some(install) => install,
        None => {
            let install = sql::glance(&mut caller.begin().await?, device).await?;
            product.wanted.remember(device, install.clone(), now);
            install
        }
    };
    if install.is_none_or(|install| weigh(&install, reported).is_none()) {
        return Ok(());
    }
    let mut tx = caller.begin().await?;
    let decided = compare(&mut tx, device, reported).await?;
    tx.commit().await?;
    product.wanted.forget(device);
    after(product, decided).await
}

/// Compares what a device reports with what it was last offered, and writes what follows.
async fn compare(tx: &mut Tx, device: DeviceId, reported: &Reported) -> Result<Option<(RolloutId, InstallState)>> {
    let Some(install) = sql::latest(tx, device).await? else { return Ok(None) };
    let Some(state) = weigh(&install, reported) else { return Ok(None) };
    sql::decide(tx, install.id, state).await?;
    let details = json!({
        "wanted": install.wanted.text(), "reported": reported.version.text(), "reason": state.stored().1,
        "rollout": install.rollout,
    });
    let entry = match state {
        InstallState::Installed => audit::Entry::done("firmware.installed", "Device", device.0),
        _ => audit::Entry::failed("firmware.install", "Device", Some(device.0), "FIRMWARE_NOT_INSTALLED"),
    };
    audit::record(tx, entry.with(details)).await?;
    Ok(Some((install.rollout, state)))
}

/// A failure is looked at at once, since it may have to stop the rollout; successes wait for the minute's review.
async fn after(product: &Physiotraq, decided: Option<(RolloutId, InstallState)>) -> Result<()> {
    if let Some((rollout, InstallState::Failed(_))) = decided {
        rollouts::actions::review(product, rollout).await?;
    }
    Ok(())
}

/// Devices that nothing was heard of until their time was over have failed: who is never heard again may have been broken
/// by the update. How many there were.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn give_up_silent(product: &Physiotraq) -> Result<usize> {
    let now = product.app.clock.now();
    let overdue = sql::overdue(&product.app.db, now, BATCH).await?;
    let licences: BTreeSet<_> = overdue.iter().map(|(license, _)| *license).collect();
    let mut given_up = 0;
    for license in licences {
        let mut tx = product.app.system(BRANDING.realm.name, license).begin().await?;
        for (_, install) in overdue.iter().filter(|(of, _)| *of == license) {
            let Some((rollout, device)) = sql::give_up(&mut tx, *install).await? else { continue };
            let entry = audit::Entry::failed("firmware.install", "Device", Some(device.0), "FIRMWARE_NOT_INSTALLED");
            let details = json!({ "reason": "silent", "rollout": rollout });
            audit::record(&mut tx, entry.with(details)).await?;
            product.wanted.forget(device);
            given_up += 1;
        }
        tx.commit().await?;
    }
    Ok(given_up)
}
