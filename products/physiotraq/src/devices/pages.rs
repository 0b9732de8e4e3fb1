//! The card by which every page shows a device, and a device's own page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use socle::db::Tx;
use socle::web::{Form, Page, Path, html, see_other};
use socle::{Caller, Error, Result};
use uuid::Uuid;

use super::location::Spot;
use super::model::Device;
use super::record::{self, Totals};
use super::{DeviceId, Presence, actions};
use crate::treatments::TreatmentRow;
use crate::{Physiotraq, calibrations, firmware, people, treatments, wifi, wording};

/// Treatments shown under "recent".
const RECENT: i64 = 5;

/// A device on a page.
#[derive(Default)]
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

struct TeamChoice {
    id: String,
    name: String,
    role: String,
    /// Since when it is assigned to them.
    since: Option<String>,
}

/// A WiFi slot as it is shown: a name, or nothing.
struct SlotView {
    priority: i16,
    ssid: Option<String>,
}

/// Whether the device has the networks that are wanted.
struct WifiView {
    slots: Vec<SlotView>,
    /// `nothing`, `applied` or `waiting`.
    state: &'static str,
    /// The sentence for it.
    text: String,
}

struct CalibrationView {
    slope: String,
    intercept: String,
    version: i32,
    /// When, and by whom; nothing while it is as the device came.
    since: Option<String>,
    by: Option<String>,
}

struct TotalsView {
    treatments: i64,
    time: String,
    average: Option<String>,
    success: Option<i64>,
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
    calibration: CalibrationView,
    /// Received, stored, duplicate, rejected.
    counters: (i64, i64, i64, i64),
    team: Vec<TeamChoice>,
    wifi: WifiView,
    spot: Spot,
    totals: TotalsView,
    recent: Vec<TreatmentRow>,
    firmware: FirmwarePanel,
}

/// What the owner sees of a device's firmware, and says about it.
struct FirmwarePanel {
    hardware: Option<String>,
    available: Option<String>,
    auto_update: bool,
    beta: bool,
}

impl FirmwarePanel {
    async fn of(tx: &mut Tx, device: &Device) -> Result<Self> {
        let running = (device.hardware.as_deref(), device.firmware_version.as_deref());
        let available = firmware::actions::update_for(tx, running, device.firmware_beta).await?;
        Ok(Self {
            hardware: device.hardware.clone(),
            available: available.map(|release| release.version.text().to_owned()),
            auto_update: device.firmware_auto_update,
            beta: device.firmware_beta,
        })
    }
}

/// How instants are written on a page.
fn written(caller: &Caller, page: &Page) -> impl Fn(DateTime<Utc>) -> String + use<> {
    let (zone, lang) = (people::zone_of(caller), page.language());
    move |at| wording::instant(at, zone, lang)
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = actions::managed(&product, &mut tx, id).await?;
    let counters = record::sql::counters(&mut tx, id).await?;
    let (totals, address) = record::told(&mut tx, id).await?;
    let team = team(&mut tx, &page, id).await?;
    let wifi = networks(&caller, &page, &wifi::sql::set(&mut tx, id).await?);
    let keys = product.app.vault.keys_if_reachable(&mut tx).await?;
    let of_device = treatments::sql::Wanted { device: Some(id.0), ..Default::default() };
    let recent = treatments::sql::list(&mut tx, keys.as_ref(), &of_device, (0, RECENT)).await?;
    let calibration = calibration(&mut tx, &page, &device).await?;
    let instant = written(&caller, &page);
    let window = device.registration_open_until.filter(|until| *until > caller.now()).map(&instant);
    let (mac, claimed, registered) =
        (device.mac_address.clone(), instant(device.claimed_at), device.registered_at.map(&instant));
    let firmware = FirmwarePanel::of(&mut tx, &device).await?;
    let card = cards(&product, &mut tx, &page, vec![device]).await?.pop().ok_or_else(Error::not_found)?;
    drop(tx);
    let shown = DevicePage {
        device: card,
        mac,
        claimed,
        registered,
        window,
        calibration,
        counters,
        team,
        wifi,
        spot: Spot::of(&product, &page, &address, caller.now()),
        totals: totals_view(totals),
        recent: treatments::rows(&caller, &page, recent),
        firmware,
        page,
    };
    Ok(html(&shown)?.into_response())
}

fn totals_view(totals: Totals) -> TotalsView {
    TotalsView {
        treatments: totals.treatments,
        time: wording::duration(totals.seconds),
        average: totals.average().map(wording::duration),
        success: totals.success(),
    }
}

async fn team(tx: &mut Tx, page: &Page, id: DeviceId) -> Result<Vec<TeamChoice>> {
    let assigned = record::sql::assigned(tx, id).await?;
    let instant = written(tx.caller(), page);
    let choice = |member: people::Member| TeamChoice {
        since: assigned.iter().find(|one| one.user == member.id).map(|one| instant(one.at)),
        id: member.id.to_string(),
        role: page.t(if member.role == "admin" { "role-admin" } else { "role-operator" }),
        name: member.name,
    };
    Ok(people::members(tx).await?.into_iter().map(choice).collect())
}

fn networks(caller: &Caller, page: &Page, set: &wifi::Set) -> WifiView {
    let ssid = |priority| set.networks.iter().find(|(of, _)| *of == priority).map(|(_, ssid)| ssid.clone());
    let instant = written(caller, page);
    let since = |at: Option<DateTime<Utc>>| at.map(instant).unwrap_or_default();
    let (state, text) = match set.state() {
        wifi::Applied::Nothing => ("nothing", page.t("wifi-nothing")),
        wifi::Applied::Yes(at) => ("applied", page.t2("wifi-applied", "version", set.wanted, "date", since(at))),
        wifi::Applied::NotSince(at) => {
            let told = page.t2("wifi-waiting", "wanted", set.wanted, "date", since(at));
            let applied = set.applied.map(|applied| page.t1("wifi-has", "applied", applied));
            ("waiting", format!("{told} {}", applied.unwrap_or_else(|| page.t("wifi-never-said"))))
        }
    };
    let slots = (1..=wifi::SLOTS).map(|priority| SlotView { priority, ssid: ssid(priority) }).collect();
    WifiView { slots, state, text }
}

async fn calibration(tx: &mut Tx, page: &Page, device: &Device) -> Result<CalibrationView> {
    let newest = calibrations::sql::versions(tx, device.id).await?.into_iter().next();
    let instant = written(tx.caller(), page);
    let figure = |figure: rust_decimal::Decimal| wording::decimal(&figure.normalize().to_string(), page.language());
    let (by, since) = newest.map_or((None, None), |version| (version.by, Some(instant(version.calibrated_at))));
    Ok(CalibrationView {
        slope: figure(device.temp_slope),
        intercept: figure(device.temp_intercept),
        version: device.calibration_version,
        since,
        by,
    })
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
    Ok(back_to(id, "?notice=saved"))
}

pub(super) async fn open(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    actions::open_registration(&product, &caller, id).await?;
    Ok(back_to(id, "?notice=window-open"))
}

pub(super) async fn release(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    match actions::release(&product, &caller, id).await {
        Ok(()) => Ok(see_other("/physiotraq/admin/devices?notice=released")),
        Err(error) if error.code == "BIZ_DEVICE_IN_TREATMENT" => Ok(back_to(id, "?notice=release-refused")),
        Err(error) => Err(error),
    }
}

pub(super) fn back_to(id: DeviceId, query: &str) -> Response {
    see_other(&format!("/physiotraq/admin/devices/{id}{query}"))
}
