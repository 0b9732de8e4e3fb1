//! Start, stop, abort, acknowledge: one function per verb.

use serde_json::json;
use socle::db::Tx;
use socle::{Caller, Error, Result, audit};
use uuid::Uuid;

use super::form::PatientForm;
use super::model::{Status, Treatment, TreatmentId, session_identifier};
use super::{names, sql};
use crate::devices::{DeviceId, Presence};
use crate::events::{self, EventType};
use crate::monitoring::{Ended, Machine, Running};
use crate::units::Celsius;
use crate::{Physiotraq, devices, measurements, monitoring, people, roles};

/// Starts a treatment on an assigned device that is online and free.
///
/// # Errors
/// 404 when the device is not visible to the caller, 403 when it is not assigned to them, 422 when it is not online,
/// 409 when a treatment is running on it.
pub async fn start(product: &Physiotraq, caller: &Caller, device: DeviceId, form: &PatientForm) -> Result<TreatmentId> {
    let person = caller.person()?;
    let license = person.tenant;
    let mut tx = caller.begin().await?;
    let found = devices::sql::find(&mut tx, device).await?;
    product.policies.require(person, (roles::SEE_DEVICE, roles::START_TREATMENT), &found.resource())?;
    if product.monitor.glance(device).presence != Presence::Online {
        return Err(Error::unprocessable(
            "BIZ_DEVICE_OFFLINE",
            "The device is not online. Switch it on, wait, try again.",
        ));
    }
    let id = TreatmentId::fresh(caller.now());
    let zone = people::zone_of(caller);
    let number = sql::next_session(&mut tx, license, caller.now().with_timezone(&zone).date_naive()).await?;
    let session = session_identifier(caller.now(), zone, number);
    let patient = form.patient();
    let names = match (patient.first_name.as_deref(), patient.last_name.as_deref()) {
        (None, None) => names::SealedNames::default(),
        (first, last) => names::seal(&product.app.vault.keys(&mut tx).await?, id.0, first, last)?,
    };
    let new = sql::NewTreatment {
        id,
        license,
        session: &session,
        device,
        operator: person.account.0,
        names,
        patient: &patient,
        notes: form.notes(),
    };
    // Nobody releases the device between here and the commit.
    devices::sql::hold(&mut tx, device).await?;
    sql::insert(&mut tx, new).await?;
    events::record(&mut tx, EventType::TreatmentStarted, ("Treatment", id.0), json!({ "device": device })).await?;
    audit::record(&mut tx, audit::Entry::done("treatment.started", "Treatment", id.0)).await?;
    let stored = monitoring::sql::running(&mut tx, id.0).await?;
    tx.commit().await?;
    let running = Running {
        id: id.0,
        started_at: stored.started_at,
        reliability_limit: stored.preset.reliability_limit,
        machine: Machine::new(id.0, &stored.preset, stored.started_at),
        warmest: None,
        alerts: Vec::new(),
        pending: Vec::new(),
        restored: true,
    };
    product.monitor.begin(device, license, running).await;
    Ok(id)
}

/// The treatment that runs on a device, if the caller may operate it.
///
/// # Errors
/// 404 when none runs or it is not the caller's to see.
pub async fn operable(product: &Physiotraq, tx: &mut Tx, device: DeviceId) -> Result<Treatment> {
    let (running, _) = product.monitor.running(device).ok_or_else(Error::not_found)?;
    let treatment = sql::find(tx, None, TreatmentId(running)).await?;
    let caller = tx.caller().clone();
    let steps = (roles::SEE_TREATMENT, roles::OPERATE_TREATMENT);
    product.policies.require(caller.person()?, steps, &treatment.resource())?;
    Ok(treatment)
}

/// Ends the treatment that runs on a device: `completed` or `aborted`.
///
/// # Errors
/// 404 when none runs or it is not the caller's to see; 409 when somebody else has just ended it.
pub async fn end(product: &Physiotraq, caller: &Caller, device: DeviceId, status: Status) -> Result<TreatmentId> {
    let mut tx = caller.begin().await?;
    let treatment = operable(product, &mut tx, device).await?;
    finish(product, tx, &treatment, status).await
}

/// Ends this very treatment: `completed` or `aborted`.
///
/// # Errors
/// 404 when it is not the caller's to see, 403 when not theirs to operate; 409 when it has ended.
pub async fn end_this(product: &Physiotraq, caller: &Caller, id: TreatmentId, status: Status) -> Result<()> {
    let mut tx = caller.begin().await?;
    let treatment = sql::find(&mut tx, None, id).await?;
    let steps = (roles::SEE_TREATMENT, roles::OPERATE_TREATMENT);
    product.policies.require(caller.person()?, steps, &treatment.resource())?;
    finish(product, tx, &treatment, status).await.map(|_| ())
}

/// Duration and maximum are computed from the record, the readings of the stretch are given to the treatment, its
/// alerts are over.
async fn finish(product: &Physiotraq, mut tx: Tx, treatment: &Treatment, status: Status) -> Result<TreatmentId> {
    let (id, device) = (treatment.id, treatment.device);
    if !sql::end(&mut tx, id, status).await? {
        return Err(Error::conflict("BIZ_TREATMENT_ENDED", "The treatment has ended already. Reload the page."));
    }
    let now = tx.caller().now();
    let stretch = measurements::sql::Stretch { to: now, ..treatment.stretch(now) };
    measurements::sql::attach(&mut tx, stretch, id.0).await?;
    let warmest: Option<(Celsius, _)> = measurements::sql::warmest(&mut tx, stretch).await?;
    monitoring::sql::set_warmest(&mut tx, id.0, warmest).await?;
    sql::close_alerts(&mut tx, id).await?;
    let (event, action) = match status {
        Status::Aborted => (EventType::TreatmentAborted, "treatment.aborted"),
        Status::InProgress | Status::Completed => (EventType::TreatmentCompleted, "treatment.completed"),
    };
    events::record(&mut tx, event, ("Treatment", id.0), json!({ "device": device })).await?;
    audit::record(&mut tx, audit::Entry::done(action, "Treatment", id.0)).await?;
    tx.commit().await?;
    let (started_at, treatment) = (treatment.started_at, id.0);
    let ended = Ended { treatment, status: status.name().to_owned(), started_at, ended_at: now };
    product.monitor.end(device, &ended).await;
    Ok(id)
}

/// Takes note of an alert by name. It does not clear it: the sound pauses for two minutes, a latched alert whose
/// condition has gone is over.
///
/// # Errors
/// 404 when the alert is not one of the treatment that runs on the device, 400 when the note is too long.
pub async fn acknowledge(
    product: &Physiotraq,
    caller: &Caller,
    device: DeviceId,
    (alert, note): (Uuid, &str),
) -> Result<()> {
    let person = caller.person()?;
    if note.chars().count() > 500 || note.contains('\0') {
        return Err(Error::malformed("The note has at most 500 characters."));
    }
    let mut tx = caller.begin().await?;
    let treatment = operable(product, &mut tx, device).await?;
    let note = Some(note.trim()).filter(|note| !note.is_empty());
    let level = sql::acknowledge(&mut tx, (treatment.id, alert), person.account.0, note).await?;
    let Some(level) = level else {
        // Twice is not an error: somebody else was first. Unknown is.
        return if sql::has_alert(&mut tx, treatment.id, alert).await? { Ok(()) } else { Err(Error::not_found()) };
    };
    events::record(&mut tx, EventType::AlertAcknowledged, ("Alert", alert), json!({ "level": level })).await?;
    audit::record(&mut tx, audit::Entry::done("alert.acknowledged", "Alert", alert)).await?;
    tx.commit().await?;
    product.monitor.acknowledge(device, alert, (&person.name, caller.now())).await;
    Ok(())
}
