//! A clinic group on an ordinary day: many thermometers, each posting one reading a second at a time of its own, while
//! people watch. What it costs the server, how soon it is acknowledged and on a screen; then how many it bears.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use physiotraq::devices::DeviceId;
use reqwest::Client;
use socle::clock::Clock;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::house::{House, Thermometer};
use crate::latency::Latencies;
use crate::report::Report;
use crate::server::Server;
use crate::viewers::Viewers;
use crate::{bodies, crowd, posts, process};

/// 99 of 100 acknowledgements come within this, in milliseconds, or the server does not bear it.
const LIMIT: f64 = 50.0;
/// How often the number of devices is raised by half, at most.
const STEPS: usize = 6;
/// How long each number of devices is tried.
const STEP_SECONDS: u64 = 10;

/// What is asked of the server.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// How long, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Thermometers, each posting once a second.
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Open live streams, each of another thermometer.
    #[arg(long, default_value_t = 50)]
    viewers: usize,
}

/// A thermometer with its own connection.
struct Poster {
    device: Thermometer,
    client: Client,
    url: String,
}

/// What the first part found.
struct Day {
    acknowledged: Latencies,
    shown: Latencies,
    cpu: f64,
    resident: Vec<f64>,
}

/// Measures it.
///
/// # Errors
/// When anything is refused in the first part, or does not reach a screen.
pub async fn run(load: f64, options: Options) -> Result<Report> {
    ensure!(options.seconds > 0 && (1..=options.devices).contains(&options.viewers), "1 viewer to one for each device");
    let house = Box::pin(House::open()).await?;
    let sizes: Vec<usize> = std::iter::successors(Some(options.devices), |n| Some(n + n / 2)).take(STEPS + 1).collect();
    let most = sizes.last().copied().context("no size")?;
    let mut devices = crowd::gather(&house, most, options.viewers).await?.into_iter();
    let server = Server::start(&house).await?;
    let mut posters = Vec::with_capacity(most);
    connect(&server, &mut posters, devices.by_ref().take(options.devices)).await?;
    let watched: Vec<DeviceId> = posters.iter().take(options.viewers).map(|poster| poster.device.id).collect();
    let mut viewers = Viewers::open(&server, &house.reader, &watched).await?;
    let day = day(&server, &posters, &mut viewers, options).await?;
    let mut held = Some(options.devices).filter(|_| day.acknowledged.within(99) <= LIMIT);
    let mut lines = lines(&day, options);
    for (number, size) in (1..).zip(sizes.into_iter().skip(1)) {
        if held.is_none() {
            break;
        }
        let more = size - posters.len();
        connect(&server, &mut posters, devices.by_ref().take(more)).await?;
        // Refused or late: either way it does not hold.
        let Ok(times) = post(&posters, STEP_SECONDS, number * 1_000_000).await else { break };
        lines.push(("step", format!("{size} devices: {}", times.summary())));
        if times.within(99) > LIMIT {
            break;
        }
        held = Some(size);
    }
    lines.push(("held", held.map_or_else(|| "none".to_owned(), |size| format!("{size} readings/s"))));
    server.stop().await?;
    let ours = day.acknowledged.within(99);
    let ratio = Some(LIMIT / ours);
    Ok(Report { name: "steady", unit: "ms", ours, reference: LIMIT, ratio, load, rounds: Vec::new(), lines })
}

/// The first part: everything that is posted must be acknowledged and shown.
async fn day(server: &Server, posters: &[Arc<Poster>], viewers: &mut Viewers, options: Options) -> Result<Day> {
    let pid = server.pid()?;
    let before = process::cpu_seconds(pid)?;
    let memory = tokio::spawn(process::resident_over(pid, options.seconds));
    let acknowledged = post(posters, options.seconds, 0).await?;
    let cpu = process::cpu_seconds(pid)? - before;
    let resident = memory.await??;
    // What was acknowledged last may still be on its way to a screen.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let shown = Latencies::of(viewers.so_far()?.into_iter().map(|seen| seen.took).collect());
    let posted = usize::try_from(options.seconds)? * options.viewers;
    ensure!(shown.count() * 100 >= posted * 99, "{} of {posted} readings came to a screen", shown.count());
    Ok(Day { acknowledged, shown, cpu, resident })
}

fn lines(day: &Day, options: Options) -> Vec<(&'static str, String)> {
    let (first, last) = (day.resident.first(), day.resident.last());
    let most = day.resident.iter().copied().fold(f64::NAN, f64::max);
    let held = |figure: Option<&f64>| figure.copied().unwrap_or(f64::NAN);
    vec![
        ("readings", day.acknowledged.count().to_string()),
        ("answered", day.acknowledged.summary()),
        ("on a screen", day.shown.summary()),
        ("processor", format!("{:.1} s in {} s", day.cpu, options.seconds)),
        ("memory", format!("{:.1} → {:.1} MB, most {most:.1}", held(first), held(last))),
    ]
}

/// Opens a connection for each device, by asking for what is not there.
async fn connect(
    server: &Server,
    posters: &mut Vec<Arc<Poster>>,
    devices: impl Iterator<Item = Thermometer>,
) -> Result<()> {
    for device in devices {
        let client = posts::client()?;
        drop(client.get(server.api()).send().await.context("ulimit -n may be too low")?.bytes().await?);
        posters.push(Arc::new(Poster { device, client, url: format!("{}/measurements", server.api()) }));
    }
    Ok(())
}

/// Every device posts once a second for so long, from a moment of its own within the first second.
async fn post(posters: &[Arc<Poster>], seconds: u64, first: u32) -> Result<Latencies> {
    let chance = RandomState::new();
    let begin = Instant::now() + Duration::from_millis(100);
    let mut running = JoinSet::new();
    for (number, poster) in posters.iter().enumerate() {
        let phase = Duration::from_micros(chance.hash_one(number) % 1_000_000);
        running.spawn(once_a_second(Arc::clone(poster), begin + phase, seconds, first));
    }
    let mut all = Vec::new();
    while let Some(done) = running.join_next().await {
        all.extend(done??);
    }
    Ok(Latencies::of(all))
}

/// The times from when each post was due to its acknowledgement: a post that had to wait for the one before it is late
/// by that, too.
async fn once_a_second(poster: Arc<Poster>, begin: Instant, seconds: u64, first: u32) -> Result<Vec<Duration>> {
    let clock = Clock::system();
    let mut took = Vec::new();
    for number in 0..seconds {
        let due = begin + Duration::from_secs(number);
        sleep_until(due).await;
        let sequence = first + u32::try_from(number)?;
        let post = bodies::single(&poster.device, sequence, clock.now())?;
        posts::send(&poster.client, &poster.url, &post).await?;
        took.push(due.elapsed());
    }
    Ok(took)
}
