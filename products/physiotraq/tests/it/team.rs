//! The team's pages and programs: names, devices with their date, what an invitation brings, what a removal takes.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Person, Stage};

use crate::listener::Listener;
use crate::programs::Program;
use crate::{answers, behind, crew};

const TEAM: &str = "/physiotraq/admin/team";
const NADIA: &str = "nadia@test.fr";
const SECRET: &str = "un mot de passe pour Nadia";

/// The secret of the link in the newest mail to an address, once there are `nth`.
async fn secret(stage: &Stage, to: &str, nth: usize) -> Result<String> {
    use socle::web::Product;
    let mails = || {
        let all = stage.product.app().mail.mailbox().unwrap().all();
        all.into_iter().filter(|kept| kept.to == to).collect::<Vec<_>>()
    };
    answers::eventually(nth, async || Ok(mails().len())).await?;
    let text = format!("{:?}", mails().remove(0));
    let (_, rest) = text.split_once("invitation?token=").unwrap_or_default();
    Ok(rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect())
}

async fn accept(stage: &Stage, secret: &str) -> Result<Person> {
    let fields = [
        ("token", secret),
        ("first_name", "Nadia"),
        ("last_name", "Benali"),
        ("password", SECRET),
        ("password_confirmation", SECRET),
    ];
    let answer = stage.anybody().post("/physiotraq/invitation", &fields).await?;
    assert_eq!(answer.status(), 303, "{}", answer.text().await?);
    Person::sign_in(stage.url(), NADIA, SECRET).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_team_is_the_owners_and_another_licence_finds_nobody_in_it() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    let member = licence.operator.account;
    let pages = ["", "/edit", "/assignments"].map(|end| format!("{TEAM}/{member}{end}"));
    let api = [format!("/team/{member}"), format!("/team/{member}/assignments")];
    for path in pages.iter().chain([&format!("{TEAM}/new"), &TEAM.to_owned()]) {
        assert_eq!(licence.operator.get(path).await?.status(), 403, "{path}");
        assert_eq!(licence.owner.get(path).await?.status(), 200, "{path}");
    }
    for path in &pages {
        assert_eq!(stranger.owner.get(path).await?.status(), 404, "{path}");
    }
    let (theirs, own) = (Program::of(&stage, &stranger.owner), Program::of(&stage, &licence.operator));
    for path in &api {
        assert_eq!(theirs.get(path).await?.status(), 404, "{path}");
        assert_eq!(own.get(path).await?.status(), 403, "{path}");
    }
    let names = json!({ "firstName": "X", "lastName": "Y" });
    let devices = json!({ "deviceIds": [licence.device.id] });
    let no_body = Value::Null;
    for (method, path, body) in
        [(Method::PATCH, &api[0], &names), (Method::PUT, &api[1], &devices), (Method::DELETE, &api[0], &no_body)]
    {
        assert_eq!(theirs.send(method.clone(), path, body).await?.status(), 404, "{method} {path}");
        assert_eq!(own.send(method.clone(), path, body).await?.status(), 403, "{method} {path}");
    }
    for (end, fields) in [("/edit", vec![("first_name", "X"), ("last_name", "Y")]), ("/assignments", vec![])] {
        assert_eq!(stranger.owner.post(&format!("{TEAM}/{member}{end}"), &fields).await?.status(), 404, "{end}");
    }
    let listed = answers::json(Program::of(&stage, &licence.owner).get("/team").await?, 200).await?;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_taken_from_a_person_closes_their_live_screen_and_the_others_keep_their_date() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let second = crew::devices(&stage, &licence, 1).await?.remove(0);
    crew::online(&licence.device).await?;
    let program = Program::of(&stage, &licence.owner);
    let path = format!("/team/{}/assignments", licence.operator.account);
    let before = answers::json(program.get(&path).await?, 200).await?;
    let mut stream = Listener::open(&stage.url(), licence.operator.cookie(), licence.device.id).await?;
    stage.clock.advance(TimeDelta::minutes(5));
    let second_id = second.id.to_string();
    let page = format!("{TEAM}/{}/assignments", licence.operator.account);
    let saved = licence.owner.post(&page, &[("device", second_id.as_str())]).await?;
    assert_eq!(Person::location(&saved), format!("{TEAM}/{}?notice=saved", licence.operator.account));
    let (end, _) = stream.hears(Duration::from_secs(5), |name, _| name == "end").await?;
    assert_eq!(end["reason"], "right_ended");
    let after = answers::json(program.get(&path).await?, 200).await?;
    let kept = before["data"].as_array().unwrap().iter().find(|one| one["deviceId"] == json!(second.id)).unwrap();
    assert_eq!(after["data"], json!([kept]), "what stays keeps its date");
    // Somebody else's device, and one that is none, add nothing.
    let stranger = stage.licence().await?;
    let ids = json!({ "deviceIds": [licence.device.id, stranger.device.id, uuid::Uuid::nil()] });
    let given = answers::json(program.send(Method::PUT, &path, &ids).await?, 200).await?;
    assert_eq!(given["data"].as_array().map(Vec::len), Some(1), "{given}");
    assert_eq!(given["data"][0]["deviceId"], json!(licence.device.id));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_brings_its_devices_also_when_it_is_sent_again() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    let program = Program::of(&stage, &licence.owner);
    let ids = json!([licence.device.id, stranger.device.id]);
    let body = json!({ "email": NADIA, "firstName": "Nadia", "deviceIds": ids });
    let invited = answers::json(program.post("/team", &body).await?, 201).await?;
    assert_eq!(invited["deviceIds"], json!([licence.device.id]), "only devices of the licence");
    secret(&stage, NADIA, 1).await?;
    let path = format!("/team/invitations/{}", invited["id"].as_str().unwrap_or_default());
    let again = answers::json(program.post(&format!("{path}/resend"), &Value::Null).await?, 200).await?;
    assert_eq!(again["deviceIds"], json!([licence.device.id]));
    assert_eq!(program.send(Method::DELETE, &path, &Value::Null).await?.status(), 404, "it was replaced");
    let list = answers::text(licence.owner.get(TEAM).await?, 200).await?;
    assert!(list.contains(NADIA) && list.contains("Invitation en attente"), "{list}");
    let nadia = accept(&stage, &secret(&stage, NADIA, 2).await?).await?;
    let hers = answers::json(nadia.get_json("/physiotraq/api/v1/devices").await?, 200).await?;
    assert_eq!(hers["data"][0]["id"], json!(licence.device.id), "{hers}");
    assert_eq!(hers["data"].as_array().map(Vec::len), Some(1));
    let mut admin = stage.database.admin().await?;
    let left = "SELECT count(*) FROM physiotraq.invited_assignments WHERE license_id = $1";
    assert_eq!(behind::figure(&mut admin, left, licence.id.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_invitation_opens_nothing_and_a_form_keeps_what_was_typed() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let device = licence.device.id.to_string();
    let fields = [("email", "nadia"), ("first_name", "Nadia"), ("device", device.as_str())];
    let refused = answers::text(licence.owner.post(TEAM, &fields).await?, 422).await?;
    for words in ["value=\"Nadia\"", "href=\"#email\"", &format!("value=\"{device}\" checked")] {
        assert!(refused.contains(words), "{words} is missing in {refused}");
    }
    let program = Program::of(&stage, &licence.owner);
    for (body, field) in [
        (json!({ "email": "nadia" }), "email"),
        (json!({ "email": NADIA, "firstName": "x".repeat(81) }), "firstName"),
        (json!({ "email": NADIA, "role": "admin" }), "role"),
    ] {
        let refused = answers::json(program.post("/team", &body).await?, 400).await?;
        assert_eq!(refused["error"]["details"][0]["field"], json!(field), "{refused}");
    }
    let invited = answers::json(program.post("/team", &json!({ "email": NADIA })).await?, 201).await?;
    let secret = secret(&stage, NADIA, 1).await?;
    let path = format!("/team/invitations/{}", invited["id"].as_str().unwrap_or_default());
    assert_eq!(program.send(Method::DELETE, &path, &Value::Null).await?.status(), 204);
    assert_eq!(stage.anybody().get(&format!("/physiotraq/invitation?token={secret}")).await?.status(), 404);
    let listed = answers::json(program.get("/team/invitations").await?, 200).await?;
    assert_eq!(listed["data"], json!([]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_names_people_and_removes_them_with_their_devices_but_never_themselves() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let edit = format!("{TEAM}/{}/edit", licence.operator.account);
    let refused = licence.owner.post(&edit, &[("first_name", " "), ("last_name", "Durand")]).await?;
    let refused = answers::text(refused, 422).await?;
    assert!(refused.contains("href=\"#first_name\"") && refused.contains("value=\"Durand\""), "{refused}");
    let named = licence.owner.post(&edit, &[("first_name", "Zoé"), ("last_name", "Durand")]).await?;
    assert_eq!(named.status(), 303);
    let list = answers::text(licence.owner.get(TEAM).await?, 200).await?;
    assert!(list.contains("Zoé Durand") && !list.contains("Paul Essai"), "{list}");
    let program = Program::of(&stage, &licence.owner);
    let path = format!("/team/{}", licence.operator.account);
    let body = json!({ "firstName": "Paul", "lastName": "" });
    let refused = answers::json(program.send(Method::PATCH, &path, &body).await?, 400).await?;
    assert_eq!(refused["error"]["details"][0]["field"], json!("lastName"));
    assert_eq!(program.send(Method::DELETE, &path, &Value::Null).await?.status(), 204);
    assert_eq!(licence.operator.get("/physiotraq/app").await?.status(), 303, "the session has ended");
    let mut admin = stage.database.admin().await?;
    let assigned = "SELECT count(*) FROM physiotraq.device_assignments WHERE user_id = $1";
    assert_eq!(behind::figure(&mut admin, assigned, licence.operator.account.0).await?, 0);
    let own = format!("/team/{}", licence.owner.account);
    let refused = program.send(Method::DELETE, &own, &Value::Null).await?;
    assert_eq!(answers::refusal(refused).await?, (409, "BIZ_OWNER".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_page_through_the_team() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.owner);
    let first = answers::json(program.get("/team?limit=1").await?, 200).await?;
    assert_eq!(first["pagination"]["hasMore"], json!(true));
    let cursor = first["pagination"]["cursor"].as_str().unwrap_or_default();
    let second = answers::json(program.get(&format!("/team?limit=1&cursor={cursor}")).await?, 200).await?;
    assert_eq!(second["pagination"]["hasMore"], json!(false));
    assert_ne!(first["data"][0]["id"], second["data"][0]["id"]);
    assert_eq!(program.get("/team?cursor=x").await?.status(), 400);
    Ok(())
}
