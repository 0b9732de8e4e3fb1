//! PhysioTraq: live core temperature during hyperthermia sessions. specs/physiotraq.md and its companion.
//!
//! `Physiotraq` is the product's state; `routes` is all that the server mounts.

pub mod calibrations;
pub mod dashboard;
pub mod devices;
pub mod events;
pub mod firmware;
mod home;
pub mod licences;
pub mod measurements;
pub mod monitor;
pub mod monitoring;
pub mod openapi;
pub mod people;
pub mod roles;
pub mod seed;
pub mod team;
pub mod treatments;
pub mod units;
pub mod vendor;
pub mod wifi;
mod wording;

use std::sync::Arc;

use socle::access::Policies;
use socle::db::{Machine, Tx};
use socle::identity::members::Newcomer;
use socle::identity::{Realm, Rules};
use socle::ids::AccountId;
use socle::jobs::Jobs;
use socle::peers::Shards;
use socle::privacy::erasure::{Fate, Outcome, Use};
use socle::privacy::export::Sections;
use socle::privacy::retention::{Kept, Rule};
use socle::readings::{Limits, Writer};
use socle::web::{Branding, Catalogue, Lang, NavItem, Product, Routes};
use socle::{App, Caller, Result, audit, identity, privacy};
use uuid::Uuid;

use crate::devices::Credentials;
use crate::measurements::{Leaves, Measurement};
use crate::monitoring::Monitor;

fluent_templates::static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "fr",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static CATALOGUE: Catalogue = Catalogue::new(&TEXTS);

/// A release of the vendor's reaches every device: a second factor is mandatory for them, as for operators.
const RULES: Rules = Rules { second_factor: &[vendor::ROLE], ..Rules::PLAIN };

/// The product's names and place.
pub static BRANDING: Branding = Branding {
    base: "/physiotraq",
    name: "physiotraq",
    theme: "physiotraq",
    home: "/app",
    realm: Realm { name: "physiotraq", cookie: "__Host-physiotraq", signed_in: people::SIGNED_IN, rules: RULES },
    texts: &CATALOGUE,
};

/// The schema that holds the product's tables.
pub const SCHEMA: &str = "physiotraq";

/// The class of the advisory locks that devices' shards are held by.
const SHARDS: i32 = 7_305_530;

/// The product's state: the kernel's parts, its policies, its writer and its monitor. Cheap to clone.
#[derive(Clone)]
pub struct Physiotraq {
    app: App,
    policies: Arc<Policies>,
    writer: Writer<Measurement>,
    monitor: Arc<Monitor>,
    leaves: Leaves,
    credentials: Credentials,
    wanted: firmware::updates::Wanted,
}

impl Physiotraq {
    /// Starts the product: policies checked, partitions there, readings since the last save evaluated, writer and
    /// monitor running. Only then may the port open.
    ///
    /// # Errors
    /// When the policies are wrong or the database cannot be read.
    pub async fn start(app: App) -> Result<Self, String> {
        let policies = roles::policies()?;
        let leaves = Leaves::default();
        leaves.refresh(&app).await.map_err(|e| format!("partitions: {e}"))?;
        let monitor = Box::pin(Monitor::recover(app.clone())).await.map_err(|e| format!("recovery: {e}"))?;
        monitor.run(leaves.clone());
        let settings = &app.config.readings;
        let limits = Limits { lanes: settings.lanes, queue: settings.queue, per_device: settings.per_device };
        let shards = Shards::start(&app.db, &app.bus, &monitor, SHARDS);
        Box::pin(shards).await.map_err(|e| format!("shards: {e}"))?;
        let writer = Writer::start((&app.db, app.bus.slot()), limits, &monitor);
        let (credentials, wanted) = (Credentials::default(), firmware::updates::Wanted::default());
        Ok(Self { app, policies: Arc::new(policies), writer, monitor, leaves, credentials, wanted })
    }

    /// Every route of the product.
    #[must_use]
    pub fn routes(self) -> Routes<Self> {
        let routes = identity::api::routes(identity::pages::routes(Routes::new(self)));
        let routes = privacy::routes(routes);
        let routes = home::routes(routes);
        let routes = people::routes(routes);
        let routes = team::routes(dashboard::routes(routes));
        let routes = calibrations::routes(wifi::routes(devices::routes(routes)));
        let routes = events::routes(routes);
        let routes = measurements::routes(routes);
        let routes = monitor::routes(routes);
        let routes = firmware::routes(treatments::routes(routes));
        let routes = audit::routes(routes, roles::SEE_AUDIT, ("/admin/audit", "/admin/audit/export"));
        socle::web::openapi::routes(routes)
    }

    /// Adds the product's own work to that of the platform.
    #[must_use]
    pub fn jobs(&self, jobs: Jobs) -> Jobs {
        firmware::jobs(jobs, self)
    }

    /// Saves what the monitor holds; the last thing before the server ends.
    pub async fn stop(&self) {
        self.monitor.save().await;
    }

    /// The monitor, for tests and the demo.
    #[must_use]
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }
}

impl Product for Physiotraq {
    fn app(&self) -> &App {
        &self.app
    }

    fn branding(&self) -> &'static Branding {
        &BRANDING
    }

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn nav(&self, caller: &Caller, lang: Lang, path: &str) -> Vec<NavItem> {
        home::nav(&self.policies, caller, lang, path)
    }

    fn roles(&self) -> &'static [&'static str] {
        &roles::ROLES
    }

    fn administrators(&self) -> &'static [&'static str] {
        &["admin"]
    }

    fn role_label(&self, role: &str, lang: Lang) -> String {
        let key = match role {
            "admin" => "role-admin",
            vendor::ROLE => "role-vendor",
            _ => "role-operator",
        };
        CATALOGUE.text(lang, key)
    }

    async fn device(&self, credential: &str) -> Result<Option<Machine>> {
        let found = self.credentials.find(&self.app, credential).await?;
        Ok(found.map(|device| Machine { device: device.id.0, tenant: device.license }))
    }

    async fn joined(&self, tx: &mut Tx, newcomer: &Newcomer) -> Result<()> {
        people::joined(tx, newcomer).await
    }

    async fn personal_data(&self, tx: &mut Tx, account: AccountId, into: &mut Sections) -> Result<()> {
        people::personal_data(tx, account, into).await
    }

    async fn uses(&self, tx: &mut Tx, account: AccountId) -> Result<Vec<Use>> {
        people::uses(tx, account).await
    }

    fn fates(&self) -> &'static [Fate] {
        &people::FATES
    }

    async fn erase(&self, tx: &mut Tx, account: AccountId) -> Result<Vec<Outcome>> {
        people::erase(tx, account).await
    }

    fn retention(&self) -> (&'static [Rule], &'static [Kept]) {
        (&people::RULES, &people::KEPT)
    }

    fn audit_shape(&self) -> audit::Shape {
        audit::Shape::Event
    }

    async fn people(&self, tx: &mut Tx) -> Result<Vec<(Uuid, String)>> {
        let members = people::members(tx).await?.into_iter().chain(vendor::people(tx).await?);
        Ok(members.map(|member| (member.id, member.name)).collect())
    }

    fn api_document(&self) -> utoipa::openapi::OpenApi {
        openapi::document()
    }
}
