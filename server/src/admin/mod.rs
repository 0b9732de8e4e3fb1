//! `socle admin …`: what the people who run the platform do now and then, with the settings of the server.

mod audit;
mod keys;
mod privacy;
mod vendor;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What can be administered.
#[derive(Subcommand)]
pub enum Subject {
    /// The audit trail.
    Audit {
        #[command(subcommand)]
        action: audit::Action,
    },
    /// Keys of sealed fields: rotate them, see how many there are.
    Keys {
        #[command(subcommand)]
        action: keys::Action,
    },
    /// Personal rights.
    Privacy {
        #[command(subcommand)]
        action: privacy::Action,
    },
    /// The vendor's people, who publish firmware.
    Vendor {
        #[command(subcommand)]
        action: vendor::Action,
    },
}

/// Runs an action; what the process is to exit with.
pub async fn run(subject: Subject) -> Result<ExitCode> {
    match subject {
        Subject::Audit { action } => return audit::run(action).await,
        Subject::Keys { action } => Box::pin(keys::run(action)).await?,
        Subject::Privacy { action } => privacy::run(action).await?,
        Subject::Vendor { action } => Box::pin(vendor::run(action)).await?,
    }
    Ok(ExitCode::SUCCESS)
}
