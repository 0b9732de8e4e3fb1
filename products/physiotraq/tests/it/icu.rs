//! Real temperatures of intensive care, charted over 48 hours, sent at their times on the settable clock: nothing is
//! lost, impossible values are kept and marked, and the alerts are those of a calculation of its own.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;
use testkit::{Device, Stage, shared_file, start_of_tests};
use uuid::Uuid;

use crate::{answers, behind, crew};

/// Files of a group that are sent at once, each by its own device.
const FILES: usize = 6;

/// A charted value: minutes since the start, how many of that minute came before, thousandths of a degree.
type Charted = (i64, i64, i32);

/// A patient's record.
struct Record {
    name: String,
    charted: Vec<Charted>,
    device: Device,
    treatment: Uuid,
}

/// The temperatures of a file, in its order.
fn charted(path: &Path) -> Result<Vec<Charted>> {
    let mut all = Vec::new();
    let mut repeats: HashMap<i64, i64> = HashMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let Some((time, value)) = line.split_once(",Temp,") else { continue };
        let (hours, minutes) = time.split_once(':').context("a time is HH:MM")?;
        let minute = hours.parse::<i64>()? * 60 + minutes.parse::<i64>()?;
        let repeat = repeats.entry(minute).or_default();
        let millis = format!("{:.0}", value.trim().parse::<f64>()? * 1_000.0);
        all.push((minute, *repeat, millis.parse()?));
        *repeat += 1;
    }
    all.sort_by_key(|(minute, repeat, _)| (*minute, *repeat));
    Ok(all)
}

/// The files of a group that INDEX.csv names, at most [`FILES`].
fn group(folder: &Path, group: &str) -> Result<Vec<String>> {
    let index = std::fs::read_to_string(folder.join("INDEX.csv"))?;
    let rows = index.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let files: Vec<String> = rows.filter(|row| row[1] == group).map(|row| row[0].to_owned()).take(FILES).collect();
    ensure!(files.len() == FILES, "{group}: {files:?}");
    Ok(files)
}

fn at(minute: i64) -> DateTime<Utc> {
    start_of_tests() + TimeDelta::minutes(minute)
}

fn plausible(value: i32) -> bool {
    (25_000..=45_000).contains(&value)
}

/// The alerts that these values must raise, worked out from the rules alone: level and minute. Values come a minute or
/// more apart, or several in one minute. Nobody takes note, so 40 is raised once: at the first value that comes more
/// than 15 s after another. 39 is raised when 39.0 is reached again without a fall below 38.8 in between, or a longer
/// stay below 39.0; it is over when the value has been below 38.8 for half a minute.
fn expected(charted: &[Charted]) -> Vec<(i16, DateTime<Utc>)> {
    let values: Vec<(i64, i32)> =
        charted.iter().filter(|(.., value)| plausible(*value)).map(|(minute, _, value)| (*minute, *value)).collect();
    let mut alerts = Vec::new();
    let (mut reached, mut below, mut raised): (Option<(i64, i64)>, Option<i64>, bool) = (None, None, false);
    for (minute, value) in &values {
        if raised {
            below = if *value < 38_800 { below.or(Some(*minute)) } else { None };
            raised = below.is_none_or(|since| since == *minute);
            reached = None;
        } else if *value >= 39_000 {
            raised = reached.is_some_and(|(first, _)| *minute > first);
            if raised {
                alerts.push((39, at(*minute)));
                below = None;
            }
            reached = Some((reached.map_or(*minute, |(first, _)| first), *minute));
        } else if *value < 38_800 || reached.is_some_and(|(_, last)| *minute > last) {
            reached = None;
        }
    }
    let mut pairs = values.windows(2);
    if let Some(pair) = pairs.find(|pair| pair[1].1 >= 40_000 && pair[1].0 > pair[0].0) {
        alerts.push((40, at(pair[1].0)));
    }
    alerts
}

/// Every file gets a device and a treatment that starts with it.
async fn records(stage: &Stage, folder: &Path, files: Vec<String>) -> Result<Vec<Record>> {
    let licence = stage.licence().await?;
    let devices = crew::devices(stage, &licence, files.len()).await?;
    let mut records = Vec::with_capacity(files.len());
    for (name, device) in files.into_iter().zip(devices) {
        let treatment = licence.operator.start(&device).await?.parse()?;
        records.push(Record { charted: charted(&folder.join(&name))?, name, device, treatment });
    }
    Ok(records)
}

/// Sends all records in the order of their times, the clock going along; then every last value again, which is
/// answered once everything before it has been evaluated.
async fn send(stage: &Stage, records: &[Record]) -> Result<()> {
    let all = records.iter().flat_map(|record| record.charted.iter().map(move |charted| (*charted, &record.device)));
    let mut all: Vec<(Charted, &Device)> = all.collect();
    all.sort_by_key(|((minute, repeat, _), _)| (*minute, *repeat));
    let last = records.iter().filter_map(|record| Some((*record.charted.last()?, &record.device)));
    let last: Vec<(Charted, &Device)> = last.collect();
    for ((minute, repeat, value), device) in all.into_iter().chain(last) {
        stage.clock.set(at(minute).max(stage.clock.now()));
        let sent = json!({
            "temperature": f64::from(value) / 1_000.0, "measured_at": at(minute), "sequence": repeat, "reliability": 98,
        });
        let status = device.post("/measurements", &sent).await?.status();
        ensure!(status == 201, "{sent}: {status}");
    }
    Ok(())
}

/// Compares what was kept and raised with the file.
async fn check(stage: &Stage, admin: &mut PgConnection, record: &Record) -> Result<()> {
    let (name, count) = (&record.name, i64::try_from(record.charted.len())?);
    answers::eventually((count + 1, count, 1, 0), async || behind::counters(stage, admin, &record.device).await)
        .await?;
    let kept = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND clock_ok";
    ensure!(behind::figure(admin, kept, record.treatment).await? == count, "{name}: readings");
    let marked = "SELECT count(*) FROM physiotraq.measurements
                  WHERE treatment_id = $1 AND implausible AND (temperature < 25 OR temperature > 45)";
    let artefacts = record.charted.iter().filter(|(.., value)| !plausible(*value)).count();
    ensure!(behind::figure(admin, marked, record.treatment).await? == i64::try_from(artefacts)?, "{name}: artefacts");
    let late = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND late";
    ensure!(behind::figure(admin, late, record.treatment).await? == 0, "{name}: late readings");
    let statement = "SELECT level, raised_at FROM physiotraq.alerts
                     WHERE treatment_id = $1 AND level > 0 ORDER BY level, raised_at";
    let raised = sqlx::query_as::<_, (i16, DateTime<Utc>)>(statement).bind(record.treatment);
    let raised = raised.fetch_all(&mut *admin).await?;
    let expected = expected(&record.charted);
    ensure!(raised == expected, "{name}: raised {raised:?}, expected {expected:?}");
    for (level, event) in [(39, "alert.temperature_39"), (40, "alert.temperature_40")] {
        let alerts = i64::try_from(expected.iter().filter(|(raised, _)| *raised == level).count())?;
        ensure!(behind::events(admin, event, record.treatment).await? == alerts, "{name}: {event}");
    }
    let statement = "SELECT alert_39_triggered, alert_40_triggered, max_temperature::float8
                     FROM physiotraq.treatments WHERE id = $1 AND status = 'completed'";
    let marks = sqlx::query_as::<_, (bool, bool, Option<f64>)>(statement).bind(record.treatment);
    let marks = marks.fetch_one(&mut *admin).await?;
    let flag = |level: i16| expected.iter().any(|(raised, _)| *raised == level);
    let warmest = record.charted.iter().map(|(.., value)| *value).filter(|value| plausible(*value)).max();
    let warmest = warmest.map(|value| f64::from(value) / 1_000.0);
    ensure!(marks == (flag(39), flag(40), warmest), "{name}: {marks:?}, warmest {warmest:?}");
    Ok(())
}

/// Sends a group of files and compares; how many alerts and artefacts it had.
async fn replay(test: &str, name: &str) -> Result<Option<(usize, usize)>> {
    let Some(folder) = shared_file(test, "body-temperature/icu-48h") else { return Ok(None) };
    let stage = Stage::new().await?;
    let records = records(&stage, &folder, group(&folder, name)?).await?;
    send(&stage, &records).await?;
    // Two days later the first session has long ended.
    let operator = stage.sign_in("operator1@test.fr").await?;
    let mut admin = stage.database.admin().await?;
    for record in &records {
        let path = format!("/physiotraq/app/monitor/{}/stop", record.device.id);
        let status = operator.post(&path, &[]).await?.status();
        ensure!(status == 303, "{}: stopping answered {status}", record.name);
        check(&stage, &mut admin, record).await?;
    }
    let alerts = records.iter().map(|record| expected(&record.charted).len()).sum();
    let values = records.iter().flat_map(|record| &record.charted);
    Ok(Some((alerts, values.filter(|(.., value)| !plausible(*value)).count())))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_above_40_raise_what_the_rules_say() -> Result<()> {
    let Some((alerts, _)) = replay("patients_above_40_raise_what_the_rules_say", "ge40").await? else { return Ok(()) };
    assert!(alerts >= FILES, "{alerts} alerts");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_above_39_raise_what_the_rules_say() -> Result<()> {
    replay("patients_above_39_raise_what_the_rules_say", "ge39").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_with_fever_raise_nothing() -> Result<()> {
    let Some((alerts, _)) = replay("patients_with_fever_raise_nothing", "fever").await? else { return Ok(()) };
    assert_eq!(alerts, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_without_fever_raise_nothing() -> Result<()> {
    let Some((alerts, _)) = replay("patients_without_fever_raise_nothing", "normal").await? else { return Ok(()) };
    assert_eq!(alerts, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cold_patients_raise_nothing() -> Result<()> {
    let Some((alerts, _)) = replay("cold_patients_raise_nothing", "hypothermia").await? else { return Ok(()) };
    assert_eq!(alerts, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn artefacts_are_kept_and_marked_and_raise_nothing() -> Result<()> {
    let test = "artefacts_are_kept_and_marked_and_raise_nothing";
    let Some((alerts, artefacts)) = replay(test, "artefact").await? else { return Ok(()) };
    assert_eq!(alerts, 0);
    assert!(artefacts >= FILES, "{artefacts} artefacts");
    Ok(())
}
