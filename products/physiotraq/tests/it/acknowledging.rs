//! The life of an alert after it was raised: latched, acknowledged by name, kept over a crash, closed with its treatment.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::{Value, json};
use testkit::Person;
use uuid::Uuid;

use crate::session::{Alert, Session};
use crate::{answers, behind};

/// A session with both alerts raised, one after the other, at 40.2 °C.
async fn critical() -> Result<Session> {
    let session = Session::new().await?;
    session.feed(20, &[39.1, 39.1]).await?;
    session.feed(20, &[40.2]).await?;
    Ok(session)
}

/// The alert of a level.
async fn alert(session: &mut Session, level: i16) -> Result<Alert> {
    session.alerts().await?.into_iter().find(|alert| alert.level == level).context("no such alert")
}

/// One level's alert as live pages show it.
fn shown(session: &Session, level: i16) -> Value {
    let alarm = session.alarm();
    alarm["alerts"].as_array().unwrap().iter().find(|alert| alert["level"] == level).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_seconds_at_40_stay_latched_until_somebody_takes_note() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(1, &[[38.0; 5].as_slice(), &[40.0; 21], &[39.8; 34]].concat()).await?;
    assert_eq!(session.levels().await?, [39, 40]);
    assert_eq!(shown(&session, 40)["state"], "active", "39.8 is inside the deadband");
    session.feed(20, &[39.0; 6]).await?;
    assert_eq!(shown(&session, 40)["state"], "latched");
    assert_eq!(session.alarm()["banner"], "critical");
    let latched = alert(&mut session, 40).await?;
    assert_eq!((latched.cleared_at, latched.acknowledged_at), (None, None));
    assert_eq!(session.levels().await?, [39, 40], "one high alarm");
    assert_eq!(session.acknowledge(latched.id, "").await?, 303);
    assert!(alert(&mut session, 40).await?.cleared_at.is_some());
    assert_eq!(shown(&session, 40), Value::Null);
    assert_eq!(session.alarm()["banner"], "watch", "39.0 still holds the other one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_latched_alert_is_the_same_alert_when_the_temperature_comes_back() -> Result<()> {
    let mut session = critical().await?;
    session.feed(20, &[39.0; 6]).await?;
    assert_eq!(shown(&session, 40)["state"], "latched");
    session.feed(20, &[40.5, 40.6]).await?;
    assert_eq!(session.levels().await?, [39, 40]);
    assert_eq!(session.events("alert.temperature_40").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_latched_alert_is_shown_as_active_again_when_the_temperature_comes_back() -> Result<()> {
    let mut session = critical().await?;
    session.feed(20, &[39.0; 6]).await?;
    session.feed(20, &[40.5, 40.6]).await?;
    assert_eq!(shown(&session, 40)["state"], "active");
    let raised = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(raised.id, "").await?, 303);
    assert_eq!(shown(&session, 40)["state"], "acknowledged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_has_a_name_a_time_and_a_note_and_does_not_end_the_alert() -> Result<()> {
    let mut session = critical().await?;
    let raised = alert(&mut session, 40).await?;
    session.stage.clock.advance(TimeDelta::seconds(5));
    let now = session.stage.clock.now();
    assert_eq!(session.acknowledge(raised.id, "  <b>Eau froide</b> donnée  ").await?, 303);
    let noted = alert(&mut session, 40).await?;
    assert_eq!(noted.acknowledged_at, Some(now));
    assert_eq!(noted.acknowledged_by, Some(session.licence.operator.account.0));
    assert_eq!(noted.note.as_deref(), Some("<b>Eau froide</b> donnée"));
    assert_eq!(noted.cleared_at, None, "40.2 has not gone");
    let live = shown(&session, 40);
    assert_eq!((&live["state"], &live["acknowledgedBy"]), (&json!("acknowledged"), &json!("Paul Essai")));
    assert_eq!(behind::events(&mut session.admin, "alert.acknowledged", raised.id).await?, 1);
    let page = format!("/physiotraq/app/treatments/{}", session.treatment);
    let page = answers::text(session.licence.operator.get(&page).await?, 200).await?;
    assert!(page.contains("&#60;b&#62;Eau froide&#60;/b&#62; donnée") && page.contains("Paul Essai"));
    let audited = "SELECT count(*) FROM socle.audit_log WHERE action = 'alert.acknowledged' AND resource_id = $1";
    assert_eq!(behind::figure(&mut session.admin, audited, raised.id).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_acknowledgement_stays_and_a_second_one_is_no_error() -> Result<()> {
    let mut session = critical().await?;
    let raised = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(raised.id, "first").await?, 303);
    let path = format!("/physiotraq/app/monitor/{}/acknowledge", session.licence.device.id);
    let id = raised.id.to_string();
    let fields = [("alert", id.as_str()), ("note", "second")];
    assert_eq!(session.licence.owner.post(&path, &fields).await?.status(), 303);
    let noted = alert(&mut session, 40).await?;
    assert_eq!(noted.acknowledged_by, Some(session.licence.operator.account.0));
    assert_eq!(noted.note.as_deref(), Some("first"));
    assert_eq!(behind::events(&mut session.admin, "alert.acknowledged", raised.id).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_acknowledged_is_refused() -> Result<()> {
    let mut session = critical().await?;
    let raised = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(Uuid::nil(), "").await?, 404);
    assert_eq!(session.acknowledge(session.treatment, "").await?, 404);
    assert_eq!(session.acknowledge(raised.id, &"x".repeat(501)).await?, 400);
    assert_eq!(session.acknowledge(raised.id, "a\0b").await?, 400);
    let path = format!("/physiotraq/app/monitor/{}/acknowledge", session.licence.device.id);
    for fields in [vec![], vec![("alert", "x")], vec![("alert", ""), ("note", "x")]] {
        assert_eq!(session.licence.operator.post(&path, &fields).await?.status(), 400, "{fields:?}");
    }
    assert_eq!(alert(&mut session, 40).await?.acknowledged_at, None);
    assert_eq!(session.acknowledge(raised.id, &"x".repeat(500)).await?, 303);
    assert_eq!(session.end("stop").await?, 303);
    assert_eq!(session.acknowledge(raised.id, "too late").await?, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sound_pauses_for_two_minutes_after_an_acknowledgement_and_comes_back() -> Result<()> {
    let mut session = critical().await?;
    assert_eq!(session.alarm()["sound"], true);
    let raised = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(raised.id, "").await?, 303);
    assert_eq!(session.alarm()["sound"], true, "it sounds, except until silentUntil");
    let until = session.stage.clock.now() + TimeDelta::minutes(2);
    assert_eq!(shown(&session, 40)["silentUntil"], until.timestamp_millis());
    session.feed(20, &[40.2; 6]).await?;
    assert_eq!(shown(&session, 40)["silentUntil"], until.timestamp_millis(), "the pause is not renewed");
    assert_eq!(session.alarm()["sound"], true, "it is still at 40.2");
    assert_eq!(session.levels().await?, [39, 40]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_alert_ends_by_itself_and_40_can_be_raised_again() -> Result<()> {
    let mut session = critical().await?;
    let first = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(first.id, "").await?, 303);
    session.feed(60, &[38.0, 38.0]).await?;
    assert!(alert(&mut session, 40).await?.cleared_at.is_some());
    assert_eq!(session.alarm()["banner"], "none");
    session.feed(60, &[40.3]).await?;
    assert_eq!(session.levels().await?, [39, 40, 40]);
    assert_eq!(session.alarm()["sound"], true, "a new alert sounds, whatever was acknowledged before");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_latched_alert_survives_a_crash_as_it_was() -> Result<()> {
    let mut session = critical().await?;
    session.feed(20, &[39.0; 6]).await?;
    // Nobody has taken note for a minute and more: the repetition is written within a second.
    answers::eventually(true, async || Ok(shown(&session, 40)["escalation"] == 1)).await?;
    let (before, rows) = (session.alarm(), session.alerts().await?);
    assert_eq!(shown(&session, 40)["state"], "latched");
    let mut session = session.after_a_crash().await?;
    assert_eq!(session.alerts().await?, rows);
    assert_eq!(session.alarm(), before);
    let latched = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(latched.id, "after the restart").await?, 303);
    assert!(alert(&mut session, 40).await?.cleared_at.is_some());
    assert_eq!(session.alarm()["banner"], "watch");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_survives_a_crash() -> Result<()> {
    let mut session = critical().await?;
    let raised = alert(&mut session, 40).await?;
    assert_eq!(session.acknowledge(raised.id, "seen").await?, 303);
    let before = session.alarm();
    let mut session = session.after_a_crash().await?;
    assert_eq!(session.alarm(), before);
    assert_eq!(shown(&session, 40)["acknowledgedBy"], "Paul Essai");
    // Acknowledged, it ends by itself once the temperature has gone.
    session.feed(60, &[38.0, 38.0]).await?;
    assert!(alert(&mut session, 40).await?.cleared_at.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_evaluated_again_after_a_crash_raise_nothing_twice() -> Result<()> {
    let mut session = critical().await?;
    let rows = session.alerts().await?;
    session = session.after_a_crash().await?;
    assert_eq!(session.alerts().await?, rows);
    answers::eventually((true, true, Some(40.2)), async || session.marks().await).await?;
    for event in ["alert.temperature_39", "alert.temperature_40", "treatment.started"] {
        assert_eq!(session.events(event).await?, 1, "{event}");
    }
    session.feed(20, &[40.3, 40.4]).await?;
    assert_eq!(session.alerts().await?, rows);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_on_delay_goes_on_over_a_crash() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(10, &[38.0, 39.1]).await?;
    let first = session.stage.clock.now();
    session = session.after_a_crash().await?;
    session.feed(10, &[39.1]).await?;
    assert_eq!(session.levels().await?, [0_i16; 0]);
    session.feed(10, &[39.1]).await?;
    let alerts = session.alerts().await?;
    assert_eq!((alerts.len(), alerts[0].level, alerts[0].condition_at), (1, 39, first));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_writes_duration_maximum_status_and_events_and_closes_the_alerts() -> Result<()> {
    let mut session = critical().await?;
    session.feed(20, &[40.9, 39.0]).await?;
    session.stage.clock.advance(TimeDelta::seconds(34));
    let path = format!("/physiotraq/app/monitor/{}/stop", session.licence.device.id);
    let answer = session.licence.operator.post(&path, &[]).await?;
    assert_eq!(answer.status(), 303);
    let page = format!("/physiotraq/app/treatments/{}", session.treatment);
    assert!(Person::location(&answer).starts_with(&page));
    let record = "SELECT count(*) FROM physiotraq.treatments
                  WHERE id = $1 AND status = 'completed' AND ended_at - started_at = interval '134 seconds'
                    AND duration_seconds = 134 AND max_temperature = 40.9 AND alert_39_triggered AND alert_40_triggered";
    assert_eq!(session.figure(record).await?, 1);
    for event in ["treatment.started", "treatment.completed", "alert.temperature_39", "alert.temperature_40"] {
        assert_eq!(session.events(event).await?, 1, "{event}");
    }
    assert_eq!(session.events("treatment.aborted").await?, 0);
    assert!(session.alerts().await?.iter().all(|alert| alert.cleared_at == Some(session.stage.clock.now())));
    assert_eq!((&session.alarm()["banner"], &session.alarm()["treatment"]), (&json!("none"), &Value::Null));
    assert_eq!(session.licence.operator.get(&page).await?.status(), 200);
    Ok(())
}
