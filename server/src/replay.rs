//! `socle replay`: recorded temperatures, through the public device API.
//!
//! Two formats: plain CSV with the columns `time,celsius` (RFC 3339, or seconds from the start), and the charts of
//! intensive-care stays with the columns `Time,Parameter,Value`, of which the rows `Temp` are taken.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use socle::clock::Clock;

use crate::claim;
use crate::device_client::{Counts, DeviceClient, Sent};

/// Readings sent at once when history is replayed.
const BATCH: usize = 500;
/// A gap in the record is waited for at most this long.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// History ended this long ago: what is less than a minute old would count as live, and could raise an alarm.
const ENDED: TimeDelta = TimeDelta::minutes(2);

/// Options of `replay`.
#[derive(Args)]
pub struct Options {
    /// The product.
    #[arg(value_parser = ["physiotraq"])]
    product: String,
    /// Recorded files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The server; this machine at SOCLE_PORT when not given.
    #[arg(long, env = "SOCLE_URL")]
    server: Option<String>,
    /// Credential of a registered device; files are dealt out to them in turn. Without one, a spare device of the demo is claimed.
    #[arg(long, allow_hyphen_values = true)]
    credential: Vec<String>,
    /// Compresses gaps by this factor and stamps readings with the time they are sent.
    #[arg(long, default_value_t = 60.0, conflicts_with = "as_history")]
    speed: f64,
    /// Keeps the record's spacing, ending two minutes ago: readings arrive late and raise no alarm.
    #[arg(long)]
    as_history: bool,
}

/// One recorded value: seconds from the start of the record, °C.
pub type Recorded = (f64, f64);

/// Replays every file and prints what became of the readings.
pub async fn run(options: Options) -> Result<()> {
    let clock = Clock::system();
    let (mut total, mut sent) = (Counts::default(), 0);
    let server = claim::server(options.server);
    let credentials = claim::credentials(&server, options.credential).await?;
    let devices: Vec<DeviceClient> =
        credentials.into_iter().map(|credential| DeviceClient::new(&server, credential)).collect();
    for (file, device) in options.files.iter().zip(devices.iter().cycle()) {
        let record = read(file)?;
        let counts = if options.as_history {
            history(device, &clock, &record).await?
        } else {
            live(device, &clock, &record, options.speed).await?
        };
        println!("{}: {}", file.display(), counts.line());
        total.add(counts);
        sent += u64::try_from(record.len())?;
    }
    println!("{}", total.line());
    ensure!(total.add_up(sent), "the server's answers do not add up to the {sent} readings sent");
    Ok(())
}

/// All records of a folder and of the folders in it, by name. Other files are passed over.
pub fn folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in entries(folder)? {
        if entry.is_dir() {
            files.extend(entries(&entry)?);
        } else {
            files.push(entry);
        }
    }
    files.retain(|file| file.extension().is_some_and(|kind| kind == "csv" || kind == "txt") && read(file).is_ok());
    files.sort();
    if files.is_empty() {
        bail!("{} holds no record: CSV with time,celsius or Time,Parameter,Value", folder.display());
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    Ok(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
}

/// Sends a record at the speed of life, or faster; a reading's time is the time it is sent.
pub async fn live(device: &DeviceClient, clock: &Clock, record: &[Recorded], speed: f64) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut before = record.first().map_or(0.0, |(at, _)| *at);
    for (sequence, (at, celsius)) in (0_i64..).zip(record) {
        let gap = Duration::try_from_secs_f64((at - before) / speed.max(0.001)).unwrap_or_default();
        tokio::time::sleep(gap.min(LONGEST_WAIT)).await;
        before = *at;
        counts.add(device.send(&[Sent::new(clock.now(), *celsius, sequence)]).await?);
    }
    Ok(counts)
}

/// Sends a record with its own spacing, the last reading two minutes ago.
pub async fn history(device: &DeviceClient, clock: &Clock, record: &[Recorded]) -> Result<Counts> {
    let last = record.last().map_or(0.0, |(at, _)| *at);
    let end = clock.now() - ENDED;
    let stamp = |(sequence, (at, celsius)): (i64, &Recorded)| Sent::new(before(end, last - at), *celsius, sequence);
    let readings: Vec<Sent> = (0_i64..).zip(record).map(stamp).collect();
    let mut counts = Counts::default();
    for batch in readings.chunks(BATCH) {
        counts.add(device.send(batch).await?);
    }
    Ok(counts)
}

#[expect(clippy::cast_possible_truncation, reason = "a record spans days, not millennia")]
fn before(end: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    end - TimeDelta::milliseconds((seconds * 1_000.0).round() as i64)
}

/// Reads a record of either format.
pub fn read(file: &Path) -> Result<Vec<Recorded>> {
    let mut reader = csv::Reader::from_path(file).with_context(|| format!("{}", file.display()))?;
    let names = reader.headers()?.clone();
    let names: Vec<&str> = names.iter().map(str::trim).collect();
    let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    let cells = |row: &csv::StringRecord, index| row.get(index).unwrap_or_default().trim().to_owned();
    let record = match names.as_slice() {
        ["time", "celsius", ..] => {
            rows.iter().map(|row| plain(&cells(row, 0), &cells(row, 1))).collect::<Result<Vec<_>>>()?
        }
        ["Time", "Parameter", "Value"] => {
            let charted = rows.iter().filter(|row| cells(row, 1) == "Temp");
            charted.map(|row| chart(&cells(row, 0), &cells(row, 2))).collect::<Result<Vec<_>>>()?
        }
        _ => bail!("{}: the columns are neither time,celsius nor Time,Parameter,Value", file.display()),
    };
    Ok(record)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a double")]
fn plain(time: &str, celsius: &str) -> Result<Recorded> {
    let celsius = celsius.parse().with_context(|| format!("not a temperature: {celsius}"))?;
    if let Ok(seconds) = time.parse::<f64>() {
        return Ok((seconds, celsius));
    }
    let at = DateTime::parse_from_rfc3339(time).with_context(|| format!("neither RFC 3339 nor seconds: {time}"))?;
    Ok((at.timestamp_millis() as f64 / 1_000.0, celsius))
}

/// `HH:MM` since admission; hours go past 24.
fn chart(time: &str, celsius: &str) -> Result<Recorded> {
    let (hours, minutes) = time.split_once(':').with_context(|| format!("not HH:MM: {time}"))?;
    let seconds = hours.parse::<f64>()? * 3_600.0 + minutes.parse::<f64>()? * 60.0;
    Ok((seconds, celsius.parse().with_context(|| format!("not a temperature: {celsius}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_give_seconds_and_degrees() {
        assert_eq!(plain("12.5", "38.1").unwrap(), (12.5, 38.1));
        assert_eq!(plain("1970-01-01T00:01:00Z", "38.1").unwrap(), (60.0, 38.1));
        assert_eq!(chart("47:37", "-17.8").unwrap(), (171_420.0, -17.8));
        assert!(plain("yesterday", "38").is_err());
    }
}
