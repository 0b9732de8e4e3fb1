//! A device's credential: given once for the claim secret, renewed in the owner's window, revoked by its successor.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use testkit::{Device, Licence, Stage};

use crate::{answers, behind};

/// Somebody asks for a credential with what is printed on a device.
async fn register(stage: &Stage, (serial, mac, secret): (&str, &str, &str)) -> Result<Response> {
    let url = format!("{}/physiotraq/api/v1/devices/register", stage.url());
    let body = json!({ "serial_number": serial, "mac_address": mac, "secret": secret, "firmware_version": "03.2.0" });
    Ok(Client::new().post(url).json(&body).send().await?)
}

/// The device asks as itself.
async fn register_again(stage: &Stage, device: &Device) -> Result<Response> {
    let seeded = &device.seeded;
    register(stage, (seeded.serial.as_str(), seeded.mac.as_str(), seeded.secret.as_str())).await
}

async fn open_window(licence: &Licence) -> Result<()> {
    let path = format!("/physiotraq/admin/devices/{}/open_registration", licence.device.id);
    assert_eq!(licence.owner.post(&path, &[]).await?.status(), 303);
    Ok(())
}

/// The same device with another credential.
fn with_credential(device: &Device, credential: &str) -> Device {
    let mut changed = device.clone();
    changed.seeded.credential = credential.to_owned();
    changed
}

async fn refused(device: &Device, path: &str, body: &Value) -> Result<bool> {
    let refused = answers::refusal(device.post(path, body).await?).await?;
    Ok(refused == (401, "AUTH_DEVICE".to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_known_credential_nothing_is_taken() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let reading = json!({ "temperature": 37.0, "measured_at": stage.clock.now() });
    let batch = json!({ "measurements": [reading] });
    let unknown = "x".repeat(43);
    for credential in ["", " ", "x", unknown.as_str(), licence.device.seeded.secret.as_str()] {
        let stranger = with_credential(&licence.device, credential);
        assert!(refused(&stranger, "/measurements", &reading).await?, "{credential:?}");
        assert!(refused(&stranger, "/measurements/batch", &batch).await?, "{credential:?}");
        assert!(refused(&stranger, "/devices/heartbeat", &json!({})).await?, "{credential:?}");
    }
    let url = format!("{}/physiotraq/api/v1/measurements", stage.url());
    let without = Client::new().post(&url).json(&reading).send().await?;
    assert_eq!(answers::refusal(without).await?.0, 401);
    let basic = Client::new().post(&url).header("authorization", "Basic eDp5").json(&reading).send().await?;
    assert_eq!(answers::refusal(basic).await?.0, 401);
    // A person's session is no device's credential.
    let person = Client::new().post(&url).header("cookie", licence.owner.cookie()).json(&reading).send().await?;
    assert_eq!(answers::refusal(person).await?.0, 401);
    let mut admin = stage.database.admin().await?;
    let readings = "SELECT count(*) FROM physiotraq.measurements WHERE device_id = $1";
    assert_eq!(behind::figure(&mut admin, readings, licence.device.id.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_given_once() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let again = register_again(&stage, &licence.device).await?;
    assert_eq!(answers::refusal(again).await?, (409, "AUTH_ALREADY_REGISTERED".to_owned()));
    licence.device.measure(stage.clock.now(), 37.0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_a_claimed_device_is_404_whatever_is_wrong() -> Result<()> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let (own, other) = (&first.device.seeded, &second.device.seeded);
    open_window(&first).await?;
    let wrong = [
        (own.serial.as_str(), own.mac.as_str(), "not the secret"),
        (own.serial.as_str(), own.mac.as_str(), ""),
        (own.serial.as_str(), other.mac.as_str(), own.secret.as_str()),
        (other.serial.as_str(), own.mac.as_str(), own.secret.as_str()),
        (own.serial.as_str(), own.mac.as_str(), other.secret.as_str()),
        ("PT-2026-99999", "A4:CF:12:00:00:FF", own.secret.as_str()),
    ];
    let mut answered = Vec::new();
    for attempt in wrong {
        answered.push(answers::refusal(register(&stage, attempt).await?).await?);
    }
    assert!(answered.iter().all(|answer| *answer == (404, "BIZ_NOT_FOUND".to_owned())), "{answered:?}");
    // The window is still open for the device itself.
    assert_eq!(register_again(&stage, &first.device).await?.status(), 201);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_owners_window_a_new_credential_replaces_the_old_one() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    licence.device.measure(stage.clock.now(), 37.0).await?;
    open_window(&licence).await?;
    let given = answers::json(register_again(&stage, &licence.device).await?, 201).await?;
    assert_eq!(given["device_id"], json!(licence.device.id));
    let renewed = with_credential(&licence.device, given["credential"].as_str().unwrap_or_default());
    stage.clock.advance(TimeDelta::seconds(6));
    renewed.measure(stage.clock.now(), 37.1).await?;
    let reading = json!({ "temperature": 37.2, "measured_at": stage.clock.now() });
    assert!(refused(&licence.device, "/measurements", &reading).await?, "the old credential still works");
    // The window closed behind the device.
    let again = register_again(&stage, &licence.device).await?;
    assert_eq!(answers::refusal(again).await?, (409, "AUTH_ALREADY_REGISTERED".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_closes_after_fifteen_minutes() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    open_window(&licence).await?;
    stage.clock.advance(TimeDelta::minutes(15));
    assert_eq!(register_again(&stage, &licence.device).await?.status(), 409);
    licence.device.measure(stage.clock.now(), 37.0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_registrations_in_one_window_one_wins() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    open_window(&licence).await?;
    let (one, two) =
        tokio::try_join!(register_again(&stage, &licence.device), register_again(&stage, &licence.device))?;
    let mut statuses = [one.status().as_u16(), two.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let mut admin = stage.database.admin().await?;
    let valid = "SELECT count(*) FROM physiotraq.device_credentials WHERE device_id = $1 AND revoked_at IS NULL";
    assert_eq!(behind::figure(&mut admin, valid, licence.device.id.0).await?, 1);
    Ok(())
}
