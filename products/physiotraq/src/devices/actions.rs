//! What can be done to devices: one function per verb.

use serde_json::json;
use socle::access::Resource;
use socle::db::{Db, Who};
use socle::error::Detail;
use socle::{Caller, Error, Result, audit, tokens};
use uuid::Uuid;

use super::model::{self, Device, REGISTRATION_WINDOW};
use super::{Claim, DeviceId, sql};
use crate::{Physiotraq, roles, wifi};

/// The vendor imports a device: serial, MAC and claim secret. False when a licence holds that serial already.
///
/// # Errors
/// 400 when serial or MAC is not of the printed form.
pub async fn import(
    db: &Db,
    (serial, mac): (&str, &str),
    secret: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<bool> {
    let mac = mac.trim().to_uppercase();
    if !model::is_serial(serial) || !is_mac(&mac) || secret.is_empty() {
        return Err(Error::malformed("A stock line is: serial number, MAC address (A4:CF:12:8B:3D:E7), claim secret."));
    }
    sql::import_stock(db, (serial, &mac), &tokens::hash(secret), now).await
}

/// Six hexadecimal pairs with colons.
fn is_mac(mac: &str) -> bool {
    let pairs: Vec<&str> = mac.split(':').collect();
    pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The owner claims a device for the licence.
///
/// # Errors
/// 400 with fields when the claim is malformed or serial and secret do not fit; 409 when it is claimed already or the
/// licence allows no further device.
pub async fn claim(product: &Physiotraq, caller: &Caller, claim: Claim) -> Result<DeviceId> {
    let person = caller.person()?;
    let license = person.tenant;
    product.policies.require(person, (roles::USE_APP, roles::CLAIM_DEVICE), &Resource::of(license.0))?;
    let (claim, faults) = claim.checked();
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let entry = sql::stock_entry(caller.db(), &claim.serial_number, &tokens::hash(&claim.secret)).await?;
    let Some((serial_number, mac_address)) = entry else {
        return Err(Error::invalid(vec![Detail::new("secret", "UNKNOWN", "error-claim-unknown")]));
    };
    let mut tx = caller.begin().await?;
    if !sql::room_for_one_more(&mut tx).await? {
        let message = "The licence has no unit left for another device. Add a unit, or release a device.";
        return Err(Error::conflict("BIZ_UNIT_QUOTA", message));
    }
    let id = DeviceId::fresh(caller.now());
    let new =
        sql::NewDevice { id, license, serial_number: &serial_number, mac_address: &mac_address, name: &claim.name };
    sql::insert(&mut tx, new).await?;
    audit::record(&mut tx, audit::Entry::done("device.claimed", "Device", id.0)).await?;
    tx.commit().await?;
    product.monitor.admit(id, license);
    Ok(id)
}

/// A device that the caller may manage, inside a transaction.
///
/// # Errors
/// 404 when it is not the licence's, 403 when the caller is not its owner.
pub(crate) async fn managed(product: &Physiotraq, tx: &mut socle::Tx, id: DeviceId) -> Result<Device> {
    let device = sql::find(tx, id).await?;
    let caller = tx.caller().clone();
    product.policies.require(caller.person()?, (roles::SEE_DEVICE, roles::MANAGE_DEVICE), &device.resource())?;
    Ok(device)
}

/// Renames a device.
///
/// # Errors
/// 400 when the name is empty or longer than 60 characters, 404 when it is not the licence's.
pub async fn rename(product: &Physiotraq, caller: &Caller, id: DeviceId, name: &str) -> Result<()> {
    let name = name.trim();
    let mut tx = caller.begin().await?;
    managed(product, &mut tx, id).await?;
    if !model::is_name(name) {
        return Err(Error::invalid(vec![Detail::new("name", "INVALID_LENGTH", "error-device-name")]));
    }
    sql::rename(&mut tx, id, name).await?;
    audit::record(&mut tx, audit::Entry::done("device.renamed", "Device", id.0)).await?;
    tx.commit().await
}

/// Says whether a device updates its firmware by itself, and whether it also gets versions that are not stable.
///
/// # Errors
/// 404 when the device is not the licence's.
pub async fn set_firmware(
    product: &Physiotraq,
    caller: &Caller,
    id: DeviceId,
    (auto_update, beta): (bool, bool),
) -> Result<()> {
    let mut tx = caller.begin().await?;
    managed(product, &mut tx, id).await?;
    sql::set_firmware(&mut tx, id, (auto_update, beta)).await?;
    let details = json!({ "autoUpdate": auto_update, "beta": beta });
    audit::record(&mut tx, audit::Entry::done("device.firmware_set", "Device", id.0).with(details)).await?;
    tx.commit().await
}

/// Makes the device's assignments exactly these people of the licence. Who is taken off loses the live stream within
/// five seconds.
///
/// # Errors
/// 404 when the device is not the licence's.
pub async fn assign(product: &Physiotraq, caller: &Caller, id: DeviceId, people: &[Uuid]) -> Result<()> {
    let mut tx = caller.begin().await?;
    let device = managed(product, &mut tx, id).await?;
    sql::assign(&mut tx, id, device.license, people).await?;
    let details = json!({ "people": people.len() });
    audit::record(&mut tx, audit::Entry::done("device.assigned", "Device", id.0).with(details)).await?;
    tx.commit().await
}

/// Opens the window in which the device may fetch a new credential.
///
/// # Errors
/// 404 when the device is not the licence's.
pub async fn open_registration(product: &Physiotraq, caller: &Caller, id: DeviceId) -> Result<()> {
    let mut tx = caller.begin().await?;
    managed(product, &mut tx, id).await?;
    sql::open_registration(&mut tx, id, caller.now() + REGISTRATION_WINDOW).await?;
    audit::record(&mut tx, audit::Entry::done("device.registration_opened", "Device", id.0)).await?;
    tx.commit().await
}

/// Releases a device: its row becomes an archive that treatments and readings keep pointing at, its credential is revoked,
/// its networks, assignments, address and place are forgotten. Another claim, by whatever licence, makes a new row.
///
/// # Errors
/// 404 when the device is not the licence's, 409 while a treatment runs on it.
pub async fn release(product: &Physiotraq, caller: &Caller, id: DeviceId) -> Result<()> {
    let mut tx = caller.begin().await?;
    managed(product, &mut tx, id).await?;
    // Whoever starts a treatment holds the same row: of the two the second waits for the first.
    if sql::hold_to_release(&mut tx, id).await? {
        let message = "A treatment runs on this device. Release it when the treatment has ended.";
        return Err(Error::conflict("BIZ_DEVICE_IN_TREATMENT", message));
    }
    wifi::sql::clear(&mut tx, id).await?;
    sql::release(&mut tx, id).await?;
    audit::record(&mut tx, audit::Entry::done("device.released", "Device", id.0)).await?;
    tx.commit().await?;
    product.credentials.forget(id);
    product.monitor.dismiss(id);
    Ok(())
}

/// What a device sends to register.
#[derive(Clone, Debug)]
pub struct Registration {
    /// On the QR code.
    pub serial_number: String,
    /// Identifier on the network.
    pub mac_address: String,
    /// The claim secret.
    pub secret: String,
    /// Running firmware.
    pub firmware_version: Option<String>,
}

/// A claimed device fetches its credential, once.
///
/// # Errors
/// 404 when no claimed device has that serial, MAC and secret; 409 when the credential was given already and no
/// window is open.
pub async fn register(caller: &Caller, registration: &Registration) -> Result<(DeviceId, String)> {
    let serial = registration.serial_number.trim().to_uppercase();
    let mac = registration.mac_address.trim().to_uppercase();
    let hash = tokens::hash(registration.secret.trim());
    let found = sql::claimed(caller.db(), (&serial, &mac), &hash).await?;
    let (id, license) = found.ok_or_else(Error::not_found)?;
    let mut tx = caller.becoming(Who::System(license)).begin().await?;
    if !sql::take_registration(&mut tx, id, registration.firmware_version.as_deref()).await? {
        let message = "The credential was given already. The owner can open a new window on the device's page.";
        return Err(Error::conflict("AUTH_ALREADY_REGISTERED", message));
    }
    let credential = tokens::fresh()?;
    sql::replace_credential(&mut tx, id, license, &tokens::hash(&credential)).await?;
    audit::record(&mut tx, audit::Entry::done("device.registered", "Device", id.0)).await?;
    tx.commit().await?;
    Ok((id, credential))
}
