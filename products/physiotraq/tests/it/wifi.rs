//! WiFi networks: written by the owner, read back by their device alone, and what is wanted against what is applied.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use testkit::{Device, Licence, Stage};

use crate::programs::Program;
use crate::{answers, behind};

const PASSWORD: &str = "le mot de passe du bloc";

/// A device asks for its networks.
async fn fetch(stage: &Stage, device: &Device) -> Result<Response> {
    let url = format!("{}/physiotraq/api/v1/devices/wifi_credentials", stage.url());
    Ok(Client::new().get(url).bearer_auth(&device.seeded.credential).send().await?)
}

/// The device says which version it has applied; the version that it should have.
async fn report(device: &Device, version: i64) -> Result<Value> {
    let answer = device.post("/devices/heartbeat", &json!({ "wifi_version": version })).await?;
    Ok(answers::json(answer, 200).await?["wifi_version"].clone())
}

fn page(licence: &Licence, end: &str) -> String {
    format!("/physiotraq/admin/devices/{}{end}", licence.device.id)
}

/// The owner's form, with the fields that are filled.
async fn save(licence: &Licence, fields: &[(&str, &str)]) -> Result<Response> {
    licence.owner.post(&page(licence, "/wifi"), fields).await
}

fn network(priority: i64, ssid: &str, password: &str) -> Value {
    json!({ "priority": priority, "ssid": ssid, "password": password })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_device_reads_networks_and_only_its_own() -> Result<()> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let neighbour = stage.device(&first).await?;
    save(&first, &[("ssid_1", "Hospital-WiFi"), ("password_1", PASSWORD)]).await?;
    let own = answers::json(fetch(&stage, &first.device).await?, 200).await?;
    assert_eq!(own, json!({ "version": 1, "wifi_credentials": [network(1, "Hospital-WiFi", PASSWORD)] }));
    for other in [&neighbour, &second.device] {
        let nothing = answers::json(fetch(&stage, other).await?, 200).await?;
        assert_eq!(nothing, json!({ "version": 0, "wifi_credentials": [] }));
    }
    let url = format!("{}/physiotraq/api/v1/devices/wifi_credentials", stage.url());
    assert_eq!(answers::refusal(Client::new().get(&url).send().await?).await?, (401, "AUTH_DEVICE".to_owned()));
    for person in [&first.owner, &first.operator] {
        let answer = person.get_json("/physiotraq/api/v1/devices/wifi_credentials").await?;
        assert_eq!(answers::refusal(answer).await?, (401, "AUTH_DEVICE".to_owned()));
    }
    let mut admin = stage.database.admin().await?;
    let seen = "SELECT count(*) FROM socle.audit_log WHERE action = 'wifi.fetched' AND resource_id = $1";
    assert_eq!(behind::figure(&mut admin, seen, first.device.id.0).await?, 1, "the sight of them is recorded");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_and_no_answer_to_a_person_ever_holds_a_password() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    assert_eq!(save(&licence, &[("ssid_2", "Bloc 3"), ("password_2", PASSWORD)]).await?.status(), 303);
    for end in ["", "/edit"] {
        let shown = answers::text(licence.owner.get(&page(&licence, end)).await?, 200).await?;
        assert!(shown.contains("Bloc 3") && !shown.contains(PASSWORD), "{end}");
    }
    // Refused for another slot: what was typed in this one is not sent back either.
    let fields = [("ssid_1", "Bloc 4"), ("password_1", PASSWORD), ("ssid_3", "Bloc 5"), ("password_3", "court")];
    let refused = answers::text(save(&licence, &fields).await?, 422).await?;
    assert!(refused.contains("Bloc 4") && refused.contains("href=\"#password_3\""), "{refused}");
    assert!(!refused.contains(PASSWORD) && !refused.contains("court"), "{refused}");
    let api = format!("/physiotraq/api/v1/devices/{}/wifi", licence.device.id);
    let shown = answers::text(licence.owner.get_json(&api).await?, 200).await?;
    assert!(shown.contains("Bloc 3") && !shown.contains(PASSWORD) && !shown.contains("password"), "{shown}");
    let mut admin = stage.database.admin().await?;
    let plain: bool = sqlx::query_scalar(
        "SELECT count(*) = 1 AND bool_and(position($1::bytea IN password) = 0) FROM physiotraq.wifi_credentials",
    )
    .bind(PASSWORD.as_bytes())
    .fetch_one(&mut admin)
    .await?;
    assert!(plain, "the table holds what was typed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_a_version_and_the_page_says_until_the_device_has_it() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let shown = async || answers::text(licence.owner.get(&page(&licence, "")).await?, 200).await;
    assert!(shown().await?.contains("Aucun réseau n’a encore été enregistré ici."));
    assert_eq!(report(&licence.device, 0).await?, json!(0));
    save(&licence, &[("ssid_1", "Hospital-WiFi"), ("password_1", PASSWORD)]).await?;
    assert!(shown().await?.contains("n’a pas encore repris la version 1"));
    assert_eq!(report(&licence.device, 0).await?, json!(1), "the heartbeat's answer says that there is another one");
    let version = answers::json(fetch(&stage, &licence.device).await?, 200).await?["version"].clone();
    assert_eq!(report(&licence.device, version.as_i64().unwrap()).await?, json!(1));
    assert!(shown().await?.contains("utilise la version 1 depuis"));
    // Nothing was changed: no other version. Then something was.
    save(&licence, &[("ssid_1", "Hospital-WiFi"), ("password_1", "")]).await?;
    assert!(shown().await?.contains("utilise la version 1 depuis"));
    stage.clock.advance(TimeDelta::minutes(1));
    save(&licence, &[("ssid_2", "Hospital-WiFi")]).await?;
    let waiting = shown().await?;
    assert!(waiting.contains("n’a pas encore repris la version 2") && waiting.contains("Il utilise la version 1."));
    // A device that was reset has nothing from here any more, and is told again.
    assert_eq!(report(&licence.device, 0).await?, json!(2));
    assert!(shown().await?.contains("Il utilise la version 0."));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_stays_with_its_network_when_the_order_changes() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let all = [("ssid_1", "A"), ("password_1", "premier mot"), ("ssid_4", "B"), ("password_4", "second mot")];
    assert_eq!(save(&licence, &all).await?.status(), 303);
    let swapped = [("ssid_1", "B"), ("password_1", ""), ("ssid_2", "A"), ("ssid_3", "Café"), ("open_3", "on")];
    assert_eq!(save(&licence, &swapped).await?.status(), 303);
    let fetched = answers::json(fetch(&stage, &licence.device).await?, 200).await?;
    let expected = json!([network(1, "B", "second mot"), network(2, "A", "premier mot"), network(3, "Café", "")]);
    assert_eq!(fetched["wifi_credentials"], expected);
    assert_eq!(save(&licence, &[]).await?.status(), 303);
    let fetched = answers::json(fetch(&stage, &licence.device).await?, 200).await?;
    assert_eq!(fetched, json!({ "version": 3, "wifi_credentials": [] }));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_sets_at_most_four_and_every_fault_is_told_by_its_place() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    let path = format!("/devices/{}/wifi", licence.device.id);
    let put = async |who: &testkit::Person, networks: Value| {
        Program::of(&stage, who).send(Method::PUT, &path, &json!({ "networks": networks })).await
    };
    let four: Vec<Value> = (1..=4).map(|n| json!({ "ssid": format!("Bloc {n}"), "password": PASSWORD })).collect();
    assert_eq!(put(&stranger.owner, json!(four)).await?.status(), 404);
    assert_eq!(put(&licence.operator, json!(four)).await?.status(), 403);
    let set = answers::json(put(&licence.owner, json!(four)).await?, 200).await?;
    assert_eq!((&set["wantedVersion"], &set["networks"][3]["ssid"]), (&json!(1), &json!("Bloc 4")));
    let five: Vec<Value> = four.iter().cloned().chain([json!({ "ssid": "Bloc 5", "password": PASSWORD })]).collect();
    for (networks, field) in [
        (json!(five), "networks"),
        (json!([{ "ssid": "x", "password": "court" }]), "networks[0].password"),
        (json!([{ "ssid": "Bloc 1" }, { "ssid": "new" }]), "networks[1].password"),
        (json!([{ "ssid": "Bloc 1" }, { "ssid": "Bloc 1" }]), "networks[1].ssid"),
        (json!([{ "ssid": "é".repeat(17), "password": "" }]), "networks[0].ssid"),
    ] {
        let refused = answers::json(put(&licence.owner, networks).await?, 400).await?;
        assert_eq!(refused["error"]["details"][0]["field"], json!(field), "{refused}");
        assert!(!refused.to_string().contains("court"), "{refused}");
    }
    let kept = answers::json(put(&licence.owner, json!([{ "ssid": "Bloc 4" }])).await?, 200).await?;
    assert_eq!(kept["networks"], json!([{ "priority": 1, "ssid": "Bloc 4" }]));
    let fetched = answers::json(fetch(&stage, &licence.device).await?, 200).await?;
    assert_eq!(fetched["wifi_credentials"], json!([network(1, "Bloc 4", PASSWORD)]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_cannot_be_one_is_refused_and_what_was_applied_stays() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    report(&licence.device, 7).await?;
    for version in [json!(-1), json!(1.5), json!(3e9), json!("x")] {
        let answer = licence.device.post("/devices/heartbeat", &json!({ "wifi_version": version })).await?;
        assert!([400, 422].contains(&answers::refusal(answer).await?.0), "{version}");
    }
    let mut admin = stage.database.admin().await?;
    let applied = "SELECT wifi_applied_version::bigint FROM physiotraq.devices WHERE id = $1";
    assert_eq!(behind::figure(&mut admin, applied, licence.device.id.0).await?, 7);
    assert_eq!(report(&licence.device, 7).await?, json!(0));
    Ok(())
}
