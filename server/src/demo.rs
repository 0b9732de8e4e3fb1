//! `socle demo`: the whole platform with live data, on a private PostgreSQL, until Ctrl-C.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use physiotraq::Physiotraq;
use physiotraq::devices::DeviceId;
use physiotraq::devices::actions::import;
use physiotraq::licences::NewLicence;
use physiotraq::seed::{self, SeedDevice, SeedPerson, Seeded};
use physiotraq::treatments::{PatientForm, actions};
use socle::clock::Clock;
use socle::config::{Config, Environment};
use socle::identity::factors::{self, Enrolled};
use socle::ids::{AccountId, TenantId};
use socle::logging;
use socle::platform::{self, Platform};
use socle::web::Product;

use crate::device_client::DeviceClient;
use crate::serve::{self, Server};
use crate::{cluster, published, replay, simulate};

const DATABASE: &str = "demo";
pub const PASSWORD: &str = "demo-physiotraq-2026";
pub const OWNER: &str = "owner@demo.physiotraq.fr";
const OPERATOR: &str = "operator@demo.physiotraq.fr";
const PLATFORM: &str = "operator@demo.socle.fr";
const STRANGER: &str = "owner@other.physiotraq.fr";

/// Numbers of the devices that the demo leaves unclaimed, for `socle simulate` and `socle replay`.
pub const SPARE: std::ops::RangeInclusive<u8> = 1..=9;

/// A device that the demo leaves unclaimed.
pub struct Spare {
    /// Serial number.
    pub serial: String,
    /// MAC address.
    pub mac: String,
    /// Claim secret.
    pub secret: String,
}

/// The spare device of a number.
pub fn spare(number: u8) -> Spare {
    Spare {
        serial: format!("PT-2026-9000{number}"),
        mac: format!("A4:CF:12:90:00:0{number}"),
        secret: format!("demo-claim-9000{number}"),
    }
}

/// Options of `demo`.
#[derive(Args)]
pub struct Options {
    /// A folder of recorded files (`time,celsius` or intensive-care charts) to replay instead of made-up sessions.
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Speed of the replay.
    #[arg(long, default_value_t = 600.0)]
    speed: f64,
}

/// Starts everything, prints where to look, runs until Ctrl-C, stops everything.
pub async fn run(options: Options) -> Result<()> {
    let mut config = Config::load().context("the settings cannot be read")?;
    if config.environment == Environment::Production {
        bail!("production refuses demo data; use `socle serve`");
    }
    config.log.json = false;
    config.log.filter = std::env::var("SOCLE_LOG__FILTER").unwrap_or_else(|_| "warn".to_owned());
    logging::start(&config.log).map_err(anyhow::Error::msg)?;
    let records = options.replay.as_deref().map(replay::folder).transpose()?;
    println!("starting PostgreSQL…");
    let cluster = cluster::ensure().await?;
    config.sealed.key_file.get_or_insert_with(|| cluster.folder().join("demo-key-encryption-key.hex"));
    config.sealed.key_store.get_or_insert_with(|| cluster.folder().join("demo-key-store"));
    config.files.folder.get_or_insert_with(|| cluster.folder().join("demo-files"));
    config.files.trusted_keys.push(published::public_key()?);
    // Every demo begins with the same data.
    cluster::discard(&cluster, DATABASE).await?;
    let (app, ingest) = cluster::prepare(&cluster, DATABASE).await?;
    let server = Server::start(&config, &app, &ingest).await?;
    let url = server.url();
    let devices = seed_all(server.product()).await.context("demo data")?;
    let app = operator(server.platform()).await.context("the operator")?;
    let vendor = published::seed(server.product()).await.context("the vendor's firmware")?;
    drive(server.product(), &url, devices, (records, options.speed));
    greet(&url, (&app, &vendor));
    Box::pin(server.until(serve::ended())).await?;
    println!("\nstopping…");
    if tokio::task::spawn_blocking(move || cluster.stop_if_last()).await?? {
        println!("PostgreSQL is stopped; its data is kept");
    }
    Ok(())
}

/// The platform's operator, with the authenticator app that operators must have.
async fn operator(platform: &Platform) -> Result<Enrolled> {
    let account = platform.operator((PLATFORM, PASSWORD.into()), ("Olga", "Petit")).await?;
    let realm = &platform::BRANDING.realm;
    Ok(factors::enrol(platform.app(), realm, (platform::TENANT, account), PLATFORM).await?)
}

fn greet(url: &str, (app, vendor): (&Enrolled, &Enrolled)) {
    let now = Clock::system().now();
    println!("ready {url}");
    println!("  PhysioTraq       {url}/physiotraq/");
    println!("  live screens     {url}/physiotraq/app/monitor");
    println!("  sign in as       {OPERATOR} (field user), {OWNER} (licence owner)");
    println!("  another licence  {STRANGER}");
    println!("  password         {PASSWORD}");
    println!("  platform         {url}/platform/ as {PLATFORM}; mails {url}/platform/dev/mail");
    println!("                   its second factor: put {} into an authenticator app;", app.secret());
    println!("                   the code of this half minute is {}", app.code(now));
    println!("  the vendor       {url}/physiotraq/vendor/firmware as {}; second factor", published::VENDOR);
    println!("                   {}, now {}", vendor.secret(), vendor.code(now));
    println!("  API              {url}/physiotraq/api/docs");
    println!("Ctrl-C stops everything.");
}

/// What the demo drives.
struct Demo {
    devices: Vec<Seeded>,
    licence: TenantId,
    operator: AccountId,
}

async fn seed_all(product: &Physiotraq) -> Result<Demo> {
    let now = Clock::system().now();
    let licence = TenantId::fresh(now);
    let new = NewLicence { id: licence, name: "Centre thermique de Nice", quantity: 20, time_zone: "Europe/Paris" };
    let team = [
        SeedPerson { email: OWNER, first_name: "Hélène", last_name: "Garnier", role: "admin" },
        SeedPerson { email: OPERATOR, first_name: "Karim", last_name: "Bensaïd", role: "operator" },
    ];
    let accounts = seed::licence(product, new, PASSWORD, &team).await?;
    let [owner, operator] = accounts.as_slice() else { bail!("two accounts were asked for") };
    let caller = seed::owner(product, licence, *owner);
    let mut devices = Vec::new();
    for (number, mac) in [(5, "A4:CF:12:8B:3D:E7"), (6, "A4:CF:12:8B:3D:E8"), (7, "A4:CF:12:8B:3D:E9")] {
        let (serial, name) = (format!("PT-2025-{:05}", 118 + number), format!("CoreTraQer{number:03}"));
        devices
            .push(seed::device(product, &caller, SeedDevice { serial: &serial, mac, name: &name }, &accounts).await?);
    }
    for number in SPARE {
        let Spare { serial, mac, secret } = spare(number);
        import(caller.db(), (&serial, &mac), &secret, now).await?;
    }
    let other = TenantId::fresh(now);
    let new = NewLicence { id: other, name: "Clinique du sport de Lyon", quantity: 1, time_zone: "Europe/Paris" };
    let team = [SeedPerson { email: STRANGER, first_name: "Denis", last_name: "Roux", role: "admin" }];
    seed::licence(product, new, PASSWORD, &team).await?;
    Ok(Demo { devices, licence, operator: *operator })
}

/// Runs the devices in the background: the first two in a treatment, the third free to be chosen.
fn drive(product: &Physiotraq, url: &str, demo: Demo, (records, speed): (Option<Vec<PathBuf>>, f64)) {
    let since = Clock::system().now();
    for (index, seeded) in demo.devices.iter().enumerate() {
        let client = DeviceClient::new(url, seeded.credential.clone());
        let mine = records.as_ref().map(|files| every_third(files, index));
        match mine {
            Some(files) => tokio::spawn(play(client, files, speed)),
            None => tokio::spawn(simulate::drive(client, Clock::system(), index, since)),
        };
    }
    let (product, url) = (product.clone(), url.to_owned());
    tokio::spawn(async move {
        if let Err(error) = treat(&product, &url, &demo).await {
            tracing::error!(%error, "demo treatments");
        }
    });
}

fn every_third(files: &[PathBuf], start: usize) -> Vec<PathBuf> {
    files.iter().skip(start).step_by(3).cloned().collect()
}

/// Replays records one after the other, for ever.
async fn play(client: DeviceClient, files: Vec<PathBuf>, speed: f64) {
    let clock = Clock::system();
    for file in files.iter().cycle() {
        let played = match replay::read(file) {
            Ok(record) => replay::live(&client, &clock, &record, speed).await,
            Err(error) => Err(error),
        };
        match played {
            Ok(counts) => println!("{}: {}", file.display(), counts.line()),
            Err(error) => tracing::warn!(%error, file = %file.display(), "replay"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Starts treatments on the first two devices as soon as they are online.
async fn treat(product: &Physiotraq, url: &str, demo: &Demo) -> Result<()> {
    let caller = seed::operator(product, demo.licence, demo.operator);
    let named = PatientForm {
        patient_first_name: "Jeanne".to_owned(),
        patient_last_name: "Martin".to_owned(),
        patient_age: "45".to_owned(),
        patient_sex: "female".to_owned(),
        patient_weight: "62,5".to_owned(),
        ..PatientForm::default()
    };
    let anonymous = PatientForm { anonymous: Some("on".to_owned()), ..PatientForm::default() };
    for seeded in &demo.devices {
        DeviceClient::new(url, seeded.credential.clone()).check(published::HARDWARE).await?;
    }
    for (seeded, form) in demo.devices.iter().zip([anonymous, named]) {
        DeviceClient::new(url, seeded.credential.clone()).heartbeat().await?;
        let device: DeviceId = seeded.id;
        actions::start(product, &caller, device, &form).await?;
    }
    Ok(())
}
