//! `socle admin privacy`: what operators do about personal rights on the command line.

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use physiotraq::Physiotraq;
use socle::App;
use socle::clock::Clock;
use socle::config::{Config, Role};
use socle::db::Db;
use socle::platform::Platform;
use socle::privacy::{Products, erasure};
use socle::web::Assets;

use crate::serve;

/// What to do.
#[derive(Subcommand)]
pub enum Action {
    /// After a restore, before the server is started: erases again whom the journal knows to be erased.
    Replay,
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let config = Config::load().context("the settings cannot be read")?;
    let url = |role| config.database_url(role).map_err(anyhow::Error::msg);
    let db = Db::connect(&url(Role::App)?, &url(Role::Ingest)?, 4).await.map_err(|e| anyhow!(e))?;
    let parts = (serve::vault(&config)?, Assets::default());
    let app = App::new(db, Clock::system(), config, parts).await.map_err(|e| anyhow!(e))?;
    let product = Physiotraq::start(app.clone()).await.map_err(|e| anyhow!(e))?;
    let operators = Platform::new(app.clone()).map_err(|e| anyhow!(e))?;
    let products = Products::default().with(operators).with(product);
    match action {
        Action::Replay => {
            let done = Box::pin(erasure::replay(&app, &products)).await?;
            println!("{done} erased again");
        }
    }
    Ok(())
}
