//! Starting and ending treatments: the patient form, sealed names, session numbers, one treatment per device.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use sqlx::PgConnection;
use testkit::{Device, Licence, Person, Stage};
use tokio::task::JoinSet;

use crate::session::Session;
use crate::{answers, behind, crew};

const START: &str = "/physiotraq/app/treatments";
const TREATMENTS: &str = "SELECT count(*) FROM physiotraq.treatments WHERE device_id = $1";

async fn online() -> Result<(Stage, Licence, PgConnection)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    let admin = stage.database.admin().await?;
    Ok((stage, licence, admin))
}

/// Posts the patient form for a device; status and page.
async fn start(person: &Person, device: &Device, fields: &[(&str, &str)]) -> Result<(u16, String)> {
    let device = device.id.to_string();
    let mut form = vec![("device", device.as_str())];
    form.extend_from_slice(fields);
    let answer = person.post(START, &form).await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_started_treatment_leads_to_the_live_screen() -> Result<()> {
    let (stage, licence, mut admin) = online().await?;
    let device = licence.device.id.to_string();
    let fields = [("device", device.as_str()), ("anonymous", "on"), ("unit", "fahrenheit"), ("notes", "  Séance 3 ")];
    let answer = licence.operator.post(START, &fields).await?;
    assert_eq!(answer.status(), 303);
    let location = Person::location(&answer);
    assert!(location.starts_with(&format!("/physiotraq/app/monitor/{device}")), "{location}");
    answers::text(licence.operator.get(&location).await?, 200).await?;
    let row = sqlx::query_as::<_, (String, String, Option<String>, bool)>(
        "SELECT session_identifier, status, notes, anonymous FROM physiotraq.treatments",
    );
    let row = row.fetch_one(&mut admin).await?;
    // Saturday 21 November 2026, 11:00 in Paris.
    let expected = ("20261121-110000-001", "in_progress", Some("Séance 3"), true);
    assert_eq!((row.0.as_str(), row.1.as_str(), row.2.as_deref(), row.3), expected);
    let unit = "SELECT count(*) FROM physiotraq.users WHERE id = $1 AND temperature_unit = 'fahrenheit'";
    assert_eq!(behind::figure(&mut admin, unit, licence.operator.account.0).await?, 1);
    assert_eq!(stage.product.monitor().glance(licence.device.id).started_at, Some(stage.clock.now()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymous_treatment_keeps_no_name_even_if_one_was_typed() -> Result<()> {
    let (_stage, licence, mut admin) = online().await?;
    let typed = [("anonymous", "on"), ("patient_first_name", "Ada"), ("patient_last_name", "Lovelace")];
    assert_eq!(start(&licence.operator, &licence.device, &typed).await?.0, 303);
    let kept = "SELECT count(*) FROM physiotraq.treatments
                WHERE device_id = $1 AND anonymous AND patient_first_name IS NULL AND patient_last_name IS NULL
                  AND patient_last_name_index IS NULL";
    assert_eq!(behind::figure(&mut admin, kept, licence.device.id.0).await?, 1);
    let list = answers::text(licence.operator.get(START).await?, 200).await?;
    assert!(list.contains("Anonyme") && !list.contains("Lovelace"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_patient_is_sealed_shown_and_found_by_exact_last_name_in_their_licence_alone() -> Result<()> {
    let (stage, licence, mut admin) = online().await?;
    let other = stage.licence().await?;
    let patient = [
        ("patient_first_name", "Ada"),
        ("patient_last_name", "Lovelace"),
        ("patient_age", "45"),
        ("patient_sex", "female"),
        ("patient_weight", "72,5"),
    ];
    assert_eq!(start(&licence.operator, &licence.device, &patient).await?.0, 303);
    // Neither as text nor as bytes (which print as hexadecimal) is the name anywhere in the tables.
    let seen = "WITH lines AS (
                    SELECT t::text AS line FROM physiotraq.treatments t
                    UNION ALL SELECT t::text FROM physiotraq.events t UNION ALL SELECT t::text FROM socle.audit_log t)
                SELECT count(*) FROM lines
                WHERE line ILIKE '%lovelace%' OR line ILIKE '%4c6f76656c616365%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(seen).fetch_one(&mut admin).await?, 0);
    let kept = "SELECT count(*) FROM physiotraq.treatments
                WHERE device_id = $1 AND NOT anonymous AND patient_age = 45 AND patient_sex = 'female'
                  AND patient_weight = 72.5 AND length(patient_last_name) > 50";
    assert_eq!(behind::figure(&mut admin, kept, licence.device.id.0).await?, 1);
    let list = answers::text(licence.operator.get(START).await?, 200).await?;
    assert!(list.contains("A. Lovelace, 45\u{a0}F"));
    let treatment = sqlx::query_scalar::<_, uuid::Uuid>("SELECT id FROM physiotraq.treatments");
    let treatment = treatment.fetch_one(&mut admin).await?;
    let page = answers::text(licence.operator.get(&format!("{START}/{treatment}")).await?, 200).await?;
    assert!(page.contains("A. Lovelace, 45\u{a0}F") && page.contains("72,5\u{a0}kg"));
    for (search, found) in [("Lovelace", 1), (" LOVELACE ", 1), ("Lovelac", 0), ("Ada", 0), ("20261121-1100", 1)] {
        let query = serde_html_form::to_string([("q", search)])?;
        let path = format!("{START}/export?{query}");
        let export = answers::text(licence.operator.get(&path).await?, 200).await?;
        assert_eq!(export.lines().count() - 1, found, "{search:?}");
        let elsewhere = answers::text(other.owner.get(&path).await?, 200).await?;
        assert_eq!(elsewhere.lines().count(), 1, "{search:?} in the other licence");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_names_of_two_licences_have_different_ciphertexts_and_indexes() -> Result<()> {
    let (stage, first, mut admin) = online().await?;
    let second = stage.licence().await?;
    crew::online(&second.device).await?;
    for licence in [&first, &second] {
        let patient = [("patient_last_name", "Lovelace")];
        assert_eq!(start(&licence.operator, &licence.device, &patient).await?.0, 303);
    }
    let distinct = "SELECT count(DISTINCT patient_last_name), count(DISTINCT patient_last_name_index)
                    FROM physiotraq.treatments";
    assert_eq!(sqlx::query_as::<_, (i64, i64)>(distinct).fetch_one(&mut admin).await?, (2, 2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_with_errors_comes_back_as_it_was_typed_with_links_to_its_fields() -> Result<()> {
    let (_stage, licence, mut admin) = online().await?;
    let long = "x".repeat(101);
    let typed = [
        ("patient_first_name", "Éloïse \"Lou\""),
        ("patient_last_name", long.as_str()),
        ("patient_age", "131"),
        ("patient_sex", "unknown"),
        ("patient_weight", "0,5"),
        ("unit", "kelvin"),
        ("notes", "kept & safe"),
    ];
    let (status, page) = start(&licence.operator, &licence.device, &typed).await?;
    assert_eq!(status, 400);
    for field in ["patient_last_name", "patient_age", "patient_sex", "patient_weight", "unit"] {
        assert!(page.contains(&format!("href=\"#{field}\"")), "no link to {field}");
        assert!(page.contains(&format!("id=\"{field}\"")), "nothing to link to for {field}");
        assert!(page.contains(&format!("id=\"{field}-error\"")), "no message at {field}");
    }
    assert!(!page.contains("href=\"#patient_first_name\"") && !page.contains("href=\"#notes\""));
    for value in ["value=\"Éloïse &#34;Lou&#34;\"", "value=\"131\"", "value=\"0,5\"", ">kept &#38; safe</textarea>"] {
        assert!(page.contains(value), "{value} was lost");
    }
    assert!(page.contains(&format!("value=\"{long}\"")));
    assert!(!page.contains("aria-describedby=\"anonymous-hint\" checked"));
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_form_accepts_and_refuses() -> Result<()> {
    let (_stage, licence, _admin) = online().await?;
    let stop = format!("/physiotraq/app/monitor/{}/stop", licence.device.id);
    let (name, notes) = ("é".repeat(100), "é".repeat(4_000));
    let (long_name, long_notes) = ("é".repeat(101), "é".repeat(4_001));
    let cases = [
        ("patient_age", "0", true),
        ("patient_age", "130", true),
        ("patient_age", "-1", false),
        ("patient_age", "4.5", false),
        ("patient_age", "99999999999999999999", false),
        ("patient_weight", "1", true),
        ("patient_weight", "500", true),
        ("patient_weight", "72.55", true),
        ("patient_weight", "500,01", false),
        ("patient_weight", "NaN", false),
        ("patient_weight", "1e2", false),
        ("patient_sex", "other", true),
        ("patient_sex", "Male", false),
        ("patient_last_name", name.as_str(), true),
        ("patient_last_name", long_name.as_str(), false),
        ("patient_last_name", "a\nb", false),
        ("notes", notes.as_str(), true),
        ("notes", long_notes.as_str(), false),
        ("notes", "a\0b", false),
    ];
    for (field, value, accepted) in cases {
        let (status, _) = start(&licence.operator, &licence.device, &[(field, value)]).await?;
        let expected = if accepted { 303 } else { 400 };
        ensure!(status == expected, "{field} {value:.20}: {status}");
        if accepted {
            assert_eq!(licence.operator.post(&stop, &[]).await?.status(), 303);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_not_online_starts_nothing() -> Result<()> {
    let (stage, licence, mut admin) = online().await?;
    stage.clock.advance(TimeDelta::minutes(2));
    let (status, page) = start(&licence.operator, &licence.device, &[("anonymous", "on")]).await?;
    assert_eq!(status, 400);
    assert!(page.contains("href=\"#device\"") && page.contains("hors ligne"));
    let heard = crew::devices(&stage, &licence, 1).await?.remove(0);
    assert_eq!(start(&licence.operator, &heard, &[("anonymous", "on")]).await?.0, 303);
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_starts_at_once_get_twenty_session_numbers() -> Result<()> {
    let (stage, licence, mut admin) = online().await?;
    let mut devices = crew::devices(&stage, &licence, 19).await?;
    devices.push(licence.device.clone());
    let mut starts = JoinSet::new();
    for device in devices {
        let operator = licence.operator.clone();
        starts.spawn(async move { start(&operator, &device, &[("anonymous", "on")]).await });
    }
    for started in starts.join_all().await {
        let (status, page) = started?;
        ensure!(status == 303, "{status}: {page:.300}");
    }
    let statement = "SELECT session_identifier FROM physiotraq.treatments ORDER BY session_identifier";
    let sessions = sqlx::query_scalar::<_, String>(statement).fetch_all(&mut admin).await?;
    let expected: Vec<String> = (1..=20).map(|number| format!("20261121-110000-{number:03}")).collect();
    assert_eq!(sessions, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_starts_on_one_device_one_wins_and_the_other_is_told() -> Result<()> {
    let (_stage, licence, mut admin) = online().await?;
    let anonymous = [("anonymous", "on")];
    let (one, two) = tokio::try_join!(
        start(&licence.operator, &licence.device, &anonymous),
        start(&licence.owner, &licence.device, &anonymous)
    )?;
    let mut answered = [one, two];
    answered.sort_by_key(|(status, _)| *status);
    assert_eq!((answered[0].0, answered[1].0), (303, 400));
    assert!(answered[1].1.contains("href=\"#device\"") && answered[1].1.contains("déjà en cours"));
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_treatment_ends_once() -> Result<()> {
    let mut session = Session::new().await?;
    session.stage.clock.advance(TimeDelta::seconds(90));
    assert_eq!(session.end("stop").await?, 303);
    assert_eq!(session.end("stop").await?, 404);
    assert_eq!(session.end("abort").await?, 404);
    assert_eq!(session.events("treatment.completed").await?, 1);
    let record = "SELECT count(*) FROM physiotraq.treatments WHERE id = $1 AND status = 'completed'
                  AND duration_seconds = 90 AND max_temperature IS NULL";
    assert_eq!(session.figure(record).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_treatment_says_so() -> Result<()> {
    let mut session = Session::new().await?;
    session.feed(20, &[37.5]).await?;
    assert_eq!(session.end("abort").await?, 303);
    let record = "SELECT count(*) FROM physiotraq.treatments WHERE id = $1 AND status = 'aborted'
                  AND duration_seconds = 20 AND max_temperature = 37.5";
    assert_eq!(session.figure(record).await?, 1);
    assert_eq!(session.events("treatment.aborted").await?, 1);
    assert_eq!(session.events("treatment.completed").await?, 0);
    assert_eq!(session.shown("treatment")["id"], serde_json::Value::Null);
    // The device is free again.
    session.licence.owner.start(&session.licence.device).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_stops_at_once_one_ends_the_treatment() -> Result<()> {
    let mut session = Session::new().await?;
    let path = format!("/physiotraq/app/monitor/{}/stop", session.licence.device.id);
    let (one, two) =
        tokio::try_join!(session.licence.operator.post(&path, &[]), session.licence.owner.post(&path, &[]))?;
    let ended = [one.status(), two.status()].iter().filter(|status| **status == 303).count();
    assert_eq!(ended, 1, "{} and {}", one.status(), two.status());
    assert!([one.status(), two.status()].iter().all(|status| [303, 404, 409].contains(&status.as_u16())));
    assert_eq!(session.events("treatment.completed").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_may_be_used_by_one_after_the_other_and_numbers_go_on() -> Result<()> {
    let (_stage, licence, mut admin) = online().await?;
    let stop = format!("/physiotraq/app/monitor/{}/stop", licence.device.id);
    for person in [&licence.operator, &licence.owner, &licence.operator] {
        assert_eq!(start(person, &licence.device, &[("anonymous", "on")]).await?.0, 303);
        assert_eq!(person.post(&stop, &[]).await?.status(), 303);
    }
    let statement = "SELECT right(session_identifier, 3) FROM physiotraq.treatments ORDER BY session_identifier";
    let numbers = sqlx::query_scalar::<_, String>(statement).fetch_all(&mut admin).await?;
    assert_eq!(numbers, ["001", "002", "003"]);
    Ok(())
}
