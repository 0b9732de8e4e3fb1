//! The owner's page of events: by type, device, person and period.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{Days, SecondsFormat};
use serde::{Deserialize, Serialize};
use socle::access::Resource;
use socle::db::Tx;
use socle::error::Detail;
use socle::web::{Choice, FieldError, Page, Query, field_errors, html, problem};
use socle::{Caller, Error, Result};
use uuid::Uuid;

use super::sql::{self, Listed, Wanted};
use super::{TYPES, text_key};
use crate::treatments::{day, midnight};
use crate::{Physiotraq, devices, people, roles, wording};

/// Rows on a page.
const ROWS: i64 = 50;
/// Rows are counted up to this.
const COUNTED: i64 = 10_000;

/// What the address narrows the list to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Filter {
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    device: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    person: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    page: String,
}

impl Filter {
    /// The conditions.
    ///
    /// # Errors
    /// One entry per field that cannot be read.
    pub(super) fn wanted(&self, caller: &Caller) -> Result<Wanted, Vec<Detail>> {
        let zone = people::zone_of(caller);
        let given = |text: &str| !text.is_empty();
        let id = |text: &str| text.parse::<Uuid>().ok();
        let until = day(&self.to).and_then(|day| day.checked_add_days(Days::new(1)));
        let unread = [
            ("type", given(&self.kind) && !TYPES.contains(&self.kind.as_str())),
            ("device", given(&self.device) && id(&self.device).is_none()),
            ("person", given(&self.person) && id(&self.person).is_none()),
            ("from", given(&self.from) && day(&self.from).is_none()),
            ("to", given(&self.to) && until.is_none()),
        ];
        let unread = unread.into_iter().filter(|(_, wrong)| *wrong);
        let faults: Vec<Detail> =
            unread.map(|(field, _)| Detail::new(field, "INVALID_FORMAT", "events-filter-invalid")).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Wanted {
            types: Some(self.kind.clone()).filter(|kind| given(kind)).into_iter().collect(),
            device: id(&self.device),
            person: id(&self.person),
            from: day(&self.from).and_then(|day| midnight(day, zone)),
            until: until.and_then(|day| midnight(day, zone)),
            after: None,
        })
    }

    fn is_set(&self) -> bool {
        [&self.kind, &self.device, &self.person, &self.from, &self.to].iter().any(|text| !text.is_empty())
    }

    fn address(&self, page: i64) -> String {
        let page = if page > 1 { page.to_string() } else { String::new() };
        let query = serde_html_form::to_string(Self { page, ..self.clone() }).unwrap_or_default();
        let path = "/physiotraq/admin/events";
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// An event as people read it.
pub(crate) struct Line {
    pub stamp: String,
    pub time: String,
    pub label: String,
    /// Glyph and tone of its tag.
    pub glyph: &'static str,
    pub tone: &'static str,
    pub about: String,
    /// The page of what it is about.
    pub href: Option<String>,
    pub by: Option<String>,
    pub origin: Vec<String>,
}

/// Events for a page.
pub(crate) fn lines(caller: &Caller, page: &Page, listed: Vec<Listed>) -> Vec<Line> {
    let (zone, lang) = (people::zone_of(caller), page.language());
    let line = |event: Listed| {
        let (about, href) = about(page, &event);
        let (glyph, tone) = face(&event.event_type);
        Line {
            stamp: event.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            time: wording::instant(event.at, zone, lang),
            label: page.t(&text_key(&event.event_type)),
            glyph,
            tone,
            about,
            href,
            by: event.by,
            origin: event.ip.into_iter().chain(event.user_agent).collect(),
        }
    };
    listed.into_iter().map(line).collect()
}

/// What an event is about, and where that is.
fn about(page: &Page, event: &Listed) -> (String, Option<String>) {
    match (event.treatment, &event.session, event.device, &event.device_name) {
        (Some(id), Some(session), _, device) => {
            let device = device.as_ref().map(|device| format!(" · {device}")).unwrap_or_default();
            (format!("{session}{device}"), Some(format!("/physiotraq/app/treatments/{id}")))
        }
        (_, _, Some(id), Some(name)) => {
            (name.clone(), event.device_kept.then(|| format!("/physiotraq/admin/devices/{id}")))
        }
        _ if event.about_type == "License" => (page.t("events-about-licence"), None),
        _ => (String::new(), None),
    }
}

fn face(event_type: &str) -> (&'static str, &'static str) {
    match event_type {
        "device.connected" => ("wifi", "online"),
        "device.disconnected" => ("wifi-off", "offline"),
        "treatment.started" => ("play", "in_progress"),
        "treatment.completed" => ("check", "completed"),
        "treatment.aborted" => ("circle-stop", "aborted"),
        "alert.temperature_40" => ("octagon-alert", "critical"),
        "alert.acknowledged" => ("check", "ok"),
        "license.renewed" => ("calendar", "ok"),
        "license.expired" => ("calendar", "critical"),
        _ => ("triangle-alert", "watch"),
    }
}

#[derive(Template)]
#[template(path = "events/list.html")]
struct EventList {
    page: Page,
    filter: Filter,
    types: Vec<Choice>,
    devices: Vec<Choice>,
    people: Vec<Choice>,
    lines: Vec<Line>,
    errors: Vec<FieldError>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
}

impl EventList {
    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }

    fn counted_out(&self) -> bool {
        self.total >= COUNTED
    }
}

/// A transaction of somebody who may see the licence's events.
pub(super) async fn begin(product: &Physiotraq, caller: &Caller) -> Result<Tx> {
    let person = caller.person()?;
    if !product.policies.allows(person, roles::SEE_AUDIT, &Resource::of(person.tenant.0)) {
        return Err(Error::forbidden());
    }
    caller.begin().await
}

pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let (types, devices, people) = choices(&mut tx, &page, &filter).await?;
    let (wanted, errors) = match filter.wanted(&caller) {
        Ok(wanted) => (Some(wanted), Vec::new()),
        Err(faults) => (None, field_errors(&page, &faults)),
    };
    let (mut total, mut number, mut found) = (0, 1, Vec::new());
    if let Some(wanted) = wanted {
        total = sql::count(&mut tx, &wanted, COUNTED).await?;
        number = filter.page.parse::<i64>().unwrap_or(1).clamp(1, ((total - 1) / ROWS + 1).max(1));
        found = sql::list(&mut tx, &wanted, ((number - 1) * ROWS, ROWS)).await?;
    }
    drop(tx);
    let before = (number - 1) * ROWS;
    let last = before + i64::try_from(found.len()).unwrap_or_default();
    let shown = EventList {
        first: if total == 0 { 0 } else { before + 1 },
        last,
        previous: (number > 1).then(|| filter.address(number - 1)),
        next: (last < total).then(|| filter.address(number + 1)),
        lines: lines(&caller, &page, found),
        page,
        filter,
        types,
        devices,
        people,
        errors,
        total,
    };
    Ok(html(&shown)?.into_response())
}

type Choices = (Vec<Choice>, Vec<Choice>, Vec<Choice>);

/// What the filters offer: types, devices, people.
async fn choices(tx: &mut Tx, page: &Page, filter: &Filter) -> Result<Choices> {
    let choice = |value: String, label: String, chosen: &str| Choice { selected: value == chosen, value, label };
    let every = |key: &str, chosen: &str| vec![choice(String::new(), page.t(key), chosen)];
    let mut types = every("events-all-types", &filter.kind);
    types.extend(TYPES.map(|kind| choice(kind.to_owned(), page.t(&text_key(kind)), &filter.kind)));
    let mut things = every("filter-all-devices", &filter.device);
    let devices = devices::sql::list(tx, None).await?;
    things.extend(devices.into_iter().map(|device| choice(device.id.to_string(), device.name, &filter.device)));
    let mut team = every("events-all-people", &filter.person);
    let members = people::members(tx).await?;
    team.extend(members.into_iter().map(|member| choice(member.id.to_string(), member.name, &filter.person)));
    Ok((types, things, team))
}
