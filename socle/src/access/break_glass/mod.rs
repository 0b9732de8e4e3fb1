//! Break-glass: in an emergency a role that the product names opens ONE record that it could not otherwise see.
//!
//! It takes a reason and a second factor proved within ten minutes, lasts 30 minutes in the session that asked, is told to
//! the product's reviewers and to the record's own log, and is reviewed afterwards: justified or not. Asking, each use and
//! the end are audited. Nothing renews it: whoever needs the record longer asks again, and is reviewed again.
//!
//! The policies say what it opens: `resource has opened && resource.opened`. Ordinary decisions never look here; only a
//! record that was refused does ([`require`]). A product without [`Rules`] has none of this, and a kind of record that
//! they do not name is never opened.

mod actions;
pub mod api;
mod jobs;
mod model;
mod pages;
mod sql;

pub use actions::{ask, end, mine, queue, require, review};
pub use jobs::jobs;
pub use model::{LASTS, Opening, OpeningId, REASON, REVIEW_WITHIN, Review, Rules, Seen, Verdict, Wish};

use crate::web::{Access, Method, Product, Routes};

/// Adds asking and reviewing to a product, in HTML and JSON.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>, rules: &Rules) -> Routes<P> {
    let (ask, review) = (Access::To(rules.ask), Access::To(rules.review));
    routes
        .page(Method::Get, "/break_glass", ask, pages::show::<P>)
        .page(Method::Post, "/break_glass", ask, pages::ask::<P>)
        .page(Method::Post, "/break_glass/{id}/end", Access::SignedIn, pages::end::<P>)
        .page(Method::Get, "/admin/break_glass", review, pages::queue::<P>)
        .page(Method::Post, "/admin/break_glass/{id}", review, pages::review::<P>)
        .creation("/api/v1/break-glass", ask, api::ask::<P>)
        .api(Method::Get, "/api/v1/break-glass", ask, api::mine::<P>)
        .api(Method::Delete, "/api/v1/break-glass/{id}", Access::SignedIn, api::end::<P>)
        .api(Method::Get, "/api/v1/break-glass/reviews", review, api::queue::<P>)
        .api(Method::Post, "/api/v1/break-glass/{id}/review", review, api::review::<P>)
}
