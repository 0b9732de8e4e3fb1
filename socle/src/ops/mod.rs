//! What operators see of a running server: figures for Prometheus, traces for OpenTelemetry.

pub mod metrics;
mod process;
pub mod traces;
