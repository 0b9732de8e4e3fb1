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

/// What the API's document says of readings.
#[derive(utoipa::OpenApi)]
#[openapi(paths(api::one, api::batch))]
pub(crate) struct Document;

/// The routes of readings.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes.api(Method::Post, "/api/v1/measurements", Access::Device, api::one).api(
        Method::Post,
        "/api/v1/measurements/batch",
        Access::Device,
        api::batch,
    )
}
