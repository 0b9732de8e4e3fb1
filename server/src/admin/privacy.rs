//! `socle admin privacy`: what operators do about personal rights on the command line.

use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use physiotraq::Physiotraq;
use socle::config::Config;
use socle::platform::Platform;
use socle::privacy::{Products, erasure};

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
    let app = serve::app(config).await?;
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
