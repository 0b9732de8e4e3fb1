//! A device of its own for a simulation or replay: claimed and registered at a running demo, as an owner and a
//! thermometer do it.

use anyhow::{Context, Result, bail};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};

use crate::demo::{OWNER, PASSWORD, SPARE, spare};

/// Where the server is: what was asked for, else this machine at `SOCLE_PORT`.
pub fn server(asked: Option<String>) -> String {
    asked.unwrap_or_else(|| {
        let port = std::env::var("SOCLE_PORT").unwrap_or_else(|_| "8080".to_owned());
        format!("http://localhost:{port}")
    })
}

/// The credentials asked for, else that of one newly claimed demo device.
pub async fn credentials(server: &str, asked: Vec<String>) -> Result<Vec<String>> {
    if asked.is_empty() { Ok(vec![demo_device(server).await?]) } else { Ok(asked) }
}

async fn demo_device(server: &str) -> Result<String> {
    let http = Client::builder().redirect(redirect::Policy::none()).build()?;
    let base = format!("{server}/physiotraq");
    let form = [("email", OWNER), ("password", PASSWORD)];
    let signed_in = http.post(format!("{base}/sign_in")).form(&form).send().await?;
    let cookies = signed_in.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let session = cookies.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with("__Host-"));
    let session = session.context("no demo runs there; give --credential of a registered device")?.to_owned();
    for number in SPARE {
        let device = spare(number);
        let form = [("serial_number", &device.serial), ("secret", &device.secret), ("name", &device.serial)];
        let claim = http.post(format!("{base}/admin/devices")).header(COOKIE, &session).header(ACCEPT, "text/html");
        if claim.form(&form).send().await?.status() != StatusCode::SEE_OTHER {
            continue;
        }
        let body = json!({ "serial_number": device.serial, "mac_address": device.mac, "secret": device.secret });
        let answer = http.post(format!("{base}/api/v1/devices/register")).json(&body).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        let credential = answer.get("credential").and_then(Value::as_str).context("no credential was given")?;
        return Ok(credential.to_owned());
    }
    bail!("every spare device of the demo is claimed; restart the demo, or give --credential")
}
