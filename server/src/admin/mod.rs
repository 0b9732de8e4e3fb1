//! `socle admin …`: what the people who run the platform do from the command line.

mod audit;
mod privacy;

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
    /// Personal rights.
    Privacy {
        #[command(subcommand)]
        action: privacy::Action,
    },
}

/// Runs an action; what the process is to exit with.
pub async fn run(subject: Subject) -> Result<std::process::ExitCode> {
    match subject {
        Subject::Audit { action } => audit::run(action).await,
        Subject::Privacy { action } => privacy::run(action).await.map(|()| std::process::ExitCode::SUCCESS),
    }
}
