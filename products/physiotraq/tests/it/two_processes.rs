//! Two servers over one database: whichever a device or a person talks to, it is one platform. Told by HTTP, the live
//! stream and the tables alone.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use reqwest::header::{ACCEPT, COOKIE};
use reqwest::{Client, redirect};
use serde_json::{Value, json};
use sqlx::PgConnection;
use testkit::{Device, Licence, Person, Stage};
use uuid::Uuid;

use crate::listener::Listener;
use crate::{answers, behind, crew};

/// What one server knows, the other shows within this.
const SOON: Duration = Duration::from_secs(2);
/// A right that ended ends its streams within this.
const CUT_WITHIN: Duration = Duration::from_secs(5);
/// The shards of a server that died are taken over within this.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);

/// Two servers on the same clock, and a licence.
struct Pair {
    first: Stage,
    second: Stage,
    licence: Licence,
    admin: PgConnection,
}

/// Asks until the answer is the expected one, for so long.
async fn within<T: PartialEq + Debug>(
    patience: Duration,
    expected: T,
    mut ask: impl AsyncFnMut() -> Result<T>,
) -> Result<()> {
    let started = Instant::now();
    loop {
        let answer = ask().await?;
        if answer == expected {
            return Ok(());
        }
        ensure!(started.elapsed() < patience, "expected {expected:?} within {patience:?}, it stays {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One number about the whole database.
async fn number(admin: &mut PgConnection, statement: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(statement).fetch_one(admin).await?)
}

const ALERTS_39: &str = "SELECT count(*) FROM physiotraq.alerts WHERE level = 39";
const ALERTS_40: &str = "SELECT count(*) FROM physiotraq.alerts WHERE level = 40";
const EVENTS_40: &str = "SELECT count(*) FROM physiotraq.events WHERE event_type = 'alert.temperature_40'";

impl Pair {
    async fn new() -> Result<Self> {
        let first = Stage::new().await?;
        let licence = first.licence().await?;
        crew::online(&licence.device).await?;
        let second = Stage::over(Arc::clone(&first.database), first.clock.clone(), |_| {}).await?;
        let admin = first.database.admin().await?;
        Ok(Self { first, second, licence, admin })
    }

    /// The operator's stream of the device, on the one and on the other server.
    async fn streams(&self) -> Result<(Listener, Listener)> {
        let (cookie, device) = (self.licence.operator.cookie(), self.licence.device.id);
        let here = Listener::open(&self.first.url(), cookie, device).await?;
        Ok((here, Listener::open(&self.second.url(), cookie, device).await?))
    }

    /// The device, talking to the first server or to the second.
    fn device(&self, second: bool) -> Device {
        if second { self.licence.device.at(self.second.url()) } else { self.licence.device.clone() }
    }

    /// A GET of the second server with the operator's session of the first.
    async fn get_there(&self, path: &str, accept: &str) -> Result<reqwest::Response> {
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        let request = http.get(format!("{}{path}", self.second.url())).header(ACCEPT, accept);
        Ok(request.header(COOKIE, self.licence.operator.cookie()).send().await?)
    }

    /// The operator, signed in at the second server.
    async fn operator_there(&self) -> Result<Person> {
        Ok(self.second.sign_in("operator1@test.fr").await?.with_account(self.licence.operator.account))
    }

    /// Twenty seconds later the device posts a value to one of the servers; both must have shown it.
    async fn post_and_hear(
        &self,
        (here, there): (&mut Listener, &mut Listener),
        second: bool,
        celsius: f64,
    ) -> Result<()> {
        self.first.clock.advance(TimeDelta::seconds(20));
        let now = self.first.clock.now();
        self.device(second).measure(now, celsius).await?;
        let at = json!(now.timestamp_millis());
        for (name, listener) in [("first", here), ("second", there)] {
            listener.hears_of(SOON, "reading", "t", &at).await.with_context(|| format!("on the {name} server"))?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_posted_to_the_one_is_shown_by_the_other_within_two_seconds() -> Result<()> {
    let pair = Pair::new().await?;
    let (mut here, mut there) = pair.streams().await?;
    for (second, celsius) in [(false, 37.1), (true, 37.2), (false, 37.3), (true, 37.4)] {
        pair.post_and_hear((&mut here, &mut there), second, celsius).await?;
    }
    // Who opens a stream now gets it as the last value, on both.
    let (mut here, mut there) = pair.streams().await?;
    for listener in [&mut here, &mut there] {
        listener.hears_of(SOON, "reading", "c", &json!(37.4)).await?;
    }
    let path = format!("/physiotraq/api/v1/devices/{}", pair.licence.device.id);
    let shown = answers::json(pair.get_there(&path, "application/json").await?, 200).await?;
    assert_eq!((&shown["temperature"], &shown["status"]), (&json!("37.400"), &json!("online")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_from_readings_to_both_is_raised_once_shown_by_both_and_acknowledged_on_either() -> Result<()> {
    let mut pair = Pair::new().await?;
    pair.licence.operator.start(&pair.licence.device).await?;
    let (mut here, mut there) = pair.streams().await?;
    let values = [(false, 39.1), (true, 39.2), (false, 40.2), (true, 40.3)];
    let mut alert = Value::Null;
    for (turn, (second, celsius)) in (1..).zip(values) {
        pair.post_and_hear((&mut here, &mut there), second, celsius).await?;
        if turn == 3 {
            let critical = here.hears_of(CUT_WITHIN, "alarm", "banner", &json!("critical")).await?;
            there.hears_of(CUT_WITHIN, "alarm", "banner", &json!("critical")).await?;
            let alerts = critical["alerts"].as_array().unwrap();
            alert = alerts.iter().find(|alert| alert["level"] == 40).unwrap()["id"].clone();
        }
    }
    for statement in [ALERTS_39, ALERTS_40, EVENTS_40] {
        assert_eq!(number(&mut pair.admin, statement).await?, 1, "{statement}");
    }
    let path = format!("/physiotraq/app/monitor/{}/acknowledge", pair.licence.device.id);
    let there_too = pair.operator_there().await?;
    let answer = there_too.post(&path, &[("alert", alert.as_str().unwrap()), ("note", "vu")]).await?;
    assert_eq!(answer.status(), 303);
    let noted = |name: &str, data: &Value| {
        let by = |held: &Value| held["level"] == 40 && held["acknowledgedBy"] == "Paul Essai";
        name == "alarm" && data["alerts"].as_array().is_some_and(|alerts| alerts.iter().any(by))
    };
    for listener in [&mut here, &mut there] {
        listener.hears(CUT_WITHIN, noted).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ended_on_the_one_is_refused_by_the_other_and_its_stream_there_ends() -> Result<()> {
    let pair = Pair::new().await?;
    let (_, mut there) = pair.streams().await?;
    let page = format!("/physiotraq/app/monitor/{}", pair.licence.device.id);
    let device = format!("/physiotraq/api/v1/devices/{}", pair.licence.device.id);
    assert_eq!(pair.get_there(&page, "text/html").await?.status(), 200);
    assert_eq!(pair.get_there(&device, "application/json").await?.status(), 200);
    assert_eq!(pair.licence.operator.post("/physiotraq/sign_out", &[]).await?.status(), 303);
    assert_eq!(pair.get_there(&page, "text/html").await?.status(), 303, "to the sign-in");
    assert_eq!(pair.get_there(&device, "application/json").await?.status(), 401);
    let (end, _) = there.hears(CUT_WITHIN, |name, _| name == "end").await?;
    assert_eq!(end["reason"], "signed_out");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_treatment_started_on_the_one_is_monitored_although_its_device_posts_to_the_other() -> Result<()> {
    let mut pair = Pair::new().await?;
    let (mut here, mut there) = pair.streams().await?;
    let treatment: Uuid = pair.licence.operator.start(&pair.licence.device).await?.parse()?;
    for listener in [&mut here, &mut there] {
        listener.hears_of(SOON, "treatment", "id", &json!(treatment)).await?;
    }
    for celsius in [38.0, 40.2] {
        pair.post_and_hear((&mut here, &mut there), true, celsius).await?;
    }
    for listener in [&mut here, &mut there] {
        listener.hears_of(CUT_WITHIN, "alarm", "banner", &json!("critical")).await?;
    }
    assert_eq!(number(&mut pair.admin, ALERTS_40).await?, 1);
    let path = format!("/physiotraq/app/monitor/{}/stop", pair.licence.device.id);
    assert_eq!(pair.operator_there().await?.post(&path, &[]).await?.status(), 303);
    for listener in [&mut here, &mut there] {
        listener.hears_of(SOON, "treatment", "status", &json!("completed")).await?;
        listener.hears_of(SOON, "alarm", "banner", &json!("none")).await?;
    }
    let record = "SELECT count(*) FROM physiotraq.treatments
                  WHERE id = $1 AND status = 'completed' AND max_temperature = 40.2 AND alert_40_triggered";
    assert_eq!(behind::figure(&mut pair.admin, record, treatment).await?, 1);
    let readings = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1";
    assert_eq!(behind::figure(&mut pair.admin, readings, treatment).await?, 2);
    // The next patient's treatment is not monitored as this one's.
    pair.post_and_hear((&mut here, &mut there), false, 40.5).await?;
    assert_eq!(number(&mut pair.admin, ALERTS_40).await?, 1);
    Ok(())
}

/// The banner that a server shows for a device, on a stream opened now.
async fn banner(server: &Stage, cookie: &str, device: &Device) -> Result<Value> {
    let mut listener = Listener::open(&server.url(), cookie, device.id).await?;
    let (alarm, _) = listener.hears(SOON, |name, _| name == "alarm").await?;
    Ok(alarm["banner"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_dies_the_other_evaluates_what_it_left_and_raises_nothing_twice() -> Result<()> {
    let Pair { first, second, licence, mut admin } = Pair::new().await?;
    let mut devices = crew::devices(&first, &licence, 7).await?;
    devices.push(licence.device.clone());
    for device in &devices {
        licence.operator.start(device).await?;
    }
    for server in [&first, &second] {
        first.clock.advance(TimeDelta::seconds(20));
        for device in &devices {
            device.at(server.url()).measure(first.clock.now(), 39.1).await?;
        }
        // So far both live; what the one has told the other has arrived.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    within(TAKEN_OVER_WITHIN, 8, async || number(&mut admin, ALERTS_39).await).await?;

    first.clock.advance(TimeDelta::seconds(20));
    for device in &devices {
        device.measure(first.clock.now(), 40.2).await?;
    }
    let clock = first.clock.clone();
    drop(first);
    within(TAKEN_OVER_WITHIN, 8, async || number(&mut admin, ALERTS_40).await).await?;
    for device in &devices {
        let cookie = licence.operator.cookie();
        within(TAKEN_OVER_WITHIN, json!("critical"), async || banner(&second, cookie, device).await).await?;
    }

    for celsius in [40.3, 40.4] {
        clock.advance(TimeDelta::seconds(20));
        for device in &devices {
            let device = device.at(second.url());
            device.measure(clock.now(), celsius).await?;
            // Known already: answered once it has been evaluated.
            device.batch(&[(clock.now(), celsius)]).await?;
        }
    }
    for statement in [ALERTS_39, ALERTS_40, EVENTS_40] {
        assert_eq!(number(&mut admin, statement).await?, 8, "{statement}");
    }
    assert_eq!(banner(&second, licence.operator.cookie(), &licence.device).await?, "critical");
    Ok(())
}

/// Received, stored, duplicate, rejected: as answered.
fn counted(said: &Value) -> Result<[i64; 4]> {
    let figure = |name: &str| said[name].as_i64().with_context(|| format!("{name}: {said}"));
    Ok([figure("received")?, figure("stored")?, figure("duplicate")?, figure("rejected")?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counters_are_what_was_sent_to_both_together() -> Result<()> {
    let Pair { first, second, licence, mut admin } = Pair::new().await?;
    let (here, there) = (licence.device.clone(), licence.device.at(second.url()));
    let mut answered = [0; 4];
    for _ in 0..10 {
        first.clock.advance(TimeDelta::seconds(20));
        let now = first.clock.now();
        let mut readings: Vec<_> = (0..20).map(|n| (now - TimeDelta::seconds(n), 37.0)).collect();
        // No thermometer can say that: refused before it reaches the writer.
        readings.push((now, 2_000.0));
        // The same to both at the same time: each reading is stored by one of them.
        let (one, other) = tokio::join!(here.batch(&readings), there.batch(&readings));
        for said in [counted(&one?)?, counted(&other?)?] {
            for (sum, figure) in answered.iter_mut().zip(said) {
                *sum += figure;
            }
        }
    }
    assert_eq!(answered, [420, 200, 200, 20]);
    let statement = "SELECT ARRAY[received, stored, duplicate, rejected] FROM physiotraq.device_states
                     WHERE device_id = $1";
    let device = licence.device.id.0;
    within(CUT_WITHIN, Some(answered.to_vec()), async || {
        let saved = sqlx::query_scalar::<_, Vec<i64>>(statement).bind(device);
        Ok(saved.fetch_optional(&mut admin).await?)
    })
    .await?;
    // Both have saved a few times more by then; and one of them ends, saving for the last time.
    tokio::time::sleep(SOON).await;
    second.stop().await;
    let again = sqlx::query_scalar::<_, Vec<i64>>(statement).bind(device).fetch_one(&mut admin).await?;
    assert_eq!(again, answered);
    Ok(())
}
