//! However the readings of a session come, the record of it is the same; and its alarms are those of what came live.
//!
//! Made-up sessions (proptest, 24 of a fixed seed) reach three devices at once, each with a treatment of its own:
//!
//! - **live**: in order, while they are measured;
//! - **late**: more than a minute afterwards, shuffled, some more than once, in batches of any size, some of them only
//!   after the treatment has ended;
//! - **repeated**: live like the first, but everything is sent again and a batch of old readings comes in between.
//!
//! *Same record* compares live with late and with what was made: the stored rows by device time, sequence, value and
//! quality, the maximum and its time, the curve, the export, the figures of the page. What says how a reading came
//! (`late`, the time of receipt) is left out.
//!
//! *Same flags* compares live with repeated, never with late: late readings raise no alarm "now" (decision on live and
//! late), so the late session has no alert and no flag, whatever was measured.

mod made;

use std::cell::RefCell;

use anyhow::{Context, Result, anyhow, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use sqlx::PgConnection;
use testkit::{Device, Licence, Stage};
use uuid::Uuid;

use crate::{answers, behind, crew};
use made::{Case, Made, Old};

const CASES: u32 = 24;

/// A stored reading: device time, sequence, thousandths of a degree, reliability, implausible.
type Row = (DateTime<Utc>, i64, i32, Option<i16>, bool);
/// An alert: level, device time of its condition and of what confirmed it, thousandths of a degree.
type Alert = (i16, DateTime<Utc>, DateTime<Utc>, i32);

/// What the tables hold of a treatment, whatever way its readings came.
#[derive(Clone, Debug, PartialEq)]
struct Record {
    rows: Vec<Row>,
    /// Thousandths of a degree, and the first time it was measured.
    maximum: (Option<i32>, Option<DateTime<Utc>>),
}

impl Record {
    /// What must be left of a session.
    fn of(case: &Case, started: DateTime<Utc>) -> Self {
        let at = |made: &Made| started + TimeDelta::seconds(made.second);
        let row = |made: &Made| {
            (at(made), made.sequence, made.value, made.reliability, !made::PLAUSIBLE.contains(&made.value))
        };
        let good = || case.readings.iter().filter(|made| made.good());
        let highest = good().map(|made| made.value).max();
        let first = good().find(|made| Some(made.value) == highest).map(at);
        Self { rows: case.readings.iter().map(row).collect(), maximum: (highest, first) }
    }

    /// What is stored.
    async fn stored(admin: &mut PgConnection, treatment: Uuid) -> Result<Self> {
        let rows = "SELECT measured_at, sequence, (temperature * 1000)::integer, reliability, implausible
                    FROM physiotraq.measurements WHERE treatment_id = $1 ORDER BY measured_at, sequence";
        let maximum = "SELECT (max_temperature * 1000)::integer, max_temperature_at
                       FROM physiotraq.treatments WHERE id = $1";
        Ok(Self {
            rows: sqlx::query_as::<_, Row>(rows).bind(treatment).fetch_all(&mut *admin).await?,
            maximum: sqlx::query_as(maximum).bind(treatment).fetch_one(admin).await?,
        })
    }
}

/// Flags (39, 40) and alerts of a treatment. Technical alerts are about the device's silence, not about its readings.
async fn alarms(admin: &mut PgConnection, treatment: Uuid) -> Result<((bool, bool), Vec<Alert>)> {
    let flags = "SELECT alert_39_triggered, alert_40_triggered FROM physiotraq.treatments WHERE id = $1";
    let alerts = "SELECT level, condition_at, raised_at, (value * 1000)::integer FROM physiotraq.alerts
                  WHERE treatment_id = $1 AND level > 0 ORDER BY condition_at, level";
    Ok((
        sqlx::query_as(flags).bind(treatment).fetch_one(&mut *admin).await?,
        sqlx::query_as::<_, Alert>(alerts).bind(treatment).fetch_all(admin).await?,
    ))
}

/// Readings as a device sends them.
fn sent<'a>(started: DateTime<Utc>, readings: impl IntoIterator<Item = &'a Made>) -> Vec<Value> {
    let item = |made: &Made| {
        json!({
            "temperature": f64::from(made.value) / 1_000.0, "measured_at": started + TimeDelta::seconds(made.second),
            "sequence": made.sequence, "reliability": made.reliability,
        })
    };
    readings.into_iter().map(item).collect()
}

/// Old readings, between the whole seconds of the others and numbered apart from them.
fn old<'a>(now: DateTime<Utc>, readings: impl Iterator<Item = (usize, &'a Old)>) -> Vec<Value> {
    let item = |(number, old): (usize, &Old)| {
        let at = now - TimeDelta::seconds(old.age) - TimeDelta::milliseconds(500);
        json!({ "temperature": f64::from(old.value) / 1_000.0, "measured_at": at, "sequence": 1_000 + number })
    };
    readings.map(item).collect()
}

/// Sends a batch of which so many are new and the rest is known.
async fn post(device: &Device, items: Vec<Value>, new: usize) -> Result<()> {
    let known = items.len() - new;
    let answer = device.post("/measurements/batch", &json!({ "measurements": items })).await?;
    let said = answers::json(answer, 200).await?;
    ensure!(said["stored"] == json!(new) && said["duplicate"] == json!(known), "{new} new, {known} known: {said}");
    Ok(())
}

/// One server for all sessions; the clock goes on from one to the next.
struct World {
    stage: Stage,
    licence: Licence,
    live: Device,
    late: Device,
    repeated: Device,
}

impl World {
    async fn new() -> Result<Self> {
        let stage = Stage::new().await?;
        let licence = stage.licence().await?;
        let [late, repeated]: [Device; 2] =
            crew::devices(&stage, &licence, 2).await?.try_into().map_err(|_| anyhow!("two devices"))?;
        Ok(Self { live: licence.device.clone(), stage, licence, late, repeated })
    }

    fn devices(&self) -> [&Device; 3] {
        [&self.live, &self.late, &self.repeated]
    }

    /// Starts a treatment on each device, an hour after whatever was before: live, late, repeated.
    async fn start(&self) -> Result<[Uuid; 3]> {
        self.stage.clock.advance(TimeDelta::hours(1));
        let mut treatments = [Uuid::nil(); 3];
        for (device, treatment) in self.devices().into_iter().zip(&mut treatments) {
            crew::online(device).await?;
            *treatment = self.licence.operator.start(device).await?.parse()?;
        }
        Ok(treatments)
    }

    async fn end(&self) -> Result<()> {
        for device in self.devices() {
            let path = format!("/physiotraq/app/monitor/{}/stop", device.id);
            let status = self.licence.operator.post(&path, &[]).await?.status();
            ensure!(status == 303, "stopping answered {status}");
        }
        Ok(())
    }

    /// The session while it is measured: to one device once, to the other everything twice and old readings between.
    async fn while_measured(&self, case: &Case, started: DateTime<Utc>) -> Result<()> {
        let mut before: &[Made] = &[];
        for (number, group) in case.groups().enumerate() {
            let last = group.last().context("an empty group")?;
            self.stage.clock.set(started + TimeDelta::seconds(last.second));
            post(&self.live, sent(started, group), group.len()).await?;
            post(&self.repeated, sent(started, before.iter().chain(group).chain([last])), group.len()).await?;
            let between = case.old.iter().enumerate().filter(|(_, old)| old.after == number);
            let between = old(self.stage.clock.now(), between);
            if !between.is_empty() {
                let count = between.len();
                post(&self.repeated, between, count).await?;
            }
            before = group;
        }
        // Answered once everything before it has been evaluated.
        post(&self.live, sent(started, before), 0).await?;
        post(&self.repeated, sent(started, before), 0).await
    }

    /// The session to the third device, when it is over: in part before the treatments end, in part after.
    async fn afterwards(&self, case: &Case, started: DateTime<Utc>) -> Result<()> {
        self.stage.clock.advance(TimeDelta::seconds(61));
        let (running, ended) = case.batches();
        let post = async |batch: &[Made]| -> Result<()> {
            let items = json!({ "measurements": sent(started, batch) });
            let said = answers::json(self.late.post("/measurements/batch", &items).await?, 200).await?;
            ensure!(said["rejected"] == json!(0) && said["received"] == json!(batch.len()), "{said}");
            Ok(())
        };
        for batch in running {
            post(batch).await?;
        }
        self.end().await?;
        for batch in ended {
            post(batch).await?;
        }
        Ok(())
    }

    /// What people are shown of a treatment: curve, export, figures of the page.
    async fn shown(&self, case: &Case, treatment: Uuid) -> Result<Value> {
        let (operator, path) = (&self.licence.operator, format!("/physiotraq/app/treatments/{treatment}"));
        let curve = answers::json(operator.get_json(&format!("{path}/curve")).await?, 200).await?;
        let page = answers::text(operator.get(&path).await?, 200).await?;
        for figure in [case.readings.len(), case.readings.iter().filter(|made| !made.good()).count()] {
            ensure!(page.contains(&format!(">{figure}<")), "the page does not say {figure}");
        }
        let export = answers::text(operator.get(&format!("{path}/export")).await?, 200).await?;
        let members = ["startedAt", "endedAt", "points", "max"].map(|member| curve[member].clone());
        Ok(json!({ "curve": members, "export": exported(&export)? }))
    }
}

/// An export without the columns that say how a reading came.
fn exported(text: &str) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let how: Vec<bool> = reader.headers()?.iter().map(|name| ["late", "received_at"].contains(&name)).collect();
    ensure!(how.iter().filter(|how| **how).count() == 2, "{:?}", reader.headers()?);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let kept = record.iter().zip(&how).filter(|(_, how)| !**how).map(|(field, _)| field.to_owned());
        rows.push(kept.collect());
    }
    Ok(rows)
}

/// Sends a session in the three ways and compares; the levels that it raised live.
async fn try_out(world: &World, case: &Case) -> Result<Vec<i16>> {
    let [live, late, repeated] = world.start().await?;
    let started = world.stage.clock.now();
    world.while_measured(case, started).await?;
    world.afterwards(case, started).await?;
    let mut admin = world.stage.database.admin().await?;
    for treatment in [live, late] {
        let way = if treatment == late { "late" } else { "live" };
        let expected = Record::of(case, started);
        answers::eventually(expected, async || Record::stored(&mut admin, treatment).await).await.context(way)?;
    }
    let (of_live, of_late) = (world.shown(case, live).await?, world.shown(case, late).await?);
    ensure!(of_live == of_late, "live: {of_live}\nlate: {of_late}");

    let marked = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND late";
    ensure!(behind::figure(&mut admin, marked, live).await? == 0, "what came live is marked late");
    let came_late = behind::figure(&mut admin, marked, late).await?;
    ensure!(came_late == i64::try_from(case.readings.len())?, "{came_late} readings are marked late");
    ensure!(alarms(&mut admin, late).await? == ((false, false), Vec::new()), "late readings raised an alarm");

    let (flags, alerts) = alarms(&mut admin, live).await?;
    let again = alarms(&mut admin, repeated).await?;
    ensure!(again == (flags, alerts.clone()), "live: {flags:?} {alerts:?}\nrepeated: {again:?}");
    let levels: Vec<i16> = alerts.iter().map(|(level, ..)| *level).collect();
    ensure!(flags == (levels.contains(&39), levels.contains(&40)), "{flags:?} {levels:?}");
    Ok(levels)
}

#[test]
fn however_readings_come_the_record_is_the_same_and_only_live_ones_raise_alarms() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let world = runtime.block_on(World::new())?;
    let config = Config { cases: CASES, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let raised = RefCell::new(Vec::new());
    let outcome = runner.run(&made::cases(), |case| {
        let levels = runtime.block_on(try_out(&world, &case));
        raised.borrow_mut().push(levels.map_err(|error| TestCaseError::fail(format!("{error:#}")))?);
        Ok(())
    });
    outcome.map_err(|error| anyhow!("{error}"))?;
    // Sessions of every kind were among them: or nothing was shown of alarms.
    let raised = raised.into_inner();
    assert!(raised.iter().any(|levels| levels.contains(&39)), "{raised:?}");
    assert!(raised.iter().any(|levels| levels.contains(&40)), "{raised:?}");
    assert!(raised.iter().any(Vec::is_empty), "{raised:?}");
    Ok(())
}
