//! `socle admin …`: what the people who run the platform do from the command line.

mod audit;

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
}

/// Runs an action; what the process is to exit with.
pub async fn run(subject: Subject) -> Result<std::process::ExitCode> {
    match subject {
        Subject::Audit { action } => audit::run(action).await,
    }
}
