//! Rollouts: a release runs out to devices in stages, pauses itself when too many fail, and is resumed or aborted by the
//! vendor. A rollback is a rollout of an older release to the devices that run a bad one; nothing else downgrades.

pub mod actions;
pub(crate) mod jobs;
mod model;
pub(crate) mod pages;
pub(super) mod sql;

pub use model::{Pause, Plan, PlanForm, Rollout, RolloutId, Stand, State, Verdict, judge, success_rate};
