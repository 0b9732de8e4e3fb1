//! Two hundred devices of ten licences, one in ten of which cannot install the update.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use physiotraq::devices::DeviceId;
use sqlx::Row;
use testkit::vendor::binary;
use testkit::{Stage, Thermometer, Update, Vendor};
use uuid::Uuid;

use super::{VENDOR, scalar};

/// Devices of a licence.
const EACH: usize = 20;
/// So many act at once.
const AT_ONCE: usize = 8;

/// The devices of a further licence.
async fn equipped(stage: &Stage) -> Result<Vec<Thermometer>> {
    let licence = stage.licence().await?;
    let mut devices = vec![Thermometer::new(licence.device.clone(), "03.0.0")];
    for _ in 1..EACH {
        devices.push(Thermometer::new(stage.device(&licence).await?, "03.0.0"));
    }
    Ok(devices)
}

/// The devices of so many licences.
async fn fleet(stage: &Stage, licences: usize) -> Result<Vec<Thermometer>> {
    let all = stream::iter(0..licences).map(|_| equipped(stage)).buffered(AT_ONCE);
    let all: Vec<Vec<Thermometer>> = all.try_collect().await?;
    Ok(all.into_iter().flatten().collect())
}

/// A device checks and does what it is told; 1 when it was given something.
async fn act(number: usize, device: &mut Thermometer) -> Result<usize> {
    // Some lose their power on the way, and go on where they were.
    let cut = number.is_multiple_of(3).then_some(10_000);
    let mut update = device.update(cut).await?;
    if update == Update::Cut {
        update = device.update(None).await?;
    }
    Ok(usize::from(update != Update::Nothing))
}

/// Every device checks; how many were given something.
async fn round(devices: &mut [Thermometer]) -> Result<usize> {
    let acting = stream::iter(devices.iter_mut().enumerate()).map(|(number, device)| act(number, device));
    let given: Vec<usize> = acting.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(given.into_iter().sum())
}

/// Every device tells what it runs.
async fn everybody_reports(devices: &[Thermometer]) -> Result<()> {
    stream::iter(devices).map(Thermometer::heartbeat).buffer_unordered(AT_ONCE).try_collect().await
}

/// What became of the rollout, once the minute's review has been.
async fn state(stage: &Stage) -> Result<(String, Option<String>, i16)> {
    let query = "SELECT state, pause_reason, stage FROM physiotraq.firmware_rollouts";
    let row = sqlx::query(query).fetch_one(&mut stage.database.admin().await?).await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

/// No device is marked updated that does not run the new version.
async fn the_books_tell_the_truth(stage: &Stage, devices: &[Thermometer]) -> Result<()> {
    let query = "SELECT device_id, state FROM physiotraq.firmware_installs";
    for row in sqlx::query(query).fetch_all(&mut stage.database.admin().await?).await? {
        let (id, state): (Uuid, String) = (row.try_get(0)?, row.try_get(1)?);
        let device = devices.iter().find(|device| device.device.id == DeviceId(id)).context("an unknown device")?;
        assert_eq!(state == "installed", device.running == "03.1.0", "{id} is {state} and runs {}", device.running);
    }
    stage.product.stop().await;
    let query = "SELECT id, firmware_version FROM physiotraq.devices";
    for row in sqlx::query(query).fetch_all(&mut stage.database.admin().await?).await? {
        let (id, shown): (Uuid, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let device = devices.iter().find(|device| device.device.id == DeviceId(id)).context("an unknown device")?;
        assert_eq!(shown.as_deref(), Some(device.running.as_str()), "{id}");
    }
    Ok(())
}

async fn begun(stage: &Stage, stages: &str) -> Result<(Vendor, String)> {
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 30_000), &[]).await?;
    vendor.roll_out(&release, &[("stages", stages), ("min_sample", "5")]).await?;
    Ok((vendor, release))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_devices_one_in_ten_fails_and_the_rollout_pauses() -> Result<()> {
    let stage = Stage::new().await?;
    let mut devices = fleet(&stage, 10).await?;
    ensure!(devices.len() == 200, "{} devices", devices.len());
    let (vendor, release) = begun(&stage, "15, 60, 100").await?;
    // Who goes first is drawn by release and device: in the order of who is offered it, every tenth is broken.
    let mut offered = 0;
    for device in &mut devices {
        if device.check().await?["update_available"] == true {
            device.broken = offered % 10 == 0;
            offered += 1;
        }
    }
    assert!((10..60).contains(&offered), "15 % of 200 were to be about 30: {offered}");
    assert_eq!(round(&mut devices).await?, offered, "nobody else is given anything");
    everybody_reports(&devices).await?;
    the_books_tell_the_truth(&stage, &devices).await?;
    assert_eq!(state(&stage).await?.0, "running", "the broken ones still have time");

    stage.clock.advance(TimeDelta::minutes(61));
    everybody_reports(&devices).await?;
    assert_eq!(state(&stage).await?, ("paused".to_owned(), Some("errors".to_owned()), 1), "by itself");
    the_books_tell_the_truth(&stage, &devices).await?;
    assert_eq!(round(&mut devices).await?, 0, "nobody is offered anything while it pauses");

    let told = "SELECT count(*) FROM socle.mails WHERE template = 'firmware-paused'";
    assert_eq!(scalar(&stage, told).await?, 1, "the vendor is told");
    let seen = "SELECT count(*) FROM socle.security_events WHERE type = 'FIRMWARE_ROLLOUT_PAUSED'";
    assert_eq!(scalar(&stage, seen).await?, 1, "and the operators");
    let again = vendor.browser.get(&format!("{VENDOR}/{release}")).await?.text().await?;
    assert!(again.contains("data-label=\"Échecs\""), "the page shows how it stands");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_release_reaches_everybody_stage_by_stage() -> Result<()> {
    let stage = Stage::new().await?;
    let mut devices = fleet(&stage, 3).await?;
    let (_vendor, _) = begun(&stage, "33, 66, 100").await?;
    let mut reached = Vec::new();
    for stage_number in 1..=3 {
        reached.push(round(&mut devices).await?);
        everybody_reports(&devices).await?;
        stage.clock.advance(TimeDelta::minutes(61));
        reviewed(&stage, stage_number).await?;
    }
    assert_eq!(reached.iter().sum::<usize>(), 3 * EACH, "{reached:?}");
    assert!(reached.iter().all(|given| *given > 3), "{reached:?}");
    assert!(devices.iter().all(|device| device.running == "03.1.0"));
    the_books_tell_the_truth(&stage, &devices).await
}

/// Waits for the minute's review, which takes the rollout from this stage to the next.
async fn reviewed(stage: &Stage, from: i16) -> Result<()> {
    for _ in 0..100 {
        let (state, reason, now) = state(stage).await?;
        ensure!(state == "running", "it was to go on: {state} {reason:?}");
        if now > from || from == 3 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the review never came")
}
