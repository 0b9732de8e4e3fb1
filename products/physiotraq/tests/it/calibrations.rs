//! Calibration: raw × slope + intercept from now on, as a new version with who and when; never in a treatment.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Licence, Stage};

use crate::programs::Program;
use crate::{answers, crew};

async fn calibrate(licence: &Licence, slope: &str, intercept: &str) -> Result<u16> {
    let path = format!("/physiotraq/admin/devices/{}/calibration", licence.device.id);
    let fields = [("temp_slope", slope), ("temp_intercept", intercept)];
    Ok(licence.owner.post(&path, &fields).await?.status().as_u16())
}

async fn versions(licence: &Licence) -> Result<Vec<Value>> {
    let path = format!("/physiotraq/api/v1/devices/{}/calibrations", licence.device.id);
    let shown = answers::json(licence.owner.get_json(&path).await?, 200).await?;
    Ok(shown["data"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_keep_the_version_they_were_stored_with() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    licence.device.measure(stage.clock.now(), 37.0).await?;
    assert!(versions(&licence).await?.is_empty());
    stage.clock.advance(TimeDelta::seconds(1));
    assert_eq!(calibrate(&licence, "1,01", "\u{2212}0,12").await?, 303);
    licence.device.measure(stage.clock.now(), 37.0).await?;
    let mut admin = stage.database.admin().await?;
    let stored: Vec<(i32, String, String)> = sqlx::query_as(
        "SELECT calibration_version, raw_temperature::text, temperature::text FROM physiotraq.measurements
         ORDER BY measured_at",
    )
    .fetch_all(&mut admin)
    .await?;
    let one = |version, raw: &str, value: &str| (version, raw.to_owned(), value.to_owned());
    assert_eq!(stored, [one(1, "37.000", "37.000"), one(2, "37.000", "37.250")]);
    let versions = versions(&licence).await?;
    let told =
        |version: &Value| (version["version"].clone(), version["tempSlope"].clone(), version["calibratedBy"].clone());
    assert_eq!(told(&versions[0]), (json!(2), json!("1.010000"), json!("Odile Essai")));
    assert_eq!(told(&versions[1]), (json!(1), json!("1.000000"), Value::Null), "as the device came");
    // The same figures again make no version.
    assert_eq!(calibrate(&licence, "1.010", "-0.12").await?, 303);
    assert_eq!(versions.len(), 2);
    let page =
        answers::text(licence.owner.get(&format!("/physiotraq/admin/devices/{}/edit", licence.device.id)).await?, 200)
            .await?;
    assert!(page.contains("value=\"1,01\"") && page.contains("Odile Essai") && page.contains("à la livraison"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_calibrates_a_device_in_a_treatment() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    licence.operator.start(&licence.device).await?;
    assert_eq!(calibrate(&licence, "1.01", "0").await?, 422);
    let path = format!("/devices/{}/calibration", licence.device.id);
    let body = json!({ "tempSlope": "1.01", "tempIntercept": "0" });
    let refused = Program::of(&stage, &licence.owner).send(Method::PUT, &path, &body).await?;
    assert_eq!(answers::refusal(refused).await?, (409, "BIZ_DEVICE_IN_TREATMENT".to_owned()));
    assert!(versions(&licence).await?.is_empty());
    let stop = format!("/physiotraq/app/monitor/{}/stop", licence.device.id);
    assert_eq!(licence.operator.post(&stop, &[]).await?.status(), 303);
    assert_eq!(calibrate(&licence, "1.01", "0").await?, 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_calibrates_and_only_with_figures_that_a_thermometer_can_need() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, stranger) = (stage.licence().await?, stage.licence().await?);
    let path = format!("/devices/{}/calibration", licence.device.id);
    let body = json!({ "tempSlope": "1.01", "tempIntercept": "0" });
    for (who, status) in [(&stranger.owner, 404), (&licence.operator, 403)] {
        let answer = Program::of(&stage, who).send(Method::PUT, &path, &body).await?;
        assert_eq!(answers::refusal(answer).await?.0, status);
    }
    for (slope, intercept) in [("0.5", "0"), ("1", "6"), ("x", "0"), ("1", "")] {
        assert_eq!(calibrate(&licence, slope, intercept).await?, 422, "{slope} {intercept}");
    }
    let body = json!({ "tempSlope": "2", "tempIntercept": "9" });
    let refused = Program::of(&stage, &licence.owner).send(Method::PUT, &path, &body).await?;
    let details = answers::json(refused, 400).await?["error"]["details"].clone();
    assert_eq!((&details[0]["field"], &details[1]["field"]), (&json!("tempSlope"), &json!("tempIntercept")));
    assert!(versions(&licence).await?.is_empty());
    Ok(())
}
