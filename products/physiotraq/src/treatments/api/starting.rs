//! Starting a treatment, as the page's form does it: one set of rules for both.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::Deserialize;
use socle::error::{Detail, Envelope};
use socle::web::{JsonFields, Lang};
use socle::{Caller, Error, Result};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::actions;
use super::super::form::PatientForm;
use super::{TreatmentBody, seen};
use crate::devices::DeviceId;
use crate::units::Unit;
use crate::{CATALOGUE, Physiotraq, people};

/// Who is treated, and on which device.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StartBody {
    /// A device that is assigned to the caller, online and free.
    device_id: Uuid,
    /// No names are kept, even if some are sent.
    anonymous: bool,
    /// At most 100 characters.
    #[schema(example = "Ada")]
    patient_first_name: Option<String>,
    /// At most 100 characters.
    #[schema(example = "Lovelace")]
    patient_last_name: Option<String>,
    /// Years.
    #[schema(minimum = 0, maximum = 130, example = 45)]
    patient_age: Option<i32>,
    /// male, female or other.
    #[schema(example = "female", pattern = "^(male|female|other)$")]
    patient_sex: Option<String>,
    /// Kilograms, 1 to 500.
    #[schema(value_type = Option<String>, example = "72.5")]
    patient_weight: Option<Decimal>,
    /// In what the caller reads temperatures from now on: celsius or fahrenheit.
    #[schema(example = "celsius", pattern = "^(celsius|fahrenheit)$")]
    unit: Option<String>,
    /// Free text, at most 4000 characters.
    #[schema(max_length = 4000)]
    notes: Option<String>,
}

impl StartBody {
    /// As the page's form sends it: one set of rules for both.
    fn form(self) -> PatientForm {
        PatientForm {
            device: self.device_id.to_string(),
            anonymous: self.anonymous.then(|| "on".to_owned()),
            patient_first_name: self.patient_first_name.unwrap_or_default(),
            patient_last_name: self.patient_last_name.unwrap_or_default(),
            patient_age: self.patient_age.map(|age| age.to_string()).unwrap_or_default(),
            patient_sex: self.patient_sex.unwrap_or_default(),
            patient_weight: self.patient_weight.map(|weight| weight.to_string()).unwrap_or_default(),
            unit: self.unit.unwrap_or_default(),
            notes: self.notes.unwrap_or_default(),
        }
    }
}

/// A fault of the form, under the name that the program sent and in the language of its messages.
fn named(fault: Detail) -> Detail {
    let mut words = fault.field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.extend(letters);
    }
    Detail::new(name, fault.code, CATALOGUE.text(Lang::En, &fault.message))
}

/// Starts a treatment.
#[utoipa::path(
    post,
    path = "/api/v1/treatments",
    operation_id = "startTreatment",
    tag = "treatments",
    params(("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 visible ASCII characters; with the same body it starts no second one.")),
    request_body = StartBody,
    responses(
        (status = 201, description = "It runs.", body = TreatmentBody),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 403, description = "The device is not assigned to you.", body = Envelope),
        (status = 404, description = "There is no such device, or it is not yours to see.", body = Envelope),
        (status = 409, description = "A treatment runs on it, or the first request with this key still does.",
         body = Envelope),
        (status = 422, description = "The device is not online, or the key had another body.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(crate) async fn start(
    State(product): State<Physiotraq>,
    caller: Caller,
    JsonFields(body): JsonFields<StartBody>,
) -> Result<Response> {
    let device = DeviceId(body.device_id);
    let form = body.form();
    let faults: Vec<Detail> = form.faults().into_iter().map(named).collect();
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    if let Some(unit) = Unit::parse(&form.unit).filter(|unit| *unit != people::unit_of(&caller)) {
        people::prefer_unit(&caller, unit).await?;
    }
    let id = actions::start(&product, &caller, device, &form).await?;
    Ok((StatusCode::CREATED, axum::Json(seen(&product, &caller, id).await?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_form_is_told_under_the_programs_name_and_in_english() {
        let fault = named(Detail::new("patient_first_name", "INVALID_FORMAT", "error-age"));
        assert_eq!((&*fault.field, &*fault.code), ("patientFirstName", "INVALID_FORMAT"));
        assert_eq!(fault.message, CATALOGUE.text(Lang::En, "error-age"));
        assert_ne!(fault.message, "error-age");
    }
}
