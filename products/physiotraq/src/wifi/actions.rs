//! Set, fetch, report: one function per verb.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use socle::sealed::{Field, TenantKeys};
use socle::{Caller, Error, Result, audit};
use uuid::Uuid;

use super::model::{Password, Slot, faults};
use super::sql::{self, Stored};
use crate::Physiotraq;
use crate::devices::{self, DeviceId};

fn field(row: Uuid) -> Field<'static> {
    Field { table: "physiotraq.wifi_credentials", column: "password", row }
}

/// Makes the networks of a device exactly these. The version that is wanted from now on; the same as before when nothing
/// of it differs.
///
/// # Errors
/// 400 with the fields of what no device can keep, 404 when the device is not the licence's, 503 while the keys of the
/// passwords cannot be reached.
pub async fn set(product: &Physiotraq, caller: &Caller, device: DeviceId, slots: Vec<Slot>) -> Result<i32> {
    let mut tx = caller.begin().await?;
    let found = devices::actions::managed(product, &mut tx, device).await?;
    let version = sql::hold(&mut tx, device).await?;
    let before = sql::stored(&mut tx, device).await?;
    let known: Vec<&str> = before.iter().map(|network| network.ssid.as_str()).collect();
    let wrong = faults(&slots, &known);
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    if unchanged(&before, &slots) {
        return Ok(version);
    }
    let keys = product.app.vault.keys(&mut tx).await?;
    let mut networks = Vec::with_capacity(slots.len());
    for slot in slots {
        networks.push(sealed(&keys, slot, (&before, caller))?);
    }
    let next = version.saturating_add(1);
    sql::replace(&mut tx, (device, found.license), &networks, next).await?;
    let details = json!({ "networks": networks.len(), "version": next });
    audit::record(&mut tx, audit::Entry::done("wifi.set", "Device", device.0).with(details)).await?;
    tx.commit().await?;
    Ok(next)
}

/// Whether the slots are what is there, in the same order and with the passwords of before.
fn unchanged(before: &[Stored], slots: &[Slot]) -> bool {
    let same = |(stored, slot): (&Stored, &Slot)| {
        stored.priority == slot.priority && stored.ssid == slot.ssid && matches!(slot.password, Password::Keep)
    };
    let mut ordered: Vec<&Slot> = slots.iter().collect();
    ordered.sort_by_key(|slot| slot.priority);
    before.len() == ordered.len() && before.iter().zip(ordered).all(same)
}

/// A network as it is stored; one that keeps its password keeps its row, to which the password is bound.
fn sealed(keys: &TenantKeys, slot: Slot, (before, caller): (&[Stored], &Caller)) -> Result<Stored> {
    let kept = before.iter().find(|network| network.ssid == slot.ssid);
    let id = kept.map_or_else(|| socle::ids::fresh(caller.now()), |network| network.id);
    let password = match (&slot.password, kept) {
        (Password::Keep, Some(network)) => network.password.clone(),
        (Password::New(password), _) => keys.seal(field(id), password.expose_secret())?,
        (Password::Keep | Password::Open, _) => keys.seal(field(id), "")?,
    };
    let created_at = kept.map_or_else(|| caller.now(), |network| network.created_at);
    Ok(Stored { id, ssid: slot.ssid, password, priority: slot.priority, created_at })
}

/// A network as its device gets it.
#[derive(Debug)]
pub struct Network {
    /// 1 is tried first.
    pub priority: i16,
    /// Its name.
    pub ssid: String,
    /// Its password; empty for an open network.
    pub password: SecretString,
}

/// The networks of the device that asks, by priority, with the version of the set. The sight of them is recorded.
///
/// # Errors
/// 401 for anybody but a device, 503 while the keys of the passwords cannot be reached.
pub async fn fetch(product: &Physiotraq, caller: &Caller) -> Result<(i32, Vec<Network>)> {
    let device = DeviceId(caller.machine()?.device);
    let mut tx = caller.begin().await?;
    // Held, so that version and networks are of the same set.
    let version = sql::hold(&mut tx, device).await?;
    let stored = sql::stored(&mut tx, device).await?;
    let mut networks = Vec::with_capacity(stored.len());
    if !stored.is_empty() {
        let keys = product.app.vault.keys(&mut tx).await?;
        for Stored { id, ssid, password, priority, .. } in stored {
            let password = SecretString::from(keys.open(field(id), &password)?);
            networks.push(Network { priority, ssid, password });
        }
    }
    let details = json!({ "networks": networks.len(), "version": version });
    audit::record(&mut tx, audit::Entry::done("wifi.fetched", "Device", device.0).with(details)).await?;
    tx.commit().await?;
    Ok((version, networks))
}

/// Notes the version that the device which asks has applied; the version that is wanted.
///
/// # Errors
/// 401 for anybody but a device, 404 when it was released a moment ago.
pub async fn report(caller: &Caller, version: i32) -> Result<i32> {
    let device = DeviceId(caller.machine()?.device);
    let mut tx = caller.begin().await?;
    let wanted = sql::report(&mut tx, device, version).await?;
    tx.commit().await?;
    Ok(wanted)
}
