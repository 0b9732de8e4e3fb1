//! Where a device is, by its address and a file of places: in the language of the page, on a map of ours, and forgotten.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use reqwest::Client;
use serde_json::{Value, json};
use socle::clock::Clock;
use socle::privacy::retention;
use socle::web::Product;
use testkit::{Device, Licence, Stage, start_of_tests};

use crate::geo_file::{self, Town};

const LONDON: Town<'_> =
    Town { country: "GB", city: ["Londres", "London"], region: "England", point: (51.5074, -0.1278) };

/// A stage with a file of places, whose own machine is a proxy: a device says where it comes from.
async fn stage(known: bool) -> Result<Stage> {
    let file = geo_file::write_towns(&[("203.0.113", LONDON)])?;
    let stage = Stage::with(Clock::settable(start_of_tests()), |config| {
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.geo.database = known.then_some(file.clone());
    });
    let stage = stage.await?;
    std::fs::remove_file(file)?;
    Ok(stage)
}

/// A device is heard from an address, and what the monitor knows is saved.
async fn heard(stage: &Stage, device: &Device, from: &str) -> Result<()> {
    let url = format!("{}/physiotraq/api/v1/devices/heartbeat", stage.url());
    let request = Client::new().post(url).bearer_auth(&device.seeded.credential).header("x-forwarded-for", from);
    let status = request.json(&json!({})).send().await?.status();
    ensure!(status == 200, "the heartbeat answered {status}");
    stage.product.monitor().save().await;
    Ok(())
}

async fn location(licence: &Licence) -> Result<Value> {
    let path = format!("/physiotraq/api/v1/devices/{}/location", licence.device.id);
    Ok(licence.owner.get_json(&path).await?.error_for_status()?.json().await?)
}

async fn page(licence: &Licence, language: &str) -> Result<String> {
    let person = licence.owner.clone();
    let cookie = format!("{}; lang={language}", person.cookie());
    let path = format!("/physiotraq/admin/devices/{}/location", licence.device.id);
    Ok(person.with_cookie(cookie).get(&path).await?.error_for_status()?.text().await?)
}

async fn written(stage: &Stage, licence: &Licence) -> Result<(Option<String>, Option<String>)> {
    let row = sqlx::query_as("SELECT last_ip_address, last_location FROM physiotraq.devices WHERE id = $1");
    Ok(row.bind(licence.device.id.0).fetch_one(&mut stage.database.admin().await?).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_sees_town_region_and_address_and_a_map_that_asks_nobody() -> Result<()> {
    let stage = stage(true).await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    heard(&stage, &licence.device, "203.0.113.9").await?;
    let path = format!("/physiotraq/admin/devices/{}/location", licence.device.id);
    assert_eq!(stranger.owner.get(&path).await?.status(), 404);
    assert_eq!(licence.operator.get(&path).await?.status(), 403);
    let told = location(&licence).await?;
    let place = |key: &str| told[key].clone();
    assert_eq!((place("city"), place("region"), place("country")), (json!("London"), json!("England"), json!("GB")));
    assert_eq!(
        (place("latitude"), place("longitude")),
        (json!(51.5), json!(-0.1)),
        "no more exact than ten kilometres"
    );
    assert_eq!(place("ipAddress"), json!("203.0.113.9"));
    let french = page(&licence, "fr").await?;
    assert!(french.contains("Londres") && french.contains("England") && french.contains("203.0.113.9"), "{french}");
    assert!(french.contains("<svg class=\"place-map\" viewBox=\"161.9 28.5 36 20\"") && !french.contains("https://"));
    assert_eq!(written(&stage, &licence).await?.1.as_deref(), Some("Londres, England, GB"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_moves_is_somewhere_else_and_an_unknown_address_is_nowhere() -> Result<()> {
    let stage = stage(true).await?;
    let licence = stage.licence().await?;
    heard(&stage, &licence.device, "203.0.113.9").await?;
    heard(&stage, &licence.device, "10.1.0.5").await?;
    assert_eq!(written(&stage, &licence).await?, (Some("10.1.0.5".to_owned()), None));
    let told = location(&licence).await?;
    assert_eq!((&told["city"], &told["ipAddress"]), (&Value::Null, &json!("10.1.0.5")));
    assert!(page(&licence, "fr").await?.contains("ne connaît pas cette adresse"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_file_every_place_is_unknown_and_the_page_says_why() -> Result<()> {
    let stage = stage(false).await?;
    let licence = stage.licence().await?;
    heard(&stage, &licence.device, "203.0.113.9").await?;
    assert_eq!(written(&stage, &licence).await?, (Some("203.0.113.9".to_owned()), None));
    assert_eq!(location(&licence).await?["city"], Value::Null);
    let shown = page(&licence, "fr").await?;
    assert!(shown.contains("Aucun fichier des lieux n’est configuré") && !shown.contains("<svg class=\"place-map\""));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn address_and_place_are_forgotten_thirty_days_after_the_last_contact() -> Result<()> {
    let stage = stage(true).await?;
    let (licence, second) = (stage.licence().await?, stage.licence().await?);
    heard(&stage, &licence.device, "203.0.113.9").await?;
    stage.clock.advance(TimeDelta::days(1));
    heard(&stage, &second.device, "203.0.113.9").await?;
    let rule = stage.product.retention().0.iter().find(|rule| rule.table == "physiotraq.devices").unwrap();
    let db = &stage.product.app().db;
    let thirty = start_of_tests() + TimeDelta::days(30);
    assert_eq!(retention::sweep(db, rule, thirty - TimeDelta::microseconds(1)).await?, 0);
    assert_eq!(retention::sweep(db, rule, thirty).await?, 1);
    assert_eq!(written(&stage, &licence).await?, (None, None));
    assert!(written(&stage, &second).await?.1.is_some(), "the other was heard a day later");
    assert_eq!(licence.owner.get(&format!("/physiotraq/admin/devices/{}", licence.device.id)).await?.status(), 303);
    Ok(())
}
