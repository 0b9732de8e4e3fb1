//! Firmware of the thermometers: the vendor uploads signed releases and rolls them out; devices ask, fetch and confirm;
//! owners see what is published and say whether their devices update by themselves.
//!
//! A device counts as updated when it has reported the wanted version itself, and never before. Versions are numbers:
//! "03.10.0" is newer than "03.9.0". A lower version is given by an explicit rollback alone.

pub mod actions;
mod form;
mod model;
mod pages;
pub mod rollouts;
mod sql;
pub mod updates;
mod version;

use socle::jobs::Jobs;
use socle::limits::Group;
use socle::web::{Access, Method, Routes};

pub use model::{
    BINARY, NewRelease, Published, Release, ReleaseForm, ReleaseId, is_hardware, latest, message, needs_update,
};
pub use rollouts::Rollout;
pub use version::Version;

use crate::{Physiotraq, roles};

/// What the API's document says of firmware.
#[derive(utoipa::OpenApi)]
#[openapi(paths(updates::api::check, updates::api::download, updates::api::confirm))]
pub(crate) struct Document;

/// The routes of firmware.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let (manage, see) = (Access::To(roles::MANAGE_FIRMWARE), Access::To(roles::SEE_FIRMWARE));
    let routes = routes
        .page(Method::Get, "/vendor/firmware", manage, pages::list)
        .page(Method::Get, "/vendor/firmware/new", manage, pages::new)
        .limited(Group::Upload, |routes| routes.page(Method::Post, "/vendor/firmware", manage, form::upload))
        .page(Method::Get, "/vendor/firmware/{id}", manage, pages::show)
        .page(Method::Post, "/vendor/firmware/{id}/delete", manage, pages::delete)
        .page(Method::Post, "/vendor/firmware/{id}/rollouts", manage, rollouts::pages::start)
        .page(Method::Post, "/vendor/rollouts/{id}/{word}", manage, rollouts::pages::say)
        .page(Method::Get, "/admin/firmware", see, pages::published)
        .page(Method::Get, "/admin/firmware/{id}", see, pages::published_one)
        .page(Method::Post, "/admin/devices/{id}/firmware", Access::To(roles::MANAGE_DEVICE), pages::switches);
    routes
        .api(Method::Get, "/api/v1/firmware/check", Access::Device, updates::api::check)
        .api(Method::Get, "/api/v1/firmware/download/{version}", Access::Device, updates::api::download)
        .api(Method::Post, "/api/v1/firmware/confirm", Access::Device, updates::api::confirm)
}

/// The work behind it.
pub(crate) fn jobs(jobs: Jobs, product: &Physiotraq) -> Jobs {
    rollouts::jobs::jobs(jobs, product)
}
