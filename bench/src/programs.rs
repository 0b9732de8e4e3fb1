//! `psql`, `pgbench` and `wrk`, aimed at what is measured.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

use crate::house::{House, Reader};

/// The server's role.
pub const APP: &str = "socle_app";
/// The writer's role.
pub const INGEST: &str = "socle_ingest";

/// What `wrk` says.
pub struct Served {
    /// Requests a second.
    pub rate: f64,
    /// Half of the answers came within this.
    pub p50: String,
    /// 99 of 100 answers came within this.
    pub p99: String,
}

/// One of PostgreSQL's programs over TCP, deaf to this process's own environment.
fn postgres(house: &House, program: &str, role: &str) -> Result<Command> {
    let mut command = Command::new(house.cluster.bin(program));
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", house.cluster.port().to_string())
        .env("PGUSER", role)
        .env("PGPASSWORD", house.cluster.secret(role)?)
        .env("PGDATABASE", house.name()?);
    Ok(command)
}

fn psql(house: &House, role: &str) -> Result<Command> {
    let mut command = postgres(house, "psql", role)?;
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
    Ok(command)
}

/// `psql` whose input is a file: it loads what [`copy_to`] wrote.
///
/// # Errors
/// When the file cannot be read.
pub fn copy_from(house: &House, statement: &str, rows: &Path) -> Result<Command> {
    let mut command = psql(house, INGEST)?;
    command.args(["-c", statement]).stdin(File::open(rows)?).stdout(Stdio::null());
    Ok(command)
}

/// Writes what a COPY gives into a file.
///
/// # Errors
/// When it fails.
pub async fn copy_to(house: &House, statement: &str, rows: &Path) -> Result<()> {
    let mut command = psql(house, INGEST)?;
    command.args(["-c", statement]).stdin(Stdio::null()).stdout(File::create(rows)?);
    finished(&mut command).await.map(drop)
}

/// Runs a script once and gives what it prints.
///
/// # Errors
/// When a statement fails.
pub async fn script(house: &House, file: &Path) -> Result<String> {
    let mut command = psql(house, APP)?;
    command.arg("-f").arg(file).stdin(Stdio::null()).stdout(Stdio::piped());
    finished(&mut command).await
}

/// Transactions a second by `pgbench`, statements as plain text, nothing vacuumed first.
///
/// # Errors
/// When a transaction fails.
pub async fn pgbench(house: &House, role: &str, file: &Path, arguments: &[&str]) -> Result<f64> {
    let mut command = postgres(house, "pgbench", role)?;
    command.args(["-n", "-M", "simple"]).args(arguments).arg("-f").arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    tps(&finished(&mut command).await?)
}

fn tps(said: &str) -> Result<f64> {
    let after = |label: &str| said.lines().find_map(|line| line.strip_prefix(label));
    let failed = after("number of failed transactions: ").unwrap_or("0 ");
    ensure!(failed.starts_with("0 "), "transactions failed in pgbench: {failed}");
    let figure = after("tps = ").and_then(|rest| rest.split_whitespace().next());
    figure.with_context(|| format!("pgbench gave no figure: {said}"))?.parse().context("pgbench's figure")
}

/// GET by `wrk` over 32 connections, as a signed-in person.
///
/// # Errors
/// When `wrk` is missing or a request fails.
pub async fn wrk(url: &str, reader: &Reader, duration: &str) -> Result<Served> {
    let mut command = Command::new("wrk");
    let cookie = format!("Cookie: {}", reader.cookie);
    command.args(["-t1", "-c32", "-d", duration, "--latency", "-H", &cookie, url]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let said = finished(&mut command).await.context("wrk is needed: apt-get install -y wrk")?;
    served(&said)
}

fn served(said: &str) -> Result<Served> {
    let after = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    for fault in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        if let Some(count) = after(fault) {
            bail!("requests failed under wrk: {fault} {count}");
        }
    }
    let rate = after("Requests/sec:").with_context(|| format!("wrk gave no figure: {said}"))?;
    let percentile = |label| after(label).unwrap_or("?").to_owned();
    Ok(Served { rate: rate.parse().context("wrk's figure")?, p50: percentile("50%"), p99: percentile("99%") })
}

/// Runs to the end and gives the standard output, if that is piped; its complaints when it fails.
///
/// # Errors
/// When it cannot be started or fails.
pub async fn finished(command: &mut Command) -> Result<String> {
    let program = command.as_std().get_program().display().to_string();
    let child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let output = child.with_context(|| format!("{program} cannot be started"))?.wait_with_output().await?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {} {}", output.status, complaints.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PGBENCH: &str = "number of failed transactions: 0 (0.000%)\nlatency average = 0.817 ms\n\
                           tps = 19581.345612 (without initial connection time)\n";
    const WRK: &str = "  Latency Distribution\n     50%    3.00ms\n     99%    9.00ms\n  92603 requests in 10.00s\n\
                       Requests/sec:   9260.11\nTransfer/sec:      5.01MB\n";

    #[test]
    fn figures_are_read() {
        assert_eq!(tps(PGBENCH).unwrap(), 19_581.345_612);
        let served = served(WRK).unwrap();
        assert_eq!((served.rate, served.p50.as_str(), served.p99.as_str()), (9_260.11, "3.00ms", "9.00ms"));
    }

    #[test]
    fn failures_fail_the_bench() {
        assert!(tps(&PGBENCH.replace(": 0 (0.000%)", ": 3 (0.100%)")).is_err());
        assert!(served(&format!("{WRK}  Non-2xx or 3xx responses: 12\n")).is_err());
        assert!(served(&format!("{WRK}  Socket errors: connect 0, read 1, write 0, timeout 0\n")).is_err());
        assert!(served("").is_err() && tps("").is_err());
    }
}
