//! `socle serve`.

use anyhow::{Context, Result, anyhow};
use physiotraq::Physiotraq;
use secrecy::SecretString;
use socle::clock::Clock;
use socle::config::{Config, Role};
use socle::db::Db;
use socle::identity::members;
use socle::jobs::Running;
use socle::ops::metrics;
use socle::platform::{self, Platform};
use socle::privacy::{self, Products};
use socle::sealed::Custody;
use socle::web::{Assets, Product, Site};
use socle::{App, logging};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::assets;

/// Runs until the process is told to end.
pub async fn run() -> Result<()> {
    let config = Config::load().context("the settings cannot be read")?;
    config.refuse_unfit().map_err(anyhow::Error::msg)?;
    logging::start_with_traces(&config).map_err(anyhow::Error::msg)?;
    tracing::info!(settings = config.printed_json(), "starting");
    let database = |role| config.database_url(role).map_err(anyhow::Error::msg);
    let server = Server::start(&config, &database(Role::App)?, &database(Role::Ingest)?).await?;
    println!("ready {}", server.url());
    Box::pin(server.until(ended())).await
}

/// Resolves at SIGINT or SIGTERM.
pub async fn ended() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// A server whose port is open.
pub struct Server {
    product: Physiotraq,
    platform: Platform,
    app: App,
    site: Site,
    jobs: Running,
    listener: TcpListener,
    /// Where operators read `/metrics`, when it is apart from the main listener.
    figures: Option<TcpListener>,
    port: u16,
}

impl Server {
    /// Connects, recovers, binds. The port opens only when everything stored has been evaluated.
    pub async fn start(config: &Config, app_url: &SecretString, ingest_url: &SecretString) -> Result<Self> {
        let db = Db::connect(app_url, ingest_url, config.database.connections).await.map_err(|e| anyhow!(e))?;
        let parts = (Custody::of(config).map_err(|e| anyhow!(e))?, assets::load());
        let app = App::new(db, Clock::system(), config.clone(), parts).await.map_err(|e| anyhow!(e))?;
        let product = Physiotraq::start(app.clone()).await.map_err(|e| anyhow!(e))?;
        let operators = Platform::new(app.clone()).map_err(|e| anyhow!(e))?;
        for (branding, roles) in [(product.branding(), product.roles()), (operators.branding(), operators.roles())] {
            members::refuse_retired_roles(&app.db, branding.realm.name, roles).await.map_err(|e| anyhow!(e))?;
        }
        let site = Site::new(app.clone()).mount(&physiotraq::BRANDING, product.clone().routes());
        let site = site.mount_apart(operators.clone().routes());
        site.refuse_unfit().map_err(anyhow::Error::msg)?;
        let figures = match &config.ops.metrics_address {
            Some(address) => Some(TcpListener::bind(address).await.with_context(|| format!("/metrics at {address}"))?),
            None => None,
        };
        let address = (config.http.address.as_str(), config.http.port);
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("port {} cannot be opened; set SOCLE_PORT to a free one", config.http.port))?;
        let port = listener.local_addr()?.port();
        app.mail.reached_at(&format!("http://localhost:{port}"));
        privacy::warn_of_restored(&app).await.map_err(|e| anyhow!(e))?;
        let products = Products::default().with(operators.clone()).with(product.clone());
        let jobs = product.jobs(platform::work(&[&platform::BRANDING, &physiotraq::BRANDING]));
        let jobs = privacy::jobs(jobs, &products).start(&app);
        Ok(Self { product, platform: operators, app, site, jobs, listener, figures, port })
    }

    /// Where people find it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The product, for demo seeds.
    pub fn product(&self) -> &Physiotraq {
        &self.product
    }

    /// The operators' pages, for demo seeds.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Serves until `ending`, then saves and closes. The figures can be read until the very end.
    pub async fn until(self, ending: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let figures = self.figures.map(|listener| tokio::spawn(show_figures(listener)));
        self.site.serve(self.listener, ending).await?;
        self.jobs.stop().await;
        self.product.stop().await;
        self.app.db.close().await;
        if let Some(figures) = figures {
            figures.abort();
        }
        Ok(())
    }
}

async fn show_figures(listener: TcpListener) {
    if let Err(error) = metrics::serve(listener).await {
        tracing::error!(%error, "/metrics is not served any more");
    }
}

/// The shared parts without a server, for the command line.
pub async fn app(config: Config) -> Result<App> {
    let url = |role| config.database_url(role).map_err(anyhow::Error::msg);
    let db = Db::connect(&url(Role::App)?, &url(Role::Ingest)?, 2).await.map_err(|e| anyhow!(e))?;
    let parts = (Custody::of(&config).map_err(|e| anyhow!(e))?, Assets::default());
    App::new(db, Clock::system(), config, parts).await.map_err(|e| anyhow!(e))
}
