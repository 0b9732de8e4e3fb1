//! Two hundred devices of ten licences, one in ten of which cannot install the update.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use physiotraq::devices::DeviceId;
use sqlx::Row;
use testkit::vendor::binary;
use testkit::{Stage, Thermometer, Update, Vendor};
use uuid::Uuid;

use super::{VENDOR, scalar};

const LICENCES: usize = 10;
const DEVICES: usize = 200;

async fn fleet(stage: &Stage) -> Result<Vec<Thermometer>> {
    let mut devices = Vec::with_capacity(DEVICES);
    for _ in 0..LICENCES {
        let licence = stage.licence().await?;
        devices.push(Thermometer::new(licence.device.clone(), "03.0.0"));
        for _ in 1..DEVICES / LICENCES {
            devices.push(Thermometer::new(stage.device(&licence).await?, "03.0.0"));
        }
    }
    ensure!(devices.len() == DEVICES, "{} devices", devices.len());
    Ok(devices)
}

/// Every device checks and does what it is told; how many were given something.
async fn round(devices: &mut [Thermometer]) -> Result<usize> {
    let mut given = 0;
    for (number, device) in devices.iter_mut().enumerate() {
        // Some lose their power on the way, and go on where they were.
        let cut = (number % 3 == 0).then_some(10_000);
        let mut update = device.update(cut).await?;
        if update == Update::Cut {
            update = device.update(None).await?;
        }
        given += usize::from(update != Update::Nothing);
    }
    Ok(given)
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

async fn begun(stage: &Stage) -> Result<(Vendor, String)> {
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 30_000), &[]).await?;
    vendor.roll_out(&release, &[("stages", "15, 60, 100"), ("min_sample", "10")]).await?;
    Ok((vendor, release))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_devices_one_in_ten_fails_and_the_rollout_pauses() -> Result<()> {
    let stage = Stage::new().await?;
    let mut devices = fleet(&stage).await?;
    let (vendor, release) = begun(&stage).await?;
    // Who goes first is drawn by release and device: in the order of who is offered it, every tenth is broken.
    let mut offered = 0;
    for device in &mut devices {
        if device.check().await?["update_available"] == true {
            device.broken = offered % 10 == 0;
            offered += 1;
        }
    }
    assert!((15..50).contains(&offered), "15 % of 200 were to be about 30: {offered}");
    assert_eq!(round(&mut devices).await?, offered, "nobody else is given anything");
    for device in &devices {
        device.heartbeat().await?;
    }
    the_books_tell_the_truth(&stage, &devices).await?;
    assert_eq!(state(&stage).await?.0, "running", "the broken ones still have time");

    stage.clock.advance(TimeDelta::minutes(61));
    for device in &devices {
        device.heartbeat().await?;
    }
    assert_eq!(state(&stage).await?, ("paused".to_owned(), Some("errors".to_owned()), 1), "by itself");
    the_books_tell_the_truth(&stage, &devices).await?;
    assert_eq!(round(&mut devices).await?, 0, "nobody is offered anything while it pauses");

    let told = "SELECT count(*) FROM socle.mails WHERE template = 'firmware-paused'";
    assert_eq!(scalar(&stage, told).await?, 1, "the vendor is told");
    let seen = "SELECT count(*) FROM socle.security_events WHERE event_type = 'FIRMWARE_ROLLOUT_PAUSED'";
    assert_eq!(scalar(&stage, seen).await?, 1, "and the operators");
    let again = vendor.browser.get(&format!("{VENDOR}/{release}")).await?.text().await?;
    assert!(again.contains("data-label=\"Échecs\""), "the page shows how it stands");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_release_reaches_everybody_stage_by_stage() -> Result<()> {
    let stage = Stage::new().await?;
    let mut devices = fleet(&stage).await?;
    let (_vendor, _) = begun(&stage).await?;
    let mut reached = Vec::new();
    for stage_number in 1..=3 {
        reached.push(round(&mut devices).await?);
        for device in &devices {
            device.heartbeat().await?;
        }
        stage.clock.advance(TimeDelta::minutes(61));
        reviewed(&stage, stage_number).await?;
    }
    assert_eq!(reached.iter().sum::<usize>(), DEVICES, "{reached:?}");
    assert!(reached.iter().all(|given| *given > 10), "{reached:?}");
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
