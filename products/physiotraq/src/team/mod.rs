//! The team of a licence, for its owner: who is in it, who is invited, which devices they work with.
//!
//! An invitation may name devices; whoever accepts it is assigned to those that the licence still has. Who is taken off a
//! device, or out of the team, loses the live stream within five seconds.

pub mod actions;
mod api;
mod invited;
mod model;
mod pages;
pub(crate) mod sql;

use socle::web::{Access, Method, Routes};

pub(crate) use actions::begin;

use crate::{Physiotraq, roles};

/// What the API's document says of the team.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    api::list,
    api::show,
    api::rename,
    api::remove,
    api::assigned,
    api::assign,
    invited::list,
    invited::invite,
    invited::resend,
    invited::cancel
))]
pub(crate) struct Document;

/// The routes of the team.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let manage = Access::To(roles::MANAGE_TEAM);
    let routes = routes
        .page(Method::Get, "/admin/team", manage, pages::list)
        .page(Method::Post, "/admin/team", manage, pages::invite)
        .page(Method::Get, "/admin/team/new", manage, pages::new)
        .page(Method::Get, "/admin/team/{id}", manage, pages::show)
        .page(Method::Get, "/admin/team/{id}/edit", manage, pages::edit)
        .page(Method::Post, "/admin/team/{id}/edit", manage, pages::rename)
        .page(Method::Get, "/admin/team/{id}/assignments", manage, pages::assignments)
        .page(Method::Post, "/admin/team/{id}/assignments", manage, pages::assign)
        .page(Method::Post, "/admin/team/{id}/remove", manage, pages::remove)
        .page(Method::Post, "/admin/team/invitations/{id}/resend", manage, pages::resend)
        .page(Method::Post, "/admin/team/invitations/{id}/cancel", manage, pages::cancel);
    routes
        .api(Method::Get, "/api/v1/team", manage, api::list)
        .creation("/api/v1/team", manage, invited::invite)
        .api(Method::Get, "/api/v1/team/invitations", manage, invited::list)
        .api(Method::Post, "/api/v1/team/invitations/{id}/resend", manage, invited::resend)
        .api(Method::Delete, "/api/v1/team/invitations/{id}", manage, invited::cancel)
        .api(Method::Get, "/api/v1/team/{id}", manage, api::show)
        .api(Method::Patch, "/api/v1/team/{id}", manage, api::rename)
        .api(Method::Delete, "/api/v1/team/{id}", manage, api::remove)
        .api(Method::Get, "/api/v1/team/{id}/assignments", manage, api::assigned)
        .api(Method::Put, "/api/v1/team/{id}/assignments", manage, api::assign)
}
