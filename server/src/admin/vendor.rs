//! `socle admin vendor`: the vendor's people, who publish firmware. Nobody can invite the first one.

use std::io::BufRead;

use anyhow::{Context, Result};
use clap::Subcommand;
use physiotraq::vendor;
use secrecy::SecretString;
use socle::config::Config;

use crate::operator::told;
use crate::serve;

/// What to do.
#[derive(Subcommand)]
pub enum Action {
    /// Makes one of the vendor's people; the password is read from standard input.
    Add {
        /// Sign-in address.
        email: String,
        /// First name.
        first_name: String,
        /// Last name.
        last_name: String,
    },
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let Action::Add { email, first_name, last_name } = action;
    let config = Config::load().context("the settings cannot be read")?;
    let address = config.public_url();
    // The first line of standard input, so that it stands in no list of processes.
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password)?;
    let password = SecretString::from(password.trim_end_matches(['\r', '\n']).to_owned());
    let app = serve::app(config).await?;
    vendor::person(&app, (&email, password), (&first_name, &last_name)).await.map_err(told)?;
    println!("{email} signs in at {address}/physiotraq/ and sets up a second factor there first");
    Ok(())
}
