//! Resident memory of the idle server, against its limit.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::house::House;
use crate::report::Report;
use crate::server::Server;

/// MB that the idle server may take.
const LIMIT: f64 = 64.0;
/// After the start everything settles.
const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// Measures it.
///
/// # Errors
/// When the server does not start, or this is not Linux.
pub async fn run(load: f64) -> Result<Report> {
    let house = House::open().await?;
    let server = Server::start(&house).await?;
    tokio::time::sleep(SETTLED_AFTER).await;
    let ours = resident(server.pid()?)?;
    server.stop().await?;
    let verdict = if ours < LIMIT { "ok" } else { "over" };
    let lines = vec![("verdict", verdict.to_owned())];
    let ratio = Some(LIMIT / ours);
    Ok(Report { name: "memory", unit: "MB", ours, reference: LIMIT, ratio, load, rounds: Vec::new(), lines })
}

/// MB (of a million bytes) that a process holds in memory.
fn resident(pid: u32) -> Result<f64> {
    let file = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the process says no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS")?;
    Ok(kibibytes * 1_024.0 / 1_000_000.0)
}
