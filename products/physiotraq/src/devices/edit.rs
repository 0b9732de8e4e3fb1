//! Changing a device: its name, its networks, its calibration. Three forms on one page; what was refused stays typed, save
//! passwords, which no page ever holds.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use socle::error::Detail;
use socle::web::{FieldError, Form, Page, Path, field_errors, html, problem};
use socle::{Caller, Error, Result};

use super::pages::back_to;
use super::{DeviceId, actions};
use crate::calibrations::{self, Typed};
use crate::wifi::{self, Password, SLOTS, Slot};
use crate::{Physiotraq, people, wording};

/// A slot of the form.
struct SlotForm {
    priority: i16,
    ssid: String,
    open: bool,
    /// What is said below the password; a network of that name may have it already.
    hint: String,
}

/// A version of the calibration, as it is listed.
struct VersionRow {
    version: i32,
    slope: String,
    intercept: String,
    at: String,
    by: Option<String>,
}

#[derive(Template)]
#[template(path = "devices/edit.html")]
struct EditPage {
    page: Page,
    id: String,
    device: String,
    name: String,
    slots: Vec<SlotForm>,
    slope: String,
    intercept: String,
    versions: Vec<VersionRow>,
    errors: Vec<FieldError>,
}

impl EditPage {
    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }

    fn slot_error(&self, field: &str, slot: &SlotForm) -> Option<&str> {
        problem(&self.errors, &format!("{field}_{}", slot.priority))
    }
}

/// What was typed and refused.
#[derive(Default)]
struct Refused {
    name: Option<String>,
    slots: Option<Vec<(i16, String, bool)>>,
    calibration: Option<CalibrationForm>,
    faults: Vec<Detail>,
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    edit(&product, &caller, (page, id), Refused::default()).await
}

async fn edit(
    product: &Physiotraq,
    caller: &Caller,
    (page, id): (Page, DeviceId),
    refused: Refused,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = actions::managed(product, &mut tx, id).await?;
    let set = wifi::sql::set(&mut tx, id).await?;
    let versions = calibrations::sql::versions(&mut tx, id).await?;
    drop(tx);
    let (zone, lang) = (people::zone_of(caller), page.language());
    let figure = |figure: rust_decimal::Decimal| wording::decimal(&figure.normalize().to_string(), lang);
    let row = |version: calibrations::sql::Version| VersionRow {
        version: version.version,
        slope: figure(version.temp_slope),
        intercept: figure(version.temp_intercept),
        at: wording::instant(version.calibrated_at, zone, lang),
        by: version.by,
    };
    let typed = refused.calibration.unwrap_or_else(|| CalibrationForm {
        temp_slope: figure(device.temp_slope),
        temp_intercept: figure(device.temp_intercept),
    });
    let status = if refused.faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = EditPage {
        id: id.to_string(),
        name: refused.name.unwrap_or_else(|| device.name.clone()),
        device: device.name,
        slots: slots(&page, &set, refused.slots),
        slope: typed.temp_slope,
        intercept: typed.temp_intercept,
        versions: versions.into_iter().map(row).collect(),
        errors: field_errors(&page, &refused.faults),
        page,
    };
    Ok((status, html(&shown)?).into_response())
}

/// Four slots: as typed, or as they are set.
fn slots(page: &Page, set: &wifi::Set, typed: Option<Vec<(i16, String, bool)>>) -> Vec<SlotForm> {
    let there = set.networks.iter().map(|(priority, ssid)| (*priority, ssid.clone(), false)).collect();
    let filled = typed.unwrap_or(there);
    let slot = |priority| {
        let (ssid, open) = filled
            .iter()
            .find(|(of, ..)| *of == priority)
            .map_or((String::new(), false), |(_, ssid, open)| (ssid.clone(), *open));
        let kept = set.networks.iter().any(|(_, known)| *known == ssid);
        let hint = page.t(if kept { "wifi-password-kept" } else { "wifi-password-hint" });
        SlotForm { priority, ssid, open, hint }
    };
    (1..=SLOTS).map(slot).collect()
}

/// What the owner can mend goes back onto the form; everything else is an error page.
fn mendable(error: Error) -> Result<Vec<Detail>> {
    match error.code.as_ref() {
        "VAL_FIELDS" => Ok(error.details),
        "BIZ_DEVICE_IN_TREATMENT" => Ok(vec![Detail::new("temp_slope", "IN_TREATMENT", "calibration-error-running")]),
        _ => Err(error),
    }
}

#[derive(Deserialize)]
pub(super) struct Rename {
    #[serde(default)]
    name: String,
}

pub(super) async fn rename(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
    Form(body): Form<Rename>,
) -> Result<Response> {
    match actions::rename(&product, &caller, id, &body.name).await {
        Ok(()) => Ok(back_to(id, "?notice=saved")),
        Err(error) => {
            let refused = Refused { faults: mendable(error)?, name: Some(body.name), ..Refused::default() };
            edit(&product, &caller, (page, id), refused).await
        }
    }
}

pub(super) async fn networks(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let slots: Vec<Slot> = (1..=SLOTS).filter_map(|priority| slot(&fields, priority)).collect();
    let typed = slots.iter().map(|s| (s.priority, s.ssid.clone(), matches!(s.password, Password::Open))).collect();
    match wifi::actions::set(&product, &caller, id, slots).await {
        Ok(_) => Ok(back_to(id, "?notice=wifi-saved")),
        Err(error) => {
            let refused = Refused { faults: mendable(error)?, slots: Some(typed), ..Refused::default() };
            edit(&product, &caller, (page, id), refused).await
        }
    }
}

/// A slot of the form as it was sent; one without a name is empty.
fn slot(fields: &[(String, String)], priority: i16) -> Option<Slot> {
    let value = |field: &str| {
        let name = format!("{field}_{priority}");
        fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let (ssid, password) = (value("ssid"), value("password"));
    let password = match (value("open").is_empty(), password.is_empty()) {
        (false, _) => Password::Open,
        (true, true) => Password::Keep,
        (true, false) => Password::New(SecretString::from(password.to_owned())),
    };
    (!ssid.is_empty()).then(|| Slot { priority, ssid: ssid.to_owned(), password })
}

#[derive(Deserialize)]
pub(super) struct CalibrationForm {
    #[serde(default)]
    temp_slope: String,
    #[serde(default)]
    temp_intercept: String,
}

pub(super) async fn calibrate(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
    Form(typed): Form<CalibrationForm>,
) -> Result<Response> {
    let done = match calibrations::read(&Typed { slope: &typed.temp_slope, intercept: &typed.temp_intercept }) {
        Ok(calibration) => calibrations::actions::calibrate(&product, &caller, id, calibration).await.map(drop),
        Err(faults) => Err(Error::invalid(faults)),
    };
    match done {
        Ok(()) => Ok(back_to(id, "?notice=calibrated")),
        Err(error) => {
            let refused = Refused { faults: mendable(error)?, calibration: Some(typed), ..Refused::default() };
            edit(&product, &caller, (page, id), refused).await
        }
    }
}
