//! `socle import-stock FILE`: devices that the vendor built.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use physiotraq::devices::actions;
use socle::clock::Clock;
use socle::config::{Config, Role};
use socle::db::Db;

/// Options of `import-stock`.
#[derive(Args)]
pub struct Options {
    /// CSV with the columns serial_number, mac_address, secret.
    file: PathBuf,
}

#[derive(serde::Deserialize)]
struct Line {
    serial_number: String,
    mac_address: String,
    secret: String,
}

/// Imports line by line; a line that is refused is named and the rest goes on.
pub async fn run(options: Options) -> Result<()> {
    let config = Config::load()?;
    let url = |role| config.database_url(role).map_err(anyhow::Error::msg);
    let db = Db::connect(&url(Role::App)?, &url(Role::Ingest)?, 1).await.map_err(|e| anyhow!(e))?;
    let clock = Clock::system();
    let mut reader = csv::Reader::from_path(&options.file).with_context(|| format!("{}", options.file.display()))?;
    let (mut imported, mut refused) = (0, 0);
    for line in reader.deserialize::<Line>() {
        let line = line?;
        let entry = (line.serial_number.as_str(), line.mac_address.as_str());
        match actions::import(&db, entry, &line.secret, clock.now()).await {
            Ok(true) => imported += 1,
            Ok(false) => {
                println!("{}: claimed already, or known with another MAC address", line.serial_number);
                refused += 1;
            }
            Err(error) => {
                println!("{}: {}", line.serial_number, error.message);
                refused += 1;
            }
        }
    }
    println!("imported {imported}, refused {refused}");
    if refused > 0 { Err(anyhow!("{refused} lines were refused")) } else { Ok(()) }
}
