//! What thermometers post, made before any clock runs.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Datelike, NaiveTime, SecondsFormat, TimeDelta, Utc};
use physiotraq::measurements::Leaf;

use crate::house::Thermometer;
use crate::posts::Post;

/// Readings in a batch.
pub const BATCH: u32 = 1_000;
/// Batches of a run.
pub const BATCHES: u32 = 300;

/// The run's end lies so far back that every reading is late, in every run alike.
const LATE_BY: TimeDelta = TimeDelta::minutes(2);

/// Readings of the recent past, all of one month: what devices send after their network was away.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// Where they will be stored.
    pub leaf: Leaf,
    begin: DateTime<Utc>,
    spacing: TimeDelta,
}

impl Backlog {
    /// One reading a second until two minutes ago; denser in the first hours of a month.
    ///
    /// # Errors
    /// In the first minutes of a month.
    pub fn before(now: DateTime<Utc>, devices: usize) -> Result<Self> {
        ensure!(devices > 0, "no device");
        let most = i32::try_from(BATCHES.div_ceil(u32::try_from(devices)?) * BATCH)?;
        let first = now.date_naive().with_day(1).context("no first of the month")?;
        let month = first.and_time(NaiveTime::MIN).and_utc();
        let end = now - LATE_BY;
        let begin = month.max(end - TimeDelta::seconds(i64::from(most)));
        let spacing = (end - begin) / most;
        ensure!(spacing >= TimeDelta::milliseconds(1), "the month is too young to measure in; wait a few minutes");
        Ok(Self { leaf: Leaf::Month(now.year(), now.month()), begin, spacing })
    }

    /// All batches, device after device in turn, dealt to connections so that a device keeps to one.
    ///
    /// # Errors
    /// When there are no devices or no connections.
    pub fn posts(&self, devices: &[Thermometer], connections: usize) -> Result<Vec<Vec<Post>>> {
        let mut dealt: Vec<Vec<Post>> = (0..connections).map(|_| Vec::new()).collect();
        let mut turns = devices.iter().enumerate().cycle();
        let in_a_turn = u32::try_from(devices.len())?;
        for number in 0..BATCHES {
            let (place, device) = turns.next().context("no device")?;
            let connection = place.checked_rem(connections).and_then(|place| dealt.get_mut(place));
            connection.context("no connection")?.push(self.batch(device, number / in_a_turn * BATCH)?);
        }
        Ok(dealt)
    }

    fn batch(&self, device: &Thermometer, first: u32) -> Result<Post> {
        let mut body = String::from(r#"{"measurements":["#);
        for number in first..first + BATCH {
            if number > first {
                body.push(',');
            }
            reading(&mut body, number, self.begin + self.spacing * i32::try_from(number)?)?;
        }
        body.push_str("]}");
        Ok(Post { credential: device.credential.clone(), body: body.into(), readings: u64::from(BATCH) })
    }
}

/// One reading as a post of its own.
///
/// # Errors
/// Never: writing to a string does not fail.
pub fn single(device: &Thermometer, number: u32, at: DateTime<Utc>) -> Result<Post> {
    let mut body = String::new();
    reading(&mut body, number, at)?;
    Ok(Post { credential: device.credential.clone(), body: body.into(), readings: 1 })
}

/// The fields that a device sends with every reading. The temperature wanders between 36.0 and 39.5 °C.
fn reading(body: &mut String, number: u32, at: DateTime<Utc>) -> Result<()> {
    let thousandths = 36_000 + number * 7 % 3_500;
    write!(
        body,
        r#"{{"temperature":{}.{:03},"measured_at":"{}","sequence":{number},"reliability":{},"battery_level":{},"wifi_strength":-{},"firmware_version":"03.1.0"}}"#,
        thousandths / 1_000,
        thousandths % 1_000,
        at.to_rfc3339_opts(SecondsFormat::Millis, true),
        90 + number % 10,
        100 - number / 200 % 60,
        55 + number % 15,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use physiotraq::devices::DeviceId;
    use serde_json::Value;
    use socle::ids::TenantId;

    use super::*;

    fn devices(count: usize) -> Vec<Thermometer> {
        let device = |number: usize| Thermometer {
            id: DeviceId::fresh(DateTime::UNIX_EPOCH),
            license: TenantId::fresh(DateTime::UNIX_EPOCH),
            credential: number.to_string(),
        };
        (0..count).map(device).collect()
    }

    #[test]
    fn every_reading_is_there_once_and_in_its_month() {
        let now = DateTime::from_timestamp(1_795_255_200, 0).unwrap();
        let backlog = Backlog::before(now, 32).unwrap();
        let dealt = backlog.posts(&devices(32), 4).unwrap();
        assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), [75; 4]);
        let mut seen = BTreeSet::new();
        for post in dealt.iter().flatten() {
            let body: Value = serde_json::from_slice(&post.body).unwrap();
            for item in body["measurements"].as_array().unwrap() {
                let at: DateTime<Utc> = item["measured_at"].as_str().unwrap().parse().unwrap();
                assert_eq!(backlog.leaf, Leaf::Month(at.year(), at.month()));
                assert!(at <= now - LATE_BY);
                seen.insert((post.credential.clone(), item["sequence"].as_u64()));
            }
        }
        assert_eq!(seen.len(), 300_000);
    }

    #[test]
    fn a_young_month_is_filled_more_densely() {
        let first: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().unwrap();
        assert!(Backlog::before(first, 32).is_err());
        let backlog = Backlog::before(first + TimeDelta::minutes(10), 32).unwrap();
        assert_eq!((backlog.begin, backlog.leaf), (first, Leaf::Month(2026, 12)));
    }
}
