//! When alerts are raised and when not: the scenarios of domain/temperature-monitoring.md §11, over HTTP.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::answers;
use crate::session::{Marks, Session};

const LATE: &str = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND late";

/// The flags and the maximum become these.
async fn marks_become(session: &mut Session, marks: Marks) -> Result<()> {
    answers::eventually(marks, async || session.marks().await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ramp_of_82_minutes_to_38_5_raises_nothing() -> Result<()> {
    let mut session = Session::new().await?;
    let ramp: Vec<f64> = (1..=492).map(|n| (36_800.0 + (f64::from(n) * 1_700.0 / 492.0).round()) / 1_000.0).collect();
    session.feed(10, &ramp).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    marks_become(&mut session, (false, false, Some(38.5))).await?;
    assert_eq!(session.end("stop").await?, 303);
    let record = "SELECT count(*) FROM physiotraq.treatments
                  WHERE id = $1 AND status = 'completed' AND duration_seconds = 4920 AND max_temperature = 38.5
                    AND max_temperature_at = ended_at";
    assert_eq!(session.figure(record).await?, 1);
    assert_eq!(session.figure("SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1").await?, 492);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_that_crosses_39_ten_times_in_a_minute_is_one_alert() -> Result<()> {
    let mut session = Session::new().await?;
    let noise: Vec<f64> = (0..60).map(|second| if second % 6 < 3 { 39.01 } else { 38.99 }).collect();
    session.feed(1, &noise).await?;
    assert_eq!(session.levels().await?, [39]);
    assert_eq!(session.events("alert.temperature_39").await?, 1);
    assert_eq!(session.events("alert.temperature_40").await?, 0);
    marks_become(&mut session, (true, false, Some(39.01))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_seconds_at_39_raise_nothing_and_stay_in_the_record() -> Result<()> {
    let mut session = Session::new().await?;
    let short = [vec![36.8; 10], vec![39.0; 5], vec![38.5; 45]].concat();
    session.feed(1, &short).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    let kept = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND temperature = 39.0";
    assert_eq!(session.figure(kept).await?, 5);
    marks_become(&mut session, (false, false, Some(39.0))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_seconds_at_the_limit_raise_an_alert_with_its_two_times() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(1, &[38.0; 10]).await?;
    let first = session.stage.clock.now() + TimeDelta::seconds(1);
    session.feed(1, &[39.0; 15]).await?;
    assert_eq!(session.levels().await?, [0_i16; 0], "14 seconds after the first value");
    session.feed(1, &[39.1]).await?;
    let alerts = session.alerts().await?;
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].condition_at, alerts[0].raised_at), (first, first + TimeDelta::seconds(15)));
    assert_eq!((alerts[0].level, alerts[0].value), (39, 39.1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_samples_raise_40_at_the_first_value_and_39_at_the_second() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(60, &[38.0, 39.4]).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    session.feed(60, &[39.4]).await?;
    assert_eq!(session.levels().await?, [39]);
    session.feed(60, &[40.0]).await?;
    assert_eq!(session.levels().await?, [39, 40]);
    session.feed(60, &[40.6, 40.7, 40.8]).await?;
    assert_eq!(session.levels().await?, [39, 40], "once");
    assert_eq!(session.events("alert.temperature_39").await?, 1);
    assert_eq!(session.events("alert.temperature_40").await?, 1);
    marks_become(&mut session, (true, true, Some(40.8))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn low_reliability_raises_nothing_and_is_no_maximum() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[36.5]).await?;
    for (reliability, celsius) in [(10, 39.5), (0, 40.5), (49, 41.0), (10, 39.5)] {
        session.stage.clock.advance(TimeDelta::seconds(20));
        let at = session.stage.clock.now();
        let sent = json!({ "temperature": celsius, "measured_at": at, "reliability": reliability });
        for _ in 0..2 {
            assert_eq!(session.licence.device.post("/measurements", &sent).await?.status(), 201);
        }
    }
    assert_eq!(session.levels().await?, [0_i16; 0]);
    marks_become(&mut session, (false, false, Some(36.5))).await?;
    assert_eq!(session.shown("reading")["quality"], "low");
    let kept = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND reliability < 50";
    assert_eq!(session.figure(kept).await?, 4);
    // 50 is trusted, and so is a device that says nothing of it.
    for celsius in [40.1, 40.2] {
        session.stage.clock.advance(TimeDelta::seconds(20));
        let at = session.stage.clock.now();
        let sent = json!({ "temperature": celsius, "measured_at": at, "reliability": 50 });
        assert_eq!(session.licence.device.post("/measurements", &sent).await?.status(), 201);
    }
    session.settle(40.2).await?;
    assert_eq!(session.levels().await?, [40, 39]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_body_core_can_be_raises_nothing_and_is_no_maximum() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[36.5, 45.1, 99.9, -17.8, 300.0, 36.6]).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    marks_become(&mut session, (false, false, Some(36.6))).await?;
    let kept = "SELECT count(*) FROM physiotraq.measurements WHERE treatment_id = $1 AND implausible";
    assert_eq!(session.figure(kept).await?, 4);
    Ok(())
}

/// Forty minutes of readings every ten seconds, from the second minute of the treatment.
fn backlog(started: DateTime<Utc>) -> Vec<(DateTime<Utc>, f64)> {
    (0..240).map(|n| (started + TimeDelta::seconds(60 + n * 10), if n == 120 { 40.6 } else { 40.5 })).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_buffered_minutes_complete_the_record_and_raise_nothing_now() -> Result<()> {
    let mut session = Session::new().await?;
    let backlog = backlog(session.stage.clock.now());
    session.stage.clock.advance(TimeDelta::minutes(45));
    session.feed(20, &[36.9]).await?;
    assert_eq!(session.licence.device.batch(&backlog).await?["stored"], 240);
    let again = session.licence.device.batch(&backlog).await?;
    ensure!(again["duplicate"] == json!(240), "the same batch sent twice: {again}");
    marks_become(&mut session, (false, false, Some(40.6))).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    assert_eq!(session.events("alert.temperature_40").await?, 0);
    assert_eq!(session.figure(LATE).await?, 240);
    assert_eq!(session.shown("reading")["c"], 36.9, "the screen shows the newest by device time");
    // And the treatment goes on: a live value is evaluated as if nothing had been.
    session.feed(20, &[36.9, 40.2, 40.3]).await?;
    assert_eq!(session.levels().await?, [40, 39]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_for_an_ended_treatment_raises_its_maximum_and_no_flag() -> Result<()> {
    let mut session = Session::new().await?;
    let backlog = backlog(session.stage.clock.now());
    session.feed(20, &[36.9]).await?;
    session.stage.clock.advance(TimeDelta::minutes(45));
    assert_eq!(session.end("stop").await?, 303);
    session.stage.clock.advance(TimeDelta::minutes(5));
    assert_eq!(session.licence.device.batch(&backlog).await?["stored"], 240);
    marks_become(&mut session, (false, false, Some(40.6))).await?;
    assert_eq!(session.figure(LATE).await?, 240);
    assert_eq!(session.levels().await?, [0_i16; 0]);
    let unchanged = "SELECT count(*) FROM physiotraq.treatments WHERE id = $1 AND status = 'completed'
                     AND duration_seconds = 2720";
    assert_eq!(session.figure(unchanged).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_clock_at_1970_raises_nothing_and_is_not_plotted() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[36.9]).await?;
    let readings: Vec<_> = (0..60).map(|n| (DateTime::UNIX_EPOCH + TimeDelta::seconds(n), 41.0)).collect();
    assert_eq!(session.licence.device.batch(&readings).await?["stored"], 60);
    session.settle(36.9).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    marks_become(&mut session, (false, false, Some(36.9))).await?;
    let path = format!("/physiotraq/app/treatments/{}/curve", session.treatment);
    let curve = answers::json(session.licence.operator.get_json(&path).await?, 200).await?;
    assert_eq!(curve["points"].as_array().unwrap().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn display_and_decision_agree_in_both_units() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[38.0, 39.99]).await?;
    let shown = session.shown("reading");
    assert_eq!(shown["shown"], json!({ "celsius": "39.9", "fahrenheit": "103.9" }));
    assert_eq!(shown["band"], "watch", "the colour follows at once");
    assert!(!session.levels().await?.contains(&40));
    session.feed(20, &[40.0]).await?;
    let shown = session.shown("reading");
    assert_eq!(shown["shown"], json!({ "celsius": "40.0", "fahrenheit": "104.0" }));
    assert_eq!(shown["band"], "critical");
    assert!(session.levels().await?.contains(&40));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_of_39_is_over_after_half_a_minute_below_38_8_and_may_come_again() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[39.1, 39.1, 38.9]).await?;
    // Inside the deadband it stays.
    session.feed(60, &[38.8, 38.8]).await?;
    assert!(session.alerts().await?[0].cleared_at.is_none());
    session.feed(60, &[38.7, 38.7]).await?;
    assert!(session.alerts().await?[0].cleared_at.is_some());
    assert_eq!(session.alarm()["banner"], "none");
    session.feed(60, &[39.1, 39.1]).await?;
    assert_eq!(session.levels().await?, [39, 39]);
    assert_eq!(session.alarm()["banner"], "watch");
    assert_eq!(session.events("alert.temperature_39").await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_patient_starts_with_no_alarm_and_values_from_before_do_not_count() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[40.1, 40.2, 40.3]).await?;
    assert_eq!(session.end("stop").await?, 303);
    session.feed(20, &[40.3, 40.3]).await?;
    session.treatment = session.licence.operator.start(&session.licence.device).await?.parse()?;
    assert_eq!(session.alarm()["alerts"], json!([]));
    let before = session.stage.clock.now() - TimeDelta::seconds(5);
    session.licence.device.batch(&[(before, 41.0)]).await?;
    session.feed(20, &[36.9, 36.9]).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    marks_become(&mut session, (false, false, Some(36.9))).await
}
