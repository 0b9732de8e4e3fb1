//! The patient form, and the start of a treatment.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::Deserialize;
use socle::error::Detail;
use socle::web::{FieldError, Form, Page, Query, field_errors, html, problem, see_other};
use socle::{Caller, Error, Result};

use super::actions;
use super::model::Patient;
use crate::devices::{self, DeviceCard, DeviceId};
use crate::units::Unit;
use crate::{Physiotraq, people, roles};

/// What the operator types; every field as sent, so that a refused form comes back as it was.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PatientForm {
    /// Device.
    pub device: String,
    /// `on` when names are not kept.
    pub anonymous: Option<String>,
    /// Optional.
    pub patient_first_name: String,
    /// Optional.
    pub patient_last_name: String,
    /// Years.
    pub patient_age: String,
    /// `male`, `female`, `other` or nothing.
    pub patient_sex: String,
    /// Kilograms.
    pub patient_weight: String,
    /// `celsius` or `fahrenheit`.
    pub unit: String,
    /// Free text.
    pub notes: String,
}

/// The spec's sexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// male
    Male,
    /// female
    Female,
    /// other
    Other,
}

impl Sex {
    /// As the spec's enum spells it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "male" => Some(Self::Male),
            "female" => Some(Self::Female),
            "other" => Some(Self::Other),
            _ => None,
        }
    }
}

impl PatientForm {
    /// What is wrong; messages are keys of texts.
    #[must_use]
    pub fn faults(&self) -> Vec<Detail> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, field: &'static str, message: &'static str| {
            if !ok {
                faults.push(Detail::new(field, "INVALID_FORMAT", message));
            }
        };
        for (field, name) in
            [("patient_first_name", &self.patient_first_name), ("patient_last_name", &self.patient_last_name)]
        {
            check(name.chars().count() <= 100 && !name.chars().any(char::is_control), field, "error-name-too-long");
        }
        let age = self.patient_age.trim();
        check(age.is_empty() || age.parse().is_ok_and(|age: i32| (0..=130).contains(&age)), "patient_age", "error-age");
        let sex = self.patient_sex.trim();
        check(sex.is_empty() || Sex::parse(sex).is_some(), "patient_sex", "error-sex");
        let weight = self.patient_weight.trim();
        check(weight.is_empty() || kilograms(weight).is_some(), "patient_weight", "error-weight");
        check(self.unit.is_empty() || Unit::parse(&self.unit).is_some(), "unit", "error-unit");
        check(self.notes.chars().count() <= 4_000 && !self.notes.contains('\0'), "notes", "error-notes-too-long");
        faults
    }

    /// The patient; an anonymous session keeps no name even if one was typed.
    #[must_use]
    pub fn patient(&self) -> Patient {
        let anonymous = self.anonymous.is_some();
        let name = |name: &str| Some(name.trim().to_owned()).filter(|name| !anonymous && !name.is_empty());
        Patient {
            anonymous,
            unavailable: false,
            first_name: name(&self.patient_first_name),
            last_name: name(&self.patient_last_name),
            age: self.patient_age.trim().parse().ok(),
            sex: Some(self.patient_sex.trim().to_owned()).filter(|sex| Sex::parse(sex).is_some()),
            weight: kilograms(self.patient_weight.trim()),
        }
    }

    /// Notes, unless empty.
    #[must_use]
    pub fn notes(&self) -> Option<&str> {
        Some(self.notes.trim()).filter(|notes| !notes.is_empty())
    }
}

/// "72,5" or "72.5", 1 to 500.
fn kilograms(text: &str) -> Option<Decimal> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'.') {
        return None;
    }
    let weight: Decimal = text.replace(',', ".").parse().ok()?;
    (Decimal::ONE..=Decimal::from(500)).contains(&weight).then(|| weight.round_dp(2))
}

/// What the template prints back.
struct TreatmentForm {
    device: String,
    anonymous: bool,
    patient_first_name: String,
    patient_last_name: String,
    patient_age: String,
    patient_sex: String,
    patient_weight: String,
    unit: String,
    notes: String,
}

#[derive(Template)]
#[template(path = "treatments/new.html")]
struct NewTreatment {
    page: Page,
    device: DeviceCard,
    form: TreatmentForm,
    errors: Vec<FieldError>,
}

impl NewTreatment {
    fn new(page: Page, device: DeviceCard, form: PatientForm, faults: &[Detail]) -> Self {
        let errors = field_errors(&page, faults);
        let form = TreatmentForm {
            device: form.device,
            anonymous: form.anonymous.is_some(),
            patient_first_name: form.patient_first_name,
            patient_last_name: form.patient_last_name,
            patient_age: form.patient_age,
            patient_sex: form.patient_sex,
            patient_weight: form.patient_weight,
            unit: form.unit,
            notes: form.notes,
        };
        Self { page, device, form, errors }
    }

    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    device: String,
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Query(chosen): Query<Chosen>,
) -> Result<Response> {
    let Ok(device) = chosen.device.parse::<DeviceId>() else {
        return Ok(see_other("/physiotraq/app/monitor"));
    };
    let card = card(&product, &caller, &page, device).await?;
    let unit = people::unit_of(&caller).name().to_owned();
    let form = PatientForm { device: chosen.device, unit, anonymous: Some("on".into()), ..PatientForm::default() };
    Ok(html(&NewTreatment::new(page, card, form, &[]))?.into_response())
}

pub(super) async fn start(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Form(form): Form<PatientForm>,
) -> Result<Response> {
    let device: DeviceId = form.device.parse().map_err(|_| Error::not_found())?;
    let mut faults = form.faults();
    if faults.is_empty() {
        if let Some(unit) = Unit::parse(&form.unit).filter(|unit| *unit != people::unit_of(&caller)) {
            people::prefer_unit(&caller, unit).await?;
        }
        match actions::start(&product, &caller, device, &form).await {
            Ok(_) => return Ok(see_other(&format!("/physiotraq/app/monitor/{device}?notice=started"))),
            Err(error) => faults.push(Detail::new("device", "REFUSED", refusal(error)?)),
        }
    }
    let card = card(&product, &caller, &page, device).await?;
    Ok((StatusCode::BAD_REQUEST, html(&NewTreatment::new(page, card, form, &faults))?).into_response())
}

/// What the operator can mend stays on the form; everything else is an error page.
fn refusal(error: Error) -> Result<&'static str> {
    match error.code.as_ref() {
        "BIZ_DEVICE_OFFLINE" => Ok("error-device-offline"),
        "BIZ_DEVICE_BUSY" => Ok("error-device-busy"),
        _ => Err(error),
    }
}

async fn card(product: &Physiotraq, caller: &Caller, page: &Page, id: DeviceId) -> Result<DeviceCard> {
    let mut tx = caller.begin().await?;
    let device = devices::sql::find(&mut tx, id).await?;
    product.policies.require(caller.person()?, (roles::SEE_DEVICE, roles::START_TREATMENT), &device.resource())?;
    devices::cards(product, &mut tx, page, vec![device]).await?.pop().ok_or_else(Error::not_found)
}
