//! What thermometers send: one by one and in batches, each item answered, what is acknowledged is in the table.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use testkit::{Device, Licence, Stage};

use crate::{answers, behind};

/// A reading of a device as it is stored, by the columns that its sender cannot set.
#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Stored {
    temperature: f64,
    raw: f64,
    clock_ok: bool,
    implausible: bool,
    late: bool,
}

async fn stored(admin: &mut PgConnection, device: &Device, at: DateTime<Utc>) -> Result<Stored> {
    let statement =
        "SELECT temperature::float8 AS temperature, raw_temperature::float8 AS raw, clock_ok, implausible, late
                     FROM physiotraq.measurements WHERE device_id = $1 AND measured_at = $2";
    Ok(sqlx::query_as::<_, Stored>(statement).bind(device.id.0).bind(at).fetch_one(admin).await?)
}

/// The device as programs see it.
async fn shown(licence: &Licence) -> Result<Value> {
    let path = format!("/physiotraq/api/v1/devices/{}", licence.device.id);
    answers::json(licence.owner.get_json(&path).await?, 200).await
}

async fn shown_temperature(licence: &Licence) -> Result<Value> {
    Ok(shown(licence).await?["temperature"].clone())
}

async fn readings(admin: &mut PgConnection, device: &Device) -> Result<i64> {
    let statement = "SELECT count(*) FROM physiotraq.measurements WHERE device_id = $1";
    behind::figure(admin, statement, device.id.0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reading_is_stored_before_it_is_acknowledged() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let now = stage.clock.now();
    let answer = licence.device.measure(now, 38.712).await?;
    assert_eq!(answer, json!({ "received": 1, "stored": 1, "duplicate": 0, "rejected": 0, "items": [] }));
    let mut admin = stage.database.admin().await?;
    let as_sent = Stored { temperature: 38.712, raw: 38.712, clock_ok: true, implausible: false, late: false };
    assert_eq!(stored(&mut admin, &licence.device, now).await?, as_sent);
    answers::eventually(Value::from("38.712"), async || shown_temperature(&licence).await).await?;
    assert_eq!(shown(&licence).await?["status"], "online");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_may_be_sent_as_text_and_times_in_three_ways() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let now = stage.clock.now();
    let spoken = json!({
        "temperature": "38.5", "measured_at": now.timestamp().to_string(), "sequence": "7", "reliability": "98",
        "battery_level": "87.5", "battery_voltage": "3.91", "wifi_strength": "-61", "wifi_ssid": 12, "firmware_version": 3.1,
    });
    answers::json(licence.device.post("/measurements", &spoken).await?, 201).await?;
    let seconds = json!({ "temperature": 38.5, "measured_at": now.timestamp(), "sequence": 8 });
    let millis = json!({ "temperature": 38.5, "measured_at": now.timestamp_millis(), "sequence": 9 });
    let text = json!({ "temperature": 38.5, "measured_at": "2026-11-21T11:00:00+01:00", "sequence": 10 });
    for sent in [seconds, millis, text] {
        assert_eq!(
            answers::json(licence.device.post("/measurements", &sent).await?, 201).await?["stored"],
            1,
            "{sent}"
        );
    }
    let mut admin = stage.database.admin().await?;
    let same = "SELECT count(DISTINCT measured_at) FROM physiotraq.measurements WHERE device_id = $1";
    assert_eq!(behind::figure(&mut admin, same, licence.device.id.0).await?, 1);
    let whole = "SELECT count(*) FROM physiotraq.measurements
                 WHERE device_id = $1 AND sequence = 7 AND temperature = 38.5 AND reliability = 98 AND battery_level = 88
                   AND battery_voltage = 3.91 AND wifi_strength = -61 AND wifi_ssid = '12' AND firmware_version = '3.1'";
    assert_eq!(behind::figure(&mut admin, whole, licence.device.id.0).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_answers_item_by_item_and_names_only_what_was_not_stored() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let now = stage.clock.now();
    let good = |sequence: i64| json!({ "temperature": 37.0, "measured_at": now, "sequence": sequence });
    let with = |field: &str, value: Value| {
        let mut item = good(99);
        item[field] = value;
        item
    };
    let faulty = [
        (json!({ "temperature": 37.0 }), "VAL_FIELDS"),
        (json!({ "measured_at": now }), "VAL_FIELDS"),
        (json!("37.0"), "VAL_FIELDS"),
        (with("temperature", json!("warm")), "VAL_FIELDS"),
        (with("measured_at", json!("yesterday")), "VAL_FIELDS"),
        (with("measured_at", json!(-1)), "VAL_FIELDS"),
        (with("temperature", json!(1_000)), "VAL_TEMPERATURE"),
        (with("temperature", json!("NaN")), "VAL_TEMPERATURE"),
        (with("sequence", json!(-1)), "VAL_SEQUENCE"),
        (with("sequence", json!(0.5)), "VAL_SEQUENCE"),
        (with("reliability", json!(101)), "VAL_RELIABILITY"),
        (with("battery_level", json!(-0.1)), "VAL_BATTERY_LEVEL"),
        (with("battery_voltage", json!(101)), "VAL_BATTERY_VOLTAGE"),
        (with("wifi_strength", json!(-201)), "VAL_WIFI_STRENGTH"),
        (with("wifi_ssid", json!("x".repeat(65))), "VAL_WIFI_SSID"),
        (with("firmware_version", json!("1\u{0}")), "VAL_FIRMWARE_VERSION"),
    ];
    // Every faulty item stands between two good ones.
    let mut items = vec![good(0)];
    for (sequence, (item, _)) in (1_i64..).zip(&faulty) {
        items.extend([item.clone(), good(sequence)]);
    }
    let answer = licence.device.post("/measurements/batch", &json!({ "measurements": items })).await?;
    let answer = answers::json(answer, 200).await?;
    let (bad, fine) = (faulty.len(), faulty.len() + 1);
    assert_eq!((&answer["received"], &answer["stored"]), (&json!(bad + fine), &json!(fine)));
    assert_eq!((&answer["duplicate"], &answer["rejected"]), (&json!(0), &json!(bad)));
    let told: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| (&item["index"], &item["code"])).collect();
    let expected: Vec<_> = faulty.iter().enumerate().map(|(n, (_, code))| (json!(2 * n + 1), json!(code))).collect();
    assert_eq!(told, expected.iter().map(|(index, code)| (index, code)).collect::<Vec<_>>());
    for item in answer["items"].as_array().unwrap() {
        assert_eq!(item["status"], "rejected");
        assert!(item["message"].as_str().is_some_and(|message| message.len() > 10), "{item}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_reading_twice_is_a_duplicate_and_another_value_a_conflict() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    device.measure(now, 38.5).await?;
    let again = device.measure(now, 38.5).await?;
    assert_eq!((&again["stored"], &again["duplicate"]), (&json!(0), &json!(1)));
    assert_eq!(again["items"], json!([{ "index": 0, "status": "duplicate" }]));
    let other = device.post("/measurements", &json!({ "temperature": 38.6, "measured_at": now })).await?;
    assert_eq!(answers::refusal(other).await?, (422, "VAL_CONFLICT".to_owned()));
    let batch = device.batch(&[(now, 38.5), (now, 38.6), (now - TimeDelta::seconds(1), 38.4)]).await?;
    assert_eq!((&batch["stored"], &batch["duplicate"], &batch["rejected"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(batch["items"][1]["code"], "VAL_CONFLICT");
    let mut admin = stage.database.admin().await?;
    assert_eq!(readings(&mut admin, device).await?, 2);
    assert_eq!(stored(&mut admin, device, now).await?.raw, 38.5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_inside_one_batch_are_told_apart_like_repeats_across_batches() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    let batch = device.batch(&[(now, 38.5), (now, 38.5), (now, 38.6)]).await?;
    assert_eq!((&batch["stored"], &batch["duplicate"], &batch["rejected"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(batch["items"][0], json!({ "index": 1, "status": "duplicate" }));
    assert_eq!((&batch["items"][1]["index"], &batch["items"][1]["code"]), (&json!(2), &json!("VAL_CONFLICT")));
    let mut admin = stage.database.admin().await?;
    assert_eq!(readings(&mut admin, device).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn received_is_stored_and_duplicate_and_rejected() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    let second = |n: i64| now - TimeDelta::seconds(n);
    device.batch(&[(second(3), 37.1), (second(2), 37.2), (second(1), 37.3)]).await?;
    device.batch(&[(second(3), 37.1), (second(2), 37.9), (now, 2_000.0)]).await?;
    device.measure(now, 37.4).await?;
    let refused = device.post("/measurements", &json!({ "temperature": -1e308, "measured_at": now })).await?;
    assert_eq!(refused.status(), 422);
    // What cannot be read at all is no reading.
    assert_eq!(device.post("/measurements", &json!({ "temperature": 37.0 })).await?.status(), 400);
    let mut admin = stage.database.admin().await?;
    answers::eventually((8, 4, 1, 3), async || behind::counters(&stage, &mut admin, device).await).await?;
    let page = licence.owner.get(&format!("/physiotraq/admin/devices/{}", device.id)).await?;
    assert!(answers::text(page, 200).await?.contains(">8<"));
    assert_eq!(readings(&mut admin, device).await?, 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_is_late_after_a_minute_or_behind_a_newer_one() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    let mut admin = stage.database.admin().await?;
    let ages = [(61, true), (60, false), (0, false), (0, false), (1, true)];
    for (sequence, (age, late)) in (0_i64..).zip(ages) {
        let at = now - TimeDelta::seconds(age);
        let sent = json!({ "temperature": 37.0, "measured_at": at, "sequence": sequence });
        // Twice: the second is answered once the first has been evaluated.
        for _ in 0..2 {
            assert_eq!(device.post("/measurements", &sent).await?.status(), 201);
        }
        let marked = sqlx::query_scalar::<_, bool>("SELECT late FROM physiotraq.measurements WHERE sequence = $1");
        let marked = marked.bind(sequence).fetch_one(&mut admin).await?;
        assert_eq!(marked, late, "reading {sequence}, {age} s old");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_is_the_newest_by_device_time_not_by_arrival() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    device.measure(now, 38.1).await?;
    device.measure(now - TimeDelta::seconds(5), 38.9).await?;
    device.measure(now - TimeDelta::hours(5), 41.0).await?;
    let backlog: Vec<_> = (1..50).map(|n| (now - TimeDelta::seconds(n * 7), 36.0)).collect();
    device.batch(&backlog).await?;
    device.measure(now, 38.1).await?;
    assert_eq!(shown(&licence).await?["temperature"], "38.100");
    let measured: DateTime<Utc> = shown(&licence).await?["measuredAt"].as_str().unwrap_or_default().parse()?;
    assert_eq!(measured, now);
    stage.clock.advance(TimeDelta::seconds(1));
    device.measure(stage.clock.now(), 38.2).await?;
    answers::eventually(Value::from("38.200"), async || shown_temperature(&licence).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_cannot_be_right_is_kept_marked_and_not_plotted() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    device.measure(now, 37.5).await?;
    let wrong = [DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::seconds(7), now + TimeDelta::days(1)];
    let batch = device.batch(&wrong.map(|at| (at, 38.8))).await?;
    assert_eq!(batch["stored"], 3);
    device.measure(now + TimeDelta::minutes(4), 37.6).await?;
    let mut admin = stage.database.admin().await?;
    for at in wrong {
        let kept = stored(&mut admin, device, at).await?;
        assert_eq!((kept.clock_ok, kept.temperature), (false, 38.8), "{at}");
    }
    assert!(stored(&mut admin, device, now + TimeDelta::minutes(4)).await?.clock_ok, "a little ahead is no fault");
    // Sent again they are known, although their clock is wrong.
    assert_eq!(device.batch(&wrong.map(|at| (at, 38.8))).await?["duplicate"], 3);
    let curve = licence.owner.get_json(&format!("/physiotraq/app/monitor/{}/curve", device.id)).await?;
    let points = answers::json(curve, 200).await?["points"].clone();
    let plotted: Vec<_> = points.as_array().unwrap().iter().map(|point| point[1].clone()).collect();
    assert_eq!(plotted, [json!(37.5), json!(37.6)]);
    // What is minutes ahead is no "now": it must not make the right ones late.
    assert_eq!(shown(&licence).await?["temperature"], "37.500");
    stage.clock.advance(TimeDelta::seconds(5));
    device.measure(stage.clock.now(), 37.7).await?;
    assert_eq!(shown(&licence).await?["temperature"], "37.700");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_body_core_can_be_is_kept_and_marked() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (device, now) = (&licence.device, stage.clock.now());
    let mut admin = stage.database.admin().await?;
    for (n, celsius, implausible) in
        [(1, -17.8, true), (2, 24.999, true), (3, 25.0, false), (4, 45.0, false), (5, 45.001, true), (6, 999.999, true)]
    {
        let at = now - TimeDelta::seconds(n);
        device.measure(at, celsius).await?;
        let kept = stored(&mut admin, device, at).await?;
        assert_eq!((kept.temperature, kept.implausible), (celsius, implausible));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_is_corrected_by_the_calibration_of_its_device_and_the_raw_value_stays() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let device = &licence.device;
    let before = stage.clock.now();
    device.measure(before, 38.0).await?;
    let mut admin = stage.database.admin().await?;
    sqlx::query(
        "UPDATE physiotraq.devices SET temp_slope = 1.003750, temp_intercept = -0.2055, calibration_version = 2
         WHERE id = $1",
    )
    .bind(device.id.0)
    .execute(&mut admin)
    .await?;
    // A calibration is remembered for five seconds.
    stage.clock.advance(TimeDelta::seconds(6));
    let after = stage.clock.now();
    device.measure(after, 38.0).await?;
    let old = stored(&mut admin, device, before).await?;
    let new = stored(&mut admin, device, after).await?;
    assert_eq!((old.raw, old.temperature), (38.0, 38.0), "history is not rewritten");
    assert_eq!((new.raw, new.temperature), (38.0, 37.937));
    let versions = "SELECT sum(calibration_version) FROM physiotraq.measurements WHERE device_id = $1";
    assert_eq!(behind::figure(&mut admin, versions, device.id.0).await?, 3);
    // The corrected value decides what is shown; the raw one decides what is a duplicate.
    assert_eq!(device.measure(after, 38.0).await?["duplicate"], 1);
    assert_eq!(shown(&licence).await?["temperature"], "37.937");
    Ok(())
}
