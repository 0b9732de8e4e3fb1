//! What tests stand on: a database of their own, a server on a free port, people and devices who talk to it over HTTP.

mod actors;
pub mod clamd;
mod data;
mod database;
mod kms;
mod operator;
pub mod s3;
mod stage;
pub mod thermometer;
pub mod trial;
pub mod twilio;
pub mod vendor;

pub use actors::{Device, Person};
pub use data::shared_file;
pub use database::{Database, KEK};
pub use kms::{Kms, Mood, TOKEN};
pub use operator::Operator;

pub use stage::{Licence, PASSWORD, Stage, start_of_tests};
pub use thermometer::{Thermometer, Update};
pub use trial::Trial;
pub use vendor::{Vendor, sha256};
