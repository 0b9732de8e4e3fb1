//! Readings: what thermometers post, checked item by item, written by the kernel's writer, acknowledged once durable.

mod api;
mod leaves;
mod model;
mod parse;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub use leaves::{Leaf, Leaves};
pub use model::{Measurement, Quality};
pub(crate) use parse::{Facts, Number, Text};

use crate::Physiotraq;

/// The routes of readings.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes.api(Method::Post, "/api/v1/measurements", Access::Device, api::one).api(
        Method::Post,
        "/api/v1/measurements/batch",
        Access::Device,
        api::batch,
    )
}
