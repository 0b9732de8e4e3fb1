//! A running server over a database of its own, on a settable clock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use physiotraq::Physiotraq;
use physiotraq::licences::NewLicence;
use physiotraq::seed::{self, SeedDevice, SeedPerson};
use socle::App;
use socle::clock::Clock;
use socle::config::Config;
use socle::db::Db;
use socle::ids::TenantId;
use socle::jobs::Jobs;
use socle::platform::Platform;
use socle::privacy::{self, Products};
use socle::sealed::Custody;
use socle::web::{Assets, Site};
use tokio::net::TcpListener;

use crate::{Database, Device, Person, Trial};

/// The password of everybody on the stage.
pub const PASSWORD: &str = "une phrase de passe pour les tests";

/// Where settable clocks start: a Saturday morning in Paris, in winter time.
#[must_use]
pub fn start_of_tests() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_255_200, 0).unwrap_or_default()
}

/// A server with its database and clock.
pub struct Stage {
    /// Its database.
    pub database: Arc<Database>,
    /// Its clock.
    pub clock: Clock,
    /// The product, for a look inside.
    pub product: Physiotraq,
    /// The platform's pages.
    pub platform: Platform,
    /// A product with every rule that a realm may have.
    pub trial: Trial,
    address: SocketAddr,
    jobs: Option<socle::jobs::Running>,
    runtime: Option<tokio::runtime::Runtime>,
    count: AtomicU32,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Adds jobs of the test's own.
type ChangeJobs = Box<dyn FnOnce(Jobs) -> Jobs + Send>;

/// A server that runs.
struct Running {
    product: Physiotraq,
    platform: Platform,
    trial: Trial,
    address: SocketAddr,
    jobs: socle::jobs::Running,
}

/// Starts a server and leaves it running on this runtime.
async fn serve(database: Arc<Database>, clock: Clock, config: Config, change: ChangeJobs) -> Result<Running> {
    let (app, ingest) = (database.app_url().into(), database.ingest_url().into());
    let db = Db::connect(&app, &ingest, config.database.connections).await.map_err(anyhow::Error::msg)?;
    let parts = (Custody::of(&config).map_err(anyhow::Error::msg)?, Assets::new(HashMap::new()));
    let app = App::new(db, clock, config, parts).await.map_err(anyhow::Error::msg)?;
    let product = Physiotraq::start(app.clone()).await.map_err(anyhow::Error::msg)?;
    let platform = Platform::new(app.clone()).map_err(anyhow::Error::msg)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    app.mail.reached_at(&format!("http://{address}"));
    let brandings = [&physiotraq::BRANDING, &socle::platform::BRANDING, &crate::trial::BRANDING];
    let trial = Trial::new(app.clone()).map_err(anyhow::Error::msg)?;
    let products = Products::default().with(product.clone()).with(platform.clone()).with(trial.clone());
    let work = socle::identity::registration::jobs(socle::platform::work(&brandings), trial.clone());
    let jobs = change(product.jobs(privacy::jobs(work, &products))).start(&app);
    let site = Site::new(app.clone()).mount(&physiotraq::BRANDING, product.clone().routes());
    let site = site.mount_apart(platform.clone().routes());
    let site = site.mount_apart(trial.clone().routes());
    site.refuse_unfit().map_err(anyhow::Error::msg)?;
    tokio::spawn(async move {
        if let Err(error) = site.serve(listener, std::future::pending()).await {
            tracing::error!(%error, "the test server failed");
        }
    });
    Ok(Running { product, platform, trial, address, jobs })
}

/// A licence on the stage, with one device assigned to both.
pub struct Licence {
    /// Its id.
    pub id: TenantId,
    /// The owner (admin).
    pub owner: Person,
    /// A field user (operator).
    pub operator: Person,
    /// A registered device, assigned to both.
    pub device: Device,
}

impl Stage {
    /// On a settable clock at [`start_of_tests`].
    ///
    /// # Errors
    /// When the database or server cannot be started.
    pub async fn new() -> Result<Self> {
        Self::with(Clock::settable(start_of_tests()), |_| {}).await
    }

    /// On a clock of choice, with settings changed.
    ///
    /// # Errors
    /// When the database or server cannot be started.
    pub async fn with(clock: Clock, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let database = Arc::new(Database::fresh().await?);
        Self::over(database, clock, change).await
    }

    /// Over a database that is there: a second server, or the same after a crash.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub async fn over(database: Arc<Database>, clock: Clock, change: impl FnOnce(&mut Config)) -> Result<Self> {
        Self::working(database, clock, change, |jobs| jobs).await
    }

    /// …with jobs of the test's own.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub async fn working(
        database: Arc<Database>,
        clock: Clock,
        change: impl FnOnce(&mut Config),
        jobs: impl FnOnce(Jobs) -> Jobs + Send + 'static,
    ) -> Result<Self> {
        let mut config = Config::load()?;
        config.database.connections = 8;
        // Beside the database, and as much the test's own.
        config.privacy.export_folder = Some(database.folder().join("exports"));
        config.privacy.erasure_journal = Some(database.folder().join("erasures"));
        config.files.folder = Some(database.folder().join("files"));
        config.files.trusted_keys = vec![crate::vendor::PUBLIC_KEY.to_owned()];
        config.sealed.key = Some(crate::KEK.into());
        config.sealed.key_store = Some(database.key_store().to_path_buf());
        change(&mut config);
        // A runtime of its own: ended at once, it takes every task and connection of the server with it.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let starting = runtime.spawn(Box::pin(serve(Arc::clone(&database), clock.clone(), config, Box::new(jobs))));
        let Running { product, platform, trial, address, jobs } = match starting.await? {
            Ok(running) => running,
            Err(error) => {
                // A runtime must not be dropped inside another.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let (runtime, jobs, count) = (Some(runtime), Some(jobs), AtomicU32::new(1));
        Ok(Self { database, clock, product, platform, trial, address, jobs, runtime, count })
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server without any farewell, as a crash would, and starts another over the same database and clock.
    /// (Real kill -9 is tried on the real binary, in the server's tests.)
    ///
    /// # Errors
    /// When the new server cannot be started.
    pub async fn crash_and_restart(self) -> Result<Self> {
        let (database, clock) = (Arc::clone(&self.database), self.clock.clone());
        drop(self);
        Self::over(database, clock, |_| {}).await
    }

    /// Ends the server after it has saved what it holds.
    pub async fn stop(mut self) {
        if let Some(jobs) = self.jobs.take() {
            jobs.stop().await;
        }
        self.product.stop().await;
    }

    /// A licence with owner, operator and a device; names end in the licence's number.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn licence(&self) -> Result<Licence> {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let id = TenantId::fresh(self.clock.now());
        let (owner, operator) = (format!("owner{number}@test.fr"), format!("operator{number}@test.fr"));
        let new = NewLicence { id, name: &format!("Clinique {number}"), quantity: 20, time_zone: "Europe/Paris" };
        let person = |email, first_name, role| SeedPerson { email, first_name, last_name: "Essai", role };
        let team = [person(&*owner, "Odile", "admin"), person(&*operator, "Paul", "operator")];
        let accounts = seed::licence(&self.product, new, PASSWORD, &team).await?;
        let [first, second] = accounts.as_slice().try_into().map_err(|_| anyhow!("two people were asked for"))?;
        let caller = seed::owner(&self.product, id, first);
        let (serial, mac) = (format!("PT-2026-{number:05}"), format!("A4:CF:12:00:00:{number:02X}"));
        let new = SeedDevice { serial: &serial, mac: &mac, name: &format!("CoreTraQer{number:03}") };
        let device = seed::device(&self.product, &caller, new, &accounts).await?;
        Ok(Licence {
            id,
            owner: self.sign_in(&owner).await?.with_account(first),
            operator: self.sign_in(&operator).await?.with_account(second),
            device: Device::new(self.url(), device),
        })
    }

    /// A further device of a licence, assigned to nobody.
    ///
    /// # Errors
    /// When the licence has no unit left.
    pub async fn device(&self, licence: &Licence) -> Result<Device> {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let caller = seed::owner(&self.product, licence.id, licence.owner.account);
        let (serial, mac) = (format!("PT-2026-{number:05}"), format!("A4:CF:12:00:00:{number:02X}"));
        let new = SeedDevice { serial: &serial, mac: &mac, name: &format!("CoreTraQer{number:03}") };
        let device = seed::device(&self.product, &caller, new, &[]).await?;
        Ok(Device::new(self.url(), device))
    }

    /// A number that nobody else on this stage has.
    pub(crate) fn number(&self) -> u32 {
        self.count.fetch_add(1, Ordering::SeqCst)
    }

    /// Signs somebody in over HTTP.
    ///
    /// # Errors
    /// When the sign-in is refused.
    pub async fn sign_in(&self, email: &str) -> Result<Person> {
        Person::sign_in(self.url(), email, PASSWORD).await
    }

    /// Somebody without a session.
    #[must_use]
    pub fn anybody(&self) -> Person {
        Person::nobody(self.url())
    }
}
