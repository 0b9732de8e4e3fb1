//! The page of known devices.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::words::Agent;
use super::{DeviceId, forget, list};
use crate::Result;
use crate::db::Caller;
use crate::identity::sessions::pages::after;
use crate::web::instants::{instant, zone_of};
use crate::web::{Access, Method, Page, Path, Product, Routes, html};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, "/account/devices", Access::Account, show).page(
        Method::Post,
        "/account/devices/{id}/forget",
        Access::Account,
        forgotten::<P>,
    )
}

/// A device in the words of the page's language.
struct Row {
    id: String,
    device: String,
    begun: String,
    seen: String,
    trusted: Option<String>,
    present: bool,
}

#[derive(Template)]
#[template(path = "devices/list.html")]
struct Devices {
    page: Page,
    devices: Vec<Row>,
}

async fn show(caller: Caller, page: Page) -> Result<Response> {
    let (zone, lang) = (zone_of(&caller), page.language());
    let (known, this) = list(&caller).await?;
    let row = |known: super::Known| Row {
        device: Agent::of(known.user_agent.as_deref()).in_words(lang),
        begun: instant(known.created_at, zone, lang),
        seen: instant(known.last_seen_at, zone, lang),
        trusted: known.trusted_until.map(|until| instant(until, zone, lang)),
        present: this == Some(known.id),
        id: known.id.to_string(),
    };
    let devices = known.into_iter().map(row).collect();
    Ok(html(&Devices { page, devices })?.into_response())
}

async fn forgotten<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(device): Path<DeviceId>,
) -> Result<Response> {
    let own = forget(&caller, device).await?;
    Ok(after(&product, own, "devices?notice=device-forgotten"))
}
