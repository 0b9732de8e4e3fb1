//! Thermometers: claimed by a licence, registered with their own credential, assigned to people.
//!
//! A serial number and a MAC address are identifiers, not secrets. The vendor imports serial, MAC and the hash of the
//! claim secret printed in the QR code; the owner claims with it; the device registers with it and gets its
//! credential once; a new credential needs a window of 15 minutes that the owner opens.

pub mod actions;
mod api;
mod credentials;
mod model;
mod pages;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub use credentials::{Credentials, Known};
pub use model::{Claim, DeviceId, ONLINE_FOR, Presence};
pub(crate) use pages::{DeviceCard, cards};

use crate::{Physiotraq, roles};

/// What the API's document says of devices.
#[derive(utoipa::OpenApi)]
#[openapi(paths(api::list, api::show, api::register, api::heartbeat))]
pub(crate) struct Document;

/// The routes of devices.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes
        .page(Method::Get, "/admin", Access::To(roles::LIST_ALL_TREATMENTS), pages::admin)
        .page(Method::Get, "/admin/devices", Access::To(roles::CLAIM_DEVICE), pages::list)
        .page(Method::Post, "/admin/devices", Access::To(roles::CLAIM_DEVICE), pages::claim)
        .page(Method::Get, "/admin/devices/new", Access::To(roles::CLAIM_DEVICE), pages::new)
        .page(Method::Get, "/admin/devices/{id}", Access::To(roles::MANAGE_DEVICE), pages::show)
        .page(Method::Post, "/admin/devices/{id}", Access::To(roles::MANAGE_DEVICE), pages::rename)
        .page(Method::Post, "/admin/devices/{id}/assignments", Access::To(roles::MANAGE_DEVICE), pages::assign)
        .page(Method::Post, "/admin/devices/{id}/open_registration", Access::To(roles::MANAGE_DEVICE), pages::open)
        .api(Method::Get, "/api/v1/devices", Access::To(roles::SEE_DEVICE), api::list)
        .api(Method::Get, "/api/v1/devices/{id}", Access::To(roles::SEE_DEVICE), api::show)
        .api(Method::Post, "/api/v1/devices/register", Access::Public, api::register)
        .api(Method::Post, "/api/v1/devices/heartbeat", Access::Device, api::heartbeat)
}
