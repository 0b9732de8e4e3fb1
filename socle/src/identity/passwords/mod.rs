//! Passwords: how they are hashed, which ones are taken, and how somebody changes theirs.

pub mod api;
pub mod change;
pub mod pages;
pub mod policy;
mod queue;
mod sql;

pub use queue::Passwords;
