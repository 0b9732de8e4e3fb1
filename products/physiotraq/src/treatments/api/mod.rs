//! Treatments for people's programs: the list and one of it; starting and what a running one takes lie beside.
#![expect(unused_qualifications, reason = "the documentation macro writes paths in full")]

pub(super) mod running;
pub(super) mod starting;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::web::cursor::{Cursor, Pagination, Paging};
use socle::web::{Path, Query};
use socle::{Caller, Error, Result};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::list::Filter;
use super::model::{Patient, Status, Treatment, TreatmentId};
use super::{pages, sql};
use crate::{Physiotraq, people, roles};

/// A treatment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TreatmentBody {
    /// Its id.
    id: Uuid,
    /// Day, time and number of the session in the licence's zone.
    #[schema(example = "20261121-110000-001")]
    session_identifier: String,
    /// Whether it runs.
    status: Status,
    /// The device.
    device_id: Uuid,
    /// The device's name.
    #[schema(example = "CoreTraQer005")]
    device_name: String,
    /// Who runs it.
    operator_id: Uuid,
    /// Their name.
    #[schema(example = "Paul Essai")]
    operator_name: String,
    /// Who is treated.
    patient: PatientBody,
    /// When it was started.
    started_at: DateTime<Utc>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// How long it ran, or has run by now.
    #[schema(example = 923)]
    duration_seconds: i64,
    /// The highest trustworthy value, in °C.
    #[schema(value_type = Option<String>, example = "39.312")]
    max_temperature: Option<Decimal>,
    /// The device's clock then.
    max_temperature_at: Option<DateTime<Utc>>,
    /// Whether 39 °C was reached for long enough.
    #[serde(rename = "alert39Triggered")]
    alert_39: bool,
    /// Whether 40 °C was reached for long enough.
    #[serde(rename = "alert40Triggered")]
    alert_40: bool,
    /// Free text.
    notes: Option<String>,
}

/// Who is treated; an anonymous session has no names.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PatientBody {
    /// No names are kept.
    anonymous: bool,
    /// There are names, and they cannot be read now: their keys cannot be reached.
    names_unavailable: bool,
    /// First name.
    #[schema(example = "Ada")]
    first_name: Option<String>,
    /// Last name.
    #[schema(example = "Lovelace")]
    last_name: Option<String>,
    /// Years.
    #[schema(example = 45)]
    age: Option<i32>,
    /// male, female or other.
    #[schema(example = "female")]
    sex: Option<String>,
    /// Kilograms.
    #[schema(value_type = Option<String>, example = "72.5")]
    weight: Option<Decimal>,
}

fn shown(treatment: Treatment, now: DateTime<Utc>) -> TreatmentBody {
    let duration_seconds = treatment.seconds(now);
    let Patient { anonymous, unavailable, first_name, last_name, age, sex, weight } = treatment.patient;
    TreatmentBody {
        id: treatment.id.0,
        status: treatment.status,
        device_id: treatment.device.0,
        operator_id: treatment.operator,
        patient: PatientBody {
            anonymous,
            names_unavailable: unavailable,
            first_name,
            last_name,
            age,
            sex,
            weight: weight.map(|kg| kg.normalize()),
        },
        started_at: treatment.started_at,
        ended_at: treatment.ended_at,
        duration_seconds,
        max_temperature: treatment.max.map(|max| max.decimal()),
        max_temperature_at: treatment.max_at,
        alert_39: treatment.alert_39,
        alert_40: treatment.alert_40,
        session_identifier: treatment.session,
        device_name: treatment.device_name,
        operator_name: treatment.operator_name,
        notes: treatment.notes,
    }
}

/// What the list is narrowed to, and how much of it.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Wanted {
    /// in_progress, completed or aborted.
    #[param(value_type = Option<String>, pattern = "^(in_progress|completed|aborted)$", example = "completed")]
    status: String,
    /// Only of this device.
    #[param(value_type = Option<Uuid>)]
    device: String,
    /// From this day on, in the licence's zone.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01")]
    from: String,
    /// Up to and with this day.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-30")]
    to: String,
    /// Rows of the answer, 20 by default.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100, example = 20)]
    limit: Option<String>,
    /// pagination.cursor of the answer before.
    cursor: Option<String>,
}

impl Wanted {
    /// The same filter as the page's, once every field can be read: a program is told of its mistake.
    fn checked(self) -> Result<(Filter, Paging)> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, field: &'static str, accepted: &'static str| {
            if !ok {
                faults.push(Detail::new(field, "INVALID_FORMAT", accepted));
            }
        };
        let status = self.status.is_empty() || Status::parse(&self.status).is_some();
        check(status, "status", "status is in_progress, completed or aborted.");
        check(self.device.is_empty() || self.device.parse::<Uuid>().is_ok(), "device", "device is a device's id.");
        let day = |text: &str| text.is_empty() || text.parse::<NaiveDate>().is_ok();
        check(day(&self.from), "from", "from is a day: 2026-11-21.");
        check(day(&self.to), "to", "to is a day: 2026-11-21.");
        let paging = Paging::read(self.limit.as_deref(), self.cursor.as_deref());
        match paging {
            Ok(paging) if faults.is_empty() => {
                let Self { status, device, from, to, .. } = self;
                Ok((Filter { status, device, from, to, ..Filter::default() }, paging))
            }
            Ok(_) => Err(Error::invalid(faults)),
            Err(more) => Err(Error::invalid(faults.into_iter().chain(more).collect())),
        }
    }
}

/// Treatments, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Treatments {
    /// The page.
    data: Vec<TreatmentBody>,
    /// Where it goes on.
    pagination: Pagination,
}

/// The caller's own treatments; all of the licence for its owner.
#[utoipa::path(
    get,
    path = "/api/v1/treatments",
    operation_id = "listTreatments",
    tag = "treatments",
    params(Wanted),
    responses(
        (status = 200, description = "A page of treatments.", body = Treatments),
        (status = 400, description = "A field of the query cannot be read; see details.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    let (filter, paging) = wanted.checked()?;
    let person = caller.person()?;
    let all = product.policies.allows_at_best(person, roles::LIST_ALL_TREATMENTS);
    let own = (!all).then_some(person.account.0);
    let mut tx = caller.begin().await?;
    let keys = filter.keys(&product, &mut tx).await?;
    let wanted = sql::Wanted { after: paging.after(), ..filter.wanted(keys.as_ref(), own, people::zone_of(&caller)) };
    let found = sql::list(&mut tx, keys.as_ref(), &wanted, (0, paging.rows())).await?;
    drop(tx);
    let (page, pagination) = paging.cut(found, |treatment| Cursor { at: treatment.started_at, id: treatment.id.0 });
    let data = page.into_iter().map(|treatment| shown(treatment, caller.now())).collect();
    Ok(axum::Json(Treatments { data, pagination }).into_response())
}

/// A treatment as it is now; the sight of it is recorded.
async fn seen(product: &Physiotraq, caller: &Caller, id: TreatmentId) -> Result<TreatmentBody> {
    let mut tx = caller.begin().await?;
    let treatment = pages::seen(product, &mut tx, id, "treatment.viewed").await?;
    tx.commit().await?;
    Ok(shown(treatment, caller.now()))
}

/// One treatment.
#[utoipa::path(
    get,
    path = "/api/v1/treatments/{id}",
    operation_id = "getTreatment",
    tag = "treatments",
    params(("id" = Uuid, Path, description = "The treatment.")),
    responses(
        (status = 200, description = "The treatment.", body = TreatmentBody),
        (status = 404, description = "There is none, or it is not yours to see.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
) -> Result<Response> {
    Ok(axum::Json(seen(&product, &caller, id).await?).into_response())
}
