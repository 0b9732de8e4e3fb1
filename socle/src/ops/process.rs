//! The process itself, with the names that Prometheus clients use everywhere.

use metrics::{Unit, describe_gauge, gauge};

use crate::clock::Clock;

const RESIDENT: &str = "process_resident_memory_bytes";
const STARTED: &str = "process_start_time_seconds";

pub(super) fn describe() {
    describe_gauge!(RESIDENT, Unit::Bytes, "Memory of the process that is in RAM.");
    describe_gauge!(STARTED, Unit::Seconds, "When the process began, in seconds since 1970.");
}

/// Notes when the process began. The machine's clock: a test's settable one says nothing of the process.
pub(super) fn started() {
    if let Ok(seconds) = u32::try_from(Clock::system().now().timestamp()) {
        gauge!(STARTED).set(f64::from(seconds));
    }
}

/// Reads what changes.
pub(super) fn observe() {
    if let Some(bytes) = resident() {
        gauge!(RESIDENT).set(bytes);
    }
}

/// Bytes in RAM; `None` where there is no `/proc`.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0)
}
