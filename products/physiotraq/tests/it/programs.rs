//! People's programs: treatments in JSON, by the rules of the pages, and every fault told by its field.

use anyhow::Result;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use testkit::{Device, Person, Stage};
use uuid::Uuid;

use crate::session::Session;
use crate::{answers, crew};

/// A person's program: JSON in and out, below `/physiotraq/api/v1`.
pub struct Program {
    base: String,
    cookie: String,
    http: Client,
}

impl Program {
    /// The program of somebody.
    pub fn of(stage: &Stage, person: &Person) -> Self {
        Self { base: stage.url(), cookie: person.cookie().to_owned(), http: Client::new() }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.request(Method::GET, path).send().await?)
    }

    /// Does.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        Ok(self.request(Method::POST, path).json(body).send().await?)
    }

    /// Replaces, changes or removes.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Response> {
        Ok(self.request(method, path).json(body).send().await?)
    }

    /// Starts a treatment under a key.
    pub async fn start(&self, key: &str, body: &Value) -> Result<Response> {
        Ok(self.request(Method::POST, "/treatments").header("Idempotency-Key", key).json(body).send().await?)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/physiotraq/api/v1{path}", self.base);
        self.http.request(method, url).header("cookie", &self.cookie)
    }
}

/// What starts an anonymous treatment.
pub fn anonymous(device: &Device) -> Value {
    json!({ "deviceId": device.id, "anonymous": true })
}

/// The faulty fields of a refusal with VAL_FIELDS, in order.
async fn faulty(answer: Response) -> Result<Vec<String>> {
    let body = answers::json(answer, 400).await?;
    assert_eq!(body["error"]["code"], "VAL_FIELDS", "{body}");
    let details = body["error"]["details"].as_array().unwrap();
    assert!(details.iter().all(|detail| detail["message"].as_str().is_some_and(|text| text.contains(' '))), "{body}");
    Ok(details.iter().map(|detail| detail["field"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_starts_sees_and_ends_a_treatment() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    let program = Program::of(&stage, &licence.operator);
    let body = json!({
        "deviceId": licence.device.id, "anonymous": false, "patientFirstName": "Ada", "patientLastName": "Lovelace",
        "patientAge": 45, "patientSex": "female", "patientWeight": "72.5", "unit": "celsius", "notes": "Séance 3",
    });
    let started = answers::json(program.post("/treatments", &body).await?, 201).await?;
    assert_eq!(started["status"], "in_progress");
    // Saturday 21 November 2026, 11:00 in Paris.
    assert_eq!(started["sessionIdentifier"], "20261121-110000-001");
    assert_eq!(started["deviceId"], json!(licence.device.id));
    assert_eq!(started["operatorId"], json!(licence.operator.account));
    let patient = json!({
        "anonymous": false, "namesUnavailable": false, "firstName": "Ada", "lastName": "Lovelace", "age": 45,
        "sex": "female", "weight": "72.5",
    });
    assert_eq!(started["patient"], patient);
    let id = started["id"].as_str().unwrap();
    assert_eq!(answers::json(program.get(&format!("/treatments/{id}")).await?, 200).await?, started);
    assert_eq!(
        answers::json(program.get(&format!("/treatments/{id}/alerts")).await?, 200).await?,
        json!({ "data": [] })
    );
    stage.clock.advance(chrono::TimeDelta::seconds(90));
    let ended = answers::json(program.post(&format!("/treatments/{id}/complete"), &json!({})).await?, 200).await?;
    assert_eq!((&ended["status"], &ended["durationSeconds"]), (&json!("completed"), &json!(90)));
    for verb in ["complete", "abort"] {
        let again = program.post(&format!("/treatments/{id}/{verb}"), &json!({})).await?;
        assert_eq!(answers::refusal(again).await?, (409, "BIZ_TREATMENT_ENDED".to_owned()), "{verb}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_treatment_is_never_taken_for_the_one_that_runs_now() -> Result<()> {
    let session = Session::new().await?;
    assert_eq!(session.end("stop").await?, 303);
    let running = session.licence.operator.start(&session.licence.device).await?;
    let program = Program::of(&session.stage, &session.licence.operator);
    let late = program.post(&format!("/treatments/{}/abort", session.treatment), &json!({})).await?;
    assert_eq!(answers::refusal(late).await?.0, 409);
    let now = answers::json(program.get(&format!("/treatments/{running}")).await?, 200).await?;
    assert_eq!(now["status"], "in_progress");
    let aborted = answers::json(program.post(&format!("/treatments/{running}/abort"), &json!({})).await?, 200).await?;
    assert_eq!(aborted["status"], "aborted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_body_is_told_by_its_field() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    let program = Program::of(&stage, &licence.operator);
    let device = licence.device.id;
    let wrong = json!({
        "deviceId": device, "anonymous": false, "patientAge": 131, "patientSex": "f", "patientWeight": "0.5",
        "patientLastName": "x".repeat(101), "unit": "kelvin", "notes": "n".repeat(4_001),
    });
    let fields = ["patientLastName", "patientAge", "patientSex", "patientWeight", "unit", "notes"];
    assert_eq!(faulty(program.post("/treatments", &wrong).await?).await?, fields);
    for (body, field) in [
        (json!({ "anonymous": true }), "deviceId"),
        (json!({ "deviceId": device }), "anonymous"),
        (json!({ "deviceId": "PT-2026-00001", "anonymous": true }), "deviceId"),
        (json!({ "deviceId": device, "anonymous": "on" }), "anonymous"),
        (json!({ "deviceId": device, "anonymous": true, "patientAge": "old" }), "patientAge"),
        (json!({ "deviceId": device, "anonymous": true, "patient_age": 45 }), "patient_age"),
    ] {
        assert_eq!(faulty(program.post("/treatments", &body).await?).await?, [field], "{body}");
    }
    for body in [json!([device]), json!("x"), json!(null)] {
        let refused = program.post("/treatments", &body).await?;
        assert_eq!(answers::refusal(refused).await?, (400, "VAL_MALFORMED".to_owned()), "{body}");
    }
    let list = answers::json(program.get("/treatments").await?, 200).await?;
    assert_eq!(list["data"], json!([]), "nothing was started");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_listed_and_taken_note_of_once() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[39.1, 39.1]).await?;
    let program = Program::of(&session.stage, &session.licence.operator);
    let path = format!("/treatments/{}", session.treatment);
    let listed = answers::json(program.get(&format!("{path}/alerts")).await?, 200).await?;
    let alert = &listed["data"][0];
    assert_eq!(
        (&alert["level"], &alert["limit"], &alert["acknowledgedAt"]),
        (&json!(39), &json!("39.000"), &Value::Null)
    );
    let note = json!({ "alertId": alert["id"], "note": "Refroidissement commencé." });
    for _ in 0..2 {
        assert_eq!(program.post(&format!("{path}/acknowledge"), &note).await?.status(), 204);
    }
    let stored = session.alerts().await?.remove(0);
    assert_eq!(stored.acknowledged_by, Some(session.licence.operator.account.0));
    assert_eq!(stored.note.as_deref(), Some("Refroidissement commencé."));
    let long = json!({ "alertId": alert["id"], "note": "n".repeat(501) });
    assert_eq!(faulty(program.post(&format!("{path}/acknowledge"), &long).await?).await?, ["note"]);
    let unknown = program.post(&format!("{path}/acknowledge"), &json!({ "alertId": Uuid::from_u128(1) })).await?;
    assert_eq!(answers::refusal(unknown).await?.0, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_and_a_colleague_find_nothing_and_nobody_is_asked_to_sign_in() -> Result<()> {
    let session = Session::new().await?;
    let other = session.stage.licence().await?;
    let theirs = session.stage.device(&session.licence).await?;
    crew::assign(&session.licence, &theirs, &[&session.licence.owner]).await?;
    crew::online(&theirs).await?;
    let owners = session.licence.owner.start(&theirs).await?;
    let strangers = [(&other.owner, session.treatment.to_string()), (&other.operator, session.treatment.to_string())];
    for (person, treatment) in strangers.into_iter().chain([(&session.licence.operator, owners)]) {
        let program = Program::of(&session.stage, person);
        for path in ["", "/alerts"] {
            let answer = program.get(&format!("/treatments/{treatment}{path}")).await?;
            assert_eq!(answers::refusal(answer).await?.0, 404, "{path}");
        }
        for (verb, body) in
            [("complete", json!({})), ("abort", json!({})), ("acknowledge", json!({ "alertId": Uuid::from_u128(1) }))]
        {
            let answer = program.post(&format!("/treatments/{treatment}/{verb}"), &body).await?;
            assert_eq!(answers::refusal(answer).await?.0, 404, "{verb}");
        }
    }
    let foreign = Program::of(&session.stage, &other.operator);
    let start = foreign.post("/treatments", &anonymous(&session.licence.device)).await?;
    assert_eq!(answers::refusal(start).await?.0, 404);
    let nobody = Program::of(&session.stage, &session.stage.anybody());
    assert_eq!(answers::refusal(nobody.get("/treatments").await?).await?, (401, "AUTH_REQUIRED".to_owned()));
    assert_eq!(answers::refusal(nobody.post("/treatments", &json!({})).await?).await?.0, 401);
    Ok(())
}
