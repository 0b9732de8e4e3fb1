//! The owner's dashboard: the licence, the devices, the day's treatments, the team, what happened lately, shortcuts.

mod pages;
mod sql;

use socle::web::{Access, Method, Routes};

use crate::{Physiotraq, roles};

/// The route of the dashboard.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes.page(Method::Get, "/admin", Access::To(roles::LIST_ALL_TREATMENTS), pages::show)
}
