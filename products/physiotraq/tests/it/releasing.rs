//! Release: the row becomes an archive, the credential works no longer, and whoever holds the label may claim it anew.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use physiotraq::devices::DeviceId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Licence, Stage};
use uuid::Uuid;

use crate::listener::Listener;
use crate::programs::Program;
use crate::{answers, behind, crew};

fn page(licence: &Licence, end: &str) -> String {
    format!("/physiotraq/admin/devices/{}{end}", licence.device.id)
}

/// A licence claims what another released: the label says all that is needed.
async fn claim(stage: &Stage, by: &Licence, of: &Licence) -> Result<Value> {
    let seeded = &of.device.seeded;
    let body = json!({ "serialNumber": seeded.serial, "secret": seeded.secret, "name": "Occasion" });
    answers::json(Program::of(stage, &by.owner).post("/devices", &body).await?, 201).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_device_is_an_archive_and_another_licence_claims_it_anew() -> Result<()> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    crew::online(&first.device).await?;
    let treatment = first.operator.start(&first.device).await?;
    let stop = format!("/physiotraq/app/monitor/{}/stop", first.device.id);
    first.operator.post(&stop, &[]).await?;
    first.owner.post(&page(&first, "/wifi"), &[("ssid_1", "Bloc"), ("open_1", "on")]).await?;
    stage.product.monitor().save().await;
    let released = first.owner.post(&page(&first, "/release"), &[]).await?;
    assert_eq!(testkit::Person::location(&released), "/physiotraq/admin/devices?notice=released");
    // Gone for everybody of the licence, and its credential with it, at once.
    assert_eq!(first.owner.get(&page(&first, "")).await?.status(), 404);
    assert_eq!(first.operator.get(&format!("/physiotraq/app/monitor/{}", first.device.id)).await?.status(), 404);
    let reading = json!({ "temperature": 37.0, "measured_at": stage.clock.now() });
    let refused = answers::refusal(first.device.post("/measurements", &reading).await?).await?;
    assert_eq!(refused, (401, "AUTH_DEVICE".to_owned()));
    assert_eq!(first.owner.post(&page(&first, "/release"), &[]).await?.status(), 404, "twice");
    let mut admin = stage.database.admin().await?;
    for left in [
        "SELECT count(*) FROM physiotraq.wifi_credentials WHERE device_id = $1",
        "SELECT count(*) FROM physiotraq.device_assignments WHERE device_id = $1",
        "SELECT count(*) FROM physiotraq.device_credentials WHERE device_id = $1 AND revoked_at IS NULL",
        "SELECT count(*) FROM physiotraq.devices WHERE id = $1 AND last_ip_address IS NOT NULL",
    ] {
        assert_eq!(behind::figure(&mut admin, left, first.device.id.0).await?, 0, "{left}");
    }
    // The record stays the first licence's.
    let shown =
        answers::json(first.operator.get_json(&format!("/physiotraq/api/v1/treatments/{treatment}")).await?, 200);
    assert_eq!(shown.await?["status"], json!("completed"));
    let claimed = claim(&stage, &second, &first).await?;
    let id: Uuid = claimed["id"].as_str().unwrap_or_default().parse()?;
    assert_ne!(DeviceId(id), first.device.id, "a new claim is a new row");
    let path = format!("/physiotraq/admin/devices/{id}");
    assert!(!answers::text(second.owner.get(&path).await?, 200).await?.contains(&treatment));
    assert_eq!(first.owner.get(&path).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_releases_a_device_while_a_treatment_runs_on_it() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    licence.operator.start(&licence.device).await?;
    let refused = licence.owner.post(&page(&licence, "/release"), &[]).await?;
    assert!(testkit::Person::location(&refused).ends_with("?notice=release-refused"));
    let path = format!("/devices/{}", licence.device.id);
    let refused = Program::of(&stage, &licence.owner).send(Method::DELETE, &path, &Value::Null).await?;
    assert_eq!(answers::refusal(refused).await?, (409, "BIZ_DEVICE_IN_TREATMENT".to_owned()));
    stage.clock.advance(TimeDelta::seconds(1));
    licence.device.measure(stage.clock.now(), 37.0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_start_and_a_release_at_once_one_wins() -> Result<()> {
    let stage = Stage::new().await?;
    for _ in 0..4 {
        let licence = stage.licence().await?;
        crew::online(&licence.device).await?;
        let path = format!("/devices/{}", licence.device.id);
        let (owner, operator) = (Program::of(&stage, &licence.owner), Program::of(&stage, &licence.operator));
        let body = json!({ "deviceId": licence.device.id, "anonymous": true });
        let (released, started) =
            tokio::try_join!(owner.send(Method::DELETE, &path, &Value::Null), operator.post("/treatments", &body))?;
        let both = (released.status().as_u16(), started.status().as_u16());
        assert!([(204, 404), (409, 201)].contains(&both), "{both:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_screen_of_a_released_device_closes_within_five_seconds() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    let mut stream = Listener::open(&stage.url(), licence.operator.cookie(), licence.device.id).await?;
    licence.owner.post(&page(&licence, "/release"), &[]).await?;
    let (end, _) = stream.hears(Duration::from_secs(5), |name, _| name == "end").await?;
    assert_eq!(end["reason"], "right_ended");
    Ok(())
}
