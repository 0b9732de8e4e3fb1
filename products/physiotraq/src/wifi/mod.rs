//! The WiFi networks of a thermometer: at most four, ordered, sealed; what is wanted, and what the device has applied.
//!
//! The owner writes them, only the device reads the passwords back, and only its own. Each change of the set is a new
//! version; the device says in its heartbeats which one it has applied, and while the two differ its page says so.

pub mod actions;
mod api;
mod model;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub(crate) use model::{Applied, Set};
pub use model::{Password, SLOTS, Slot};

use crate::{Physiotraq, roles};

/// What the API's document says of networks.
#[derive(utoipa::OpenApi)]
#[openapi(paths(api::fetch, api::show, api::set))]
pub(crate) struct Document;

/// The routes of networks; their form is part of the device's pages.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes
        .api(Method::Get, "/api/v1/devices/wifi_credentials", Access::Device, api::fetch)
        .api(Method::Get, "/api/v1/devices/{id}/wifi", Access::To(roles::MANAGE_DEVICE), api::show)
        .api(Method::Put, "/api/v1/devices/{id}/wifi", Access::To(roles::MANAGE_DEVICE), api::set)
}
