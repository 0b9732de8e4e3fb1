//! CSV exports, streamed from the database page by page: no row limit, no more memory than one page.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use socle::db::Tx;
use socle::error::Envelope;
use socle::web::{Path, Query, csv_file, csv_line};
use socle::{Caller, Error, Result, audit};
use uuid::Uuid;

use super::list::Filter;
use super::model::{Treatment, TreatmentId};
use super::pages;
use super::sql::{self, Wanted};
use crate::measurements::sql as readings;
use crate::units::Unit;
use crate::{Physiotraq, people, roles};

/// Rows read at once.
const PAGE: i64 = 5_000;
/// Treatments read at once.
const TREATMENTS: i64 = 500;

/// Every reading of a treatment.
#[utoipa::path(
    get,
    path = "/app/treatments/{id}/export",
    operation_id = "exportTreatment",
    tag = "treatments",
    params(("id" = Uuid, Path, description = "The treatment.")),
    responses(
        (status = 200, description = "One line per reading; the header names °C and the caller's unit.",
         body = String, content_type = "text/csv"),
        (status = 404, description = "There is none, or it is not yours to see.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn one(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let treatment = pages::seen(&product, &mut tx, id, "treatment.exported").await?;
    let steps = (roles::SEE_TREATMENT, roles::EXPORT_TREATMENT);
    product.policies.require(caller.person()?, steps, &treatment.resource())?;
    tx.commit().await?;
    let unit = people::unit_of(&caller);
    let stretch = treatment.stretch(caller.now());
    let header = csv_line(&reading_header(unit))?;
    let rows = stream::try_unfold((caller, pages::beginning(stretch), false), move |(caller, from, done)| async move {
        if done {
            return Ok::<_, Error>(None);
        }
        let mut tx = caller.begin().await?;
        let chunk = readings::page(&mut tx, stretch, from, PAGE).await?;
        drop(tx);
        let done = i64::try_from(chunk.len()).is_ok_and(|n| n < PAGE);
        let next = chunk.last().map_or(from, |last| (last.at, last.sequence));
        let text = chunk.iter().map(|point| csv_line(&reading_line(point, unit))).collect::<Result<Vec<_>>>()?.concat();
        Ok(Some((Bytes::from(text), (caller, next, done))))
    });
    Ok(csv_file(&format!("physiotraq-{}.csv", treatment.session), header, rows))
}

fn reading_header(unit: Unit) -> Vec<String> {
    let shown = format!("shown_{}", unit.name());
    let names = ["measured_at", "temperature_celsius", &shown, "raw_celsius", "reliability_percent", "quality", "late"];
    let rest = ["battery_percent", "wifi_dbm", "firmware_version", "received_at", "sequence"];
    names.into_iter().chain(rest).map(ToOwned::to_owned).collect()
}

fn reading_line(point: &readings::Point, unit: Unit) -> Vec<String> {
    let optional = |figure: Option<i16>| figure.map(|f| f.to_string()).unwrap_or_default();
    vec![
        point.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        point.value.decimal().to_string(),
        point.value.shown(unit),
        point.raw.decimal().to_string(),
        optional(point.reliability),
        point.quality.name().to_owned(),
        point.late.to_string(),
        optional(point.battery),
        optional(point.wifi),
        point.firmware.clone().unwrap_or_default(),
        point.received.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        point.sequence.to_string(),
    ]
}

/// One row per treatment of the caller's own list.
#[utoipa::path(
    get,
    path = "/app/treatments/export",
    operation_id = "exportTreatments",
    tag = "treatments",
    params(
        ("q" = Option<String>, Query, description = "Beginning of a session's number, or a whole last name."),
        ("status" = Option<String>, Query, description = "in_progress, completed or aborted."),
        ("device" = Option<String>, Query, description = "Only of this device."),
        ("from" = Option<String>, Query, description = "From this day on, in the licence's zone: 2026-11-01."),
        ("to" = Option<String>, Query, description = "Up to and with this day."),
    ),
    responses(
        (status = 200, description = "One line per treatment.", body = String, content_type = "text/csv"),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn own(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let own = Some(caller.person()?.account.0);
    summaries(product, caller, filter, own).await
}

/// One row per treatment of the licence.
#[utoipa::path(
    get,
    path = "/admin/treatments/export",
    operation_id = "exportAllTreatments",
    tag = "treatments",
    params(
        ("q" = Option<String>, Query, description = "Beginning of a session's number, or a whole last name."),
        ("status" = Option<String>, Query, description = "in_progress, completed or aborted."),
        ("device" = Option<String>, Query, description = "Only of this device."),
        ("operator" = Option<String>, Query, description = "Only of this operator."),
        ("from" = Option<String>, Query, description = "From this day on, in the licence's zone: 2026-11-01."),
        ("to" = Option<String>, Query, description = "Up to and with this day."),
    ),
    responses(
        (status = 200, description = "One line per treatment.", body = String, content_type = "text/csv"),
        (status = 403, description = "Only the owner of the licence sees all of it.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn all(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    if !product.policies.allows_at_best(caller.person()?, roles::LIST_ALL_TREATMENTS) {
        return Err(Error::forbidden());
    }
    summaries(product, caller, filter, None).await
}

async fn summaries(product: Physiotraq, caller: Caller, filter: Filter, own: Option<Uuid>) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let keys = product.app.vault.keys(&mut tx).await?;
    let wanted = filter.wanted(Some(&keys), own, people::zone_of(&caller));
    audit::record(&mut tx, audit::Entry::done("treatments.exported", "License", caller.person()?.tenant.0)).await?;
    tx.commit().await?;
    let unit = people::unit_of(&caller);
    let header = csv_line(&summary_header(unit))?;
    let rows = stream::try_unfold((product, caller, 0_i64, false), move |(product, caller, offset, done)| {
        let wanted = wanted.clone();
        async move {
            if done {
                return Ok::<_, Error>(None);
            }
            let mut tx = caller.begin().await?;
            let found = chunk(&product, &mut tx, &wanted, offset).await?;
            drop(tx);
            let read = i64::try_from(found.len()).unwrap_or(TREATMENTS);
            let text = found.iter().map(|t| csv_line(&summary_line(t, unit))).collect::<Result<Vec<_>>>()?.concat();
            Ok(Some((Bytes::from(text), (product, caller, offset + read, read < TREATMENTS))))
        }
    });
    Ok(csv_file("physiotraq-treatments.csv", header, rows))
}

async fn chunk(product: &Physiotraq, tx: &mut Tx, wanted: &Wanted, offset: i64) -> Result<Vec<Treatment>> {
    let keys = product.app.vault.keys(tx).await?;
    sql::list(tx, Some(&keys), wanted, (offset, TREATMENTS)).await
}

fn summary_header(unit: Unit) -> Vec<String> {
    let max = format!("max_shown_{}", unit.name());
    let names = ["session_identifier", "status", "started_at", "ended_at", "duration_seconds", "device", "operator"];
    let patient =
        ["anonymous", "patient_first_name", "patient_last_name", "patient_age", "patient_sex", "patient_weight_kg"];
    let figures = ["max_temperature_celsius", &max, "alert_39_triggered", "alert_40_triggered", "notes"];
    names.into_iter().chain(patient).chain(figures).map(ToOwned::to_owned).collect()
}

fn summary_line(t: &Treatment, unit: Unit) -> Vec<String> {
    let instant = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let seconds = t.ended_at.map(|end| (end - t.started_at).num_seconds().to_string()).unwrap_or_default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    vec![
        t.session.clone(),
        t.status.name().to_owned(),
        instant(t.started_at),
        t.ended_at.map(instant).unwrap_or_default(),
        seconds,
        t.device_name.clone(),
        t.operator_name.clone(),
        t.patient.anonymous.to_string(),
        text(&t.patient.first_name),
        text(&t.patient.last_name),
        t.patient.age.map(|age| age.to_string()).unwrap_or_default(),
        text(&t.patient.sex),
        t.patient.weight.map(|kg| kg.to_string()).unwrap_or_default(),
        t.max.map(|max| max.decimal().to_string()).unwrap_or_default(),
        t.max.map(|max| max.shown(unit)).unwrap_or_default(),
        t.alert_39.to_string(),
        t.alert_40.to_string(),
        text(&t.notes),
    ]
}
