//! The live screen (companion §4): choose a device, watch it, acknowledge, stop, abort.

mod pages;
mod stream;

use socle::web::{Access, Method, Routes};

use crate::{Physiotraq, roles};

/// What the API's document says of the live screen.
#[derive(utoipa::OpenApi)]
#[openapi(paths(pages::curve, stream::live))]
pub(crate) struct Document;

/// The routes of the live screen.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let watch = Access::To(roles::WATCH_DEVICE);
    let operate = Access::To(roles::OPERATE_TREATMENT);
    routes
        .page(Method::Get, "/app/monitor", Access::To(roles::USE_APP), pages::choose)
        .page(Method::Get, "/app/monitor/{device}", watch, pages::show)
        .api(Method::Get, "/app/monitor/{device}/curve", watch, pages::curve)
        .page(Method::Post, "/app/monitor/{device}/stop", operate, pages::stop)
        .page(Method::Post, "/app/monitor/{device}/abort", operate, pages::abort)
        .page(Method::Post, "/app/monitor/{device}/acknowledge", operate, pages::acknowledge)
        .api(Method::Get, "/live", watch, stream::live)
}
