//! Texts that break other systems, in every text field: stored and shown unchanged, or refused; never run.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use testkit::vendor::binary;
use testkit::{Licence, Person, Stage, shared_file};

use crate::{answers, crew};

/// Naughty strings, script injections, SQL injections; `None` when the data is not beside the checkout.
fn texts(test: &str) -> Result<Option<Vec<String>>> {
    let mut all = Vec::new();
    for (name, most) in [("naughty_strings", usize::MAX), ("xss", 300), ("sql_injection", 300)] {
        let Some(path) = shared_file(test, &format!("hostile-input/{name}.json")) else { return Ok(None) };
        let file: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let strings = file["strings"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.extend(strings.iter().filter_map(Value::as_str).take(most).map(ToOwned::to_owned));
    }
    ensure!(all.len() > 900, "{} texts", all.len());
    Ok(Some(all))
}

/// Pages cost more than the device API: one text in three, all of them in long runs.
fn sample(texts: &[String]) -> impl Iterator<Item = &String> {
    texts.iter().step_by(if std::env::var_os("SOCLE_LONG").is_some() { 1 } else { 3 })
}

/// As HTML shows a text.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
    text.replace('"', "&#34;").replace('\'', "&#39;")
}

/// A page must show the text escaped, and never as it is.
fn shows_inert(page: &str, text: &str) -> Result<()> {
    ensure!(page.contains(&escaped(text)), "{text:?} is not shown");
    ensure!(!(text.contains('<') && text.len() > 12 && page.contains(text)), "{text:?} is shown as it is");
    Ok(())
}

/// What a name field accepts.
fn is_name(text: &str, most: usize) -> bool {
    !text.trim().is_empty()
        && text.trim() == text
        && text.chars().count() <= most
        && !text.chars().any(char::is_control)
}

async fn scene() -> Result<(Stage, Licence)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    Ok((stage, licence))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_sends_them_is_answered_and_what_is_stored_is_unchanged() -> Result<()> {
    let Some(texts) = texts("a_device_that_sends_them_is_answered_and_what_is_stored_is_unchanged")? else {
        return Ok(());
    };
    let (stage, licence) = scene().await?;
    let now = stage.clock.now();
    let item = |(sequence, text): (usize, &String)| json!({ "temperature": 37.0, "measured_at": now, "sequence": sequence, "wifi_ssid": text, "firmware_version": text });
    let items: Vec<Value> = texts.iter().enumerate().map(item).collect();
    let answer = licence.device.post("/measurements/batch", &json!({ "measurements": items })).await?;
    let said = answers::json(answer, 200).await?;
    assert_eq!(said["received"], json!(texts.len()));
    let mut admin = stage.database.admin().await?;
    let kept = sqlx::query_as::<_, (i64, Option<String>, Option<String>)>(
        "SELECT sequence, wifi_ssid, firmware_version FROM physiotraq.measurements ORDER BY sequence",
    );
    let kept = kept.fetch_all(&mut admin).await?;
    assert_eq!(said["stored"], json!(kept.len()));
    assert!(kept.len() > 300, "{} stored", kept.len());
    for (sequence, ssid, firmware) in kept {
        let sent = Some(texts[usize::try_from(sequence)?].clone()).filter(|text| !text.is_empty());
        assert_eq!((&ssid, &firmware), (&sent, &sent));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_register_nothing_and_break_no_heartbeat() -> Result<()> {
    let Some(texts) = texts("they_register_nothing_and_break_no_heartbeat")? else { return Ok(()) };
    let (_stage, licence) = scene().await?;
    for text in &texts {
        let body = json!({ "serial_number": text, "mac_address": text, "secret": text, "firmware_version": text });
        let refused = answers::refusal(licence.device.post("/devices/register", &body).await?).await?;
        ensure!((400..500).contains(&refused.0), "registering {text:?}: {refused:?}");
    }
    for text in sample(&texts) {
        let body = json!({ "wifi_ssid": text, "firmware_version": text });
        let status = licence.device.post("/devices/heartbeat", &body).await?.status();
        ensure!(status == 200 || status == 422, "heartbeat {text:?}: {status}");
        let body = json!({ "temperature": text, "measured_at": text, "wifi_ssid": text, "reliability": text });
        let status = licence.device.post("/measurements", &body).await?.status();
        ensure!(!status.is_server_error(), "measurement {text:?}: {status}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_patient_form_comes_back_with_them_inert() -> Result<()> {
    let Some(texts) = texts("a_refused_patient_form_comes_back_with_them_inert")? else { return Ok(()) };
    let (stage, licence) = scene().await?;
    let device = licence.device.id.to_string();
    for text in sample(&texts) {
        let text = text.as_str();
        let fields = [
            ("device", device.as_str()),
            ("patient_first_name", text),
            ("patient_last_name", text),
            ("patient_age", "not an age"),
            ("patient_sex", text),
            ("patient_weight", text),
            ("unit", text),
            ("notes", text),
        ];
        let answer = licence.operator.post("/physiotraq/app/treatments", &fields).await?;
        shows_inert(&answers::text(answer, 400).await?, text)?;
    }
    let mut admin = stage.database.admin().await?;
    let treatments = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM physiotraq.treatments");
    assert_eq!(treatments.fetch_one(&mut admin).await?, 0);
    Ok(())
}

/// Starts a treatment with these texts and stops it; its page.
async fn recorded(licence: &Licence, (name, notes): (&str, &str)) -> Result<String> {
    let device = licence.device.id.to_string();
    let fields = [("device", device.as_str()), ("patient_last_name", name), ("notes", notes)];
    let started = licence.operator.post("/physiotraq/app/treatments", &fields).await?;
    ensure!(started.status() == 303, "starting with {name:?} and {notes:.60?}: {}", started.status());
    let stopped = licence.operator.post(&format!("/physiotraq/app/monitor/{device}/stop"), &[]).await?;
    ensure!(stopped.status() == 303, "stopping: {}", stopped.status());
    answers::text(licence.operator.get(&Person::location(&stopped)).await?, 200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_treatment_shows_them_inert_in_its_page_list_and_search() -> Result<()> {
    let test = "a_recorded_treatment_shows_them_inert_in_its_page_list_and_search";
    let Some(texts) = texts(test)? else { return Ok(()) };
    let (_stage, licence) = scene().await?;
    // All of them as notes, as many at a time as notes may hold.
    let mut notes = vec![String::new()];
    for text in texts.iter().filter(|text| !text.trim().is_empty() && text.chars().count() < 3_000) {
        let last = notes.last_mut().unwrap();
        if last.chars().count() + text.chars().count() > 3_900 {
            notes.push(text.clone());
        } else {
            last.push_str(" | ");
            last.push_str(text);
        }
    }
    for notes in &notes {
        shows_inert(&recorded(&licence, ("Test", notes.as_str())).await?, notes.trim())?;
    }
    // A search is for the beginning of a session's number too.
    let names = texts.iter().filter(|text| is_name(text, 100) && !"20261121".starts_with(text.as_str()));
    for name in names.step_by(25) {
        shows_inert(&recorded(&licence, (name.as_str(), "")).await?, name)?;
        let query = serde_html_form::to_string([("q", name)])?;
        let found = licence.operator.get(&format!("/physiotraq/app/treatments?{query}")).await?;
        let found = answers::text(found, 200).await?;
        shows_inert(&found, name)?;
        assert!(found.contains(&format!(">{}</td>", escaped(name))), "{name:?} is not found by its own name");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_them_finds_nothing_and_breaks_nothing() -> Result<()> {
    let Some(texts) = texts("a_search_for_them_finds_nothing_and_breaks_nothing")? else { return Ok(()) };
    let (_stage, licence) = scene().await?;
    recorded(&licence, ("Lovelace", "")).await?;
    for text in sample(&texts).filter(|text| !text.trim().is_empty()) {
        let fields =
            [("q", text), ("device", text), ("operator", text), ("status", text), ("from", text), ("to", text)];
        let query = serde_html_form::to_string(fields)?;
        let export = licence.operator.get(&format!("/physiotraq/app/treatments/export?{query}")).await?;
        let lines = answers::text(export, 200).await?.lines().count();
        ensure!(lines == 1, "a search for {text:?} found {} treatments", lines - 1);
    }
    for text in texts.iter().step_by(30) {
        let query = serde_html_form::to_string([("q", text), ("status", text)])?;
        let page = licence.operator.get(&format!("/physiotraq/app/treatments?{query}")).await?;
        shows_inert(&answers::text(page, 200).await?, text)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_renamed_to_them_shows_them_inert_or_keeps_its_name() -> Result<()> {
    let Some(texts) = texts("a_device_renamed_to_them_shows_them_inert_or_keeps_its_name")? else { return Ok(()) };
    let (stage, licence) = scene().await?;
    let page = format!("/physiotraq/admin/devices/{}", licence.device.id);
    let mut admin = stage.database.admin().await?;
    for (n, text) in sample(&texts).enumerate() {
        let status = licence.owner.post(&page, &[("name", text.as_str())]).await?.status();
        let name = text.trim();
        let expected = if is_name(name, 60) { 303 } else { 422 };
        ensure!(status == expected, "renaming to {text:?}: {status}");
        if status != 303 {
            continue;
        }
        let kept = sqlx::query_scalar::<_, String>("SELECT name FROM physiotraq.devices WHERE id = $1");
        assert_eq!(kept.bind(licence.device.id.0).fetch_one(&mut admin).await?, name);
        if n.is_multiple_of(10) {
            for list in [page.as_str(), "/physiotraq/admin/devices", "/physiotraq/app", "/physiotraq/app/monitor"] {
                shows_inert(&answers::text(licence.owner.get(list).await?, 200).await?, name)?;
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_and_networks_named_like_them_are_shown_inert_or_refused() -> Result<()> {
    let Some(texts) = texts("people_and_networks_named_like_them_are_shown_inert_or_refused")? else { return Ok(()) };
    let (_stage, licence) = scene().await?;
    let edit = format!("/physiotraq/admin/team/{}/edit", licence.operator.account);
    let device = format!("/physiotraq/admin/devices/{}", licence.device.id);
    for text in sample(&texts).step_by(3) {
        let named = licence.owner.post(&edit, &[("first_name", text.as_str()), ("last_name", "Essai")]).await?.status();
        let expected = if is_name(text.trim(), 80) { 303 } else { 422 };
        ensure!(named == expected, "a person named {text:?}: {named}");
        if named == 303 {
            let team = answers::text(licence.owner.get("/physiotraq/admin/team").await?, 200).await?;
            shows_inert(&team, text.trim())?;
        }
        let network = [("ssid_1", text.as_str()), ("open_1", "on")];
        let stored = licence.owner.post(&format!("{device}/wifi"), &network).await?.status();
        // Without a name the slot is empty.
        let fits = text.len() <= 32 && !text.chars().any(char::is_control);
        ensure!(stored == if fits { 303 } else { 422 }, "a network named {text:?}: {stored}");
        if stored == 303 && !text.is_empty() {
            shows_inert(&answers::text(licence.owner.get(&device).await?, 200).await?, text)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_notes_show_them_inert_to_the_vendor_and_to_owners() -> Result<()> {
    let Some(texts) = texts("release_notes_show_them_inert_to_the_vendor_and_to_owners")? else { return Ok(()) };
    let (stage, licence) = scene().await?;
    let vendor = stage.vendor().await?;
    for (n, text) in texts.iter().enumerate().step_by(60) {
        // Ten uploads a minute are let in.
        stage.clock.advance(TimeDelta::seconds(7));
        let (version, notes) = (format!("1.{n}"), text.trim());
        let answer = vendor.upload(&version, &binary(&version, 100), &[("release_notes", text.as_str())]).await?;
        let expected = if notes.is_empty() || notes.contains('\0') { 400 } else { 303 };
        ensure!(answer.status() == expected, "notes {text:?}: {}", answer.status());
        if expected == 400 {
            continue;
        }
        let page = Person::location(&answer);
        shows_inert(&answers::text(vendor.browser.get(&page).await?, 200).await?, notes)?;
        let id = page.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
        vendor.roll_out(id, &[]).await?;
        let published = licence.owner.get(&format!("/physiotraq/admin/firmware/{id}")).await?;
        shows_inert(&answers::text(published, 200).await?, notes)?;
    }
    Ok(())
}
