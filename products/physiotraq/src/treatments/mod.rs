//! Treatments: one monitored hyperthermia session of one patient on one device. specs/physiotraq.md: Treatment.

pub mod actions;
mod api;
mod curve;
mod export;
mod form;
mod list;
mod model;
mod names;
mod pages;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub(crate) use curve::Curve;
pub use form::{PatientForm, Sex};
pub(crate) use list::{TreatmentRow, day, midnight, patient, rows};
pub use model::{Status, Treatment, TreatmentId};
pub(crate) use pages::{After, AlertView, alert_text, points};

use crate::{Physiotraq, roles};

/// What the API's document says of treatments.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    api::list,
    api::show,
    api::starting::start,
    api::running::alerts,
    api::running::complete,
    api::running::abort,
    api::running::acknowledge,
    pages::curve,
    export::one,
    export::own,
    export::all
))]
pub(crate) struct Document;

/// The routes of treatments.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let see = Access::To(roles::SEE_TREATMENT);
    let export = Access::To(roles::EXPORT_TREATMENT);
    let operate = Access::To(roles::OPERATE_TREATMENT);
    let all = Access::To(roles::LIST_ALL_TREATMENTS);
    routes
        .page(Method::Get, "/app/treatments", see, list::own)
        .page(Method::Get, "/admin/treatments", all, list::all)
        .api(Method::Get, "/app/treatments/export", export, export::own)
        .api(Method::Get, "/admin/treatments/export", all, export::all)
        .page(Method::Get, "/app/treatments/new", Access::To(roles::START_TREATMENT), form::show)
        .page(Method::Post, "/app/treatments", Access::To(roles::START_TREATMENT), form::start)
        .page(Method::Get, "/app/treatments/{id}", see, pages::show)
        .api(Method::Get, "/app/treatments/{id}/curve", see, pages::curve)
        .api(Method::Get, "/app/treatments/{id}/export", export, export::one)
        .api(Method::Get, "/api/v1/treatments", see, api::list)
        .creation("/api/v1/treatments", Access::To(roles::START_TREATMENT), api::starting::start)
        .api(Method::Get, "/api/v1/treatments/{id}", see, api::show)
        .api(Method::Get, "/api/v1/treatments/{id}/alerts", see, api::running::alerts)
        .api(Method::Post, "/api/v1/treatments/{id}/complete", operate, api::running::complete)
        .api(Method::Post, "/api/v1/treatments/{id}/abort", operate, api::running::abort)
        .api(Method::Post, "/api/v1/treatments/{id}/acknowledge", operate, api::running::acknowledge)
}
