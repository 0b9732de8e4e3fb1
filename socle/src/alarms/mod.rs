//! A limit alarm as a pure state machine: on-delay, deadband, off-delay, latch, acknowledge, escalate, re-alarm,
//! shelve, resolve.
//!
//! It knows no database, no clock and no screen: samples and instants go in, transitions come out, and the whole
//! state is a value that products store beside their data, so that it survives a restart. Vocabulary and defaults:
//! domain/temperature-monitoring.md §7 and §9.
//!
//! | Goes in | When | What it may give |
//! |---|---|---|
//! | [`Alarm::step`] | each evaluated value | `Raised`, `Latched`, `Returned`, `Cleared` |
//! | [`Alarm::tick`] | about once a second, until `None` | `Unshelved`, `Escalated`, `ReAlarmed` |
//! | [`Alarm::acknowledge`] | a named person has noticed | `Cleared`, when the condition had gone already |
//! | [`Alarm::resolve`] | a named person ends it | `Resolved` |
//! | [`Alarm::shelve`], [`Alarm::unshelve`] | a named person sets it aside, takes it back | `Unshelved` |
//!
//! The on-delay runs in device time: it is about the patient. Everything else runs in server time: it is about the
//! people who are told. Only samples clear an alarm: silence never does, and [`Silence`] says that there is silence.

mod alarm;
mod rule;
mod technical;
mod timers;

pub use alarm::{Alarm, Phase};
pub use rule::{Raised, Rule, Sample, ShelveRefused, Transition};
pub use technical::{LowReliability, Silence};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_technical;
#[cfg(test)]
mod tests_verbs;
