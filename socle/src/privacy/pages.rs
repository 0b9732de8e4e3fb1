//! `/account/data`: what somebody can do about their data.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::{PAGE, export, moment};
use crate::db::PROVED_FOR;
use crate::web::{Access, Method, Page, Product, Routes, html};
use crate::{Caller, Result};

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, PAGE, Access::SignedIn, show::<P>)
}

#[derive(Template)]
#[template(path = "privacy/data.html")]
struct Data {
    page: Page,
    export: Option<Shown>,
    /// Password or second factor was proved lately: the buttons work.
    proved: bool,
    /// Consents are asked for here.
    consents: bool,
}

/// The export, as the page tells of it.
struct Shown {
    id: String,
    ready: bool,
    failed: bool,
    asked: String,
    until: String,
}

async fn show<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    let lang = page.language();
    let export = export::present(&caller).await?.map(|export| Shown {
        id: export.id.to_string(),
        ready: export.ready,
        failed: export.failed,
        asked: moment(export.asked_at, lang),
        until: moment(export.expires_at, lang),
    });
    let proved = caller.now() - caller.person()?.authenticated_at <= PROVED_FOR;
    let consents = !product.consents().is_empty();
    Ok(html(&Data { page, export, proved, consents })?.into_response())
}
