//! More than can be taken: 413, 429 and 503, and never acknowledged and dropped.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Response;
use serde_json::{Value, json};
use socle::clock::Clock;
use testkit::{Device, Stage, start_of_tests};
use tokio::task::JoinSet;

use crate::{answers, behind};

const READINGS: &str = "SELECT count(*) FROM physiotraq.measurements WHERE device_id = $1";

/// A batch of readings, one a second, up to `until`.
fn batch(until: DateTime<Utc>, count: i64) -> Value {
    let reading = |n: i64| json!({ "temperature": 37.0, "measured_at": until - TimeDelta::seconds(n) });
    json!({ "measurements": (0..count).map(reading).collect::<Vec<_>>() })
}

/// Sends batches of different stretches at once; how many were taken, and the others' answers.
async fn at_once(device: &Device, until: DateTime<Utc>, (batches, size): (i64, i64)) -> Result<(i64, Vec<Response>)> {
    let mut under_way = JoinSet::new();
    for n in 0..batches {
        let (device, body) = (device.clone(), batch(until - TimeDelta::seconds(n * size), size));
        under_way.spawn(async move { device.post("/measurements/batch", &body).await });
    }
    let (mut taken, mut refused) = (0, Vec::new());
    for answer in under_way.join_all().await {
        let answer = answer?;
        if answer.status() == 200 {
            let said = answers::json(answer, 200).await?;
            ensure!(said["stored"] == json!(size), "{said}");
            taken += 1;
        } else {
            refused.push(answer);
        }
    }
    Ok((taken, refused))
}

/// Seconds after which the refused request may be sent again.
fn retry_after(answer: &Response) -> Result<u64> {
    let header = answer.headers().get("retry-after").context("no Retry-After")?;
    Ok(header.to_str()?.parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_ten_megabytes_is_413_and_the_device_goes_on() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let spaces = vec![b' '; 10 * 1024 * 1024];
    let mut readings = batch(stage.clock.now(), 10).to_string().into_bytes();
    readings.extend(&spaces);
    for path in ["/measurements", "/measurements/batch", "/devices/heartbeat", "/devices/register"] {
        let answer = licence.device.post_raw(path, readings.clone()).await?;
        assert_eq!(answers::refusal(answer).await?, (413, "VAL_TOO_LARGE".to_owned()), "{path}");
    }
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, READINGS, licence.device.id.0).await?, 0);
    licence.device.measure(stage.clock.now(), 37.0).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_exactly_two_mebibytes_is_taken_and_one_byte_more_is_not() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut body = batch(stage.clock.now(), 10).to_string().into_bytes();
    body.resize(2 * 1024 * 1024, b' ');
    let answer = licence.device.post_raw("/measurements/batch", body.clone()).await?;
    assert_eq!(answers::json(answer, 200).await?["stored"], 10);
    body.push(b' ');
    assert_eq!(licence.device.post_raw("/measurements/batch", body).await?.status(), 413);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_with_too_many_requests_under_way_is_told_429_and_loses_nothing() -> Result<()> {
    let clock = Clock::settable(start_of_tests());
    let stage = Stage::with(clock, |config| config.readings.per_device = 1).await?;
    let licence = stage.licence().await?;
    let (device, mut admin) = (&licence.device, stage.database.admin().await?);
    let (mut stored, mut told) = (0, 0);
    for round in 0..20 {
        let until = stage.clock.now() - TimeDelta::hours(round);
        let (taken, refused) = at_once(device, until, (8, 200)).await?;
        for answer in refused {
            assert!(retry_after(&answer)? >= 1);
            assert_eq!(answers::refusal(answer).await?, (429, "BIZ_DEVICE_RATE".to_owned()));
            told += 1;
        }
        stored += taken * 200;
        assert_eq!(behind::figure(&mut admin, READINGS, device.id.0).await?, stored);
        if told > 0 {
            break;
        }
    }
    assert!(told > 0, "no request was ever refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_answers_503_and_what_is_sent_again_is_stored_once() -> Result<()> {
    let change = |config: &mut socle::config::Config| {
        config.readings.queue = 10;
        config.readings.per_device = 100;
    };
    let stage = Stage::with(Clock::settable(start_of_tests()), change).await?;
    let licence = stage.licence().await?;
    let (device, mut admin) = (&licence.device, stage.database.admin().await?);
    let (mut stored, mut told) = (0, 0);
    let mut until = stage.clock.now();
    for _ in 0..20 {
        let (taken, refused) = at_once(device, until, (16, 8)).await?;
        for answer in refused {
            assert!(retry_after(&answer)? >= 1);
            assert_eq!(answers::refusal(answer).await?, (503, "SYS_UNAVAILABLE".to_owned()));
            told += 1;
        }
        stored += taken * 8;
        assert_eq!(behind::figure(&mut admin, READINGS, device.id.0).await?, stored);
        if told > 0 {
            break;
        }
        until -= TimeDelta::hours(1);
    }
    assert!(told > 0, "the queue was never full");
    // Each stretch once more, one after another: now all 128 of the last round are there, each once.
    for n in 0..16 {
        let again = batch(until - TimeDelta::seconds(n * 8), 8);
        let said = answers::json(device.post("/measurements/batch", &again).await?, 200).await?;
        assert!(said["stored"] == json!(8) || said["duplicate"] == json!(8), "{said}");
    }
    assert_eq!(behind::figure(&mut admin, READINGS, device.id.0).await?, stored + told * 8);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_larger_than_the_whole_queue_is_413_not_a_promise_to_try_again() -> Result<()> {
    let stage = Stage::with(Clock::settable(start_of_tests()), |config| config.readings.queue = 10).await?;
    let licence = stage.licence().await?;
    let body = batch(stage.clock.now(), 11);
    let answer = licence.device.post("/measurements/batch", &body).await?;
    assert_eq!(answers::refusal(answer).await?.0, 413);
    let body = batch(stage.clock.now(), 10);
    assert_eq!(licence.device.post("/measurements/batch", &body).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_hangs_up_before_its_answer_finds_duplicates_or_nothing_never_halves() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let device = &licence.device;
    for n in 0..30 {
        let body = batch(stage.clock.now() - TimeDelta::seconds(n * 20), 20);
        let patience = Duration::from_micros(u64::try_from(n)? * 200);
        drop(tokio::time::timeout(patience, device.post("/measurements/batch", &body)).await);
        // Wait for the turn that the lost request may still hold.
        let mut said = json!({ "stored": 0, "duplicate": 0 });
        for _ in 0..50 {
            let answer = device.post("/measurements/batch", &body).await?;
            if answer.status() == 200 {
                said = answers::json(answer, 200).await?;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(said["stored"] == json!(20) || said["duplicate"] == json!(20), "round {n}: {said}");
    }
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, READINGS, device.id.0).await?, 600);
    Ok(())
}
