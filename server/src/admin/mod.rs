//! `socle admin …`: what the people who run the platform do now and then, with the settings of the server.

mod keys;

use anyhow::Result;
use clap::Subcommand;

/// What can be done.
#[derive(Subcommand)]
pub enum Action {
    /// Keys of sealed fields: rotate them, see how many there are.
    Keys {
        #[command(subcommand)]
        action: keys::Action,
    },
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    match action {
        Action::Keys { action } => Box::pin(keys::run(action)).await,
    }
}
