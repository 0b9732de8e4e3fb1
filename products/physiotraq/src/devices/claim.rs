//! Adding a device: its code is scanned, or typed.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use socle::error::Detail;
use socle::web::{FieldError, Form, Page, Query, field_errors, html, problem, see_other, with_camera};
use socle::{Caller, Error, Result};

use super::{Claim, actions};
use crate::Physiotraq;

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

    /// The page, which may ask for the camera: no other does.
    fn answer(&self, status: StatusCode) -> Result<Response> {
        Ok(with_camera((status, html(self)?).into_response()))
    }
}

/// What is in the address of the QR code.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Prefilled {
    serial: String,
    secret: String,
}

/// What the form holds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ClaimForm {
    serial_number: String,
    secret: String,
    name: String,
}

pub(super) async fn new(page: Page, Query(prefilled): Query<Prefilled>) -> Result<Response> {
    // The QR code is an address of this page with serial and secret in it.
    let form = ClaimForm { serial_number: prefilled.serial, secret: prefilled.secret, name: String::new() };
    ClaimDevice { page, form, errors: Vec::new() }.answer(StatusCode::OK)
}

pub(super) async fn claim(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Form(form): Form<ClaimForm>,
) -> Result<Response> {
    let ClaimForm { serial_number, secret, name } = &form;
    let wanted = Claim { serial_number: serial_number.clone(), secret: secret.clone(), name: name.clone() };
    let faults = match actions::claim(&product, &caller, wanted).await {
        Ok(id) => return Ok(see_other(&format!("/physiotraq/admin/devices/{id}?notice=claimed"))),
        Err(error) => claim_faults(error)?,
    };
    let errors = field_errors(&page, &faults);
    ClaimDevice { page, form, errors }.answer(StatusCode::BAD_REQUEST)
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
