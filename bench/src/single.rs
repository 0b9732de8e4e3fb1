//! Single readings, one request each, from 32 devices at once: what the server bears. Beside it, `pgbench` storing one
//! reading a commit. Group commit and HTTP pull in opposite directions, so the two are printed without a ratio.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{Datelike, TimeDelta};
use physiotraq::measurements::Leaf;
use reqwest::Client;
use socle::clock::Clock;
use tokio::task::JoinSet;

use crate::house::House;
use crate::posts::{self, Post};
use crate::report::{ROUNDS, Report, Round};
use crate::scratch::Scratch;
use crate::server::Server;
use crate::{bodies, programs, sql};

const POSTS: u32 = 5_000;
const CONNECTIONS: u32 = 32;
/// Rows of each client of the reference: as many as ours, rounded up.
const EACH: u32 = POSTS.div_ceil(CONNECTIONS);

/// Measures it.
///
/// # Errors
/// When anything is refused or a row is missing.
pub async fn run(load: f64) -> Result<Report> {
    let house = House::open().await?;
    let server = Server::start(&house).await?;
    let scratch = Scratch::new()?;
    // One run of each that does not count.
    ours(&house, &server).await?;
    reference(&house, &scratch).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let (ours, latencies) = ours(&house, &server).await?;
        rounds.push(Round { ours, reference: reference(&house, &scratch).await? });
        took.extend(latencies);
    }
    server.stop().await?;
    took.sort_unstable();
    let lines = vec![("p50", percentile(&took, 50)), ("p99", percentile(&took, 99))];
    Ok(Report { ratio: None, lines, ..Report::of_rounds("single", "readings/s", load, rounds) })
}

/// Readings a second over HTTP, and how long each answer took. Every device has its own connection, open beforehand.
async fn ours(house: &House, server: &Server) -> Result<(f64, Vec<Duration>)> {
    let url = format!("{}/measurements", server.api());
    let now = Clock::system().now();
    let leaf = Leaf::Month(now.year(), now.month());
    house.empty(leaf).await?;
    let mut ready = Vec::new();
    for (first, device) in (0..CONNECTIONS).zip(&house.thermometers) {
        // A millisecond apart: each run is newer than the one before, as a device's readings are.
        let at = |number: u32| now + TimeDelta::milliseconds(i64::from(number / CONNECTIONS));
        let numbers = (first..POSTS).step_by(usize::try_from(CONNECTIONS)?);
        let posts: Vec<Post> =
            numbers.map(|number| bodies::single(device, number, at(number))).collect::<Result<_>>()?;
        let client = posts::client()?;
        // An address that is nothing: it opens the connection and leaves the table empty.
        drop(client.get(server.api()).send().await?.bytes().await?);
        ready.push((client, posts));
    }
    let mut connections = JoinSet::new();
    let started = Instant::now();
    for (client, posts) in ready {
        connections.spawn(post_all(client, url.clone(), posts));
    }
    let mut took = Vec::new();
    while let Some(done) = connections.join_next().await {
        took.extend(done??);
    }
    let seconds = started.elapsed().as_secs_f64();
    house.holds(leaf, POSTS).await?;
    Ok((f64::from(POSTS) / seconds, took))
}

async fn post_all(client: Client, url: String, posts: Vec<Post>) -> Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(posts.len());
    for post in &posts {
        let started = Instant::now();
        posts::send(&client, &url, post).await?;
        took.push(started.elapsed());
    }
    Ok(took)
}

/// Readings a second by `pgbench`, one INSERT and commit each, over as many connections, as the writer's role.
async fn reference(house: &House, scratch: &Scratch) -> Result<f64> {
    let now = Clock::system().now();
    let leaf = Leaf::Month(now.year(), now.month());
    house.empty(leaf).await?;
    let script = scratch.write("single.sql", &sql::insert_script(leaf, house.first()?, now))?;
    let (clients, each) = (CONNECTIONS.to_string(), EACH.to_string());
    let arguments = ["-c", &clients, "-j", "2", "-t", &each, "-D", "n=0"];
    let rate = programs::pgbench(house, programs::INGEST, &script, &arguments).await?;
    house.holds(leaf, EACH * CONNECTIONS).await?;
    Ok(rate)
}

/// The time within which so many of a hundred answers came, of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> String {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or_else(|| "?".to_owned(), |took| format!("{:.1} ms", took.as_secs_f64() * 1_000.0))
}
