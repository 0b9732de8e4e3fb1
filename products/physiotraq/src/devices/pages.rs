//! The owner's pages of devices, and the card by which every page shows one.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use socle::db::Tx;
use socle::error::Detail;
use socle::web::{FieldError, Form, Page, Path, Query, field_errors, html, problem, see_other};
use socle::{Caller, Error, Result};
use uuid::Uuid;

use super::model::Device;
use super::{Claim, DeviceId, Presence, actions, sql};
use crate::{Physiotraq, firmware, people, roles, treatments, wording};

/// A device on a page.
pub(crate) struct DeviceCard {
    pub id: String,
    pub name: String,
    pub serial: String,
    pub status: &'static str,
    pub status_label: String,
    pub seen: String,
    pub battery: Option<i16>,
    pub wifi: Option<i16>,
    pub firmware: Option<String>,
    pub temperature: Option<String>,
    pub in_progress: bool,
    pub in_use_by: Option<String>,
    pub mine: bool,
    pub selectable: bool,
}

/// Cards of devices the caller may see, with the state of this moment.
pub(crate) async fn cards(
    product: &Physiotraq,
    tx: &mut Tx,
    page: &Page,
    devices: Vec<Device>,
) -> Result<Vec<DeviceCard>> {
    let caller = tx.caller().clone();
    let running: Vec<Uuid> =
        devices.iter().filter_map(|device| product.monitor.running(device.id)).map(|(id, _)| id).collect();
    let operators = treatments::sql::operators(tx, &running).await?;
    let now = caller.now();
    let card = |device: Device| -> Result<DeviceCard> {
        let glance = product.monitor.glance(device.id);
        let account = caller.person()?.account.0;
        let in_use = glance.treatment.and_then(|id| operators.iter().find(|operator| operator.treatment == id));
        let mine = in_use.is_some_and(|operator| operator.account == account) || people::is_admin(&caller);
        let latest = glance.latest.as_ref();
        Ok(DeviceCard {
            id: device.id.to_string(),
            status: glance.presence.name(),
            status_label: page.t(glance.presence.text_key()),
            seen: wording::seen(page, glance.seen_at, now),
            battery: latest.and_then(|latest| latest.battery),
            wifi: latest.and_then(|latest| latest.wifi),
            firmware: latest.and_then(|latest| latest.firmware.clone()).or(device.firmware_version),
            temperature: latest
                .filter(|_| glance.presence == Presence::Online)
                .map(|latest| wording::temperature(latest.temperature, people::unit_of(&caller), page.language())),
            in_progress: glance.treatment.is_some(),
            in_use_by: in_use.map(|operator| operator.name.clone()),
            mine: glance.treatment.is_some() && mine,
            selectable: glance.presence == Presence::Online
                && glance.treatment.is_none()
                && device.assigned.contains(&account),
            name: device.name,
            serial: device.serial_number,
        })
    };
    devices.into_iter().map(card).collect()
}

struct DeviceRow {
    card: DeviceCard,
    assigned: String,
    registered: bool,
}

#[derive(Template)]
#[template(path = "devices/list.html")]
struct DeviceList {
    page: Page,
    devices: Vec<DeviceRow>,
    status: String,
    all: usize,
    online: usize,
    offline: usize,
}

struct ClaimForm {
    serial_number: String,
    secret: String,
    name: String,
}

#[derive(Template)]
#[template(path = "devices/new.html")]
struct ClaimDevice {
    page: Page,
    form: ClaimForm,
    errors: Vec<FieldError>,
}

impl ClaimDevice {
    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }
}

struct TeamChoice {
    id: String,
    name: String,
    role: String,
    assigned: bool,
}

#[derive(Template)]
#[template(path = "devices/show.html")]
struct DevicePage {
    page: Page,
    device: DeviceCard,
    mac: String,
    claimed: String,
    registered: Option<String>,
    window: Option<String>,
    slope: String,
    intercept: String,
    received: i64,
    stored: i64,
    duplicate: i64,
    rejected: i64,
    team: Vec<TeamChoice>,
    firmware: FirmwarePanel,
}

/// What the owner sees of a device's firmware, and says about it.
struct FirmwarePanel {
    hardware: Option<String>,
    available: Option<String>,
    auto_update: bool,
    beta: bool,
}

pub(super) async fn admin() -> Response {
    see_other("/physiotraq/admin/devices")
}

#[derive(Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    status: String,
}

pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let devices = sql::list(&mut tx, None).await?;
    let facts: Vec<(usize, bool)> = devices.iter().map(|d| (d.assigned.len(), d.registered_at.is_some())).collect();
    let cards = cards(&product, &mut tx, &page, devices).await?;
    let online = cards.iter().filter(|card| card.status == "online").count();
    let (all, offline) = (cards.len(), cards.len() - online);
    let wanted = |card: &DeviceCard| match filter.status.as_str() {
        "online" => card.status == "online",
        "offline" => card.status != "online",
        _ => true,
    };
    let assigned = |count: usize| match count {
        0 => page.t("assigned-nobody"),
        count => page.t1("assigned-count", "n", count),
    };
    let row = |(card, (count, registered))| DeviceRow { card, assigned: assigned(count), registered };
    let devices = cards.into_iter().zip(facts).map(row).filter(|row| wanted(&row.card)).collect();
    let status = if filter.status.is_empty() { "all".to_owned() } else { filter.status };
    Ok(html(&DeviceList { page, devices, status, all, online, offline })?.into_response())
}

pub(super) async fn new(page: Page, Query(prefilled): Query<Prefilled>) -> Result<Response> {
    // The QR code is an address of this page with serial and secret in it.
    let form = ClaimForm { serial_number: prefilled.serial, secret: prefilled.secret, name: String::new() };
    Ok(html(&ClaimDevice { page, form, errors: Vec::new() })?.into_response())
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Prefilled {
    serial: String,
    secret: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ClaimBody {
    serial_number: String,
    secret: String,
    name: String,
}

pub(super) async fn claim(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Form(body): Form<ClaimBody>,
) -> Result<Response> {
    let ClaimBody { serial_number, secret, name } = body;
    let wanted = Claim { serial_number, secret, name };
    let faults = match actions::claim(&product, &caller, wanted.clone()).await {
        Ok(id) => return Ok(see_other(&format!("/physiotraq/admin/devices/{id}?notice=claimed"))),
        Err(error) => claim_faults(error)?,
    };
    let errors = field_errors(&page, &faults);
    let form = ClaimForm { serial_number: wanted.serial_number, secret: wanted.secret, name: wanted.name };
    Ok((StatusCode::BAD_REQUEST, html(&ClaimDevice { page, form, errors })?).into_response())
}

/// What the owner can mend stays on the form; everything else is an error page.
fn claim_faults(error: Error) -> Result<Vec<Detail>> {
    match error.code.as_ref() {
        "VAL_FIELDS" => Ok(error.details),
        "BIZ_DEVICE_CLAIMED" => Ok(vec![Detail::new("serial_number", "CLAIMED", "error-claim-taken")]),
        "BIZ_UNIT_QUOTA" => Ok(vec![Detail::new("serial_number", "QUOTA", "error-unit-quota")]),
        _ => Err(error),
    }
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = sql::find(&mut tx, id).await?;
    product.policies.require(caller.person()?, (roles::SEE_DEVICE, roles::MANAGE_DEVICE), &device.resource())?;
    let (received, stored, duplicate, rejected) = sql::counters(&mut tx, id).await?;
    let team = people::members(&mut tx).await?.into_iter().map(|member| TeamChoice {
        assigned: device.assigned.contains(&member.id),
        id: member.id.to_string(),
        role: page.t(if member.role == "admin" { "role-admin" } else { "role-operator" }),
        name: member.name,
    });
    let team = team.collect();
    let (zone, lang) = (people::zone_of(&caller), page.language());
    let instant = |at| wording::instant(at, zone, lang);
    let window = device.registration_open_until.filter(|until| *until > caller.now()).map(instant);
    let (mac, claimed, registered) =
        (device.mac_address.clone(), instant(device.claimed_at), device.registered_at.map(instant));
    let (slope, intercept) = (device.temp_slope.normalize().to_string(), device.temp_intercept.normalize().to_string());
    let running = (device.hardware.as_deref(), device.firmware_version.as_deref());
    let available = firmware::actions::update_for(&mut tx, running, device.firmware_beta).await?;
    let firmware = FirmwarePanel {
        hardware: device.hardware.clone(),
        available: available.map(|release| release.version.text().to_owned()),
        auto_update: device.firmware_auto_update,
        beta: device.firmware_beta,
    };
    let card = cards(&product, &mut tx, &page, vec![device]).await?.pop().ok_or_else(Error::not_found)?;
    let (slope, intercept) = (wording::decimal(&slope, lang), wording::decimal(&intercept, lang));
    let shown = DevicePage {
        page,
        device: card,
        mac,
        claimed,
        registered,
        window,
        slope,
        intercept,
        received,
        stored,
        duplicate,
        rejected,
        team,
        firmware,
    };
    Ok(html(&shown)?.into_response())
}

#[derive(Deserialize)]
pub(super) struct Rename {
    #[serde(default)]
    name: String,
}

pub(super) async fn rename(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Form(body): Form<Rename>,
) -> Result<Response> {
    actions::rename(&product, &caller, id, &body.name).await?;
    Ok(back_to(id, "saved"))
}

#[derive(Deserialize)]
pub(super) struct Assignments {
    #[serde(default)]
    user: Vec<Uuid>,
}

pub(super) async fn assign(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Form(body): Form<Assignments>,
) -> Result<Response> {
    actions::assign(&product, &caller, id, &body.user).await?;
    Ok(back_to(id, "saved"))
}

pub(super) async fn open(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    actions::open_registration(&product, &caller, id).await?;
    Ok(back_to(id, "window-open"))
}

fn back_to(id: DeviceId, notice: &str) -> Response {
    see_other(&format!("/physiotraq/admin/devices/{id}?notice={notice}"))
}
