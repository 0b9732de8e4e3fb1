//! Where a device is, as exactly as its address tells it; on a map that asks nobody outside.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use socle::error::Envelope;
use socle::web::{Lang, Page, Path, html};
use socle::{Caller, Result};
use utoipa::ToSchema;

use super::record::{self, Address, coarse};
use super::{DeviceId, actions};
use crate::{Physiotraq, people, wording};

/// What a map shows, in degrees around its middle.
const WIDTH: f64 = 36.0;
const HEIGHT: f64 = 20.0;

/// A piece of the map, 360 wide and 180 high, longitude -180 and latitude 90 at its corner; and the point in its middle.
pub(super) struct Map {
    pub view: String,
    pub x: String,
    pub y: String,
}

impl Map {
    /// Around a point; at the edges of the map the point is not in the middle.
    fn around((latitude, longitude): (f64, f64)) -> Self {
        let (x, y) = (longitude + 180.0, 90.0 - latitude);
        let left = (x - WIDTH / 2.0).clamp(0.0, 360.0 - WIDTH);
        let top = (y - HEIGHT / 2.0).clamp(0.0, 180.0 - HEIGHT);
        Self { view: format!("{left:.1} {top:.1} {WIDTH} {HEIGHT}"), x: format!("{x:.1}"), y: format!("{y:.1}") }
    }
}

/// Where a device is, for a page.
pub(super) struct Spot {
    pub ip: Option<String>,
    pub words: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub country: Option<String>,
    pub map: Option<Map>,
    /// How long ago it was heard from there.
    pub seen: String,
    /// Whether there is a file of places at all.
    pub known: bool,
}

impl Spot {
    /// In the language of the page.
    pub fn of(product: &Physiotraq, page: &Page, address: &Address, now: DateTime<Utc>) -> Self {
        let (place, lang) = (address.place(&product.app), page.language());
        let named = |name: Option<&socle::security::geo::Named>| name?.of(lang).map(ToOwned::to_owned);
        let of = place.as_ref();
        Self {
            ip: address.ip.clone(),
            words: address.words(&product.app, lang),
            city: of.and_then(|place| named(place.city.as_ref())),
            region: of.and_then(|place| named(place.region.as_ref())),
            country: of.map(|place| named(place.country_name.as_ref()).unwrap_or_else(|| place.country.clone())),
            map: of.and_then(|place| place.point).map(|point| Map::around(coarse(point))),
            seen: wording::seen(page, address.seen_at, now),
            known: product.app.watch.places().known(),
        }
    }
}

#[derive(Template)]
#[template(path = "devices/location.html")]
struct LocationPage {
    page: Page,
    id: String,
    name: String,
    spot: Spot,
    updated: Option<String>,
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = actions::managed(&product, &mut tx, id).await?;
    let address = record::sql::address(&mut tx, id).await?;
    drop(tx);
    let (zone, lang) = (people::zone_of(&caller), page.language());
    let shown = LocationPage {
        id: id.to_string(),
        name: device.name,
        spot: Spot::of(&product, &page, &address, caller.now()),
        updated: address.seen_at.map(|at| wording::instant(at, zone, lang)),
        page,
    };
    Ok(html(&shown)?.into_response())
}

/// Where a device was heard last. Every field is null when it is not known.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LocationBody {
    /// The town of the address.
    #[schema(example = "Nice")]
    city: Option<String>,
    /// Its region.
    #[schema(example = "Provence-Alpes-Côte d'Azur")]
    region: Option<String>,
    /// ISO 3166-1, two letters.
    #[schema(example = "FR")]
    country: Option<String>,
    /// Degrees, to a tenth.
    #[schema(example = 43.7)]
    latitude: Option<f64>,
    /// Degrees, to a tenth.
    #[schema(example = 7.3)]
    longitude: Option<f64>,
    /// The address itself.
    #[schema(example = "192.0.2.7")]
    ip_address: Option<String>,
    /// When it was heard from there.
    last_update: Option<DateTime<Utc>>,
}

/// Where a device is, as exactly as its address tells it.
///
/// Looked up in a file on the server; forgotten 30 days after the device was heard last.
#[utoipa::path(
    get,
    path = "/api/v1/devices/{id}/location",
    operation_id = "getDeviceLocation",
    tag = "devices",
    params(("id" = uuid::Uuid, Path, description = "The device.")),
    responses(
        (status = 200, description = "The place; null where nothing is known.", body = LocationBody),
        (status = 403, description = "Only the owner of the licence sees it.", body = Envelope),
        (status = 404, description = "There is no such device.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn api(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    actions::managed(&product, &mut tx, id).await?;
    let address = record::sql::address(&mut tx, id).await?;
    drop(tx);
    let place = address.place(&product.app);
    let name = |name: Option<socle::security::geo::Named>| name?.of(Lang::En).map(ToOwned::to_owned);
    let point = place.as_ref().and_then(|place| place.point).map(coarse);
    let (country, region, city) =
        place.map_or((None, None, None), |place| (Some(place.country), name(place.region), name(place.city)));
    let body = LocationBody {
        city,
        region,
        country,
        latitude: point.map(|(latitude, _)| latitude),
        longitude: point.map(|(_, longitude)| longitude),
        ip_address: address.ip,
        last_update: address.seen_at,
    };
    Ok(axum::Json(body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_is_in_the_middle_of_its_map_save_at_the_edge_of_the_world() {
        let nice = Map::around((43.7, 7.3));
        assert_eq!((&*nice.view, &*nice.x, &*nice.y), ("169.3 36.3 36 20", "187.3", "46.3"));
        assert_eq!(Map::around((89.9, -179.9)).view, "0.0 0.0 36 20");
        assert_eq!(Map::around((-89.9, 179.9)).view, "324.0 160.0 36 20");
    }
}
