//! What is left of treatments: lists with totals, curves, exports of everything.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use testkit::{Licence, Stage};

use crate::answers;
use crate::session::Session;

const LIST: &str = "/physiotraq/app/treatments";

/// Ended treatments of the operator in the table, one a minute up to the clock; every fifth was aborted.
const INSERT: &str = "
    INSERT INTO physiotraq.treatments (id, license_id, session_identifier, device_id, user_id, anonymous, status,
                                       started_at, ended_at, duration_seconds, created_at, updated_at)
    SELECT gen_random_uuid(), $1, '20261120-120000-' || lpad(n::text, 3, '0'), $2, $3, true,
           CASE n % 5 WHEN 0 THEN 'aborted' ELSE 'completed' END, began, began + interval '30 seconds', 30, began, began
    FROM (SELECT n, $4::timestamptz - n * interval '1 minute' AS began FROM generate_series(1, $5::integer) n) made";

async fn with_treatments(count: i32) -> Result<(Stage, Licence)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    sqlx::query(INSERT)
        .bind(licence.id.0)
        .bind(licence.device.id.0)
        .bind(licence.operator.account.0)
        .bind(stage.clock.now())
        .bind(count)
        .execute(&mut admin)
        .await?;
    Ok((stage, licence))
}

/// Rows on a page of the list: the sessions it links to.
fn rows(page: &str) -> usize {
    page.matches("<tr role=\"row\"").count() - 1
}

/// A CSV as header and rows.
fn table(csv: &str) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers()?.iter().map(ToOwned::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        rows.push(record?.iter().map(ToOwned::to_owned).collect());
    }
    Ok((header, rows))
}

/// The values of a column.
fn column<'a>((header, rows): &'a (Vec<String>, Vec<Vec<String>>), name: &str) -> Vec<&'a str> {
    let place = header.iter().position(|column| column == name).unwrap();
    rows.iter().map(|row| row[place].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_says_which_of_how_many_and_leads_on() -> Result<()> {
    let (_stage, licence) = with_treatments(45).await?;
    let pages = [
        ("", "1–20 sur 45", 20, (false, true)),
        ("?page=2", "21–40 sur 45", 20, (true, true)),
        ("?page=3", "41–45 sur 45", 5, (true, false)),
        ("?page=99", "41–45 sur 45", 5, (true, false)),
        ("?page=-1", "1–20 sur 45", 20, (false, true)),
        ("?status=aborted", "1–9 sur 9", 9, (false, false)),
        ("?status=completed&page=2", "21–36 sur 36", 16, (true, false)),
        ("?q=20261120-120000-04", "1–6 sur 6", 6, (false, false)),
    ];
    for (query, total, count, (back, on)) in pages {
        let page = answers::text(licence.operator.get(&format!("{LIST}{query}")).await?, 200).await?;
        assert!(page.contains(total), "{query}: not {total}");
        assert_eq!(rows(&page), count, "{query}");
        assert_eq!((page.contains("rel=\"prev\""), page.contains("rel=\"next\"")), (back, on), "{query}");
    }
    let all = answers::text(licence.owner.get("/physiotraq/admin/treatments?page=3").await?, 200).await?;
    assert!(all.contains("41–45 sur 45"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_narrowed_to_nothing_says_so() -> Result<()> {
    let (_stage, licence) = with_treatments(5).await?;
    let nobody = uuid::Uuid::nil();
    let nothing = [
        "q=nobody".to_owned(),
        format!("device={nobody}"),
        "device=not-an-id".to_owned(),
        "from=2026-11-22".to_owned(),
        "to=2026-11-20".to_owned(),
        "status=in_progress".to_owned(),
    ];
    for query in nothing {
        let page = answers::text(licence.operator.get(&format!("{LIST}?{query}")).await?, 200).await?;
        assert!(page.contains("class=\"empty-state\"") && !page.contains("role=\"rowheader\""), "{query}");
        let export = answers::text(licence.operator.get(&format!("{LIST}/export?{query}")).await?, 200).await?;
        assert_eq!(table(&export)?.1.len(), 0, "{query}");
    }
    let (_stage, licence) = with_treatments(0).await?;
    let page = answers::text(licence.operator.get(LIST).await?, 200).await?;
    assert!(page.contains("class=\"empty-state\""));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_days_of_the_licences_zone() -> Result<()> {
    let (stage, licence) = with_treatments(1).await?;
    let mut admin = stage.database.admin().await?;
    // 00:30 in Paris on the 20th is 23:30 UTC on the 19th.
    sqlx::query(
        "UPDATE physiotraq.treatments SET started_at = '2026-11-19T23:30:00Z', ended_at = '2026-11-19T23:40:00Z'",
    )
    .execute(&mut admin)
    .await?;
    for (query, found) in [
        ("from=2026-11-20&to=2026-11-20", 1),
        ("from=2026-11-20", 1),
        ("to=2026-11-20", 1),
        ("to=2026-11-19", 0),
        ("from=2026-11-19&to=2026-11-19", 0),
        ("from=2026-11-21", 0),
    ] {
        let export = answers::text(licence.operator.get(&format!("{LIST}/export?{query}")).await?, 200).await?;
        assert_eq!(table(&export)?.1.len(), found, "{query}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_summary_export_has_every_treatment_of_the_filter_not_of_the_page() -> Result<()> {
    let (_stage, licence) = with_treatments(505).await?;
    let answer = licence.operator.get(&format!("{LIST}/export?page=3")).await?;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let all = table(&answers::text(answer, 200).await?)?;
    let mut sessions = column(&all, "session_identifier");
    assert_eq!(sessions.len(), 505);
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), 505, "each once");
    let aborted = answers::text(licence.operator.get(&format!("{LIST}/export?status=aborted")).await?, 200).await?;
    assert_eq!(table(&aborted)?.1.len(), 101);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_export_of_readings_has_every_row_under_named_columns() -> Result<()> {
    let session = Session::new().await?;
    let started = session.stage.clock.now();
    session.stage.clock.advance(TimeDelta::hours(3));
    // More than the export reads at once.
    let reading = |n: i32| (started + TimeDelta::seconds(i64::from(n)), 36.0 + f64::from(n % 100) / 50.0);
    let sent: Vec<(DateTime<Utc>, f64)> = (0..10_001).map(reading).collect();
    assert_eq!(session.licence.device.batch(&sent).await?["stored"], 10_001);
    assert_eq!(session.end("stop").await?, 303);
    let path = format!("{LIST}/{}/export", session.treatment);
    let answer = session.licence.operator.get(&path).await?;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let disposition = answer.headers()["content-disposition"].to_str()?.to_owned();
    assert_eq!(disposition, "attachment; filename=\"physiotraq-20261121-110000-001.csv\"");
    let exported = table(&answers::text(answer, 200).await?)?;
    for name in ["temperature_celsius", "raw_celsius", "reliability_percent", "quality", "battery_percent", "wifi_dbm"]
    {
        assert_eq!(column(&exported, name).len(), sent.len(), "{name}");
    }
    assert_eq!(exported.0[..2], ["measured_at", "temperature_celsius"]);
    assert_eq!(exported.1.len(), sent.len());
    for (row, (at, celsius)) in exported.1.iter().zip(&sent) {
        ensure!(row[0].parse::<DateTime<Utc>>()? == *at, "{row:?} instead of {at}");
        ensure!((row[1].parse::<f64>()? - celsius).abs() < 0.000_6, "{row:?} instead of {celsius}");
    }
    assert!(column(&exported, "late").iter().all(|late| *late == "true"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_export_names_two_columns_alike_in_either_unit() -> Result<()> {
    let session = Session::new().await?;
    let operator = &session.licence.operator;
    for unit in ["celsius", "fahrenheit"] {
        assert_eq!(operator.post("/physiotraq/app/profile/preferences", &[("unit", unit)]).await?.status(), 303);
        for path in [format!("{LIST}/{}/export", session.treatment), format!("{LIST}/export")] {
            let names = table(&answers::text(operator.get(&path).await?, 200).await?)?.0;
            let twice: Vec<_> =
                names.iter().filter(|name| names.iter().filter(|other| other == name).count() > 1).collect();
            assert!(twice.is_empty(), "{path} in {unit}: {twice:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_spreadsheet_would_run_is_made_inert() -> Result<()> {
    let session = Session::new().await?;
    let device = &session.licence.device;
    let now = session.stage.clock.now();
    for (sequence, formula) in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "-61"].iter().enumerate() {
        let sent =
            json!({ "temperature": 37.0, "measured_at": now, "sequence": sequence, "firmware_version": formula });
        assert_eq!(device.post("/measurements", &sent).await?.status(), 201);
    }
    let path = format!("{LIST}/{}/export", session.treatment);
    let exported = table(&answers::text(session.licence.operator.get(&path).await?, 200).await?)?;
    let inert = ["'=1+1", "'+cmd|' /C calc'!A0", "'-2+3", "'@SUM(A1)", "'\tx", "-61"];
    assert_eq!(column(&exported, "firmware_version"), inert);
    assert_eq!(session.end("stop").await?, 303);
    let id = device.id.to_string();
    let fields = [
        ("device", id.as_str()),
        ("patient_first_name", "@Ada"),
        ("patient_last_name", "=HYPERLINK(\"http://evil.example\")"),
        ("notes", "=cmd|' /C calc'!A0, \"quoted\"\nand a second line"),
    ];
    assert_eq!(session.licence.operator.post(LIST, &fields).await?.status(), 303);
    let page = format!("/physiotraq/admin/devices/{id}");
    assert_eq!(session.licence.owner.post(&page, &[("name", "+1 device")]).await?.status(), 303);
    let list = session.licence.owner.get("/physiotraq/admin/treatments/export").await?;
    let exported = table(&answers::text(list, 200).await?)?;
    let last_names = column(&exported, "patient_last_name");
    assert!(last_names.contains(&"'=HYPERLINK(\"http://evil.example\")"), "{last_names:?}");
    assert!(column(&exported, "patient_first_name").contains(&"'@Ada"));
    assert!(column(&exported, "notes").contains(&"'=cmd|' /C calc'!A0, \"quoted\"\nand a second line"));
    assert!(column(&exported, "device").iter().all(|name| *name == "'+1 device"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_curve_of_a_treatment_has_its_points_marks_limits_maximum_and_alerts() -> Result<()> {
    let session = Session::new().await?;
    let started = session.stage.clock.now();
    session.feed(20, &[38.712, 46.0]).await?;
    session.stage.clock.advance(TimeDelta::seconds(20));
    let low = json!({ "temperature": 41.5, "measured_at": session.stage.clock.now(), "reliability": 3 });
    assert_eq!(session.licence.device.post("/measurements", &low).await?.status(), 201);
    session.feed(20, &[40.1, 39.9]).await?;
    let path = format!("{LIST}/{}/curve", session.treatment);
    let curve = answers::json(session.licence.operator.get_json(&path).await?, 200).await?;
    let ms = |seconds: i64| (started + TimeDelta::seconds(seconds)).timestamp_millis();
    let points =
        json!([[ms(20), 38.712, 0], [ms(40), 46.0, 2], [ms(60), 41.5, 1], [ms(80), 40.1, 0], [ms(100), 39.9, 0],]);
    assert_eq!(curve["points"], points);
    assert_eq!(curve["treatment"], json!(session.treatment));
    assert_eq!((&curve["startedAt"], &curve["endedAt"]), (&json!(ms(0)), &Value::Null));
    assert_eq!(curve["limits"], json!({ "watch": 39.0, "critical": 40.0 }));
    assert_eq!(curve["unit"], "celsius");
    assert_eq!(curve["max"], json!({ "t": ms(80), "c": 40.1 }));
    let alerts = json!([
        { "kind": "temperature", "level": 40, "raisedAt": ms(80) },
        { "kind": "temperature", "level": 39, "raisedAt": ms(100) },
    ]);
    assert_eq!(curve["alerts"], alerts);
    assert_eq!(curve.as_object().unwrap().len(), 8);
    let rest = session.licence.operator.get_json(&format!("{path}?after={}", ms(60))).await?;
    let rest = answers::json(rest, 200).await?;
    assert_eq!(rest["points"], json!([[ms(80), 40.1, 0], [ms(100), 39.9, 0]]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_curve_is_the_running_treatment_or_the_last_half_hour() -> Result<()> {
    let session = Session::new().await?;
    let path = format!("/physiotraq/app/monitor/{}/curve", session.licence.device.id);
    let before = session.stage.clock.now() - TimeDelta::seconds(30);
    session.licence.device.batch(&[(before, 36.5)]).await?;
    session.feed(20, &[37.0, 37.1]).await?;
    let curve = answers::json(session.licence.operator.get_json(&path).await?, 200).await?;
    assert_eq!(curve["points"].as_array().unwrap().len(), 2, "what was before the treatment is not on its curve");
    assert_eq!(session.end("stop").await?, 303);
    let curve = answers::json(session.licence.operator.get_json(&path).await?, 200).await?;
    assert_eq!(curve["points"].as_array().unwrap().len(), 3);
    assert_eq!(curve["treatment"], Value::Null);
    session.stage.clock.advance(TimeDelta::minutes(30));
    session.feed(20, &[36.0]).await?;
    let curve = answers::json(session.licence.operator.get_json(&path).await?, 200).await?;
    assert_eq!(curve["points"].as_array().unwrap().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_curve_of_a_running_treatment_says_which_and_shows_its_alerts() -> Result<()> {
    let session = Session::new().await?;
    session.feed(20, &[38.0, 40.2]).await?;
    let path = format!("/physiotraq/app/monitor/{}/curve", session.licence.device.id);
    let curve = answers::json(session.licence.operator.get_json(&path).await?, 200).await?;
    assert_eq!(curve["treatment"], json!(session.treatment));
    assert_eq!(curve["startedAt"], json!((session.stage.clock.now() - TimeDelta::seconds(40)).timestamp_millis()));
    assert_eq!(curve["alerts"][0]["level"], 40);
    Ok(())
}
