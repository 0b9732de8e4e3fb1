//! Security events of every product: filters, counts, pages. Addresses of mail are masked; details hold chosen keys only.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

use super::{Platform, SEE_SECURITY, TENANT, ZONE};
use crate::access::Resource;
use crate::security::{self, Filter, Found, ROWS, Severity, rules};
use crate::web::{Access, Choice, Method, Page, Product, Query, Routes, html};
use crate::{Caller, Error, Result};

const PATH: &str = "/platform/security";
/// What is shown when no period is asked for.
const USUAL: TimeDelta = TimeDelta::days(30);

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    routes.page(Method::Get, "/security", Access::To(SEE_SECURITY), list)
}

/// What was asked for, as it stands in the address.
#[derive(Clone, Default, Deserialize)]
struct Wanted {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    page: i32,
}

impl Wanted {
    /// Days are those of the place where operators work; `to` is the last one shown. What is no day is no limit.
    fn filter(&self, now: DateTime<Utc>) -> Filter {
        let start = |day: NaiveDate| day.and_hms_opt(0, 0, 0)?.and_local_timezone(ZONE).earliest();
        let instant = |text: &str, days: TimeDelta| {
            let day = text.parse::<NaiveDate>().ok()?.checked_add_signed(days)?;
            Some(start(day)?.with_timezone(&Utc))
        };
        let until = instant(&self.to, TimeDelta::days(1)).unwrap_or(now + TimeDelta::seconds(1));
        Filter {
            kind: self.kind.clone(),
            severity: self.severity.clone(),
            account: self.account.trim().to_owned(),
            since: instant(&self.from, TimeDelta::zero()).unwrap_or(until - USUAL),
            until,
        }
    }

    fn address(&self, page: i32) -> String {
        let page = page.to_string();
        let fields = [
            ("type", &self.kind),
            ("severity", &self.severity),
            ("account", &self.account),
            ("from", &self.from),
            ("to", &self.to),
            ("page", &page),
        ];
        let set = fields.into_iter().filter(|(_, value)| !value.is_empty());
        format!("{PATH}?{}", serde_html_form::to_string(set.collect::<Vec<_>>()).unwrap_or_default())
    }
}

#[derive(Template)]
#[template(path = "platform/security.html")]
struct SecurityPage {
    page: Page,
    wanted: Wanted,
    kinds: Vec<Choice>,
    severities: Vec<Choice>,
    counts: Vec<(String, &'static str, i64)>,
    events: Vec<Row>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
}

/// An event as the page shows it.
struct Row {
    time: String,
    stamp: String,
    kind: String,
    severity: String,
    tone: &'static str,
    realm: String,
    account: Option<String>,
    account_id: Option<String>,
    ip: Option<String>,
    details: String,
}

fn label(page: &Page, severity: &str) -> String {
    page.t(&format!("limits-severity-{severity}"))
}

fn tone(severity: &str) -> &'static str {
    match severity {
        "critical" | "high" => "critical",
        "medium" => "watch",
        _ => "info",
    }
}

fn row(page: &Page, found: Found) -> Row {
    let details = found.details.as_object().into_iter().flatten();
    let said = |(key, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) => format!("{key} {text}"),
        None => format!("{key} {value}"),
    };
    Row {
        time: super::time(&found.created_at),
        stamp: found.created_at.to_rfc3339(),
        severity: label(page, &found.severity),
        tone: tone(&found.severity),
        kind: found.kind,
        realm: found.realm,
        account: found.account,
        account_id: found.account_id.map(|id| id.to_string()),
        ip: found.ip,
        details: details.map(said).collect::<Vec<_>>().join(" · "),
    }
}

fn choices(page: &Page, all: impl Iterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    let every = Choice { value: String::new(), label: page.t("limits-all"), selected: chosen.is_empty() };
    let choice = |(value, label): (String, String)| Choice { selected: value == chosen, value, label };
    std::iter::once(every).chain(all.map(choice)).collect()
}

async fn list(
    State(product): State<Platform>,
    caller: Caller,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    if !product.policies().allows(caller.person()?, SEE_SECURITY, &Resource::of(TENANT.0)) {
        return Err(Error::forbidden());
    }
    let (filter, number) = (wanted.filter(caller.now()), wanted.page.max(1));
    let (found, counted) = security::find(&product.app().db, &filter, number).await?;
    let total = counted.total(&wanted.severity);
    let before = i64::from(number - 1) * i64::from(ROWS);
    let shown = i64::try_from(found.len()).unwrap_or_default();
    let named = Severity::ALL.map(Severity::name);
    let list = SecurityPage {
        kinds: choices(&page, rules::TYPES.iter().map(|kind| ((*kind).into(), (*kind).into())), &wanted.kind),
        severities: choices(&page, named.iter().map(|s| ((*s).into(), label(&page, s))), &wanted.severity),
        counts: named.iter().map(|s| (label(&page, s), tone(s), counted.of(s))).collect(),
        events: found.into_iter().map(|event| row(&page, event)).collect(),
        first: if shown == 0 { 0 } else { before + 1 },
        last: before + shown,
        previous: (number > 1).then(|| wanted.address(number - 1)),
        next: (before + shown < total).then(|| wanted.address(number + 1)),
        page,
        wanted,
        total,
    };
    Ok(html(&list)?.into_response())
}
