//! Calibration of a thermometer: stored value = raw × slope + intercept. Every change is a new version, with who and when;
//! a reading keeps the version that it was stored with (decision 22 of the design).

pub mod actions;
mod api;
mod model;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub use model::Calibration;
pub(crate) use model::{Typed, read};

use crate::{Physiotraq, roles};

/// What the API's document says of calibrations.
#[derive(utoipa::OpenApi)]
#[openapi(paths(api::list, api::set))]
pub(crate) struct Document;

/// The routes of calibrations; their form is part of the device's pages.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes.api(Method::Get, "/api/v1/devices/{id}/calibrations", Access::To(roles::MANAGE_DEVICE), api::list).api(
        Method::Put,
        "/api/v1/devices/{id}/calibration",
        Access::To(roles::MANAGE_DEVICE),
        api::set,
    )
}
