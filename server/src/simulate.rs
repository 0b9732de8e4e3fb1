//! `socle simulate`: made-up sessions, through the public device API. The demo runs the same curves.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use socle::clock::Clock;

use crate::claim;
use crate::device_client::{Counts, DeviceClient, Sent};

/// Options of `simulate`.
#[derive(Args)]
pub struct Options {
    /// The server; this machine at SOCLE_PORT when not given.
    #[arg(long, env = "SOCLE_URL")]
    server: Option<String>,
    /// Credential of a registered device; repeat for several. Without one, a spare device of the demo is claimed.
    #[arg(long)]
    credential: Vec<String>,
    /// Readings per second and device.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Seconds to run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Runs the devices side by side and prints what became of their readings.
pub async fn run(options: Options) -> Result<()> {
    let clock = Clock::system();
    let server = claim::server(options.server);
    let credentials = claim::credentials(&server, options.credential).await?;
    let pause = Duration::from_secs_f64(1.0 / options.rate.clamp(0.01, 1_000.0));
    let mut devices = tokio::task::JoinSet::new();
    for (index, credential) in credentials.into_iter().enumerate() {
        let client = DeviceClient::new(&server, credential);
        let clock = clock.clone();
        let start = clock.now();
        let until = start + TimeDelta::seconds(i64::try_from(options.seconds)?);
        devices.spawn(async move {
            let mut counts = Counts::default();
            let mut sequence = 0;
            while clock.now() < until {
                let at = clock.now();
                sequence += 1;
                let celsius = warming((at - start).num_milliseconds(), index);
                counts.add(client.send(&[Sent::new(at, celsius, sequence)]).await?);
                tokio::time::sleep(pause).await;
            }
            anyhow::Ok(counts)
        });
    }
    let mut total = Counts::default();
    while let Some(counts) = devices.join_next().await {
        total.add(counts??);
    }
    println!("{}", total.line());
    Ok(())
}

/// A device of the demo: a session that warms from 37.2 °C past 39 and 40 °C and cools again, within minutes, so that
/// every state of the screen is seen; other devices stay around the therapeutic range.
#[expect(clippy::cast_precision_loss, reason = "minutes of a demo")]
pub fn warming(elapsed_ms: i64, device: usize) -> f64 {
    let seconds = elapsed_ms as f64 / 1_000.0;
    let noise = (seconds * 1.7).sin() * 0.02 + (seconds * 0.31).cos() * 0.03;
    let celsius = match device {
        0 => {
            let phase = seconds % 600.0;
            if phase < 240.0 { 38.4 + phase * 0.0078 } else { 40.27 - (phase - 240.0) * 0.0052 }
        }
        1 => 38.1 + (seconds / 300.0).min(1.0) * 0.6,
        other => 37.0 + (other % 5) as f64 * 0.15 + (seconds / 97.0).sin() * 0.1,
    };
    ((celsius + noise) * 100.0).round() / 100.0
}

/// Drives one device of the demo for ever, once a second.
pub async fn drive(client: DeviceClient, clock: Clock, index: usize, since: DateTime<Utc>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let at = clock.now();
        let reading = Sent::new(at, warming((at - since).num_milliseconds(), index), at.timestamp_millis());
        if let Err(error) = client.send(&[reading]).await {
            tracing::warn!(%error, device = index, "demo device");
        }
    }
}
