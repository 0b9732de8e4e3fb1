//! Alarms about the equipment, not the patient, and an alert that nobody takes note of:
//! domain/temperature-monitoring.md §9. The timers read the settable clock; the monitor looks at them once a second.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::session::Session;
use crate::{answers, behind};

/// Longer than two looks at the timers.
const TWO_LOOKS: Duration = Duration::from_millis(2_500);

/// Asks for as long as two looks at the timers take, and fails at the first answer that is not the expected one.
async fn stays<T: PartialEq + Debug>(expected: T, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < TWO_LOOKS {
        let answer = ask().await?;
        ensure!(answer == expected, "expected that it stays {expected:?}, it is {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn after(session: &Session, seconds: i64) {
    session.stage.clock.advance(TimeDelta::seconds(seconds));
}

/// The device measures once, so many seconds later, and trusts itself.
async fn measured(session: &Session, gap: i64, celsius: f64) -> Result<()> {
    after(session, gap);
    session.licence.device.measure(session.stage.clock.now(), celsius).await?;
    Ok(())
}

/// It measures once a second for a while.
async fn measures(session: &Session, seconds: usize, celsius: f64) -> Result<()> {
    for _ in 0..seconds {
        measured(session, 1, celsius).await?;
    }
    session.settle(celsius).await
}

/// It measures once a second for a while, and says how far it trusts itself.
async fn measures_with(session: &Session, seconds: usize, (celsius, reliability): (f64, i16)) -> Result<()> {
    for _ in 0..seconds {
        after(session, 1);
        let at = session.stage.clock.now();
        let sent = json!({ "temperature": celsius, "measured_at": at, "reliability": reliability });
        answers::json(session.licence.device.post("/measurements", &sent).await?, 201).await?;
    }
    session.settle(celsius).await
}

/// The kinds of technical alert that live pages show at this moment.
fn shown(session: &Session) -> Vec<String> {
    let alarm = session.alarm();
    let technical = alarm["alerts"].as_array().unwrap().iter().filter(|alert| alert["level"] == 0);
    technical.map(|alert| alert["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The stored alerts of a kind, oldest first: whether each is over.
async fn stored(session: &mut Session, kind: &str) -> Result<Vec<bool>> {
    let statement = "SELECT cleared_at IS NOT NULL FROM physiotraq.alerts
                     WHERE treatment_id = $1 AND kind = $2 AND level = 0 ORDER BY created_at";
    let rows = sqlx::query_scalar::<_, bool>(statement).bind(session.treatment).bind(kind);
    Ok(rows.fetch_all(&mut session.admin).await?)
}

/// How many alerts about the temperature the treatment has.
async fn physiological(session: &mut Session) -> Result<i64> {
    session.figure("SELECT count(*) FROM physiotraq.alerts WHERE treatment_id = $1 AND level > 0").await
}

async fn page(session: &Session) -> Result<String> {
    let path = format!("/physiotraq/app/treatments/{}", session.treatment);
    answers::text(session.licence.operator.get(&path).await?, 200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_silent_seconds_of_a_running_treatment_are_one_alert_until_the_next_reading() -> Result<()> {
    let mut session = Session::new().await?;
    measures(&session, 5, 37.0).await?;
    after(&session, 14);
    stays(Vec::new(), async || Ok(shown(&session))).await?;
    after(&session, 2);
    answers::eventually(vec!["no_data".to_owned()], async || Ok(shown(&session))).await?;
    assert_eq!(stored(&mut session, "no_data").await?, [false]);
    assert!(page(&session).await?.contains("data-kind=\"no_data\""), "the treatment's page does not show it");
    after(&session, 300);
    stays(vec![false], async || stored(&mut session, "no_data").await).await?;
    assert_eq!(physiological(&mut session).await?, 0);

    measured(&session, 1, 37.0).await?;
    answers::eventually(vec![true], async || stored(&mut session, "no_data").await).await?;
    answers::eventually(Vec::new(), async || Ok(shown(&session))).await?;
    // The next silence is another alert.
    measures(&session, 10, 37.0).await?;
    after(&session, 16);
    answers::eventually(vec![true, false], async || stored(&mut session, "no_data").await).await?;
    assert_eq!(session.end("stop").await?, 303);
    assert_eq!(stored(&mut session, "no_data").await?, [true, true], "the treatment is over, and so is its alert");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_device_is_missed_after_twice_the_interval_it_is_known_for() -> Result<()> {
    let session = Session::new().await?;
    for gap in [10, 20, 20, 20, 20, 20] {
        measured(&session, gap, 37.0).await?;
    }
    session.settle(37.0).await?;
    answers::eventually(Vec::new(), async || Ok(shown(&session))).await?;
    after(&session, 38);
    stays(Vec::new(), async || Ok(shown(&session))).await?;
    after(&session, 4);
    answers::eventually(vec!["no_data".to_owned()], async || Ok(shown(&session))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_without_a_running_treatment_is_no_alert() -> Result<()> {
    let mut session = Session::new().await?;
    measures(&session, 5, 37.0).await?;
    assert_eq!(session.end("stop").await?, 303);
    measures(&session, 5, 37.0).await?;
    after(&session, 600);
    let device = session.licence.device.id.0;
    let alerts = "SELECT count(*) FROM physiotraq.alerts WHERE device_id = $1";
    stays(0, async || behind::figure(&mut session.admin, alerts, device).await).await?;
    assert_eq!(shown(&session), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_sends_its_backlog_is_heard() -> Result<()> {
    let mut session = Session::new().await?;
    let now = session.stage.clock.now();
    let backlog: Vec<_> = (2..10).map(|minutes| (now - TimeDelta::minutes(minutes), 37.0)).collect();
    after(&session, 14);
    assert_eq!(session.licence.device.batch(&backlog).await?["stored"], 8);
    after(&session, 14);
    stays(Vec::new(), async || stored(&mut session, "no_data").await).await?;
    after(&session, 2);
    answers::eventually(vec![false], async || stored(&mut session, "no_data").await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_neither_loses_nor_repeats_a_missing_signal() -> Result<()> {
    let mut session = Session::new().await?;
    measures(&session, 5, 37.0).await?;
    // The silence begins before the restart and is long enough after it.
    after(&session, 10);
    session.stage.product.monitor().save().await;
    session = session.after_a_crash().await?;
    stays(Vec::new(), async || stored(&mut session, "no_data").await).await?;
    after(&session, 6);
    answers::eventually(vec![false], async || stored(&mut session, "no_data").await).await?;
    // It was raised before the restart and is the same after it.
    session = session.after_a_crash().await?;
    answers::eventually(vec!["no_data".to_owned()], async || Ok(shown(&session))).await?;
    after(&session, 30);
    stays(vec![false], async || stored(&mut session, "no_data").await).await?;
    measured(&session, 1, 37.0).await?;
    answers::eventually(vec![true], async || stored(&mut session, "no_data").await).await?;
    answers::eventually(Vec::new(), async || Ok(shown(&session))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_minute_of_low_reliability_is_one_technical_alert_and_no_other() -> Result<()> {
    let mut session = Session::new().await?;
    measures_with(&session, 5, (37.0, 98)).await?;
    measures_with(&session, 29, (39.5, 49)).await?;
    assert_eq!(stored(&mut session, "low_reliability").await?, [false; 0], "28 seconds after the first of them");
    measures_with(&session, 4, (39.5, 10)).await?;
    answers::eventually(vec!["low_reliability".to_owned()], async || Ok(shown(&session))).await?;
    assert!(page(&session).await?.contains("data-kind=\"low_reliability\""), "the treatment's page does not show it");
    measures_with(&session, 40, (40.5, 0)).await?;
    assert_eq!(stored(&mut session, "low_reliability").await?, [false]);
    assert_eq!(physiological(&mut session).await?, 0);
    // 50 is trusted.
    measures_with(&session, 2, (37.0, 50)).await?;
    answers::eventually(vec![true], async || stored(&mut session, "low_reliability").await).await?;
    answers::eventually(Vec::new(), async || Ok(shown(&session))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reliability_that_recovers_in_between_is_no_alert() -> Result<()> {
    let mut session = Session::new().await?;
    for _ in 0..3 {
        measures_with(&session, 25, (37.0, 20)).await?;
        measures_with(&session, 1, (37.0, 90)).await?;
    }
    assert_eq!(stored(&mut session, "low_reliability").await?, [false; 0]);
    Ok(())
}

/// A session whose alert of 40 °C has just been raised.
async fn critical() -> Result<Session> {
    let session = Session::new().await?;
    for (gap, celsius) in [(10, 38.0), (20, 40.2)] {
        measured(&session, gap, celsius).await?;
    }
    session.settle(40.2).await?;
    Ok(session)
}

/// It stays at 40.2 °C, with a reading every ten seconds.
async fn holds(session: &Session, seconds: i64) -> Result<()> {
    for _ in 0..seconds / 10 {
        measured(session, 10, 40.2).await?;
    }
    after(session, seconds % 10);
    Ok(())
}

/// How far the alert of 40 °C has been escalated, and how many events say so.
async fn escalated(session: &mut Session) -> Result<(i16, i64)> {
    let statement = "SELECT a.escalation,
                            (SELECT count(*) FROM physiotraq.events e WHERE e.event_type = 'alert.escalated'
                               AND (e.eventable_id = a.id OR e.metadata->>'alert' = a.id::text))
                     FROM physiotraq.alerts a WHERE a.treatment_id = $1 AND a.level = 40";
    Ok(sqlx::query_as(statement).bind(session.treatment).fetch_one(&mut session.admin).await?)
}

async fn acknowledged(session: &mut Session) -> Result<()> {
    let alert = session.alerts().await?.into_iter().find(|alert| alert.level == 40).unwrap();
    ensure!(session.acknowledge(alert.id, "").await? == 303, "it could not be acknowledged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_of_40_that_nobody_notes_is_repeated_after_a_minute_and_handed_on_after_three() -> Result<()> {
    let mut session = critical().await?;
    holds(&session, 59).await?;
    stays((0, 0), async || escalated(&mut session).await).await?;
    after(&session, 2);
    answers::eventually((1, 1), async || escalated(&mut session).await).await?;
    holds(&session, 118).await?;
    stays((1, 1), async || escalated(&mut session).await).await?;
    after(&session, 2);
    answers::eventually((2, 2), async || escalated(&mut session).await).await?;
    holds(&session, 600).await?;
    stays((2, 2), async || escalated(&mut session).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_note_ends_the_escalation() -> Result<()> {
    let mut session = critical().await?;
    holds(&session, 30).await?;
    acknowledged(&mut session).await?;
    // Before the two minutes of its silence are over.
    holds(&session, 110).await?;
    stays((0, 0), async || escalated(&mut session).await).await?;

    let mut session = critical().await?;
    holds(&session, 70).await?;
    answers::eventually((1, 1), async || escalated(&mut session).await).await?;
    acknowledged(&mut session).await?;
    // Past the second step, which would have come at three minutes.
    holds(&session, 115).await?;
    stays((1, 1), async || escalated(&mut session).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_escalation_goes_on_over_restarts_and_repeats_no_step() -> Result<()> {
    let mut session = critical().await?;
    holds(&session, 40).await?;
    session = session.after_a_crash().await?;
    stays((0, 0), async || escalated(&mut session).await).await?;
    holds(&session, 25).await?;
    answers::eventually((1, 1), async || escalated(&mut session).await).await?;
    session = session.after_a_crash().await?;
    stays((1, 1), async || escalated(&mut session).await).await?;
    holds(&session, 120).await?;
    answers::eventually((2, 2), async || escalated(&mut session).await).await?;
    session = session.after_a_crash().await?;
    stays((2, 2), async || escalated(&mut session).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_live_pages_are_told_of_a_technical_alert() -> Result<()> {
    let session = Session::new().await?;
    measures(&session, 5, 37.0).await?;
    let mut listener = crate::listener::Listener::open(
        &session.stage.url(),
        session.licence.operator.cookie(),
        session.licence.device.id,
    )
    .await?;
    after(&session, 16);
    let technical = |name: &str, data: &Value| {
        name == "alarm" && data["alerts"].as_array().is_some_and(|alerts| alerts.iter().any(|a| a["kind"] == "no_data"))
    };
    let (alarm, _) = listener.hears(Duration::from_secs(5), technical).await?;
    assert_eq!(alarm["alerts"].as_array().unwrap().len(), 1);
    assert_eq!((&alarm["alerts"][0]["level"], &alarm["alerts"][0]["state"]), (&json!(0), &json!("active")));
    measured(&session, 1, 37.0).await?;
    listener.hears_of(Duration::from_secs(5), "alarm", "alerts", &json!([])).await?;
    Ok(())
}
