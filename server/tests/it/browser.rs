//! The operator's session, and every component in every theme, in a real Chromium, against the real binary with its
//! built web files.
//!
//! The journeys themselves are `web/tests/live-monitor.mjs` and `web/tests/components.mjs`; pictures of every page go to
//! `target/screenshots`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use physiotraq::devices::actions::import;
use physiotraq::licences::NewLicence;
use physiotraq::seed::{self, SeedDevice, SeedPerson, Seeded};
use socle::clock::Clock;
use socle::ids::TenantId;
use socle::web::Product;
use testkit::{Database, Stage};
use tokio::process::Command;

use crate::binary::Binary;
use crate::sources;

pub const OWNER: &str = "odile@test.fr";
const OPERATOR: &str = "paul@test.fr";
pub const PASSWORD: &str = "une phrase de passe pour le navigateur";
/// A thermometer that the vendor has built and nobody has claimed: serial, MAC and claim secret.
pub const IN_STOCK: (&str, &str, &str) = ("PT-2025-00200", "A4:CF:12:8B:3E:C8", "l-etiquette-au-dos");
/// A journey takes one or two minutes; a machine under load more.
const MOST: Duration = Duration::from_secs(15 * 60);

/// A licence with an owner, an operator and three devices, of which the journeys switch on the first; a fourth in stock.
pub async fn seeded() -> Result<(Arc<Database>, Seeded)> {
    let stage = Stage::with(Clock::system(), |_| {}).await?;
    let id = TenantId::fresh(stage.clock.now());
    let new = NewLicence { id, name: "Clinique du Lac", quantity: 5, time_zone: "Europe/Paris" };
    let person = |email, first_name, role| SeedPerson { email, first_name, last_name: "Essai", role };
    let team = [person(OWNER, "Odile", "admin"), person(OPERATOR, "Paul", "operator")];
    let accounts = seed::licence(&stage.product, new, PASSWORD, &team).await?;
    let owner = seed::owner(&stage.product, id, accounts[0]);
    let mut devices = Vec::new();
    for (serial, mac, name) in [
        ("PT-2025-00123", "A4:CF:12:8B:3D:E7", "CoreTraQer005"),
        ("PT-2025-00124", "A4:CF:12:8B:3D:E8", "CoreTraQer006"),
        ("PT-2025-00125", "A4:CF:12:8B:3D:E9", "CoreTraQer007"),
    ] {
        devices.push(seed::device(&stage.product, &owner, SeedDevice { serial, mac, name }, &accounts).await?);
    }
    let (serial, mac, secret) = IN_STOCK;
    let imported = import(&stage.product.app().db, (serial, mac), secret, stage.clock.now()).await?;
    ensure!(imported, "{serial} is claimed already");
    let database = Arc::clone(&stage.database);
    stage.stop().await;
    Ok((database, devices.swap_remove(0)))
}

/// The browser: the one that is asked for, or the system's.
fn chromium() -> Result<PathBuf> {
    if let Some(asked) = std::env::var_os("SOCLE_CHROMIUM") {
        return Ok(PathBuf::from(asked));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let places = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = places.into_iter().find(|place: &PathBuf| place.is_file());
    found.context("there is no Chromium: `bin/setup --test` installs it, or set SOCLE_CHROMIUM")
}

/// Where pictures go: `screenshots` in the build's folder.
fn shots() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("no target folder")?;
    Ok(folder.join("screenshots"))
}

/// A journey against a running server; what it is told besides is up to the caller.
pub fn journey(script: &str, binary: &Binary) -> Result<Command> {
    let modules = sources::root().join("web/node_modules/playwright-core");
    ensure!(modules.is_dir(), "{} is missing: `bin/setup --test` installs it", modules.display());
    let mut journey = Command::new("node");
    journey
        .arg(format!("web/tests/{script}"))
        .current_dir(sources::root())
        .env("BASE", &binary.url)
        .env("SHOTS", shots()?)
        .env("SOCLE_CHROMIUM", chromium()?)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(journey)
}

/// Lets a journey take its course.
pub async fn travel(mut journey: Command) -> Result<()> {
    let ended = tokio::time::timeout(MOST, journey.status()).await;
    let status = ended.context("the journey did not end")?.context("node")?;
    ensure!(
        status.success(),
        "the journey failed; its last lines say where, failure.png in the screenshots how it looked"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_follows_a_session_from_sign_in_to_export() -> Result<()> {
    let (database, device) = seeded().await?;
    let binary = Binary::serve(&database).await?;
    let mut journey = journey("live-monitor.mjs", &binary)?;
    journey
        .env("EMAIL", OPERATOR)
        .env("OWNER_EMAIL", OWNER)
        .env("PASSWORD", PASSWORD)
        .env("DEVICE", device.id.to_string())
        .env("CREDENTIAL", &device.credential);
    travel(journey).await?;
    binary.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_component_is_usable_in_every_theme() -> Result<()> {
    let database = Database::fresh().await?;
    let binary = Binary::serve(&database).await?;
    travel(journey("components.mjs", &binary)?).await?;
    binary.stop().await
}
