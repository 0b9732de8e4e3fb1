//! An alarm over kill -9: the real binary is killed while the on-delay runs, right after, and later. The alarm is raised
//! once, stands through all of it, and nobody is called offline or silent because no server listened.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use socle::clock::Clock;
use testkit::Device;
use tokio::time::{Instant, sleep};

use crate::binary::Binary;
use crate::crash;

/// The seconds of the session at which the server is killed.
const KILLED_AT: [u64; 3] = [6, 13, 19];
/// How long the session lasts: the on-delay of 15 s, and the last kill.
const LASTS: u64 = 24;

/// Sends one reading of now, again and again until a server takes it.
async fn insist(device: &Device, celsius: f64) -> Result<()> {
    let at = Clock::system().now();
    for _ in 0..100 {
        let body = json!({ "temperature": celsius, "measured_at": at });
        match device.post("/measurements", &body).await {
            Ok(answer) if answer.status() == 201 => return Ok(()),
            Ok(answer) if answer.status() != 503 => anyhow::bail!("{}: {}", answer.status(), answer.text().await?),
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
    anyhow::bail!("no server has taken the reading")
}

async fn start(binary: &Binary, cookie: &str, device: &Device) -> Result<()> {
    let form = [("device", device.id.to_string()), ("anonymous", "on".to_owned())];
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let post = http.post(format!("{}/physiotraq/app/treatments", binary.url)).header("cookie", cookie);
    let answer = post.header("accept", "text/html").form(&form).send().await?;
    ensure!(answer.status() == 303, "{}: {}", answer.status(), answer.text().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_is_raised_once_and_stands_over_kill_9() -> Result<()> {
    let (database, devices, operator) = crash::seeded().await?;
    let mut binary = Binary::serve(&database).await?;
    let mut device = devices[0].at(binary.url.clone());
    insist(&device, 38.0).await?;
    start(&binary, operator.cookie(), &device).await?;

    let began = Instant::now();
    let mut kills = KILLED_AT.into_iter().peekable();
    while began.elapsed() < Duration::from_secs(LASTS) {
        if kills.next_if(|at| began.elapsed() >= Duration::from_secs(*at)).is_some() {
            binary.kill().await?;
            binary = Binary::serve(&database).await?;
            device = device.at(binary.url.clone());
        }
        insist(&device, 40.2).await?;
        sleep(Duration::from_millis(900)).await;
    }

    let http = reqwest::Client::new();
    let read = async |path: String| -> Result<Value> {
        let get = http.get(format!("{}/physiotraq/api/v1{path}", binary.url)).header("cookie", operator.cookie());
        Ok(get.send().await?.error_for_status()?.json().await?)
    };
    let treatment = read(format!("/devices/{}", device.id)).await?["treatmentId"].clone();
    let treatment = treatment.as_str().unwrap_or_default().to_owned();
    let alerts = read(format!("/treatments/{treatment}/alerts")).await?;
    let of = |level: i64| alerts["data"].as_array().unwrap().iter().filter(|alert| alert["level"] == level).count();
    assert_eq!((of(39), of(40), of(0)), (1, 1, 0), "{alerts}");
    let mut admin = database.admin().await?;
    let states: Vec<(i16, String)> =
        sqlx::query_as("SELECT level, state FROM physiotraq.alerts ORDER BY level").fetch_all(&mut admin).await?;
    assert_eq!(states, [(39, "active".to_owned()), (40, "active".to_owned())]);
    let events = "SELECT count(*) FROM physiotraq.events WHERE event_type = $1";
    for (event, times) in [("alert.temperature_40", 1_i64), ("alert.no_data", 0), ("device.disconnected", 0)] {
        let counted: i64 = sqlx::query_scalar(events).bind(event).fetch_one(&mut admin).await?;
        assert_eq!(counted, times, "{event}");
    }
    binary.stop().await
}
