//! `socle add-operator EMAIL FIRST LAST`: somebody who runs the platform. The first one cannot be invited by anybody.

use std::io::BufRead;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use secrecy::SecretString;
use socle::clock::Clock;
use socle::config::{Config, Role};
use socle::db::Db;
use socle::platform::Platform;
use socle::web::Assets;
use socle::{App, Error};

use crate::serve;

/// Options of `add-operator`.
#[derive(Args)]
pub struct Options {
    /// Sign-in address.
    email: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
}

/// Makes the operator; the password is the first line of standard input, so that it stands in no list of processes.
pub async fn run(options: Options) -> Result<()> {
    let config = Config::load().context("the settings cannot be read")?;
    let address = config.public_url();
    let url = |role| config.database_url(role).map_err(anyhow::Error::msg);
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let db = Db::connect(&url(Role::App)?, &url(Role::Ingest)?, 2).await.map_err(|e| anyhow!(e))?;
    let parts = (serve::vault(&config)?, Assets::default());
    let app = App::new(db, Clock::system(), config, parts).await.map_err(|e| anyhow!(e))?;
    let platform = Platform::new(app).map_err(|e| anyhow!(e))?;
    let Options { email, first_name, last_name } = options;
    let credentials = (email.as_str(), SecretString::from(password.to_owned()));
    platform.operator(credentials, (&first_name, &last_name)).await.map_err(told)?;
    println!("{email} signs in at {address}/platform/");
    Ok(())
}

/// A refusal with what is wrong in its fields, for who stands at the terminal.
fn told(error: Error) -> anyhow::Error {
    let details: Vec<String> = error.details.iter().map(|detail| detail.message.to_string()).collect();
    if details.is_empty() { error.into() } else { anyhow!(details.join(" ")) }
}
