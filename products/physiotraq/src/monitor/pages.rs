//! The live screen's pages and its curve.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde::Deserialize;
use socle::db::Tx;
use socle::error::Envelope;
use socle::web::{Form, Page, Path, Query, html, see_other};
use socle::{Caller, Error, Result};
use uuid::Uuid;

use crate::devices::{self, DeviceCard, DeviceId};
use crate::measurements::sql::Stretch;
use crate::monitoring::{DEFAULT_RELIABILITY_LIMIT, Glance, Latest, LiveAlert};
use crate::treatments::{self, AlertView, Curve, Status, TreatmentId, actions};
use crate::units::{Celsius, Unit};
use crate::{Physiotraq, people, roles, wording};

/// Without a treatment the curve shows the last half hour.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(30);

#[derive(Template)]
#[template(path = "monitor/choose.html")]
struct Choose {
    page: Page,
    devices: Vec<DeviceCard>,
}

struct LiveValue {
    celsius: String,
    fahrenheit: String,
    band: &'static str,
    quality: &'static str,
    at_ms: i64,
    age: String,
    reliability: Option<i16>,
}

struct TreatmentHead {
    id: String,
    label: String,
    started_ms: i64,
    elapsed: String,
}

struct AlarmView {
    banner: &'static str,
    alerts: Vec<AlertView>,
}

#[derive(Template)]
#[template(path = "monitor/show.html")]
struct Monitor {
    page: Page,
    device: DeviceCard,
    treatment: Option<TreatmentHead>,
    unit: &'static str,
    value: Option<LiveValue>,
    alarm: AlarmView,
    may_operate: bool,
    server_now: i64,
}

pub(super) async fn choose(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let own = (!people::is_admin(&caller)).then_some(caller.person()?.account.0);
    let devices = devices::sql::list(&mut tx, own).await?;
    let devices = devices::cards(&product, &mut tx, &page, devices).await?;
    Ok(html(&Choose { page, devices })?.into_response())
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = devices::sql::find(&mut tx, id).await?;
    let person = caller.person()?;
    product.policies.require(person, (roles::SEE_DEVICE, roles::WATCH_DEVICE), &device.resource())?;
    let glance = product.monitor.glance(id);
    let treatment = head(&product, &mut tx, &page, &glance).await?;
    let may_start = || product.policies.allows(person, roles::START_TREATMENT, &device.resource());
    let may_operate = treatment.as_ref().map_or_else(may_start, |(_, may)| *may);
    let device = devices::cards(&product, &mut tx, &page, vec![device]).await?.pop().ok_or_else(Error::not_found)?;
    let alerts = glance.alerts.iter().map(|alert| alert_view(&caller, &page, alert)).collect();
    let monitor = Monitor {
        device,
        treatment: treatment.map(|(head, _)| head),
        unit: people::unit_of(&caller).name(),
        value: glance.latest.as_ref().map(|latest| value(&caller, &page, (&glance, latest))),
        alarm: AlarmView { banner: crate::monitoring::banner(&glance.alerts), alerts },
        may_operate,
        server_now: caller.now().timestamp_millis(),
        page,
    };
    Ok(html(&monitor)?.into_response())
}

/// The running treatment's header, and whether the caller may operate it. Somebody else's session is shown as in use,
/// without its patient.
async fn head(
    product: &Physiotraq,
    tx: &mut Tx,
    page: &Page,
    glance: &Glance,
) -> Result<Option<(TreatmentHead, bool)>> {
    let Some(id) = glance.treatment else { return Ok(None) };
    let keys = product.app.vault.keys_if_reachable(tx).await?;
    let treatment = treatments::sql::find(tx, keys.as_ref(), TreatmentId(id)).await?;
    let caller = tx.caller().clone();
    let may = product.policies.allows(caller.person()?, roles::OPERATE_TREATMENT, &treatment.resource());
    let label = if may && treatment.patient.anonymous {
        page.t1("anonymous-session", "session", treatment.session.as_str())
    } else if may {
        treatments::patient(page, &treatment.patient)
    } else {
        page.t1("in-use-by", "name", treatment.operator_name.as_str())
    };
    let head = TreatmentHead {
        id: id.to_string(),
        label,
        started_ms: treatment.started_at.timestamp_millis(),
        elapsed: wording::duration(treatment.seconds(caller.now())),
    };
    Ok(Some((head, may)))
}

fn value(caller: &Caller, page: &Page, (glance, latest): (&Glance, &Latest)) -> LiveValue {
    let lang = page.language();
    LiveValue {
        celsius: wording::decimal(&latest.temperature.shown(Unit::Celsius), lang),
        fahrenheit: wording::decimal(&latest.temperature.shown(Unit::Fahrenheit), lang),
        band: glance.band,
        quality: latest.quality.name(),
        at_ms: latest.measured_at.timestamp_millis(),
        age: wording::seen(page, Some(latest.measured_at), caller.now()),
        reliability: latest.reliability,
    }
}

fn alert_view(caller: &Caller, page: &Page, alert: &LiveAlert) -> AlertView {
    let (unit, zone, lang) = (people::unit_of(caller), people::zone_of(caller), page.language());
    AlertView {
        id: alert.id.to_string(),
        level: alert.kind.stored().1,
        kind: alert.kind.stored().0.to_owned(),
        text: {
            let shown = |value| wording::temperature(value, unit, lang);
            let crossed = alert.limit.map(|limit| (shown(limit), shown(Celsius(alert.raised.value))));
            treatments::alert_text(page, alert.kind.stored().0, crossed)
        },
        escalation: i16::from(alert.escalation),
        raised_at: wording::time_of_day(alert.raised.at, zone),
        acknowledged_by: alert.acknowledged.as_ref().map(|(name, _)| name.clone()),
        acknowledged_at: alert.acknowledged.as_ref().map(|(_, at)| wording::time_of_day(*at, zone)),
        note: None,
    }
}

/// The curve of the treatment that runs on a device, or of its last half hour.
#[utoipa::path(
    get,
    path = "/app/monitor/{device}/curve",
    operation_id = "getLiveCurve",
    tag = "live",
    params(
        ("device" = Uuid, Path, description = "The device."),
        ("after" = Option<i64>, Query, description = "Epoch milliseconds; only later points are sent."),
    ),
    responses(
        (status = 200, description = "The curve.", body = Curve),
        (status = 404, description = "There is no such device, or it is not yours to watch.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn curve(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Query(after): Query<treatments::After>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let device = devices::sql::find(&mut tx, id).await?;
    product.policies.require(caller.person()?, (roles::SEE_DEVICE, roles::WATCH_DEVICE), &device.resource())?;
    let now = caller.now();
    let (treatment, alerts) = match product.monitor.running(id) {
        Some((running, _)) => {
            let treatment = treatments::sql::find(&mut tx, None, TreatmentId(running)).await?;
            let alerts = treatments::sql::alerts(&mut tx, treatment.id).await?;
            (Some(treatment), alerts)
        }
        None => (None, Vec::new()),
    };
    let (from, to) = (now - LOOK_BACK, now + TimeDelta::minutes(5));
    let before = Stretch { device: id, from, to, reliability_limit: DEFAULT_RELIABILITY_LIMIT };
    let stretch = treatment.as_ref().map_or(before, |treatment| treatment.stretch(now));
    let points = treatments::points(&mut tx, stretch, after).await?;
    Ok(axum::Json(Curve::of(&caller, treatment.as_ref(), &points, &alerts)).into_response())
}

pub(super) async fn stop(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let treatment = actions::end(&product, &caller, id, Status::Completed).await?;
    Ok(see_other(&format!("/physiotraq/app/treatments/{treatment}?notice=stopped")))
}

pub(super) async fn abort(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Response> {
    let treatment = actions::end(&product, &caller, id, Status::Aborted).await?;
    Ok(see_other(&format!("/physiotraq/app/treatments/{treatment}?notice=aborted")))
}

#[derive(Deserialize)]
pub(super) struct Noted {
    alert: Uuid,
    #[serde(default)]
    note: String,
}

pub(super) async fn acknowledge(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Form(noted): Form<Noted>,
) -> Result<Response> {
    actions::acknowledge(&product, &caller, id, (noted.alert, &noted.note)).await?;
    Ok(see_other(&format!("/physiotraq/app/monitor/{id}?notice=acknowledged")))
}
