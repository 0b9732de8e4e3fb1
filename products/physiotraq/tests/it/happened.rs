//! The list of events, for the owner: every type of the spec, by type, device, person and period.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::{Value, json};
use testkit::{Device, Licence, Stage};

use crate::programs::Program;
use crate::{answers, crew};

/// A licence in which everything has happened once: a device came and fell silent, a treatment ran hot and ended.
async fn scene() -> Result<(Stage, Licence, Device)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let quiet = crew::devices(&stage, &licence, 1).await?.remove(0);
    crew::online(&licence.device).await?;
    licence.operator.start(&licence.device).await?;
    for _ in 0..8 {
        stage.clock.advance(TimeDelta::seconds(20));
        licence.device.measure(stage.clock.now(), 40.2).await?;
    }
    let program = Program::of(&stage, &licence.owner);
    for wanted in ["alert.temperature_39", "alert.temperature_40", "device.disconnected"] {
        let path = format!("/events?type={wanted}");
        answers::eventually(1, async || Ok(found(&program, &path).await?.len())).await?;
    }
    licence.operator.post(&format!("/physiotraq/app/monitor/{}/stop", licence.device.id), &[]).await?;
    Ok((stage, licence, quiet))
}

async fn found(program: &Program, path: &str) -> Result<Vec<Value>> {
    let body = answers::json(program.get(path).await?, 200).await?;
    Ok(body["data"].as_array().cloned().unwrap_or_default())
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["eventType"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_the_owners_and_hold_who_from_where_and_when() -> Result<()> {
    let (stage, licence, _) = scene().await?;
    let stranger = stage.licence().await?;
    for path in ["/physiotraq/admin/events", "/physiotraq/api/v1/events"] {
        assert_eq!(licence.operator.get(path).await?.status(), 403, "{path}");
    }
    assert!(found(&Program::of(&stage, &stranger.owner), "/events").await?.is_empty());
    let program = Program::of(&stage, &licence.owner);
    let started = found(&program, "/events?type=treatment.started").await?;
    assert_eq!(started.len(), 1);
    assert_eq!(started[0]["userId"], json!(licence.operator.account));
    assert_eq!((&started[0]["ipAddress"], &started[0]["eventableType"]), (&json!("127.0.0.1"), &json!("Treatment")));
    assert!(started[0]["createdAt"].as_str().is_some_and(|at| at.starts_with("2026-11-21T10:00:00")), "{started:?}");
    let all = found(&program, "/events?limit=100").await?;
    for of_the_spec in [
        "device.connected",
        "device.disconnected",
        "treatment.started",
        "treatment.completed",
        "alert.temperature_39",
        "alert.temperature_40",
    ] {
        assert!(types(&all).contains(&of_the_spec), "{of_the_spec} is missing in {:?}", types(&all));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_narrowed_by_type_device_person_and_period() -> Result<()> {
    let (stage, licence, quiet) = scene().await?;
    let program = Program::of(&stage, &licence.owner);
    let of_quiet = found(&program, &format!("/events?deviceId={}", quiet.id)).await?;
    assert_eq!(types(&of_quiet), ["device.disconnected", "device.connected"]);
    let of_busy = found(&program, &format!("/events?deviceId={}&limit=100", licence.device.id)).await?;
    assert!(types(&of_busy).contains(&"treatment.completed") && types(&of_busy).contains(&"alert.temperature_40"));
    let by = found(&program, &format!("/events?userId={}", licence.operator.account)).await?;
    assert_eq!(types(&by), ["treatment.completed", "treatment.started"]);
    let until = found(&program, "/events?until=2026-11-21T10:00:01Z&limit=100").await?;
    let from = found(&program, "/events?from=2026-11-21T10:00:01Z&limit=100").await?;
    assert!(types(&until).contains(&"treatment.started") && !types(&from).contains(&"treatment.started"));
    assert_eq!(until.len() + from.len(), found(&program, "/events?limit=100").await?.len());
    let first = answers::json(program.get("/events?limit=2").await?, 200).await?;
    let cursor = first["pagination"]["cursor"].as_str().unwrap_or_default();
    let next = found(&program, &format!("/events?limit=2&cursor={cursor}")).await?;
    assert_eq!(next.len(), 2);
    assert!(first["data"].as_array().unwrap().iter().all(|event| event["id"] != next[0]["id"]));
    for (query, field) in [("type=x", "type"), ("deviceId=x", "deviceId"), ("from=today", "from"), ("limit=0", "limit")]
    {
        let refused = answers::json(program.get(&format!("/events?{query}")).await?, 400).await?;
        assert_eq!(refused["error"]["details"][0]["field"], json!(field), "{refused}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_them_with_words_and_says_what_it_cannot_read() -> Result<()> {
    let (_stage, licence, quiet) = scene().await?;
    let page = async |query: &str| {
        answers::text(licence.owner.get(&format!("/physiotraq/admin/events{query}")).await?, 200).await
    };
    let all = page("").await?;
    for words in
        ["Appareil connecté", "Traitement terminé", "Alerte\u{a0}: 40\u{a0}°C atteints", "Paul Essai", "127.0.0.1"]
    {
        assert!(all.contains(words), "{words} is missing");
    }
    // The rows; the filter names every type.
    let rows = |page: &str| page.matches("class=\"tag ").count();
    assert_eq!(rows(&page("?type=alert.temperature_40").await?), 1);
    assert_eq!(rows(&page(&format!("?device={}", quiet.id)).await?), 2);
    assert_eq!(rows(&page("?from=2026-11-22").await?), 0);
    assert_eq!(rows(&page("?to=2026-11-21").await?), rows(&all));
    let unread = page("?from=hier&device=x").await?;
    assert!(rows(&unread) == 0 && unread.contains("href=\"#from\"") && unread.contains("href=\"#device\""), "{unread}");
    Ok(())
}
