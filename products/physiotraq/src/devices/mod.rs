//! Thermometers: claimed by a licence, registered with their own credential, assigned to people.
//!
//! A serial number and a MAC address are identifiers, not secrets. The vendor imports serial, MAC and the hash of the
//! claim secret printed in the QR code; the owner claims with it; the device registers with it and gets its
//! credential once; a new credential needs a window of 15 minutes that the owner opens.

pub mod actions;
mod api;
mod claim;
mod credentials;
mod edit;
mod list;
mod location;
mod managing;
mod model;
mod pages;
mod record;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub use credentials::{Credentials, Known};
pub(crate) use model::Device;
pub use model::{Claim, DeviceId, ONLINE_FOR, Presence};
pub(crate) use pages::{DeviceCard, cards};

use crate::{Physiotraq, roles};

/// What the API's document says of devices.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    api::list,
    api::show,
    api::register,
    api::heartbeat,
    location::api,
    managing::claim,
    managing::rename,
    managing::release,
    managing::open,
    managing::assigned,
    managing::assign
))]
pub(crate) struct Document;

/// The routes of devices.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    programs(pages(routes))
}

fn pages(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let (claim, manage) = (Access::To(roles::CLAIM_DEVICE), Access::To(roles::MANAGE_DEVICE));
    routes
        .page(Method::Get, "/admin/devices", claim, list::list)
        .page(Method::Post, "/admin/devices", claim, claim::claim)
        .page(Method::Get, "/admin/devices/new", claim, claim::new)
        .page(Method::Get, "/admin/devices/{id}", manage, pages::show)
        .page(Method::Post, "/admin/devices/{id}", manage, edit::rename)
        .page(Method::Get, "/admin/devices/{id}/edit", manage, edit::show)
        .page(Method::Post, "/admin/devices/{id}/wifi", manage, edit::networks)
        .page(Method::Post, "/admin/devices/{id}/calibration", manage, edit::calibrate)
        .page(Method::Get, "/admin/devices/{id}/location", manage, location::show)
        .page(Method::Post, "/admin/devices/{id}/assignments", manage, pages::assign)
        .page(Method::Post, "/admin/devices/{id}/open_registration", manage, pages::open)
        .page(Method::Post, "/admin/devices/{id}/release", manage, pages::release)
}

fn programs(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let (see, manage) = (Access::To(roles::SEE_DEVICE), Access::To(roles::MANAGE_DEVICE));
    routes
        .api(Method::Get, "/api/v1/devices", see, api::list)
        .creation("/api/v1/devices", Access::To(roles::CLAIM_DEVICE), managing::claim)
        .api(Method::Get, "/api/v1/devices/{id}", see, api::show)
        .api(Method::Patch, "/api/v1/devices/{id}", manage, managing::rename)
        .api(Method::Delete, "/api/v1/devices/{id}", manage, managing::release)
        .api(Method::Get, "/api/v1/devices/{id}/location", manage, location::api)
        .api(Method::Get, "/api/v1/devices/{id}/assignments", manage, managing::assigned)
        .api(Method::Put, "/api/v1/devices/{id}/assignments", manage, managing::assign)
        .api(Method::Post, "/api/v1/devices/{id}/registration-window", manage, managing::open)
        .api(Method::Post, "/api/v1/devices/register", Access::Public, api::register)
        .api(Method::Post, "/api/v1/devices/heartbeat", Access::Device, api::heartbeat)
}
