//! One device over HTTP as a signed-in person, against `pgbench` asking the same database for the same.

use std::path::Path;

use anyhow::{Result, ensure};
use reqwest::header::COOKIE;
use serde_json::Value;
use socle::clock::Clock;

use crate::house::House;
use crate::report::{ROUNDS, Report, Round};
use crate::scratch::Scratch;
use crate::server::Server;
use crate::{bodies, posts, programs, sql};

/// Measures it.
///
/// # Errors
/// When a request or a transaction fails.
pub async fn run(load: f64) -> Result<Report> {
    let house = House::open().await?;
    let server = Server::start(&house).await?;
    let scratch = Scratch::new()?;
    let (device, now) = (house.first()?, Clock::system().now());
    let script = scratch.write("read.sql", &sql::read_script(&house.reader, device, now)?)?;
    let url = format!("{}/devices/{}", server.api(), device.id);
    let reading = bodies::single(device, 1, now)?;
    posts::send(&posts::client()?, &format!("{}/measurements", server.api()), &reading).await?;
    both_answer(&house, &url, &script).await?;
    // A short run of each that does not count: connections, caches.
    programs::wrk(&url, &house.reader, "2s").await?;
    reference(&house, &script, "2").await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    let mut latencies = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let served = programs::wrk(&url, &house.reader, "10s").await?;
        rounds.push(Round { ours: served.rate, reference: reference(&house, &script, "10").await? });
        latencies.push(("p50 / p99", format!("{} / {}", served.p50, served.p99)));
    }
    server.stop().await?;
    Ok(Report { lines: latencies, ..Report::of_rounds("read", "requests/s", load, rounds) })
}

async fn reference(house: &House, script: &Path, seconds: &str) -> Result<f64> {
    programs::pgbench(house, programs::APP, script, &["-c", "16", "-j", "2", "-T", seconds]).await
}

/// A fast answer that says nothing is no measurement: both sides must find the session and the device.
async fn both_answer(house: &House, url: &str, script: &Path) -> Result<()> {
    let device = house.first()?.id.to_string();
    let account = house.reader.account.to_string();
    let said = programs::script(house, script).await?;
    ensure!(said.contains(&account) && said.contains(&device), "the reference finds no session or no device: {said}");
    let answer = posts::client()?.get(url).header(COOKIE, &house.reader.cookie).send().await?;
    let status = answer.status();
    let shown: Value = answer.json().await?;
    let found = shown.get("id").and_then(Value::as_str) == Some(device.as_str());
    ensure!(status.is_success() && found, "the server finds no device: {status} {shown}");
    Ok(())
}
