//! What another licence, an unassigned operator and a colleague must never see or touch: 404, and nothing is written.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use reqwest::Response;
use sqlx::PgConnection;
use testkit::{Device, Licence, Person, Stage};
use uuid::Uuid;

use crate::{answers, behind, crew};

/// A digest of everything that a change would leave a trace in. (The attempt itself is recorded.)
const TRACE: &str = "
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
        SELECT 'treatment' || t::text AS line FROM physiotraq.treatments t
        UNION ALL SELECT 'alert' || t::text FROM physiotraq.alerts t
        UNION ALL SELECT 'event' || t::text FROM physiotraq.events t
        UNION ALL SELECT 'measurement' || t::text FROM physiotraq.measurements t
        UNION ALL SELECT 'assignment' || t::text FROM physiotraq.device_assignments t
        UNION ALL SELECT 'credential' || t::text FROM physiotraq.device_credentials t
        UNION ALL SELECT 'counter' || t::text FROM physiotraq.session_counters t
        UNION ALL SELECT 'audit' || t::text FROM socle.audit_log t WHERE t.action <> 'access.refused'
        UNION ALL SELECT 'network' || t::text FROM physiotraq.wifi_credentials t
        UNION ALL SELECT 'calibration' || t::text FROM physiotraq.calibrations t
        UNION ALL SELECT 'device' || name || temp_slope || firmware_beta || wifi_wanted_version || coalesce(released_at::text, '')
                         || coalesce(registration_open_until::text, '') FROM physiotraq.devices
    ) AS everything";

/// A licence with a running treatment and an alert, and a second licence without any.
struct Scene {
    stage: Stage,
    first: Licence,
    second: Licence,
    treatment: String,
    alert: Uuid,
    session: String,
    admin: PgConnection,
}

async fn scene() -> Result<Scene> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    crew::online(&first.device).await?;
    let treatment = first.operator.start(&first.device).await?;
    for celsius in [39.9, 40.2] {
        stage.clock.advance(TimeDelta::seconds(20));
        first.device.measure(stage.clock.now(), celsius).await?;
    }
    // Sent again, it is answered once the readings before it have been evaluated.
    first.device.measure(stage.clock.now(), 40.2).await?;
    stage.product.monitor().save().await;
    let mut admin = stage.database.admin().await?;
    let alert = sqlx::query_scalar::<_, Uuid>("SELECT id FROM physiotraq.alerts WHERE level = 40");
    let alert = alert.fetch_one(&mut admin).await?;
    let session = sqlx::query_scalar::<_, String>("SELECT session_identifier FROM physiotraq.treatments");
    let session = session.fetch_one(&mut admin).await?;
    Ok(Scene { stage, first, second, treatment, alert, session, admin })
}

async fn trace(admin: &mut PgConnection) -> Result<String> {
    Ok(sqlx::query_scalar::<_, String>(TRACE).fetch_one(admin).await?)
}

/// Every address below the field application that names a device or a treatment.
fn field_addresses(device: &Device, treatment: &str) -> Vec<String> {
    let device = device.id;
    vec![
        format!("/physiotraq/app/monitor/{device}"),
        format!("/physiotraq/app/monitor/{device}/curve"),
        format!("/physiotraq/app/treatments/new?device={device}"),
        format!("/physiotraq/app/treatments/{treatment}"),
        format!("/physiotraq/app/treatments/{treatment}/curve"),
        format!("/physiotraq/app/treatments/{treatment}/export"),
        format!("/physiotraq/api/v1/devices/{device}"),
        format!("/physiotraq/live?topic=device:{device}"),
    ]
}

/// Everything a person may try to change on a device in the field application.
async fn field_changes(person: &Person, device: &Device, alert: Uuid) -> Result<Vec<Response>> {
    let (id, alert) = (device.id.to_string(), alert.to_string());
    let monitor = format!("/physiotraq/app/monitor/{id}");
    Ok(vec![
        person.post(&format!("{monitor}/stop"), &[]).await?,
        person.post(&format!("{monitor}/abort"), &[]).await?,
        person.post(&format!("{monitor}/acknowledge"), &[("alert", alert.as_str()), ("note", "not mine")]).await?,
        person.post("/physiotraq/app/treatments", &[("device", id.as_str()), ("anonymous", "on")]).await?,
    ])
}

/// Everything an owner may try to change on a device.
async fn owner_changes(owner: &Person, device: &Device) -> Result<Vec<Response>> {
    let page = format!("/physiotraq/admin/devices/{}", device.id);
    let account = owner.account.to_string();
    Ok(vec![
        owner.post(&page, &[("name", "Stolen")]).await?,
        owner.post(&format!("{page}/assignments"), &[("user", account.as_str())]).await?,
        owner.post(&format!("{page}/open_registration"), &[]).await?,
        owner.post(&format!("{page}/wifi"), &[("ssid_1", "Stolen"), ("open_1", "on")]).await?,
        owner.post(&format!("{page}/calibration"), &[("temp_slope", "1.05"), ("temp_intercept", "1")]).await?,
        owner.post(&format!("{page}/release"), &[]).await?,
        owner.post(&format!("{page}/firmware"), &[("beta", "on")]).await?,
    ])
}

fn all_answer(answers: &[Response], status: u16, who: &str) -> Result<()> {
    for answer in answers {
        ensure!(answer.status() == status, "{who} got {} from {}", answer.status(), answer.url());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_licence_gets_404_for_every_id_and_writes_nothing() -> Result<()> {
    let mut scene = scene().await?;
    let before = trace(&mut scene.admin).await?;
    let (device, treatment) = (&scene.first.device, scene.treatment.as_str());
    let addresses = field_addresses(device, treatment);
    for stranger in [&scene.second.owner, &scene.second.operator] {
        for address in &addresses {
            assert_eq!(stranger.get(address).await?.status(), 404, "{address}");
            assert_eq!(answers::refusal(stranger.get_json(address).await?).await?.0, 404, "{address}");
        }
        all_answer(&field_changes(stranger, device, scene.alert).await?, 404, "a stranger")?;
    }
    let page = format!("/physiotraq/admin/devices/{}", device.id);
    assert_eq!(scene.second.owner.get(&page).await?.status(), 404);
    all_answer(&owner_changes(&scene.second.owner, device).await?, 404, "another owner")?;
    all_answer(&owner_changes(&scene.second.operator, device).await?, 403, "an operator")?;
    assert_eq!(trace(&mut scene.admin).await?, before);
    let running = "SELECT count(*) FROM physiotraq.treatments WHERE id = $1 AND status = 'in_progress'";
    assert_eq!(behind::figure(&mut scene.admin, running, treatment.parse()?).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_exports_hold_nothing_of_another_licence() -> Result<()> {
    let scene = scene().await?;
    let shown = scene.first.owner.get_json(&format!("/physiotraq/api/v1/devices/{}", scene.first.device.id)).await?;
    let name = answers::json(shown, 200).await?["name"].as_str().unwrap_or_default().to_owned();
    let (serial, id) = (scene.first.device.seeded.serial.clone(), scene.first.device.id.to_string());
    let marks = [name, serial, id, scene.treatment.clone(), scene.session.clone()];
    let lists = [
        "/physiotraq/app",
        "/physiotraq/app/monitor",
        "/physiotraq/app/treatments",
        "/physiotraq/app/treatments?q=2026",
        "/physiotraq/app/treatments/export",
        "/physiotraq/admin/devices",
        "/physiotraq/admin/devices?status=online",
        "/physiotraq/admin/treatments",
        "/physiotraq/admin/treatments?status=in_progress",
        "/physiotraq/admin/treatments/export",
    ];
    for list in lists {
        for stranger in [&scene.second.owner, &scene.second.operator] {
            let answer = stranger.get(list).await?;
            let status = answer.status();
            ensure!(status == 200 || status == 403, "{list}: {status}");
            let text = answer.text().await?;
            let leaked: Vec<&String> = marks.iter().filter(|mark| text.contains(mark.as_str())).collect();
            ensure!(leaked.is_empty(), "{list} shows {leaked:?}");
        }
        // The same list does show it to its own licence: the look above was not at an empty page by accident.
        let insider = if list.contains("/admin/") { &scene.first.owner } else { &scene.first.operator };
        let own = answers::text(insider.get(list).await?, 200).await?;
        assert!(marks.iter().any(|mark| own.contains(mark.as_str())), "{list}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_licences_ids_as_filters_show_nothing() -> Result<()> {
    let scene = scene().await?;
    let query = format!("device={}&operator={}", scene.first.device.id, scene.first.operator.account);
    let page =
        answers::text(scene.second.owner.get(&format!("/physiotraq/admin/treatments?{query}")).await?, 200).await?;
    assert!(!page.contains(&scene.session));
    assert!(!page.contains(&scene.treatment));
    let path = format!("/physiotraq/admin/treatments/export?{query}");
    let export = answers::text(scene.second.owner.get(&path).await?, 200).await?;
    assert_eq!(export.lines().count(), 1, "{export}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_one_foreign_topic_is_refused_as_a_whole() -> Result<()> {
    let scene = scene().await?;
    let (own, foreign) = (scene.second.device.id, scene.first.device.id);
    let path = format!("/physiotraq/live?topic=device:{own}&topic=device:{foreign}");
    for stranger in [&scene.second.owner, &scene.second.operator] {
        assert_eq!(answers::refusal(stranger.get_json(&path).await?).await?.0, 404);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_cannot_be_assigned() -> Result<()> {
    let mut scene = scene().await?;
    let people = [&scene.first.operator, &scene.second.operator];
    crew::assign(&scene.first, &scene.first.device, &people).await?;
    let assigned = "SELECT count(*) FROM physiotraq.device_assignments WHERE device_id = $1";
    assert_eq!(behind::figure(&mut scene.admin, assigned, scene.first.device.id.0).await?, 1);
    let theirs = "SELECT count(*) FROM physiotraq.device_assignments WHERE user_id = $1";
    assert_eq!(behind::figure(&mut scene.admin, theirs, scene.second.operator.account.0).await?, 1, "their own device");
    assert_eq!(scene.second.operator.get("/physiotraq/app").await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_gets_404_for_a_device_not_assigned_to_them() -> Result<()> {
    let mut scene = scene().await?;
    let other = scene.stage.device(&scene.first).await?;
    crew::online(&other).await?;
    let before = trace(&mut scene.admin).await?;
    let operator = &scene.first.operator;
    let named = field_addresses(&other, &scene.treatment);
    for address in named.iter().filter(|address| address.contains(&other.id.to_string())) {
        assert_eq!(operator.get(address).await?.status(), 404, "{address}");
    }
    all_answer(&field_changes(operator, &other, scene.alert).await?, 404, "an unassigned operator")?;
    let owner = &scene.first.owner;
    assert_eq!(owner.get(&format!("/physiotraq/app/monitor/{}", other.id)).await?.status(), 200);
    let fields = [("device", other.id.to_string()), ("anonymous", "on".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The owner sees the device; starting on it needs an assignment for the owner too.
    assert_eq!(owner.post("/physiotraq/app/treatments", &fields).await?.status(), 403);
    assert_eq!(trace(&mut scene.admin).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_gets_403_on_every_page_of_the_owner() -> Result<()> {
    let mut scene = scene().await?;
    let before = trace(&mut scene.admin).await?;
    let operator = &scene.first.operator;
    let device = format!("/physiotraq/admin/devices/{}", scene.first.device.id);
    for page in ["", "/devices", "/devices/new", "/treatments", "/treatments/export", "/firmware"] {
        assert_eq!(operator.get(&format!("/physiotraq/admin{page}")).await?.status(), 403, "{page}");
    }
    assert_eq!(operator.get(&device).await?.status(), 403);
    all_answer(&owner_changes(operator, &scene.first.device).await?, 403, "an operator")?;
    let claim = [("serial_number", "PT-2026-99999"), ("secret", "x"), ("name", "Mine")];
    assert_eq!(operator.post("/physiotraq/admin/devices", &claim).await?.status(), 403);
    assert_eq!(trace(&mut scene.admin).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_does_not_see_a_colleagues_treatment_nor_its_patient() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    let device = licence.device.id.to_string();
    let fields = [("device", device.as_str()), ("patient_first_name", "Ada"), ("patient_last_name", "Lovelace")];
    assert_eq!(licence.owner.post("/physiotraq/app/treatments", &fields).await?.status(), 303);
    let mut admin = stage.database.admin().await?;
    let treatment = sqlx::query_scalar::<_, Uuid>("SELECT id FROM physiotraq.treatments").fetch_one(&mut admin).await?;
    for address in ["", "/curve", "/export"] {
        let path = format!("/physiotraq/app/treatments/{treatment}{address}");
        assert_eq!(licence.operator.get(&path).await?.status(), 404, "{path}");
        assert_eq!(licence.owner.get(&path).await?.status(), 200, "{path}");
    }
    all_answer(&field_changes(&licence.operator, &licence.device, treatment).await?[..3], 404, "a colleague")?;
    let monitor = format!("/physiotraq/app/monitor/{device}");
    for page in ["/physiotraq/app", "/physiotraq/app/monitor", "/physiotraq/app/treatments", monitor.as_str()] {
        let shown = answers::text(licence.operator.get(page).await?, 200).await?;
        assert!(!shown.contains("Lovelace"), "{page}");
    }
    let running = "SELECT count(*) FROM physiotraq.treatments WHERE id = $1 AND status = 'in_progress'";
    assert_eq!(behind::figure(&mut admin, running, treatment).await?, 1);
    Ok(())
}
