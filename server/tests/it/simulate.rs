//! `socle simulate` and `socle replay`, as somebody starts them against a server: what they print adds up, and is what
//! the database holds.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use socle::clock::Clock;
use testkit::{Device, Stage};
use tokio::process::Command;
use uuid::Uuid;

/// Runs the program to its end; what it printed.
async fn socle(arguments: &[&str]) -> Result<String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_socle"));
    let output = program.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(120), output).await.context("it did not end")??;
    let (printed, said) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
    ensure!(output.status.success(), "{arguments:?}: {}\n{printed}{said}", output.status);
    Ok(printed)
}

/// Simulates a device of a stage.
async fn simulate(stage: &Stage, device: &Device, further: &[&str]) -> Result<Figures> {
    let (server, credential) = (stage.url(), device.seeded.credential.clone());
    let arguments = ["simulate", "--server", &server, "--credential", &credential];
    Figures::read(&socle(&[&arguments[..], further].concat()).await?)
}

/// Replays a record as a device of a stage; received, stored, duplicate, rejected.
async fn replay(stage: &Stage, device: &Device, further: &[&str]) -> Result<[i64; 4]> {
    let (server, credential) = (stage.url(), device.seeded.credential.clone());
    let arguments = ["replay", "physiotraq", "--server", &server, "--credential", &credential];
    let printed = socle(&[&arguments[..], further].concat()).await?;
    numbers(printed.lines().last().unwrap_or_default(), RECEIVED)
}

const SENT: &str = "sent N first time + N again";
const MADE: &str = "made N = sent N + lost N";
const RECEIVED: &str = "received N = stored N + duplicate N + rejected N";

/// The numbers of a line that has exactly this form.
fn numbers<const COUNT: usize>(line: &str, form: &str) -> Result<[i64; COUNT]> {
    let word = |word: &str| if word.parse::<i64>().is_ok() { "N".to_owned() } else { word.to_owned() };
    let found: Vec<String> = line.split(' ').map(word).collect();
    ensure!(found.join(" ") == form, "{line:?} is not {form:?}");
    let numbers: Vec<i64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    <[i64; COUNT]>::try_from(numbers).map_err(|numbers| anyhow!("{numbers:?} are not {COUNT} numbers"))
}

/// What a simulation says at its end.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    made: i64,
    sent: i64,
    lost: i64,
    again: i64,
    received: i64,
    stored: i64,
    duplicate: i64,
    rejected: i64,
}

impl Figures {
    fn read(printed: &str) -> Result<Self> {
        let lines: Vec<&str> = printed.lines().collect();
        let [.., first, second, third] = lines.as_slice() else { bail!("three lines were to be printed: {printed}") };
        let [first_time, again] = numbers::<2>(first, SENT)?;
        let [made, sent, lost] = numbers::<3>(second, MADE)?;
        let [received, stored, duplicate, rejected] = numbers::<4>(third, RECEIVED)?;
        ensure!(first_time == sent, "{printed}");
        Ok(Self { made, sent, lost, again, received, stored, duplicate, rejected })
    }
}

/// Rows of a device that a statement counts.
async fn count(stage: &Stage, statement: &'static str, device: &Device) -> Result<i64> {
    let mut admin = stage.database.admin().await?;
    Ok(sqlx::query_scalar(statement).bind(device.id.0).fetch_one(&mut admin).await?)
}

const ROWS: &str = "SELECT count(*) FROM physiotraq.measurements WHERE device_id = $1";
const LATE: &str = "SELECT count(*) FROM physiotraq.measurements WHERE device_id = $1 AND late";
const ALERTS: &str = "SELECT count(*) FROM physiotraq.alerts WHERE device_id = $1 AND level IN (39, 40)";

/// Makes a device heard, so that a treatment can be started on it.
async fn online(device: &Device) -> Result<()> {
    let status = device.post("/devices/heartbeat", &json!({})).await?.status();
    ensure!(status == 200, "the heartbeat answered {status}");
    Ok(())
}

/// A record of so many temperatures, one every so many seconds.
fn record(name: &str, (rows, seconds): (i32, i32), celsius: f64) -> Result<PathBuf> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.csv"));
    let row = |number: i32| format!("{},{celsius:.2}\n", number * seconds);
    std::fs::write(&file, format!("time,celsius\n{}", (0..rows).map(row).collect::<String>()))?;
    Ok(file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulation_without_faults_is_stored_reading_by_reading() -> Result<()> {
    let stage = Stage::with(Clock::system(), |_| {}).await?;
    let device = stage.licence().await?.device;
    let figures = simulate(&stage, &device, &["--rate", "5", "--seconds", "3"]).await?;
    let [lost, again, duplicate, rejected] = [0; 4];
    let (made, sent, received, stored) = (15, 15, 15, 15);
    assert_eq!(figures, Figures { made, sent, lost, again, received, stored, duplicate, rejected });
    assert_eq!(count(&stage, ROWS, &device).await?, 15);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_fault_the_figures_add_up_are_what_is_stored_and_are_the_seeds() -> Result<()> {
    let stage = Stage::with(Clock::system(), |_| {}).await?;
    let licence = stage.licence().await?;
    let other = stage.device(&licence).await?;
    online(&licence.device).await?;
    licence.operator.start(&licence.device).await?;
    let faults = ["--faults", "all", "--seed", "7", "--rate", "5", "--seconds", "3"];
    let (first, second) =
        tokio::try_join!(simulate(&stage, &licence.device, &faults), simulate(&stage, &other, &faults))?;
    assert_eq!(first, second, "the same seed makes the same faults");
    let Figures { made, sent, lost, again, received, stored, duplicate, rejected } = first;
    assert_eq!(made, 15);
    assert!(lost > 0 && again > 0, "the faults were to be seen: {second:?}");
    assert_eq!((made, received), (sent + lost, sent + again));
    assert_eq!((stored, duplicate, rejected), (sent, again, 0), "once each, however often and in whatever order");
    for device in [&licence.device, &other] {
        assert_eq!(count(&stage, ROWS, device).await?, stored);
    }
    assert_eq!(count(&stage, ALERTS, &licence.device).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_replayed_at_the_speed_of_choice() -> Result<()> {
    let stage = Stage::with(Clock::system(), |_| {}).await?;
    let device = stage.licence().await?.device;
    let file = record("replayed-live", (12, 30), 37.4)?;
    let file = file.to_str().context("the path is text")?;
    assert_eq!(replay(&stage, &device, &["--speed", "600", file]).await?, [12, 12, 0, 0]);
    assert_eq!(count(&stage, ROWS, &device).await?, 12);
    assert_eq!(count(&stage, LATE, &device).await?, 0, "each is stamped with the time it is sent");
    Ok(())
}

/// Alerts of a treatment: level and device time of the reading that raised it.
async fn alerts(stage: &Stage, treatment: Uuid) -> Result<Vec<(i16, DateTime<Utc>)>> {
    let statement = "SELECT level, raised_at FROM physiotraq.alerts
                     WHERE treatment_id = $1 AND level IN (39, 40) ORDER BY level, raised_at";
    Ok(sqlx::query_as(statement).bind(treatment).fetch_all(&mut stage.database.admin().await?).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_record_replayed_as_history_is_kept_and_rings_no_bell() -> Result<()> {
    // The program runs on the machine's clock; the treatment began ten minutes ago.
    let stage = Stage::with(Clock::settable(Clock::system().now() - TimeDelta::minutes(10)), |_| {}).await?;
    let licence = stage.licence().await?;
    let device = &licence.device;
    online(device).await?;
    let treatment: Uuid = licence.operator.start(device).await?.parse()?;
    stage.clock.set(Clock::system().now());
    let file = record("replayed-history", (20, 10), 40.5)?;
    let file = file.to_str().context("the path is text")?;
    assert_eq!(replay(&stage, device, &["--as-history", file]).await?, [20, 20, 0, 0]);
    assert_eq!(count(&stage, LATE, device).await?, 20);
    // The same value live does ring, so that silence means something. Readings are evaluated in order: when these have
    // been, the late ones have been too.
    let live = stage.clock.now();
    device.measure(live, 40.5).await?;
    stage.clock.advance(TimeDelta::seconds(20));
    device.measure(stage.clock.now(), 40.5).await?;
    let mut raised = Vec::new();
    for _ in 0..100 {
        raised = alerts(&stage, treatment).await?;
        if raised.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let levels: Vec<i16> = raised.iter().map(|(level, _)| *level).collect();
    assert_eq!(levels, [39, 40], "one alert a level, by the live readings: {raised:?}");
    assert!(raised.iter().all(|(_, at)| *at >= live), "a late reading raised an alert: {raised:?}");
    Ok(())
}
