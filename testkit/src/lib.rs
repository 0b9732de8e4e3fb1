//! What tests stand on: a database of their own, a server on a free port, people and devices who talk to it over HTTP.

mod actors;
mod data;
mod database;
mod stage;
pub mod trial;
pub mod twilio;

pub use actors::{Device, Person};
pub use data::shared_file;
pub use database::Database;

pub use stage::{Licence, Stage, start_of_tests};
pub use trial::Trial;
