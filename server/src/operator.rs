//! `socle add-operator EMAIL FIRST LAST`: somebody who runs the platform. The first one cannot be invited by anybody.

use std::io::BufRead;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use secrecy::SecretString;
use socle::Error;
use socle::config::Config;
use socle::platform::Platform;

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
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let app = serve::app(config).await?;
    let platform = Platform::new(app).map_err(|e| anyhow!(e))?;
    let Options { email, first_name, last_name } = options;
    let credentials = (email.as_str(), SecretString::from(password.to_owned()));
    platform.operator(credentials, (&first_name, &last_name)).await.map_err(told)?;
    println!("{email} signs in at {address}/platform/ and sets up a second factor there first");
    Ok(())
}

/// A refusal with what is wrong in its fields, for who stands at the terminal.
pub fn told(error: Error) -> anyhow::Error {
    let details: Vec<String> = error.details.iter().map(|detail| detail.message.to_string()).collect();
    if details.is_empty() { error.into() } else { anyhow!(details.join(" ")) }
}
