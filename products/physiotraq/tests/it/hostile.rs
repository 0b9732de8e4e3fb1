//! Bodies and figures that nobody sends by accident: refused with the envelope, never a server error.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Response};
use serde_json::json;
use testkit::{Device, Stage, shared_file};

use crate::{answers, behind};

/// Every address that takes JSON.
const ADDRESSES: [&str; 4] = ["/measurements", "/measurements/batch", "/devices/register", "/devices/heartbeat"];
const READINGS: &str = "SELECT count(*) FROM physiotraq.measurements WHERE device_id = $1";

/// Whether a text may be a heartbeat: all of its fields are optional, and fields that nobody knows are ignored.
fn may_be_a_heartbeat(address: &str, name: &str, body: &[u8]) -> bool {
    address == "/devices/heartbeat" && !name.starts_with("n_") && body.trim_ascii_start().starts_with(b"{")
}

/// What is wrong with an answer that had to be a refusal, if anything.
async fn fault(answer: Response) -> Option<String> {
    match answers::refusal(answer).await {
        Ok((400..500, _)) => None,
        Ok((status, code)) => Some(format!("{status} {code}")),
        Err(error) => Some(error.to_string()),
    }
}

/// Sends every body to every address and lists what was not refused as it should be.
async fn faults(device: &Device, bodies: &[(String, Vec<u8>)]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (name, body) in bodies {
        for address in ADDRESSES {
            let answer = device.post_raw(address, body.clone()).await?;
            if may_be_a_heartbeat(address, name, body) && answer.status() == 200 {
                continue;
            }
            faults.extend(fault(answer).await.map(|fault| format!("{address} {name}: {fault}")));
        }
    }
    Ok(faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_text_of_the_json_test_suite_is_refused_with_the_envelope() -> Result<()> {
    let test = "every_text_of_the_json_test_suite_is_refused_with_the_envelope";
    let Some(folder) = shared_file(test, "json-parsing") else { return Ok(()) };
    let mut bodies = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
            bodies.push((name, std::fs::read(&path)?));
        }
    }
    bodies.sort();
    assert!(bodies.len() > 200, "{} files", bodies.len());
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let faults = faults(&licence.device, &bodies).await?;
    assert!(faults.is_empty(), "{faults:#?}");
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, READINGS, licence.device.id.0).await?, 0);
    licence.device.measure(stage.clock.now(), 37.0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_brackets_are_refused_and_harm_nobody() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let bodies = [
        ("n_open_brackets", open.clone()),
        ("closed_brackets", format!("{open}{close}")),
        ("brackets_around_the_readings", format!("{open}{{\"measurements\":[]}}{close}")),
        ("objects", objects),
        ("n_open_objects", "{\"a\":".repeat(100_000)),
    ];
    let bodies = bodies.map(|(name, body)| (name.to_owned(), body.into_bytes()));
    let faults = faults(&licence.device, &bodies).await?;
    assert!(faults.is_empty(), "{faults:#?}");
    // Inside a batch it is one item that cannot be read.
    let batch = format!("{{\"measurements\":[{open}{close}]}}").into_bytes();
    let said = answers::json(licence.device.post_raw("/measurements/batch", batch).await?, 200).await?;
    assert_eq!((&said["received"], &said["rejected"]), (&json!(1), &json!(1)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_without_a_reading_are_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let bodies = [
        ("n_nothing", ""),
        ("n_spaces", " \r\n\t "),
        ("null", "null"),
        ("a text", "\"temperature\""),
        ("a number", "37.0"),
        ("n_a form", "temperature=37.0"),
        ("an array of values", "[37.0, 1795255200]"),
        ("an array of five", "[1, 2, \"a\", 3, \"b\"]"),
        ("an array of four", "[\"PT-2026-00001\", \"A4:CF:12:00:00:01\", \"secret\", null]"),
        ("an array of one reading", "[{\"temperature\": 37.0, \"measured_at\": 1795255200}]"),
        ("an array of a list", "[[{\"temperature\": 37.0, \"measured_at\": 1795255200}]]"),
    ];
    let bodies = bodies.map(|(name, body)| (name.to_owned(), body.as_bytes().to_vec()));
    let faults = faults(&licence.device, &bodies).await?;
    assert!(faults.is_empty(), "{faults:#?}");
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, READINGS, licence.device.id.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_that_cannot_be_stored_are_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (unreadable, refused) = (400, 422);
    let figures = [
        ("temperature", unreadable, ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "true", "null", "[37]"]),
        (
            "temperature",
            refused,
            ["\"NaN\"", "\"inf\"", "\"-inf\"", "\"1e999\"", "1e308", "-1e308", "1000", "\"-1000\""],
        ),
        (
            "measured_at",
            unreadable,
            ["NaN", "1e999", "-1", "1e308", "\"NaN\"", "\"inf\"", "\"2026-02-30T00:00:00Z\"", "\"\""],
        ),
        (
            "measured_at",
            unreadable,
            ["null", "{}", "true", "-1e308", "\"now()\"", "1e20", "\"1969-12-31T23:59:59Z\"", "\"24:00\""],
        ),
        (
            "sequence",
            refused,
            ["-1", "0.5", "1e308", "-1e308", "\"NaN\"", "\"inf\"", "9007199254740993e3", "\"1e999\""],
        ),
        ("reliability", refused, ["-1", "101", "1e308", "-1e308", "\"NaN\"", "\"inf\"", "\"1e999\"", "100.1"]),
        ("battery_level", refused, ["-1", "101", "1e308", "-1e308", "\"NaN\"", "\"inf\"", "\"1e999\"", "100.1"]),
        ("battery_voltage", refused, ["-1", "101", "1e308", "-1e308", "\"NaN\"", "\"inf\"", "\"1e999\"", "100.1"]),
        ("wifi_strength", refused, ["-201", "51", "1e308", "-1e308", "\"NaN\"", "\"inf\"", "\"1e999\"", "-200.1"]),
    ];
    let now = stage.clock.now().timestamp();
    for (field, status, values) in figures {
        for value in values {
            let fields = [("temperature", "37.0".to_owned()), ("measured_at", now.to_string())];
            let others =
                fields.iter().filter(|(name, _)| *name != field).map(|(name, value)| format!(",\"{name}\":{value}"));
            let body = format!("{{\"{field}\":{value}{}}}", others.collect::<String>());
            let answer = licence.device.post_raw("/measurements", body.clone().into_bytes()).await?;
            let answered = answers::refusal(answer).await.with_context(|| body.clone())?;
            ensure!(answered.0 == status, "{body}: {answered:?}");
        }
    }
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, READINGS, licence.device.id.0).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_thirty_thousand_readings_is_taken_whole() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let now = stage.clock.now().timestamp();
    let item = |n: i64| format!("{{\"temperature\":37.1,\"measured_at\":{}}}", now - n);
    let items: Vec<String> = (0..30_000).map(item).collect();
    let body = format!("{{\"measurements\":[{}]}}", items.join(",")).into_bytes();
    assert!(body.len() < 2 * 1024 * 1024, "{} bytes", body.len());
    let said = answers::json(licence.device.post_raw("/measurements/batch", body).await?, 200).await?;
    assert_eq!((&said["received"], &said["stored"]), (&json!(30_000), &json!(30_000)));
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, READINGS, licence.device.id.0).await?, 30_000);
    answers::eventually((30_000, 30_000, 0, 0), async || behind::counters(&stage, &mut admin, &licence.device).await)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_that_the_database_does_not_know_are_no_server_error() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let device = licence.device.id;
    let mut faults = Vec::new();
    for day in ["-5000-01-01", "-262143-01-01", "%2B262142-12-31", "0000-00-00", "9999-12-31", "2026-02-30", "x"] {
        for list in ["/app/treatments", "/app/treatments/export", "/admin/treatments"] {
            for filter in [format!("from={day}"), format!("to={day}"), format!("from={day}&to={day}")] {
                let path = format!("/physiotraq{list}?{filter}");
                let status = licence.owner.get(&path).await?.status();
                faults.extend(status.is_server_error().then(|| format!("{path}: {status}")));
            }
        }
    }
    for after in ["-300000000000000", "-8000000000000000", "8000000000000000", "9223372036854775807", "x", "1.5"] {
        let path = format!("/physiotraq/app/monitor/{device}/curve?after={after}");
        let status = licence.owner.get(&path).await?.status();
        faults.extend(status.is_server_error().then(|| format!("{path}: {status}")));
    }
    for page in ["-1", "0", "9223372036854775807", "x", ""] {
        let path = format!("/physiotraq/app/treatments?page={page}");
        let status = licence.owner.get(&path).await?.status();
        faults.extend(status.is_server_error().then(|| format!("{path}: {status}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_in_an_address_is_a_refused_sign_in() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    let email = "owner1@test.fr\0";
    let answer = stage.anybody().post("/physiotraq/sign_in", &[("email", email), ("password", "\0")]).await?;
    assert!(answer.status().is_client_error(), "{}", answer.status());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_in_what_a_device_says_of_itself_is_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let page = format!("/physiotraq/admin/devices/{}/open_registration", licence.device.id);
    assert_eq!(licence.owner.post(&page, &[]).await?.status(), 303);
    let seeded = &licence.device.seeded;
    let whole = json!({ "serial_number": seeded.serial, "mac_address": seeded.mac, "secret": seeded.secret,
                        "firmware_version": "03.2.0" });
    for field in ["serial_number", "mac_address", "secret", "firmware_version"] {
        let mut body = whole.clone();
        body[field] = json!(format!("{}\0", body[field].as_str().unwrap_or_default()));
        let url = format!("{}/physiotraq/api/v1/devices/register", stage.url());
        let answered = answers::refusal(Client::new().post(url).json(&body).send().await?).await?;
        assert!((400..500).contains(&answered.0), "{field}: {answered:?}");
    }
    for field in ["wifi_ssid", "firmware_version"] {
        let heartbeat = licence.device.post("/devices/heartbeat", &json!({ field: "a\0b" })).await?;
        assert_eq!(answers::refusal(heartbeat).await?.0, 422, "{field}");
    }
    Ok(())
}
