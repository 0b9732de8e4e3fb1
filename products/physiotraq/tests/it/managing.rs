//! What the owner's programs do to devices: claim, rename, assign, open the window for a new credential.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Licence, Stage};

use crate::answers;
use crate::programs::Program;

fn path(licence: &Licence, end: &str) -> String {
    format!("/devices/{}{end}", licence.device.id)
}

/// The fields of a refusal, in order, with their messages.
async fn faults(answer: reqwest::Response) -> Result<Vec<(Value, Value)>> {
    let details = answers::json(answer, 400).await?["error"]["details"].clone();
    let faults = details.as_array().cloned().unwrap_or_default();
    Ok(faults.into_iter().map(|fault| (fault["field"].clone(), fault["message"].clone())).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_owner_gets_404_and_an_operator_403_for_every_verb() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    let (name, nobody) = (json!({ "name": "Stolen" }), json!({ "userIds": [] }));
    for (method, end, body) in [
        (Method::PATCH, "", &name),
        (Method::GET, "/assignments", &Value::Null),
        (Method::PUT, "/assignments", &nobody),
        (Method::POST, "/registration-window", &Value::Null),
        (Method::DELETE, "", &Value::Null),
    ] {
        for (who, status) in [(&stranger.owner, 404), (&stranger.operator, 403), (&licence.operator, 403)] {
            let answer = Program::of(&stage, who).send(method.clone(), &path(&licence, end), body).await?;
            assert_eq!(answers::refusal(answer).await?.0, status, "{method} {end}");
        }
    }
    let claim = json!({ "serialNumber": "PT-2026-00001", "secret": "x", "name": "Mine" });
    let answer = Program::of(&stage, &licence.operator).post("/devices", &claim).await?;
    assert_eq!(answers::refusal(answer).await?.0, 403);
    let mut admin = stage.database.admin().await?;
    let changed: Vec<String> = sqlx::query_scalar(
        "SELECT action FROM socle.audit_log WHERE tenant_id = $1 AND resource_id = $2 AND outcome = 'done'",
    )
    .bind(licence.id.0)
    .bind(licence.device.id.0)
    .fetch_all(&mut admin)
    .await?;
    assert!(!changed.iter().any(|action| action == "device.renamed" || action == "device.released"), "{changed:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_tells_each_fault_by_the_name_that_was_sent() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.owner);
    let claim =
        |serial: &str, secret: &str, name: &str| json!({ "serialNumber": serial, "secret": secret, "name": name });
    let wrong = faults(program.post("/devices", &claim("", "", "")).await?).await?;
    let fields: Vec<&Value> = wrong.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [&json!("serialNumber"), &json!("secret"), &json!("name")]);
    assert!(wrong.iter().all(|(_, message)| message.as_str().is_some_and(|text| text.ends_with('.'))), "{wrong:?}");
    let unknown = faults(program.post("/devices", &claim("PT-2026-99999", "x", "Neuf")).await?).await?;
    assert_eq!(unknown[0].0, json!("secret"));
    let seeded = &licence.device.seeded;
    let taken = program.post("/devices", &claim(&seeded.serial, &seeded.secret, "Encore")).await?;
    assert_eq!(answers::refusal(taken).await?, (409, "BIZ_DEVICE_CLAIMED".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_changed_or_the_old_one_stays() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.owner);
    let named = program.send(Method::PATCH, &path(&licence, ""), &json!({ "name": " Bloc 3 " })).await?;
    assert_eq!(answers::json(named, 200).await?["name"], json!("Bloc 3"));
    for name in [String::new(), "x".repeat(61)] {
        let refused = program.send(Method::PATCH, &path(&licence, ""), &json!({ "name": name })).await?;
        assert_eq!(faults(refused).await?[0].0, json!("name"));
    }
    let shown = answers::json(program.get(&path(&licence, "")).await?, 200).await?;
    assert_eq!(shown["name"], json!("Bloc 3"));
    // The page keeps what was typed beside the words that say what is wrong with it.
    let page = format!("/physiotraq/admin{}", path(&licence, ""));
    let refused = answers::text(licence.owner.post(&page, &[("name", &"y".repeat(61))]).await?, 422).await?;
    assert!(refused.contains("href=\"#name\"") && refused.contains(&"y".repeat(61)), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assignments_are_exactly_those_that_were_set_and_who_stays_keeps_the_date() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    let program = Program::of(&stage, &licence.owner);
    let at = path(&licence, "/assignments");
    let before = answers::json(program.get(&at).await?, 200).await?;
    assert_eq!(before["data"].as_array().map(Vec::len), Some(2), "{before}");
    stage.clock.advance(TimeDelta::hours(1));
    let ids = json!({ "userIds": [licence.operator.account, stranger.operator.account, uuid::Uuid::nil()] });
    let after = answers::json(program.send(Method::PUT, &at, &ids).await?, 200).await?;
    let mine = before["data"].as_array().unwrap().iter().find(|one| one["userId"] == json!(licence.operator.account));
    assert_eq!(after["data"], json!([mine.unwrap()]));
    let many: Vec<uuid::Uuid> = vec![licence.operator.account.0; 501];
    let refused = program.send(Method::PUT, &at, &json!({ "userIds": many })).await?;
    assert_eq!(faults(refused).await?[0].0, json!("userIds"));
    let nobody = answers::json(program.send(Method::PUT, &at, &json!({ "userIds": [] })).await?, 200).await?;
    assert_eq!(nobody["data"], json!([]));
    assert_eq!(licence.operator.get_json(&format!("/physiotraq/api/v1{}", path(&licence, ""))).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_lets_the_device_fetch_one_new_credential() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let opened =
        Program::of(&stage, &licence.owner).post(&path(&licence, "/registration-window"), &Value::Null).await?;
    let until = stage.clock.now() + TimeDelta::minutes(15);
    let told: chrono::DateTime<chrono::Utc> =
        answers::json(opened, 200).await?["openUntil"].as_str().unwrap_or_default().parse()?;
    assert_eq!(told, until);
    let seeded = &licence.device.seeded;
    let body = json!({ "serial_number": seeded.serial, "mac_address": seeded.mac, "secret": seeded.secret });
    for status in [201, 409] {
        let url = format!("{}/physiotraq/api/v1/devices/register", stage.url());
        assert_eq!(reqwest::Client::new().post(url).json(&body).send().await?.status(), status);
    }
    Ok(())
}
