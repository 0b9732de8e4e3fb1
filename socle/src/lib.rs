//! The shared kernel: everything two products need, and the only doors to data.
//!
//! Arrows go one way: `libs ← socle ← products ← server`.

pub mod access;
pub mod alarms;
pub mod app;
pub mod audit;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod files;
pub mod identity;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod live;
pub mod logging;
pub mod mail;
pub mod ops;
pub mod peers;
pub mod platform;
pub mod privacy;
pub mod readings;
pub mod sealed;
pub mod security;
pub mod tokens;
pub mod web;

pub use app::App;
pub use db::{Caller, Tx};
pub use error::{Error, Result};
