//! The vendor's verbs: pausing, resuming, aborting, rolling back, deleting.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use reqwest::StatusCode;
use testkit::vendor::binary;
use testkit::{Person, Stage, Thermometer, Update, Vendor};

use super::{VENDOR, scalar};

/// The newest rollout that is not over.
async fn open_rollout(stage: &Stage) -> Result<String> {
    let query =
        "SELECT id::text FROM physiotraq.firmware_rollouts WHERE state <> 'aborted' ORDER BY started_at DESC LIMIT 1";
    Ok(sqlx::query_scalar(query).fetch_one(&mut stage.database.admin().await?).await?)
}

async fn say(stage: &Stage, vendor: &Vendor, word: &str) -> Result<StatusCode> {
    let rollout = open_rollout(stage).await?;
    Ok(vendor.browser.post(&format!("/physiotraq/vendor/rollouts/{rollout}/{word}"), &[]).await?.status())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_rollout_offers_nothing_and_an_aborted_one_takes_links_back() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 1_000), &[]).await?;
    vendor.roll_out(&release, &[]).await?;
    let device = Thermometer::new(licence.device.clone(), "03.0.0");
    assert_eq!(say(&stage, &vendor, "resume").await?, StatusCode::CONFLICT, "it runs");
    assert_eq!(say(&stage, &vendor, "pause").await?, StatusCode::SEE_OTHER);
    assert_eq!(device.reason().await?, "up_to_date");
    assert_eq!(say(&stage, &vendor, "resume").await?, StatusCode::SEE_OTHER);
    let url = device.check().await?["url"].as_str().context("no link")?.replace("/physiotraq/api/v1", "");
    assert_eq!(device.device.get(&url, &[]).await?.status(), StatusCode::OK);
    stage.product.stop().await;
    let page = async || {
        let page = licence.owner.get(&format!("/physiotraq/admin/devices/{}", licence.device.id)).await?;
        anyhow::Ok(page.text().await?)
    };
    assert!(page().await?.contains("est disponible"), "the owner is told of it");
    assert_eq!(say(&stage, &vendor, "abort").await?, StatusCode::SEE_OTHER);
    assert_eq!(device.device.get(&url, &[]).await?.status(), StatusCode::NOT_FOUND);
    assert_eq!(device.reason().await?, "up_to_date");
    assert!(!page().await?.contains("est disponible"), "nor told of a withdrawn version");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_down_but_by_a_rollback() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let old = vendor.release("03.1.0", &binary("03.1.0", 20_000), &[]).await?;
    let bad = vendor.release("03.2.0", &binary("03.2.0", 20_000), &[]).await?;
    vendor.roll_out(&bad, &[]).await?;
    let mut device = Thermometer::new(licence.device.clone(), "03.0.0");
    assert_eq!(device.update(None).await?, Update::Done);
    device.confirm().await?;
    vendor.roll_out(&old, &[]).await?;
    assert_eq!(device.reason().await?, "up_to_date", "an older release is no update");
    stage.clock.advance(TimeDelta::seconds(1));
    let wrong_way = vendor.roll_out(&bad, &[("replaces", &old)]).await;
    assert!(wrong_way.unwrap_err().to_string().contains("400"), "a rollback goes down");
    vendor.roll_out(&old, &[("replaces", &bad)]).await?;
    let told = device.check().await?;
    assert_eq!((told["available_version"].as_str(), told["rollback"].as_bool()), (Some("03.1.0"), Some(true)));
    assert_eq!(device.update(None).await?, Update::Done);
    assert_eq!((device.running.as_str(), device.confirm().await?.as_str()), ("03.1.0", "installed"));
    assert_eq!(device.reason().await?, "up_to_date", "the bad one is not offered again");
    let fresh = Thermometer::new(stage.device(&licence).await?, "03.0.0");
    assert_eq!(fresh.check().await?["available_version"], "03.1.0", "nor to anybody else");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_deleted_only_when_nothing_runs_it_or_is_given_it() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 1_000), &[]).await?;
    let delete = async || {
        let answer = vendor.browser.post(&format!("{VENDOR}/{release}/delete"), &[]).await?;
        anyhow::Ok(Person::location(&answer))
    };
    let (kept, gone) =
        (format!("{VENDOR}/{release}?notice=firmware-in-use"), format!("{VENDOR}?notice=firmware-deleted"));
    vendor.roll_out(&release, &[]).await?;
    assert_eq!(delete().await?, kept, "it is being rolled out");
    let mut device = Thermometer::new(licence.device.clone(), "03.0.0");
    device.check().await?;
    assert_eq!(say(&stage, &vendor, "abort").await?, StatusCode::SEE_OTHER);
    assert_eq!(delete().await?, kept, "a device is being given it");
    device.running = "03.1.0".to_owned();
    device.confirm().await?;
    stage.product.stop().await;
    assert_eq!(delete().await?, kept, "a device runs it");
    device.running = "03.0.0".to_owned();
    stage.clock.advance(TimeDelta::minutes(1));
    device.heartbeat().await?;
    stage.product.stop().await;
    assert_eq!(delete().await?, gone);
    assert_eq!(scalar(&stage, "SELECT count(*) FROM physiotraq.firmware_releases").await?, 0);
    let removed = "SELECT count(*) FROM socle.files WHERE removed_at IS NULL";
    assert_eq!(scalar(&stage, removed).await?, 0, "its content is nobody's any more");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_paused_itself_is_resumed_by_a_person_and_judged_anew() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let vendor = stage.vendor().await?;
    let release = vendor.release("03.1.0", &binary("03.1.0", 1_000), &[]).await?;
    vendor.roll_out(&release, &[]).await?;
    let mut broken = Thermometer::new(licence.device.clone(), "03.0.0");
    broken.broken = true;
    assert_eq!((broken.update(None).await?, broken.confirm().await?.as_str()), (Update::Failed, "failed"));
    let mut next = Thermometer::new(stage.device(&licence).await?, "03.0.0");
    assert_eq!(next.reason().await?, "up_to_date", "nobody else is offered it");
    let page = vendor.browser.get(&format!("{VENDOR}/{release}")).await?.text().await?;
    assert!(page.contains("trop d’appareils ont échoué"), "it says why");
    assert_eq!(say(&stage, &vendor, "next").await?, StatusCode::CONFLICT, "there is no further stage");
    stage.clock.advance(TimeDelta::seconds(1));
    assert_eq!(say(&stage, &vendor, "resume").await?, StatusCode::SEE_OTHER);
    next.broken = true;
    assert_eq!((next.update(None).await?, next.confirm().await?.as_str()), (Update::Failed, "failed"));
    assert_eq!(broken.reason().await?, "up_to_date", "it has paused again");
    let paused = "SELECT count(*) FROM physiotraq.firmware_rollouts WHERE pause_reason = 'errors'";
    assert_eq!(scalar(&stage, paused).await?, 1);
    Ok(())
}
