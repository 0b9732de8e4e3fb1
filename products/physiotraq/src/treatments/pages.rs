//! A treatment's page with its whole curve, and the curve itself.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use socle::db::Tx;
use socle::error::Envelope;
use socle::web::{Page, Path, Query, html};
use socle::{Caller, Error, Result, audit};

use super::curve::Curve;
use super::model::{Treatment, TreatmentId};
use super::{list, sql};
use crate::measurements::Quality;
use crate::measurements::sql::{self as readings, Point, Stretch, Summary};
use crate::units::{Celsius, Unit};
use crate::{Physiotraq, events, people, roles, wording};

/// Points of a curve read at once.
const CHUNK: i64 = 10_000;
/// Points of one answer at most (over 55 hours at one reading a second).
const MOST: usize = 200_000;
/// Rows of the raw table on the page; the export has them all.
const SAMPLE: i64 = 50;

/// An alert on a page.
pub(crate) struct AlertView {
    pub id: String,
    pub level: i16,
    pub kind: String,
    pub text: String,
    pub escalation: i16,
    pub raised_at: String,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<String>,
    pub note: Option<String>,
}

struct EventView {
    at: String,
    label: String,
    by: Option<String>,
}

struct SampleRow {
    time: String,
    temperature: String,
    reliability: String,
    battery: String,
    mark: Option<String>,
}

struct TreatmentDetail {
    session: String,
    label: String,
    anonymous: bool,
    status: &'static str,
    status_label: String,
    device: String,
    device_id: String,
    operator: String,
    started: String,
    ended: Option<String>,
    duration: String,
    max: Option<String>,
    max_at: Option<String>,
    max_band: &'static str,
    alert_39: bool,
    alert_40: bool,
    age: Option<String>,
    sex: Option<String>,
    weight: Option<String>,
    notes: Option<String>,
    readings: i64,
    mean_interval: Option<String>,
    low_quality: i64,
    late: i64,
    unit: &'static str,
    curve: String,
    export: String,
    sample: Vec<SampleRow>,
}

#[derive(Template)]
#[template(path = "treatments/show.html")]
struct TreatmentPage {
    page: Page,
    treatment: TreatmentDetail,
    alerts: Vec<AlertView>,
    events: Vec<EventView>,
    may_operate: bool,
}

/// A treatment the caller may see; the sight of it is recorded.
pub(super) async fn seen(
    product: &Physiotraq,
    tx: &mut Tx,
    id: TreatmentId,
    action: &'static str,
) -> Result<Treatment> {
    let keys = product.app.vault.keys_if_reachable(tx).await?;
    let treatment = sql::find(tx, keys.as_ref(), id).await?;
    let caller = tx.caller().clone();
    let steps = (roles::SEE_TREATMENT, roles::SEE_TREATMENT);
    product.policies.require(caller.person()?, steps, &treatment.resource())?;
    audit::record(tx, audit::Entry::done(action, "Treatment", id.0)).await?;
    Ok(treatment)
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<TreatmentId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let treatment = seen(&product, &mut tx, id, "treatment.viewed").await?;
    let stretch = treatment.stretch(caller.now());
    let summary = readings::summary(&mut tx, stretch).await?;
    let sample = readings::page(&mut tx, stretch, beginning(stretch), SAMPLE).await?;
    let alerts = alert_views(&caller, &page, sql::alerts(&mut tx, id).await?);
    let log = events::of_treatment(&mut tx, id.0).await?;
    tx.commit().await?;
    let zone = people::zone_of(&caller);
    let event = |shown: events::Shown| EventView {
        at: wording::time_of_day(shown.at, zone),
        label: page.t(&format!("event-{}", shown.event_type.replace(['.', '_'], "-"))),
        by: shown.by,
    };
    let events = log.into_iter().map(event).collect();
    let may_operate = product.policies.allows(caller.person()?, roles::OPERATE_TREATMENT, &treatment.resource());
    let treatment = detail(&caller, &page, treatment, (summary, sample));
    Ok(html(&TreatmentPage { page, treatment, alerts, events, may_operate })?.into_response())
}

fn detail(caller: &Caller, page: &Page, t: Treatment, (summary, sample): (Summary, Vec<Point>)) -> TreatmentDetail {
    let (unit, zone, lang, now) = (people::unit_of(caller), people::zone_of(caller), page.language(), caller.now());
    let sex = t.patient.sex.as_deref().map(|sex| page.t(&format!("sex-{sex}")));
    TreatmentDetail {
        label: list::patient(page, &t.patient),
        anonymous: t.patient.anonymous,
        status: t.status.name(),
        status_label: page.t(t.status.text_key()),
        device_id: t.device.to_string(),
        started: wording::instant(t.started_at, zone, lang),
        ended: t.ended_at.map(|at| wording::instant(at, zone, lang)),
        duration: wording::duration(t.seconds(now)),
        max: t.max.map(|max| wording::temperature(max, unit, lang)),
        max_at: t.max_at.map(|at| wording::time_of_day(at, zone)),
        max_band: list::band(&t),
        alert_39: t.alert_39,
        alert_40: t.alert_40,
        age: t.patient.age.map(|age| page.t1("years", "n", age)),
        sex,
        weight: t.patient.weight.map(|kg| format!("{}\u{a0}kg", wording::decimal(&kg.normalize().to_string(), lang))),
        readings: summary.readings,
        mean_interval: mean_interval(&summary).map(|seconds| wording::decimal(&format!("{seconds:.1}\u{a0}s"), lang)),
        low_quality: summary.low_quality,
        late: summary.late,
        unit: unit.name(),
        curve: format!("/physiotraq/app/treatments/{}/curve", t.id),
        export: format!("/physiotraq/app/treatments/{}/export", t.id),
        sample: sample.iter().map(|point| sample_row(page, point, (unit, zone))).collect(),
        session: t.session,
        device: t.device_name,
        operator: t.operator_name,
        notes: t.notes,
    }
}

/// Seconds between readings, on average.
#[expect(clippy::cast_precision_loss, reason = "a figure with one decimal for people")]
fn mean_interval(summary: &Summary) -> Option<f64> {
    let (first, last) = summary.first.zip(summary.last)?;
    (summary.readings > 1).then(|| (last - first).num_milliseconds() as f64 / 1_000.0 / (summary.readings - 1) as f64)
}

fn sample_row(page: &Page, point: &Point, (unit, zone): (Unit, chrono_tz::Tz)) -> SampleRow {
    let mark = match (point.quality, point.late) {
        (Quality::Implausible, _) => Some(page.t("mark-implausible")),
        (Quality::Low, _) => Some(page.t("mark-low")),
        (Quality::Good, true) => Some(page.t("mark-late")),
        (Quality::Good, false) => None,
    };
    let percent = |figure: Option<i16>| figure.map_or_else(|| "–".to_owned(), |f| format!("{f}\u{a0}%"));
    SampleRow {
        time: wording::time_of_day(point.at, zone),
        temperature: wording::temperature(point.value, unit, page.language()),
        reliability: percent(point.reliability),
        battery: percent(point.battery),
        mark,
    }
}

/// What an alert says: the limit and the value that crossed it, or what the equipment lacks.
pub(crate) fn alert_text(page: &Page, kind: &str, crossed: Option<(String, String)>) -> String {
    match crossed {
        Some((limit, value)) => page.t2("alert-crossed", "limit", limit, "value", value),
        None if kind == "no_data" => page.t("alert-no-data"),
        None => page.t("alert-low-reliability"),
    }
}

/// Alerts in the caller's unit, zone and language.
fn alert_views(caller: &Caller, page: &Page, rows: Vec<sql::AlertRow>) -> Vec<AlertView> {
    let (unit, zone, lang) = (people::unit_of(caller), people::zone_of(caller), page.language());
    let view = |row: sql::AlertRow| AlertView {
        id: row.id.to_string(),
        level: row.level,
        kind: row.kind.clone(),
        text: {
            let limits = row.limit_celsius.zip(row.value);
            let shown = |value| wording::temperature(Celsius::from_decimal(value), unit, lang);
            alert_text(page, &row.kind, limits.map(|(limit, value)| (shown(limit), shown(value))))
        },
        escalation: row.escalation,
        raised_at: wording::time_of_day(row.raised_at, zone),
        acknowledged_by: row.by,
        acknowledged_at: row.acknowledged_at.map(|at| wording::time_of_day(at, zone)),
        note: row.note,
    };
    rows.into_iter().map(view).collect()
}

/// Where in a curve to start.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
pub(crate) struct After {
    /// Epoch milliseconds; only later points are sent.
    #[serde(default)]
    pub after: Option<i64>,
}

/// The whole curve of a treatment.
#[utoipa::path(
    get,
    path = "/app/treatments/{id}/curve",
    operation_id = "getTreatmentCurve",
    tag = "treatments",
    params(
        ("id" = uuid::Uuid, Path, description = "The treatment."),
        ("after" = Option<i64>, Query, description = "Epoch milliseconds; only later points are sent."),
    ),
    responses(
        (status = 200, description = "The curve.", body = Curve),
        (status = 404, description = "There is none, or it is not yours to see.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn curve(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<TreatmentId>,
    Query(after): Query<After>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let treatment = seen(&product, &mut tx, id, "treatment.curve_read").await?;
    let stretch = treatment.stretch(caller.now());
    let points = points(&mut tx, stretch, after).await?;
    let alerts = sql::alerts(&mut tx, id).await?;
    tx.commit().await?;
    Ok(axum::Json(Curve::of(&caller, Some(&treatment), &points, &alerts)).into_response())
}

/// All points of a stretch after a position.
///
/// # Errors
/// 400 when `after` is no instant.
pub(crate) async fn points(tx: &mut Tx, stretch: Stretch, after: After) -> Result<Vec<Point>> {
    let mut position = match after.after {
        None => beginning(stretch),
        Some(ms) => {
            let at = DateTime::from_timestamp_millis(ms);
            (at.ok_or_else(|| Error::malformed("after is a time in epoch milliseconds."))?, i64::MAX)
        }
    };
    let mut points = Vec::new();
    loop {
        let chunk = readings::page(tx, stretch, position, CHUNK).await?;
        let full = i64::try_from(chunk.len()).is_ok_and(|n| n == CHUNK);
        if let Some(last) = chunk.last() {
            position = (last.at, last.sequence);
        }
        points.extend(chunk);
        if !full || points.len() >= MOST {
            return Ok(points);
        }
    }
}

/// Before the first reading of a stretch.
pub(super) fn beginning(stretch: Stretch) -> (DateTime<Utc>, i64) {
    (stretch.from, -1)
}
