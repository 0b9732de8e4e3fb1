//! One thermometer, many screens: how soon the last one shows what it posted, and what an open stream costs.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use socle::clock::Clock;

use crate::house::House;
use crate::latency::Latencies;
use crate::report::Report;
use crate::server::Server;
use crate::viewers::Viewers;
use crate::{bodies, posts, process};

/// What is posted is on a screen within this, in milliseconds.
const LIMIT: f64 = 2_000.0;
/// Between two posts.
const PAUSE: Duration = Duration::from_millis(250);
/// After the streams were opened everything settles.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// What is asked of the server.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// Open live streams, all of the same thermometer.
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Readings posted, one after another.
    #[arg(long, default_value_t = 100)]
    events: u32,
}

/// Measures it.
///
/// # Errors
/// When a reading is refused, or does not reach every screen within ten seconds.
pub async fn run(load: f64, options: Options) -> Result<Report> {
    ensure!(options.clients > 0 && options.events > 0, "at least one client and one event");
    let house = Box::pin(House::open()).await?;
    let server = Server::start(&house).await?;
    let (pid, device) = (server.pid()?, house.first()?);
    tokio::time::sleep(SETTLED_AFTER).await;
    let before = process::resident(pid)?;
    let mut viewers = Viewers::open(&server, &house.reader, &vec![device.id; options.clients]).await?;
    tokio::time::sleep(SETTLED_AFTER).await;
    let after = process::resident(pid)?;

    let (client, url) = (posts::client()?, format!("{}/measurements", server.api()));
    let (mut last, mut all) = (Vec::new(), Vec::new());
    for number in 0..options.events {
        let at = Clock::system().now();
        let post = bodies::single(device, number, at)?;
        let (posted, shown) = tokio::join!(
            posts::send(&client, &url, &post),
            everywhere(&mut viewers, at.timestamp_millis(), options.clients)
        );
        posted?;
        let shown = shown?;
        last.extend(shown.iter().max().copied());
        all.extend(shown);
        tokio::time::sleep(PAUSE).await;
    }
    let most = process::resident(pid)?;
    server.stop().await?;
    let (last, all) = (Latencies::of(last), Latencies::of(all));
    let ours = last.within(99);
    let lines = vec![
        ("clients", options.clients.to_string()),
        ("last client", last.summary()),
        ("any client", all.summary()),
        ("memory", format!("{before:.1} → {after:.1} → {most:.1} MB")),
        ("a client", format!("{:.1} kB", (most - before) * 1_000.0 / f64::from(u32::try_from(options.clients)?))),
    ];
    let ratio = Some(LIMIT / ours);
    Ok(Report { name: "fanout", unit: "ms", ours, reference: LIMIT, ratio, load, rounds: Vec::new(), lines })
}

/// The times after which each of the clients had the reading of this moment.
async fn everywhere(viewers: &mut Viewers, at: i64, clients: usize) -> Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(clients);
    while took.len() < clients {
        let seen = viewers.next().await?;
        ensure!(seen.at == at, "a reading came to a screen twice, or after the next one");
        took.push(seen.took);
    }
    Ok(took)
}
