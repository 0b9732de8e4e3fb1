//! One device: it checks, downloads in ranges, survives a power cut, confirms; what it is not to have it does not get.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::vendor::binary;
use testkit::{Licence, Stage, Thermometer, Update, Vendor, sha256};

use super::scalar;

/// A stage with a release that runs out to everybody, and a device that runs an older one.
async fn set(version: &str, changes: &[(&str, &str)]) -> Result<(Stage, Licence, Vendor, Thermometer)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let release = vendor.release(version, &binary(version, 70_000), changes).await?;
    vendor.roll_out(&release, &[]).await?;
    let device = Thermometer::new(licence.device.clone(), "03.0.0");
    Ok((stage, licence, vendor, device))
}

const INSTALLED: &str = "SELECT count(*) FROM physiotraq.firmware_installs WHERE state = 'installed'";
const FAILED: &str = "SELECT count(*) FROM physiotraq.firmware_installs WHERE state = 'failed'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_in_the_middle_loses_nothing_that_was_fetched() -> Result<()> {
    let (stage, licence, _, mut device) = set("03.1.0", &[]).await?;
    assert_eq!(device.update(Some(40_000)).await?, Update::Cut);
    device.heartbeat().await?;
    assert_eq!(scalar(&stage, INSTALLED).await?, 0, "it has half of it and runs the old version");
    stage.clock.advance(TimeDelta::minutes(20));
    assert_eq!(device.update(None).await?, Update::Done, "by another link, since the first is over");
    assert_eq!(device.ranges, 5, "70 005 bytes in pieces of 16 KiB, none of them twice");
    assert_eq!(scalar(&stage, INSTALLED).await?, 0, "it has not said so yet");
    assert_eq!(device.confirm().await?, "installed");
    assert_eq!(scalar(&stage, INSTALLED).await?, 1);
    assert_eq!(device.reason().await?, "up_to_date");
    let page = licence.owner.get(&format!("/physiotraq/admin/devices/{}", licence.device.id)).await?.text().await?;
    assert!(page.contains("03.1.0"), "its page says what it runs");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_on_the_old_version_is_never_marked_updated() -> Result<()> {
    let (stage, _, _, mut device) = set("03.1.0", &[]).await?;
    device.broken = true;
    assert_eq!(device.update(None).await?, Update::Failed);
    device.heartbeat().await?;
    assert_eq!((scalar(&stage, INSTALLED).await?, scalar(&stage, FAILED).await?), (0, 0), "it still has time");
    stage.clock.advance(TimeDelta::minutes(61));
    device.heartbeat().await?;
    assert_eq!((scalar(&stage, INSTALLED).await?, scalar(&stage, FAILED).await?), (0, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_contact_is_compared() -> Result<()> {
    for contact in ["heartbeat", "batch", "check"] {
        let (stage, _, _, mut device) = set("03.1.0", &[]).await?;
        assert_eq!(device.update(None).await?, Update::Done);
        stage.clock.advance(TimeDelta::minutes(1));
        match contact {
            "heartbeat" => device.heartbeat().await?,
            "check" => assert_eq!(device.reason().await?, "up_to_date"),
            _ => {
                // The catch-up of what it measured before: with the version that it ran then.
                let at = |seconds| stage.clock.now() - TimeDelta::seconds(seconds);
                let item = |seconds: i64, version: &str| json!({ "temperature": 37.0, "measured_at": at(seconds), "firmware_version": version });
                let body = json!({ "measurements": [item(900, "03.0.0"), item(1, "03.1.0")] });
                assert_eq!(device.device.post("/measurements/batch", &body).await?.status(), 200);
            }
        }
        assert_eq!(scalar(&stage, INSTALLED).await?, 1, "{contact}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_does_not_last_is_none() -> Result<()> {
    let (stage, _, _, mut device) = set("03.1.0", &[]).await?;
    assert_eq!(device.update(None).await?, Update::Done);
    device.heartbeat().await?;
    assert_eq!(scalar(&stage, INSTALLED).await?, 1);
    stage.clock.advance(TimeDelta::minutes(5));
    device.running = "03.0.0".to_owned();
    device.heartbeat().await?;
    assert_eq!((scalar(&stage, INSTALLED).await?, scalar(&stage, FAILED).await?), (0, 1), "it went back by itself");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_for_one_device_and_for_a_quarter_of_an_hour() -> Result<()> {
    let (stage, licence, _, device) = set("03.1.0", &[]).await?;
    let url = device.check().await?["url"].as_str().unwrap_or_default().replace("/physiotraq/api/v1", "");
    let status = async |of: &testkit::Device, path: &str| anyhow::Ok(of.get(path, &[]).await?.status());
    assert_eq!(status(&device.device, &url).await?, StatusCode::OK);
    let stolen = stage.device(&licence).await?;
    assert_eq!(status(&stolen, &url).await?, StatusCode::FORBIDDEN, "another device's");
    assert_eq!(status(&device.device, &url.replace("03.1.0", "03.2.0")).await?, StatusCode::FORBIDDEN);
    assert_eq!(
        status(&device.device, "/firmware/download/03.1.0").await?,
        StatusCode::FORBIDDEN,
        "without a signature"
    );
    let stranger = reqwest::get(format!("{}/physiotraq/api/v1{url}", stage.url())).await?;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED, "the link alone opens nothing");
    stage.clock.advance(TimeDelta::minutes(15));
    assert_eq!(status(&device.device, &url).await?, StatusCode::FORBIDDEN, "it is over");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_are_answered_as_http_has_them() -> Result<()> {
    let (_stage, _, _, device) = set("03.1.0", &[]).await?;
    let whole = binary("03.1.0", 70_000);
    let told = device.check().await?;
    let url = told["url"].as_str().unwrap_or_default().replace("/physiotraq/api/v1", "");
    let etag = format!("\"{}\"", told["checksum"].as_str().unwrap_or_default());
    let get = async |headers: &[(&str, &str)]| device.device.get(&url, headers).await;
    let all = get(&[]).await?;
    assert_eq!((all.status(), all.headers()["etag"].to_str()?), (StatusCode::OK, &*etag));
    assert_eq!(all.headers()["accept-ranges"], "bytes");
    assert_eq!(all.bytes().await?, whole);
    let last = get(&[("range", "bytes=-5"), ("if-range", &etag)]).await?;
    assert_eq!(last.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(last.headers()["content-range"], "bytes 70000-70004/70005");
    assert_eq!(last.bytes().await?, whole[70_000..]);
    let of_another = get(&[("range", "bytes=5-"), ("if-range", "\"another\"")]).await?;
    assert_eq!(of_another.status(), StatusCode::OK, "the beginning that it has is of something else");
    let beyond = get(&[("range", "bytes=70005-")]).await?;
    assert_eq!(
        (beyond.status(), &beyond.headers()["content-range"]),
        (StatusCode::RANGE_NOT_SATISFIABLE, &"bytes */70005".parse()?)
    );
    assert_eq!(get(&[("if-none-match", &etag)]).await?.status(), StatusCode::NOT_MODIFIED);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_gets_only_what_is_for_it() -> Result<()> {
    let (stage, licence, vendor, mut device) = set("03.1.0", &[("min_compatible_version", "02.5")]).await?;
    device.running = "02.0.0".to_owned();
    assert_eq!(device.reason().await?, "incompatible");
    device.running = "03.0.0".to_owned();
    let beta = vendor.release("04.0.0", &binary("04.0.0", 1_000), &[("is_stable", "")]).await?;
    vendor.roll_out(&beta, &[]).await?;
    assert_eq!(device.check().await?["available_version"], "03.1.0", "no beta unasked");
    let switches = format!("/physiotraq/admin/devices/{}/firmware", licence.device.id);
    licence.owner.post(&switches, &[]).await?;
    assert_eq!(device.reason().await?, "auto_update_off");
    licence.owner.post(&switches, &[("auto_update", "on"), ("beta", "on")]).await?;
    assert_eq!(device.check().await?["available_version"], "04.0.0");
    device.heartbeat().await?;
    licence.operator.start(&licence.device).await?;
    assert_eq!(device.reason().await?, "in_treatment", "nothing restarts in the middle of a session");
    let other = device.device.get("/firmware/check?current_version=03.0.0&hardware=CT9", &[]).await?;
    assert_eq!(other.json::<Value>().await?["reason"], "up_to_date", "another hardware");
    let odd = device.device.get("/firmware/check?current_version=next", &[]).await?;
    assert_eq!(odd.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = stage.device(&licence).await?;
    let silent = unknown.get("/firmware/check?current_version=03.0.0", &[]).await?;
    assert_eq!(silent.status(), StatusCode::UNPROCESSABLE_ENTITY, "its hardware was never said");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_cannot_install_it_is_asked_three_times() -> Result<()> {
    let (stage, _, _, mut device) = set("03.1.0", &[]).await?;
    // One device decides nothing: the rollout must go on for it to be asked again.
    sqlx::query("UPDATE physiotraq.firmware_rollouts SET min_sample = 100")
        .execute(&mut stage.database.admin().await?)
        .await?;
    device.broken = true;
    for _ in 0..3 {
        assert_eq!(device.update(None).await?, Update::Failed);
        assert_eq!(device.confirm().await?, "failed");
        stage.clock.advance(TimeDelta::minutes(61));
    }
    assert_eq!(device.reason().await?, "given_up");
    assert_eq!(scalar(&stage, "SELECT count(*) FROM physiotraq.firmware_installs WHERE attempts = 3").await?, 1);
    device.running = "03.1.0".to_owned();
    device.heartbeat().await?;
    assert_eq!(scalar(&stage, INSTALLED).await?, 1, "somebody has mended it by hand");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_behind_our_back_is_installed_by_no_device() -> Result<()> {
    let (stage, _, _, mut device) = set("03.1.0", &[]).await?;
    let folder = stage.database.folder().join("files/physiotraq/firmware");
    let mut evil = binary("03.1.0", 70_000);
    evil[60_000] ^= 1;
    for content in std::fs::read_dir(folder)? {
        std::fs::write(content?.path(), &evil)?;
    }
    assert!(device.update(None).await.unwrap_err().to_string().contains("checksum"));
    // Whoever also writes into the database can make the checksum fit, and not the signature.
    let mut admin = stage.database.admin().await?;
    for change in
        ["UPDATE physiotraq.firmware_releases SET checksum = $1", "UPDATE socle.files SET sha256 = decode($1, 'hex')"]
    {
        sqlx::query(change).bind(sha256(&evil)).execute(&mut admin).await?;
    }
    assert!(device.update(None).await.unwrap_err().to_string().contains("signature"));
    assert_eq!((device.running.as_str(), device.confirm().await?.as_str()), ("03.0.0", "failed"));
    Ok(())
}
