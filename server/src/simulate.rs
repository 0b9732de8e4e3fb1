//! `socle simulate`: made-up sessions, through the public device API, with what goes wrong on the way. The demo runs
//! the same curves.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use socle::clock::Clock;
use tokio::time::Instant;

use crate::claim;
use crate::device_client::{Counts, DeviceClient, Sent};
use crate::faults::{Faults, Made, Plan, Step};

/// Readings that one device makes in a run at most: the plan is held in memory.
const MOST: u32 = 1_000_000;

/// Options of `simulate`.
#[derive(Args)]
pub struct Options {
    /// The server; this machine at SOCLE_PORT when not given.
    #[arg(long, env = "SOCLE_URL")]
    server: Option<String>,
    /// Credential of a registered device; repeat for several. Without one, a spare device of the demo is claimed.
    #[arg(long, allow_hyphen_values = true)]
    credential: Vec<String>,
    /// Readings per second and device.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Seconds to run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What goes wrong: `all`, `none`, or a list of delay, reorder, duplicate, clock, power, wifi.
    #[arg(long, default_value = "none", value_parser = Faults::parse)]
    faults: Faults,
    /// When and how it goes wrong: the same seed, the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What became of the readings of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    /// By the device.
    made: u64,
    /// For the first time.
    sent: u64,
    /// Sent before, and sent again on purpose.
    again: u64,
    /// In a power cut, before they were sent.
    lost: u64,
    /// What the server said of all that was sent.
    answered: Counts,
}

impl Summary {
    fn add(&mut self, more: &Self) {
        self.made += more.made;
        self.sent += more.sent;
        self.again += more.again;
        self.lost += more.lost;
        self.answered.add(more.answered);
    }

    /// The last three lines of a simulation: every figure can be checked by those of the other lines.
    fn lines(&self) -> String {
        let Self { made, sent, again, lost, answered } = self;
        format!("sent {sent} first time + {again} again\nmade {made} = sent {sent} + lost {lost}\n{}", answered.line())
    }

    /// Refuses figures of which one is not explained by the others.
    fn check(&self) -> Result<()> {
        let Self { made, sent, again, lost, answered } = self;
        ensure!(
            *made == sent + lost,
            "of {made} readings, {sent} were sent and {lost} lost: the rest is unaccounted for"
        );
        ensure!(answered.add_up(sent + again), "the server's answers do not add up to the {} sent", sent + again);
        Ok(())
    }
}

/// Runs the devices side by side and prints what became of their readings.
pub async fn run(options: Options) -> Result<()> {
    let clock = Clock::system();
    let (period, readings) = pace(options.rate, options.seconds)?;
    let server = claim::server(options.server);
    let credentials = claim::credentials(&server, options.credential).await?;
    let mut devices = tokio::task::JoinSet::new();
    for (index, credential) in credentials.into_iter().enumerate() {
        let seed = options.seed.wrapping_add(u64::try_from(index)?);
        let plan = Plan { faults: options.faults.clone(), seed, readings, period };
        let (client, clock) = (DeviceClient::new(&server, credential), clock.clone());
        devices.spawn(async move { live_through(&plan, &client, &clock, index).await });
    }
    let mut total = Summary::default();
    while let Some(summary) = devices.join_next().await {
        total.add(&summary??);
    }
    println!("{}", total.lines());
    total.check()
}

/// The time from one reading to the next, and how many readings a run makes.
fn pace(rate: f64, seconds: u64) -> Result<(Duration, u32)> {
    let period =
        Duration::try_from_secs_f64(1.0 / rate.clamp(0.01, 1_000.0)).context("--rate is readings per second")?;
    // Rounded: a period of a seventh of a second is a fraction of a nanosecond too long.
    let readings = (Duration::from_secs(seconds).as_nanos() + period.as_nanos() / 2) / period.as_nanos();
    let fit = u32::try_from(readings).ok().filter(|readings| *readings <= MOST);
    let readings = fit.with_context(|| format!("a run makes at most {MOST} readings; lower --rate or --seconds"))?;
    Ok((period, readings))
}

/// Makes, loses and sends the readings of a plan, each step at its time.
async fn live_through(plan: &Plan, client: &DeviceClient, clock: &Clock, index: usize) -> Result<Summary> {
    let (start, begun) = (clock.now(), Instant::now());
    let mut summary = Summary { made: u64::from(plan.readings), ..Summary::default() };
    let mut before = BTreeSet::new();
    for step in plan.steps() {
        match step {
            Step::Wait(until) => tokio::time::sleep_until(begun + until).await,
            Step::Lose(readings) => summary.lost += u64::try_from(readings.len())?,
            Step::Send(readings) => {
                let batch: Vec<Sent> = readings.iter().map(|made| sent(made, start, index)).collect();
                summary.answered.add(client.send(&batch).await?);
                for made in readings {
                    if before.insert(made.number) {
                        summary.sent += 1;
                    } else {
                        summary.again += 1;
                    }
                }
            }
        }
    }
    Ok(summary)
}

/// A reading as it is sent; sent again, it is the same. The counter goes on from where an earlier run ended, because a
/// clock that begins at 1970 shows the same instants again.
fn sent(made: &Made, start: DateTime<Utc>, index: usize) -> Sent {
    let elapsed = i64::try_from(made.at.as_millis()).unwrap_or(i64::MAX);
    Sent::new(made.stamp(start), warming(elapsed, index), start.timestamp_millis() + i64::from(made.number))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_makes_as_many_readings_as_its_seconds_and_rate_say() {
        for (rate, seconds, readings) in
            [(1.0, 60, 60), (5.0, 3, 15), (3.0, 3, 9), (7.0, 70, 490), (0.5, 3, 2), (1.0, 0, 0)]
        {
            assert_eq!(pace(rate, seconds).unwrap().1, readings, "{rate}/s for {seconds} s");
        }
        assert_eq!(pace(5.0, 3).unwrap().0, Duration::from_millis(200));
        assert!(pace(f64::NAN, 60).is_err());
        assert!(pace(1_000.0, 1_001).is_err(), "more than a plan holds");
    }

    #[test]
    fn figures_that_do_not_add_up_are_refused() {
        let answered = Counts { received: 12, stored: 8, duplicate: 3, rejected: 1 };
        let whole = Summary { made: 11, sent: 9, again: 3, lost: 2, answered };
        assert!(whole.check().is_ok());
        let lines = whole.lines();
        let lines: Vec<&str> = lines.lines().collect();
        let received = "received 12 = stored 8 + duplicate 3 + rejected 1";
        assert_eq!(lines, ["sent 9 first time + 3 again", "made 11 = sent 9 + lost 2", received]);
        for wrong in [
            Summary { made: 12, ..whole },
            Summary { lost: 1, ..whole },
            Summary { again: 2, ..whole },
            Summary { answered: Counts { stored: 9, ..answered }, ..whole },
            Summary { answered: Counts { received: 13, stored: 9, ..answered }, ..whole },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
