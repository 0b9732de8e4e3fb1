//! What the server's process has used, as Linux counts it.

use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of the times in `/proc/PID/stat`: the same on every Linux that programs see, whatever the kernel's own.
const TICKS_A_SECOND: f64 = 100.0;

/// Seconds of processor that it has used since its start, in user and kernel mode.
///
/// # Errors
/// When it has ended, or this is not Linux.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let file = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    ticks(&text).map(|ticks| ticks / TICKS_A_SECOND).with_context(|| format!("{file} is of another form"))
}

/// User and kernel time: fields 14 and 15. The second field is the program's name, which may hold anything but ends at
/// the last bracket.
fn ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let kernel: f64 = times.next()?.parse().ok()?;
    Some(user + kernel)
}

/// MB (of a million bytes) that it holds in memory.
///
/// # Errors
/// When it has ended, or this is not Linux.
pub fn resident(pid: u32) -> Result<f64> {
    let file = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the process says no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS")?;
    Ok(kibibytes * 1_024.0 / 1_000_000.0)
}

/// What it holds in memory once a second, for so many seconds.
///
/// # Errors
/// When it ends before.
pub async fn resident_over(pid: u32, seconds: u64) -> Result<Vec<f64>> {
    let mut held = vec![resident(pid)?];
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.push(resident(pid)?);
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 900 0 1 0 250 31 0 0 20 0 9 0 100 1 1 0";
        assert_eq!(ticks(stat), Some(281.0));
        assert_eq!(ticks("42 (socle) S 1"), None);
    }

    #[test]
    fn this_process_has_some() {
        let pid = std::process::id();
        assert!(resident(pid).unwrap() > 1.0 && cpu_seconds(pid).unwrap() >= 0.0);
    }
}
