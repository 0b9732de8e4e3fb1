//! Measures Socle against PostgreSQL itself, on the same machine in the same minute.
//!
//! What each bench does and how its reference is made: `docs/benchmarks.md`.

mod bodies;
mod crowd;
mod fanout;
mod house;
mod ingest;
mod jobs;
mod latency;
mod memory;
mod posts;
mod process;
mod programs;
mod read;
mod report;
mod scratch;
mod server;
mod single;
mod sql;
mod steady;
mod viewers;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures Socle as a ratio to what PostgreSQL itself does on the same machine.
#[derive(Parser)]
#[command(name = "socle-bench")]
struct Cli {
    /// What to measure.
    #[command(subcommand)]
    bench: Bench,
    /// Print one line of JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

/// What to measure.
#[derive(Clone, Copy, Subcommand)]
enum Bench {
    /// Batches of readings to the acknowledgement, against psql's COPY of the same rows.
    Ingest,
    /// One device over HTTP, against pgbench asking for the same.
    Read,
    /// Resident memory of the idle server, against its limit.
    Memory,
    /// Single readings, one request each: a load figure beside pgbench's one INSERT a commit.
    Single,
    /// A thousand thermometers at one reading a second, with viewers: cost, acknowledgement, screen; then the most
    /// that the server bears.
    Steady(steady::Options),
    /// One thermometer on a thousand screens: when the last one shows it, and what an open stream costs.
    Fanout(fanout::Options),
    /// Background jobs of one server, against pgbench taking rows one by one.
    Jobs,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    // Before anything is started, so that it says what else the machine was doing.
    let load = report::load()?;
    let report = match cli.bench {
        Bench::Ingest => Box::pin(ingest::run(load)).await?,
        Bench::Read => Box::pin(read::run(load)).await?,
        Bench::Memory => Box::pin(memory::run(load)).await?,
        Bench::Single => Box::pin(single::run(load)).await?,
        Bench::Steady(options) => Box::pin(steady::run(load, options)).await?,
        Bench::Fanout(options) => Box::pin(fanout::run(load, options)).await?,
        Bench::Jobs => Box::pin(jobs::run(load)).await?,
    };
    report.print(cli.json);
    Ok(())
}
