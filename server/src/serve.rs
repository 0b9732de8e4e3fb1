//! `socle serve`.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use physiotraq::Physiotraq;
use secrecy::{ExposeSecret, SecretString};
use socle::clock::Clock;
use socle::config::{Config, Environment, Role};
use socle::db::Db;
use socle::identity::Passwords;
use socle::live::Hub;
use socle::sealed::Vault;
use socle::web::Site;
use socle::{App, logging};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::assets;

/// Runs until the process is told to end.
pub async fn run() -> Result<()> {
    let config = Config::load().context("the settings cannot be read")?;
    logging::start(&config.log).map_err(anyhow::Error::msg)?;
    let database = |role| config.database_url(role).map_err(anyhow::Error::msg);
    let server = Server::start(&config, &database(Role::App)?, &database(Role::Ingest)?).await?;
    println!("ready {}", server.url());
    server.until(ended()).await
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
    app: App,
    listener: TcpListener,
    port: u16,
}

impl Server {
    /// Connects, recovers, binds. The port opens only when everything stored has been evaluated.
    pub async fn start(config: &Config, app_url: &SecretString, ingest_url: &SecretString) -> Result<Self> {
        let db = Db::connect(app_url, ingest_url, config.database.connections).await.map_err(|e| anyhow!(e))?;
        let app = App {
            db,
            clock: Clock::system(),
            config: Arc::new(config.clone()),
            passwords: Passwords::new()?,
            vault: Arc::new(vault(config)?),
            live: Hub::default(),
            assets: assets::load(),
        };
        let product = Physiotraq::start(app.clone()).await.map_err(|e| anyhow!(e))?;
        let address = (config.http.address.as_str(), config.http.port);
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("port {} cannot be opened; set SOCLE_PORT to a free one", config.http.port))?;
        let port = listener.local_addr()?.port();
        Ok(Self { product, app, listener, port })
    }

    /// Where people find it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The product, for demo seeds.
    pub fn product(&self) -> &Physiotraq {
        &self.product
    }

    /// Serves until `ending`, then saves and closes.
    pub async fn until(self, ending: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let site = Site::new(self.app.clone()).mount(self.product.clone().routes(), true);
        site.serve(self.listener, ending).await?;
        self.product.stop().await;
        self.app.db.close().await;
        Ok(())
    }
}

/// The key-encryption key: from a setting, from a file, or (in development) from a file made on first use.
fn vault(config: &Config) -> Result<Vault> {
    if let Some(key) = &config.sealed.key {
        return Vault::from_hex(key.expose_secret()).map_err(|e| anyhow!(e));
    }
    let Some(file) = &config.sealed.key_file else {
        bail!("sealed.key_file is not set (SOCLE_SEALED__KEY_FILE): where is the key-encryption key?")
    };
    if !file.exists() {
        if config.environment != Environment::Development {
            bail!("{} does not exist; a key-encryption key is made by hand outside development", file.display());
        }
        write_key(file)?;
    }
    let hex = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    Vault::from_hex(&hex).map_err(|e| anyhow!("{}: {e}", file.display()))
}

fn write_key(file: &std::path::Path) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let hex: String = socle::tokens::hash(&socle::tokens::fresh()?).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut created = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    created.write_all(hex.as_bytes())?;
    Ok(())
}
