//! `socle admin audit verify`, `socle admin audit public-key`: is the audit trail whole?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use chrono::TimeDelta;
use clap::Subcommand;
use secrecy::ExposeSecret;
use socle::audit::verify::{Report, Wanted, verify};
use socle::audit::{self, Anchors, PublicKey};
use socle::clock::Clock;
use socle::config::Config;
use socle::ids::TenantId;

use crate::serve;

/// A row that waits longer than this to be sealed says that no server seals.
const SEALED_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// What can be done with the audit trail.
#[derive(Subcommand)]
pub enum Action {
    /// Computes every hash chain anew and compares it with the signed anchors. Run it with a DATABASE_URL of the role
    /// that migrates. Exit code 0: whole; 1: something was changed or is missing; 2: whole, but rows are not sealed.
    Verify {
        /// Only this tenant's chain.
        #[arg(long)]
        tenant: Option<TenantId>,
        /// Folder of the anchors; the setting audit.anchor_store without it.
        #[arg(long)]
        anchors: Option<PathBuf>,
        /// A public key whose anchors count (once per key); without any, that of this server's own settings.
        #[arg(long = "public-key", value_parser = PublicKey::parse)]
        public_keys: Vec<PublicKey>,
    },
    /// Prints the public key that verifies this server's anchors. Keep it where the database cannot reach.
    PublicKey,
}

/// Runs an action; what the process is to exit with.
pub async fn run(action: Action) -> Result<ExitCode> {
    let config = Config::load().context("the settings cannot be read")?;
    match action {
        Action::PublicKey => {
            println!("{}", own_key(&config).await?);
            Ok(ExitCode::SUCCESS)
        }
        Action::Verify { tenant, anchors, public_keys } => {
            let folder = anchors.or_else(|| config.audit.anchor_store.clone());
            let anchors = folder.as_deref().map(Anchors::open).transpose().map_err(|error| anyhow!(error))?;
            let keys = if public_keys.is_empty() { vec![own_key(&config).await?] } else { public_keys };
            let url = config.database.url.as_ref().context("DATABASE_URL is not set")?;
            let anchored = anchors.is_some();
            let access_before = audit::access_kept_since(Clock::system().now());
            let wanted = Wanted { tenant, keys, anchors, access_before };
            let report = verify(url.expose_secret(), &wanted).await.map_err(|error| anyhow!(error))?;
            Ok(say(&report, anchored))
        }
    }
}

async fn own_key(config: &Config) -> Result<PublicKey> {
    Ok(serve::app(config.clone()).await?.audit.public_key())
}

fn say(report: &Report, anchored: bool) -> ExitCode {
    println!("{} chains, {} links computed anew", report.chains, report.links);
    if report.forgotten > 0 {
        println!("{} rows of the access log were forgotten after a year", report.forgotten);
    }
    match report.anchored_at {
        Some(at) => println!("{} anchors compared, the newest of {}", report.anchors, at.to_rfc3339()),
        None if anchored => println!("no anchor to compare with"),
        None => println!("no anchors given: a cut-off end or a chain made anew would not be seen"),
    }
    let age = report.unsealed.1.map(|oldest| Clock::system().now() - oldest);
    let seconds = age.map_or(0, |age| age.num_seconds().max(0));
    println!("{} rows wait to be sealed, the oldest for {seconds} s", report.unsealed.0);
    for fault in &report.faults {
        println!("FAULT {fault}");
    }
    if !report.faults.is_empty() {
        ExitCode::from(1)
    } else if age.is_some_and(|age| age > SEALED_WITHIN) {
        println!("nothing seals them: is a server running?");
        ExitCode::from(2)
    } else {
        println!("whole");
        ExitCode::SUCCESS
    }
}
