//! The live stream: the last values first, what is posted within two seconds, an end within five when the right ends.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use physiotraq::monitoring::Monitor;
use reqwest::Response;
use serde_json::{Value, json};
use socle::web::Product;
use testkit::{Licence, Person, Stage};
use tokio::time::timeout;

use crate::session::Session;
use crate::{answers, crew};

/// No event of these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(8);

/// An open stream as a browser's EventSource reads it.
struct Stream {
    answer: Response,
    read: String,
}

impl Stream {
    async fn open(person: &Person, licence: &Licence) -> Result<Self> {
        let answer = person.get_json(&format!("/physiotraq/live?topic=device:{}", licence.device.id)).await?;
        ensure!(answer.status() == 200, "the stream answered {}", answer.status());
        let kind = answer.headers().get("content-type").context("no content type")?.to_str()?;
        ensure!(kind.starts_with("text/event-stream"), "{kind}");
        Ok(Self { answer, read: String::new() })
    }

    /// The next event, its name and its data; `None` when the stream has closed.
    async fn next(&mut self) -> Result<Option<(String, Value)>> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = field("event:").map(ToOwned::to_owned).zip(field("data:").map(ToOwned::to_owned));
                self.read = rest.to_owned();
                let Some((name, data)) = found else { continue };
                return Ok(Some((name, serde_json::from_str(&data)?)));
            }
            match timeout(PATIENCE, self.answer.chunk()).await?? {
                Some(bytes) => self.read.push_str(&String::from_utf8_lossy(&bytes)),
                None => return Ok(None),
            }
        }
    }

    /// The data of the next event of a name; other events are passed over.
    async fn next_of(&mut self, wanted: &str) -> Result<Value> {
        loop {
            let (name, data) = self.next().await?.with_context(|| format!("the stream ended before {wanted}"))?;
            if name == wanted {
                return Ok(data);
            }
        }
    }

    /// Passes over the last values, which come first.
    async fn opened(&mut self) -> Result<()> {
        for name in ["clock", "presence", "treatment", "alarm"] {
            self.next_of(name).await?;
        }
        Ok(())
    }

    /// Reads to the end: the reason it names, and after how long.
    async fn reason(&mut self) -> Result<(String, Duration)> {
        let started = Instant::now();
        let end = self.next_of("end").await?;
        let took = started.elapsed();
        ensure!(self.next().await?.is_none(), "something came after the end");
        Ok((end["reason"].as_str().unwrap_or_default().to_owned(), took))
    }
}

fn ms(at: DateTime<Utc>) -> Value {
    json!(at.timestamp_millis())
}

/// Whether the operator has taken note of an alert, and it is silent for a while.
fn is_noted(alarm: &Value) -> bool {
    let alerts = alarm["alerts"].as_array().unwrap();
    alerts.iter().any(|alert| alert["acknowledgedBy"] == "Paul Essai" && alert["silentUntil"].is_i64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_begins_with_the_last_value_of_everything() -> Result<()> {
    let session = Session::new().await?;
    let started = session.stage.clock.now();
    session.feed(20, &[38.0, 40.2]).await?;
    let now = session.stage.clock.now();
    let mut stream = Stream::open(&session.licence.operator, &session.licence).await?;
    let device = json!(session.licence.device.id);
    let mut events = Vec::new();
    for _ in 0..5 {
        events.push(stream.next().await?.context("the stream ended")?);
    }
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["clock", "presence", "treatment", "alarm", "reading"]);
    assert_eq!(events[0].1, json!({ "now": ms(now) }));
    assert_eq!(events[1].1, json!({ "device": device, "status": "online", "seenAt": ms(now) }));
    let treatment = json!({ "device": device, "id": session.treatment, "status": "in_progress",
                            "startedAt": ms(started), "endedAt": null });
    assert_eq!(events[2].1, treatment);
    let alarm = &events[3].1;
    assert_eq!((&alarm["banner"], &alarm["sound"]), (&json!("critical"), &json!(true)));
    let alert = &alarm["alerts"][0];
    assert_eq!((&alert["level"], &alert["limit"], &alert["value"]), (&json!(40), &json!("40.0"), &json!("40.2")));
    assert_eq!((&alert["state"], &alert["raisedAt"]), (&json!("active"), &ms(now)));
    assert_eq!((&alert["acknowledgedBy"], &alert["silentUntil"]), (&Value::Null, &Value::Null));
    let reading = &events[4].1;
    assert_eq!((&reading["t"], &reading["c"], &reading["band"]), (&ms(now), &json!(40.2), &json!("critical")));
    assert_eq!(reading["shown"], json!({ "celsius": "40.2", "fahrenheit": "104.3" }));
    assert_eq!((&reading["quality"], &reading["receivedAt"]), (&json!("good"), &ms(now)));
    assert_eq!((&reading["device"], &reading["treatment"]), (&device, &json!(session.treatment)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_posted_reading_arrives_within_two_seconds_with_what_the_device_says_of_itself() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut stream = Stream::open(&licence.operator, &licence).await?;
    stream.opened().await?;
    let started = Instant::now();
    let sent = json!({
        "temperature": 38.712, "measured_at": stage.clock.now(), "reliability": 98, "battery_level": 87,
        "wifi_strength": -61, "firmware_version": "03.2.0",
    });
    answers::json(licence.device.post("/measurements", &sent).await?, 201).await?;
    let reading = stream.next_of("reading").await?;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!((&reading["c"], &reading["t"]), (&json!(38.712), &ms(stage.clock.now())));
    assert_eq!(reading["shown"], json!({ "celsius": "38.7", "fahrenheit": "101.6" }));
    let said = (&reading["reliability"], &reading["battery"], &reading["wifi"], &reading["firmware"]);
    assert_eq!(said, (&json!(98), &json!(87), &json!(-61), &json!("03.2.0")));
    assert_eq!(reading["treatment"], Value::Null);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_reading_is_not_shown_as_the_newest() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    licence.device.measure(stage.clock.now(), 37.0).await?;
    let mut stream = Stream::open(&licence.operator, &licence).await?;
    stream.next_of("reading").await?;
    licence.device.measure(stage.clock.now() - TimeDelta::minutes(10), 41.0).await?;
    stage.clock.advance(TimeDelta::seconds(1));
    licence.device.measure(stage.clock.now(), 37.1).await?;
    let mut shown = Value::Null;
    while shown != 37.1 {
        shown = stream.next_of("reading").await?["c"].clone();
        assert_ne!(shown, 41.0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_alarm_acknowledgement_and_stop_are_told_as_they_happen() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut stream = Stream::open(&licence.owner, &licence).await?;
    stream.opened().await?;
    crew::online(&licence.device).await?;
    assert_eq!(stream.next_of("presence").await?["status"], "online");
    let treatment = licence.operator.start(&licence.device).await?;
    let begun = stream.next_of("treatment").await?;
    assert_eq!((&begun["id"], &begun["status"]), (&json!(treatment), &json!("in_progress")));
    assert_eq!(stream.next_of("alarm").await?["banner"], "none");
    for celsius in [39.9, 40.2] {
        stage.clock.advance(TimeDelta::seconds(20));
        licence.device.measure(stage.clock.now(), celsius).await?;
    }
    let mut alarm = stream.next_of("alarm").await?;
    while alarm["banner"] != "critical" {
        alarm = stream.next_of("alarm").await?;
    }
    let alert = alarm["alerts"].as_array().unwrap().iter().find(|alert| alert["level"] == 40).unwrap();
    let (path, id) = (format!("/physiotraq/app/monitor/{}", licence.device.id), alert["id"].as_str().unwrap());
    let acknowledged = licence.operator.post(&format!("{path}/acknowledge"), &[("alert", id)]).await?;
    assert_eq!(acknowledged.status(), 303);
    let mut noted = stream.next_of("alarm").await?;
    while !is_noted(&noted) {
        noted = stream.next_of("alarm").await?;
    }
    assert_eq!(licence.operator.post(&format!("{path}/stop"), &[]).await?.status(), 303);
    let ended = stream.next_of("treatment").await?;
    assert_eq!((&ended["id"], &ended["status"]), (&json!(treatment), &json!("completed")));
    assert_eq!(stream.next_of("alarm").await?["banner"], "none");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_taken_off_a_device_loses_its_stream_within_five_seconds() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut stream = Stream::open(&licence.operator, &licence).await?;
    stream.opened().await?;
    crew::assign(&licence, &licence.device, &[&licence.owner]).await?;
    let (reason, took) = stream.reason().await?;
    assert_eq!(reason, "right_ended");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let again = licence.operator.get_json(&format!("/physiotraq/live?topic=device:{}", licence.device.id)).await?;
    assert_eq!(again.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_loses_the_stream_within_five_seconds() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut stream = Stream::open(&licence.operator, &licence).await?;
    stream.opened().await?;
    assert_eq!(licence.operator.post("/physiotraq/sign_out", &[]).await?.status(), 303);
    let (reason, took) = stream.reason().await?;
    assert_eq!(reason, "signed_out");
    assert!(took < Duration::from_secs(5), "{took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_so() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut stream = Stream::open(&licence.operator, &licence).await?;
    stream.opened().await?;
    stage.product.app().live.close();
    assert_eq!(stream.reason().await?.0, "shutdown");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_takes_one_to_fifty_topics() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let topic = format!("topic=device:{}", licence.device.id);
    let many = |count: usize| format!("/physiotraq/live?{}", vec![topic.as_str(); count].join("&"));
    assert_eq!(licence.operator.get_json(&many(50)).await?.status(), 200);
    assert_eq!(answers::refusal(licence.operator.get_json(&many(51)).await?).await?.0, 400);
    assert_eq!(answers::refusal(licence.operator.get_json(&many(0)).await?).await?.0, 400);
    for unknown in ["device:x", "device:", "licence:1", "*", "device:00000000-0000-0000-0000-000000000000"] {
        let answer = licence.operator.get_json(&format!("/physiotraq/live?topic={unknown}")).await?;
        assert_eq!(answers::refusal(answer).await?.0, 404, "{unknown}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_hold_up_no_device_and_get_the_last_value_in_the_end() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut slow = Vec::new();
    for _ in 0..10 {
        slow.push(Stream::open(&licence.operator, &licence).await?);
    }
    let started = Instant::now();
    for _ in 0..60 {
        stage.clock.advance(TimeDelta::seconds(50));
        let now = stage.clock.now();
        let readings: Vec<_> = (0..50).map(|n| (now - TimeDelta::seconds(49 - n), 37.0)).collect();
        licence.device.batch(&readings).await?;
    }
    assert!(started.elapsed() < Duration::from_secs(10), "60 batches took {:?}", started.elapsed());
    let last = ms(stage.clock.now());
    for mut stream in slow {
        while stream.next_of("reading").await?["t"] != last {}
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_page_leaves_nothing_behind() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let topic = Monitor::topic(licence.device.id);
    let readers = || stage.product.app().live.readers(&topic);
    let stream = Stream::open(&licence.operator, &licence).await?;
    assert_eq!(readers(), 1);
    drop(stream);
    answers::eventually(0, async || Ok(readers())).await
}
