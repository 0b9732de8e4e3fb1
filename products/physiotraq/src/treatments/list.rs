//! Lists of treatments: an operator's own, or all of the licence.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use socle::db::Tx;
use socle::sealed::TenantKeys;
use socle::web::{Page, Query, html};
use socle::{Caller, Result};
use uuid::Uuid;

use super::model::{Patient, Status, Treatment};
use super::names;
use super::sql::{self, Wanted};
use crate::{Physiotraq, devices, people, wording};

/// Rows on one page.
const ROWS: i64 = 20;

/// What the address narrows a list to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Filter {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operator: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    #[serde(skip_serializing_if = "is_first")]
    pub page: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(page: &i64) -> bool {
    *page <= 1
}

impl Filter {
    /// The conditions, for one operator or for all. A value that cannot be read narrows to nothing rather than being
    /// dropped: a mistyped filter must not show more than was asked for.
    pub fn wanted(&self, keys: Option<&TenantKeys>, own: Option<Uuid>, zone: Tz) -> Wanted {
        let id = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap_or(Uuid::nil()));
        let readable = |text: &str, read: bool| text.is_empty() || read;
        let all_readable = readable(&self.status, Status::parse(&self.status).is_some())
            && [&self.from, &self.to].into_iter().all(|text| readable(text, day(text).is_some()));
        let search = Some(self.q.trim()).filter(|q| !q.is_empty() && !q.contains('\0'));
        Wanted {
            operator: own.or_else(|| id(&self.operator)),
            device: if all_readable { id(&self.device) } else { Some(Uuid::nil()) },
            status: Status::parse(&self.status),
            from: day(&self.from).and_then(|day| midnight(day, zone)),
            until: day(&self.to).and_then(|day| day.checked_add_days(Days::new(1))).and_then(|day| midnight(day, zone)),
            session: search.map(ToOwned::to_owned),
            last_name_index: search.zip(keys).map(|(name, keys)| names::index(keys, name)),
            after: None,
        }
    }

    /// The licence's keys. Who searches needs them: a search without the names would find too little and not say so.
    /// `None` while they cannot be reached, and nobody searches.
    pub async fn keys(&self, product: &Physiotraq, tx: &mut Tx) -> Result<Option<TenantKeys>> {
        if self.q.trim().is_empty() {
            product.app.vault.keys_if_reachable(tx).await
        } else {
            product.app.vault.keys(tx).await.map(Some)
        }
    }

    fn is_set(&self) -> bool {
        [&self.q, &self.device, &self.operator, &self.status, &self.from, &self.to].iter().any(|text| !text.is_empty())
    }

    fn address(&self, path: &str, page: i64) -> String {
        let query = serde_html_form::to_string(Self { page, ..self.clone() }).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// A day as the address spells it: `2026-11-21`.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

/// The first instant of a local day, also where midnight is skipped.
pub(crate) fn midnight(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let start = day.and_hms_opt(0, 0, 0)?;
    zone.from_local_datetime(&start).earliest().map(|at| at.to_utc())
}

struct Choice {
    value: String,
    label: String,
    selected: bool,
}

/// A treatment in a list.
pub(crate) struct TreatmentRow {
    pub id: String,
    pub session: String,
    pub label: String,
    pub device: String,
    pub operator: String,
    pub date: String,
    pub duration: String,
    pub max: Option<String>,
    pub max_band: &'static str,
    pub status: &'static str,
    pub status_label: String,
    pub alert_39: bool,
    pub alert_40: bool,
}

#[derive(Template)]
#[template(path = "treatments/list.html")]
struct TreatmentList {
    page: Page,
    admin: bool,
    filter: Filter,
    rows: Vec<TreatmentRow>,
    devices: Vec<Choice>,
    operators: Vec<Choice>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
    export: String,
    filtered: bool,
}

pub(super) async fn own(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let own = Some(caller.person()?.account.0);
    show(&product, &caller, (page, filter), own).await
}

pub(super) async fn all(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    show(&product, &caller, (page, filter), None).await
}

async fn show(
    product: &Physiotraq,
    caller: &Caller,
    (page, filter): (Page, Filter),
    own: Option<Uuid>,
) -> Result<Response> {
    let admin = own.is_none();
    let path = if admin { "/physiotraq/admin/treatments" } else { "/physiotraq/app/treatments" };
    let mut tx = caller.begin().await?;
    let keys = filter.keys(product, &mut tx).await?;
    let wanted = filter.wanted(keys.as_ref(), own, people::zone_of(caller));
    let total = sql::count(&mut tx, &wanted).await?;
    let last_page = ((total - 1) / ROWS + 1).max(1);
    let number = filter.page.clamp(1, last_page);
    let found = sql::list(&mut tx, keys.as_ref(), &wanted, ((number - 1) * ROWS, ROWS)).await?;
    let (devices, operators) = choices(&mut tx, &filter, own).await?;
    drop(tx);
    let first = if total == 0 { 0 } else { (number - 1) * ROWS + 1 };
    let list = TreatmentList {
        admin,
        first,
        last: first + i64::try_from(found.len()).unwrap_or_default() - i64::from(total > 0),
        rows: rows(caller, &page, found),
        previous: (number > 1).then(|| filter.address(path, number - 1)),
        next: (number < last_page).then(|| filter.address(path, number + 1)),
        export: filter.address(&format!("{path}/export"), 1),
        filtered: filter.is_set(),
        devices,
        operators,
        total,
        filter,
        page,
    };
    Ok(html(&list)?.into_response())
}

async fn choices(tx: &mut Tx, filter: &Filter, own: Option<Uuid>) -> Result<(Vec<Choice>, Vec<Choice>)> {
    let choice = |id: String, label: String, chosen: &str| Choice { selected: id == chosen, value: id, label };
    let devices = devices::sql::list(tx, own).await?;
    let devices = devices.into_iter().map(|d| choice(d.id.to_string(), d.name, &filter.device)).collect();
    let operators = if own.is_some() { Vec::new() } else { people::members(tx).await? };
    let operators = operators.into_iter().map(|m| choice(m.id.to_string(), m.name, &filter.operator)).collect();
    Ok((devices, operators))
}

/// Rows of a list, in the page's language and the caller's unit and zone.
pub(crate) fn rows(caller: &Caller, page: &Page, treatments: Vec<Treatment>) -> Vec<TreatmentRow> {
    let (unit, zone, lang, now) = (people::unit_of(caller), people::zone_of(caller), page.language(), caller.now());
    let row = |treatment: Treatment| TreatmentRow {
        id: treatment.id.to_string(),
        label: patient(page, &treatment.patient),
        date: wording::instant(treatment.started_at, zone, lang),
        duration: wording::duration(treatment.seconds(now)),
        max: treatment.max.map(|max| wording::temperature(max, unit, lang)),
        max_band: band(&treatment),
        status: treatment.status.name(),
        status_label: page.t(treatment.status.text_key()),
        alert_39: treatment.alert_39,
        alert_40: treatment.alert_40,
        session: treatment.session,
        device: treatment.device_name,
        operator: treatment.operator_name,
    };
    treatments.into_iter().map(row).collect()
}

/// Colour of a treatment's maximum.
pub(super) fn band(treatment: &Treatment) -> &'static str {
    let (watch, critical) = treatment.limits;
    match treatment.max {
        Some(max) if max >= critical => "critical",
        Some(max) if max >= watch => "watch",
        _ => "normal",
    }
}

/// "Anonyme", or "J. Martin, 45 M", or that the name cannot be read now.
pub(crate) fn patient(page: &Page, patient: &Patient) -> String {
    let initial = patient.first_name.as_deref().and_then(|name| name.chars().next());
    let name = match (initial, &patient.last_name) {
        (Some(initial), Some(last)) => format!("{initial}. {last}"),
        (None, Some(last)) => last.clone(),
        (Some(_), None) => patient.first_name.clone().unwrap_or_default(),
        (None, None) if patient.unavailable => page.t("name-unavailable"),
        (None, None) => page.t("anonymous"),
    };
    let sex = patient.sex.as_deref().map(|sex| page.t(&format!("sex-short-{sex}")));
    let facts: Vec<String> = patient.age.map(|age| age.to_string()).into_iter().chain(sex).collect();
    if facts.is_empty() { name } else { format!("{name}, {}", facts.join("\u{a0}")) }
}
