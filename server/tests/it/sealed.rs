//! Sealed fields as they really are: keys of tenants and persons, rotation, destruction by two persons, erasure, an
//! outage of the key service, and what is refused.

mod destruction;
mod erasure;
mod keys;
mod outage;
mod pasted;
mod rotation;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use socle::db::Who;
use socle::ids::{AccountId, TenantId};
use socle::sealed::{Field, KeyStore, PersonKeys};
use socle::web::Product;
use socle::{App, Caller};
use sqlx::PgConnection;
use testkit::{Device, Licence, Person, Stage, trial};
use uuid::Uuid;

/// A field of nobody's table.
const FIELD: Field<'static> = Field { table: "test.notes", column: "content", row: Uuid::from_u128(1) };
/// What is to happen happens within this, on a machine under load too.
const SOON: Duration = Duration::from_secs(30);

fn app(stage: &Stage) -> &App {
    stage.product.app()
}

/// The platform acting for itself, in its own tenant.
fn platform(stage: &Stage) -> Caller {
    app(stage).system("platform", socle::platform::TENANT)
}

/// The platform acting for a tenant.
fn of(stage: &Stage, tenant: TenantId) -> Caller {
    app(stage).system("physiotraq", tenant)
}

/// An account of the tests' own product.
async fn account(stage: &Stage, email: &str) -> Result<AccountId> {
    Ok(stage.trial.member(trial::TENANT, (email, "une phrase de passe pour les tests"), "PATIENT").await?)
}

/// Seals a text with a person's keys, which are made when there are none.
async fn seal(stage: &Stage, account: AccountId, text: &str) -> Result<Vec<u8>> {
    let mut tx = platform(stage).begin().await?;
    let sealed = app(stage).vault.person_keys(&mut tx, account).await?.seal(FIELD, text)?;
    tx.commit().await?;
    Ok(sealed)
}

/// Opens what [`seal`] made, at another server perhaps.
async fn open(stage: &Stage, account: AccountId, sealed: &[u8]) -> socle::Result<String> {
    let mut tx = platform(stage).begin().await?;
    let keys: PersonKeys = app(stage).vault.person_keys(&mut tx, account).await?;
    keys.open(FIELD, sealed)
}

/// The device is switched on.
async fn online(device: &Device) -> Result<()> {
    let status = device.post("/devices/heartbeat", &json!({ "firmware_version": "03.1.0" })).await?.status();
    ensure!(status == 200, "the heartbeat answered {status}");
    Ok(())
}

/// Starts a treatment of somebody; the status.
async fn treat(licence: &Licence, person: &Person, (first, last): (&str, &str)) -> Result<u16> {
    let device = licence.device.id.to_string();
    let fields = [("device", device.as_str()), ("patient_first_name", first), ("patient_last_name", last)];
    Ok(person.post("/physiotraq/app/treatments", &fields).await?.status().as_u16())
}

/// How many rows a query counts.
async fn count(admin: &mut PgConnection, query: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(query).fetch_one(admin).await?)
}

/// Waits until a query counts so many rows.
async fn until(admin: &mut PgConnection, query: &'static str, wanted: i64) -> Result<()> {
    let started = Instant::now();
    loop {
        let found = count(admin, query).await?;
        if found == wanted {
            return Ok(());
        }
        ensure!(started.elapsed() < SOON, "{query}: {found}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The objects of a key store, by their names.
fn objects(stage: &Stage) -> Result<Vec<Uuid>> {
    let folder = stage.database.key_store();
    KeyStore::open(folder).map_err(anyhow::Error::msg)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json")).context("an object of another name")?;
        found.push(name.parse()?);
    }
    found.sort();
    Ok(found)
}
