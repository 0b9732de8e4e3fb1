//! The one binary: `socle serve`, `config`, `migrate`, `demo`, `simulate`, `replay`, `cluster`, `import-stock`, `firmware`, `admin`.
#![expect(clippy::print_stdout, reason = "a command-line program speaks to its user on standard output")]

mod admin;
mod assets;
mod claim;
mod cluster;
mod demo;
mod device_client;
mod faults;
mod firmware;
mod operator;
mod published;
mod replay;
mod serve;
mod simulate;
mod stock;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use socle::config::Config;
use socle::logging;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Socle: one platform, five products.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server (DATABASE_URL, docs/operations.md).
    Serve,
    /// Prints the settings in force, secrets masked.
    Config,
    /// Creates roles, schemas, tables and partitions; run by a role that may create roles.
    Migrate,
    /// Runs the platform with live demo data on a private PostgreSQL, until Ctrl-C.
    Demo(demo::Options),
    /// Posts the temperatures of made-up sessions through the public device API.
    Simulate(simulate::Options),
    /// Posts recorded temperatures through the public device API.
    Replay(replay::Options),
    /// The private PostgreSQL of this checkout.
    Cluster {
        #[command(subcommand)]
        action: cluster::Action,
    },
    /// Makes somebody who runs the platform; the password is read from standard input.
    AddOperator(operator::Options),
    /// Imports devices that the vendor built: a CSV of serial, MAC, claim secret.
    ImportStock(stock::Options),
    /// The vendor's signing key and signatures of firmware, on a machine of its own.
    Firmware {
        #[command(subcommand)]
        action: firmware::Action,
    },
    /// What the people who run the platform do now and then: audit, keys, personal rights.
    Admin {
        #[command(subcommand)]
        subject: admin::Subject,
    },
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done: Result<()> = match cli.command {
        Command::Admin { subject } => return runtime.block_on(admin::run(subject)),
        Command::Serve => {
            let ended = runtime.block_on(serve::run());
            // What sends the last traces blocks: outside the runtime.
            logging::end();
            ended
        }
        Command::Config => {
            println!("{}", Config::load().context("the settings cannot be read")?.printed());
            Ok(())
        }
        Command::Migrate => runtime.block_on(cluster::migrate()),
        Command::Demo(options) => runtime.block_on(demo::run(options)),
        Command::Simulate(options) => runtime.block_on(simulate::run(options)),
        Command::Replay(options) => runtime.block_on(replay::run(options)),
        Command::Cluster { action } => runtime.block_on(cluster::run(action)),
        Command::AddOperator(options) => runtime.block_on(operator::run(options)),
        Command::ImportStock(options) => runtime.block_on(stock::run(options)),
        Command::Firmware { action } => firmware::run(&action),
    };
    done.map(|()| ExitCode::SUCCESS)
}
