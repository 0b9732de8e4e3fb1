//! What a treatment takes once it was started: its alerts, a note taken of one, its end.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use socle::error::{Detail, Envelope};
use socle::web::{JsonFields, Path};
use socle::{Caller, Error, Result};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::model::{Status, TreatmentId};
use super::super::{actions, pages, sql};
use super::{TreatmentBody, seen};
use crate::units::Celsius;
use crate::{Physiotraq, roles};

/// An alert.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertBody {
    /// Its id.
    id: Uuid,
    /// temperature, no_data or low_reliability.
    #[schema(example = "temperature")]
    kind: String,
    /// 39 or 40; 0 when it is about the equipment.
    #[schema(example = 39)]
    level: i16,
    /// The limit that was reached, in °C.
    #[schema(value_type = Option<String>, example = "39.000")]
    limit: Option<Decimal>,
    /// The value that raised it, in °C.
    #[schema(value_type = Option<String>, example = "39.104")]
    temperature: Option<Decimal>,
    /// How often it was repeated because nobody took note of it.
    #[schema(example = 0)]
    escalation: i16,
    /// The device's clock then.
    raised_at: DateTime<Utc>,
    /// When somebody took note of it.
    acknowledged_at: Option<DateTime<Utc>>,
    /// Who did.
    acknowledged_by: Option<String>,
    /// What they wrote.
    note: Option<String>,
}

impl From<sql::AlertRow> for AlertBody {
    fn from(row: sql::AlertRow) -> Self {
        let degrees = |figure: Option<Decimal>| figure.map(|figure| Celsius::from_decimal(figure).decimal());
        Self {
            id: row.id,
            kind: row.kind,
            level: row.level,
            limit: degrees(row.limit_celsius),
            temperature: degrees(row.value),
            escalation: row.escalation,
            raised_at: row.raised_at,
            acknowledged_at: row.acknowledged_at,
            acknowledged_by: row.by,
            note: row.note,
        }
    }
}

/// All alerts of a treatment, oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alerts {
    /// The alerts.
    data: Vec<AlertBody>,
}

/// The alerts of a treatment.
#[utoipa::path(
    get,
    path = "/api/v1/treatments/{id}/alerts",
    operation_id = "listAlerts",
    tag = "treatments",
    params(("id" = Uuid, Path, description = "The treatment.")),
    responses(
        (status = 200, description = "All of them.", body = Alerts),
        (status = 404, description = "There is no such treatment, or it is not yours to see.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(crate) async fn alerts(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    pages::seen(&product, &mut tx, id, "treatment.viewed").await?;
    let alerts = sql::alerts(&mut tx, id).await?;
    tx.commit().await?;
    Ok(axum::Json(Alerts { data: alerts.into_iter().map(AlertBody::from).collect() }).into_response())
}

/// Ends a treatment as planned.
#[utoipa::path(
    post,
    path = "/api/v1/treatments/{id}/complete",
    operation_id = "completeTreatment",
    tag = "treatments",
    params(("id" = Uuid, Path, description = "The treatment.")),
    responses(
        (status = 200, description = "It has ended.", body = TreatmentBody),
        (status = 404, description = "There is none, or it is not yours to see.", body = Envelope),
        (status = 409, description = "It had ended already.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(crate) async fn complete(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
) -> Result<Response> {
    actions::end_this(&product, &caller, id, Status::Completed).await?;
    Ok(axum::Json(seen(&product, &caller, id).await?).into_response())
}

/// Breaks a treatment off.
#[utoipa::path(
    post,
    path = "/api/v1/treatments/{id}/abort",
    operation_id = "abortTreatment",
    tag = "treatments",
    params(("id" = Uuid, Path, description = "The treatment.")),
    responses(
        (status = 200, description = "It has ended.", body = TreatmentBody),
        (status = 404, description = "There is none, or it is not yours to see.", body = Envelope),
        (status = 409, description = "It had ended already.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(crate) async fn abort(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
) -> Result<Response> {
    actions::end_this(&product, &caller, id, Status::Aborted).await?;
    Ok(axum::Json(seen(&product, &caller, id).await?).into_response())
}

/// Which alert was taken note of.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AcknowledgeBody {
    /// An alert of this treatment.
    alert_id: Uuid,
    /// At most 500 characters.
    #[schema(max_length = 500, example = "Cooling started.")]
    note: Option<String>,
}

/// Takes note of an alert of a running treatment.
///
/// It does not clear the alert: the sound pauses for two minutes. Twice is no error, the first note stays.
#[utoipa::path(
    post,
    path = "/api/v1/treatments/{id}/acknowledge",
    operation_id = "acknowledgeAlert",
    tag = "treatments",
    params(("id" = Uuid, Path, description = "The treatment.")),
    request_body = AcknowledgeBody,
    responses(
        (status = 204, description = "Noted."),
        (status = 400, description = "A field is wrong; see details.", body = Envelope),
        (status = 404, description = "There is no such treatment or alert, or it has ended.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(crate) async fn acknowledge(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
    JsonFields(body): JsonFields<AcknowledgeBody>,
) -> Result<Response> {
    let note = body.note.unwrap_or_default();
    if note.chars().count() > 500 || note.contains('\0') {
        let accepted = "The note has at most 500 characters and no NUL.";
        return Err(Error::invalid(vec![Detail::new("note", "INVALID_LENGTH", accepted)]));
    }
    let mut tx = caller.begin().await?;
    let treatment = sql::find(&mut tx, None, id).await?;
    drop(tx);
    let steps = (roles::SEE_TREATMENT, roles::OPERATE_TREATMENT);
    product.policies.require(caller.person()?, steps, &treatment.resource())?;
    actions::acknowledge(&product, &caller, treatment.device, (body.alert_id, &note)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
