//! The owner's list of devices: by state, searched, sorted.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use socle::web::{Page, Query, html};
use socle::{Caller, Result};

use super::model::Device;
use super::pages::{DeviceCard, cards};
use super::sql;
use crate::people::Member;
use crate::{Physiotraq, people};

/// A device in the list.
struct DeviceRow {
    card: DeviceCard,
    /// Names, the first three of them.
    assigned: Vec<String>,
    /// How many more.
    others: usize,
    registered: bool,
    /// It has its credential, or may fetch one now, and was never heard.
    connecting: bool,
    seen_at: Option<DateTime<Utc>>,
}

/// A column that the list can be sorted by.
struct Column {
    key: &'static str,
    label: String,
    /// Where a click on it leads.
    href: String,
    /// `ascending`, `descending`, or nothing when it is sorted by another.
    sorted: &'static str,
}

#[derive(Template)]
#[template(path = "devices/list.html")]
struct DeviceList {
    page: Page,
    devices: Vec<DeviceRow>,
    filter: Filter,
    columns: Vec<Column>,
    all: usize,
    online: usize,
    offline: usize,
}

impl DeviceList {
    /// The address of another state with the same search and order.
    fn of_status(&self, status: &str) -> String {
        address(&Filter { status: status.to_owned(), ..self.filter.clone() })
    }

    fn is_status(&self, status: &str) -> bool {
        self.filter.status == status || self.filter.status.is_empty() && status == "all"
    }

    fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.key == key)
    }
}

/// What the address narrows and orders the list to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Filter {
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sort: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    order: String,
}

impl Filter {
    fn descends(&self) -> bool {
        self.order == "desc"
    }

    /// By name, serial number or the name of somebody it is assigned to, whatever the case.
    fn finds(&self, row: &DeviceRow) -> bool {
        let wanted = self.q.trim().to_lowercase();
        let texts = [&row.card.name, &row.card.serial].into_iter().chain(&row.assigned);
        wanted.is_empty() || texts.into_iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    fn shows(&self, card: &DeviceCard) -> bool {
        match self.status.as_str() {
            "online" => card.status == "online",
            "offline" => card.status != "online",
            _ => true,
        }
    }

    /// Puts rows into order; those that are equal stay by name.
    fn order(&self, rows: &mut [DeviceRow]) {
        match self.sort.as_str() {
            "status" => rows.sort_by_key(|row| (row.card.status != "online", !row.card.in_progress)),
            "seen" => rows.sort_by_key(|row| Reverse(row.seen_at)),
            _ => rows.sort_by_key(|row| row.card.name.to_lowercase()),
        }
        if self.descends() {
            rows.reverse();
        }
    }
}

fn address(filter: &Filter) -> String {
    let query = serde_html_form::to_string(filter).unwrap_or_default();
    let path = "/physiotraq/admin/devices";
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn columns(page: &Page, filter: &Filter) -> Vec<Column> {
    let sorted_by = if filter.sort.is_empty() { "name" } else { &filter.sort };
    let column = |(key, text): (&'static str, &str)| {
        let here = sorted_by == key;
        let order = if here && !filter.descends() { "desc" } else { "" };
        let sorted = match (here, filter.descends()) {
            (true, false) => "ascending",
            (true, true) => "descending",
            (false, _) => "",
        };
        let to = Filter { sort: key.to_owned(), order: order.to_owned(), ..filter.clone() };
        Column { key, label: page.t(text), href: address(&to), sorted }
    };
    [("name", "column-device"), ("status", "column-status"), ("seen", "last-seen")].map(column).into()
}

/// Names shown of the people a device is assigned to.
const NAMES: usize = 3;

pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let devices = sql::list(&mut tx, None).await?;
    let team = people::members(&mut tx).await?;
    let facts: Vec<_> = devices.iter().map(|device| facts(&product, device, &team, caller.now())).collect();
    let cards = cards(&product, &mut tx, &page, devices).await?;
    drop(tx);
    let online = cards.iter().filter(|card| card.status == "online").count();
    let (all, offline) = (cards.len(), cards.len() - online);
    let rows = cards.into_iter().zip(facts).map(|(card, facts)| DeviceRow { card, ..facts });
    let mut devices: Vec<DeviceRow> = rows.filter(|row| filter.shows(&row.card) && filter.finds(row)).collect();
    filter.order(&mut devices);
    for row in &mut devices {
        row.others = row.assigned.len().saturating_sub(NAMES);
        row.assigned.truncate(NAMES);
    }
    let columns = columns(&page, &filter);
    Ok(html(&DeviceList { page, devices, filter, columns, all, online, offline })?.into_response())
}

/// What a row says beside its card, which comes later.
fn facts(product: &Physiotraq, device: &Device, team: &[Member], now: DateTime<Utc>) -> DeviceRow {
    let members = team.iter().filter(|member| device.assigned.contains(&member.id));
    let seen_at = product.monitor.glance(device.id).seen_at;
    let may_fetch = device.registration_open_until.is_some_and(|until| until > now);
    DeviceRow {
        card: DeviceCard::default(),
        assigned: members.map(|member| member.name.clone()).collect(),
        others: 0,
        registered: device.registered_at.is_some(),
        connecting: may_fetch || device.registered_at.is_some() && seen_at.is_none(),
        seen_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, status: &'static str, seen: Option<i64>) -> DeviceRow {
        DeviceRow {
            card: DeviceCard { name: name.to_owned(), serial: format!("PT-{name}"), status, ..DeviceCard::default() },
            assigned: vec![format!("Élise {name}")],
            others: 0,
            registered: true,
            connecting: false,
            seen_at: seen.and_then(|second| DateTime::from_timestamp(second, 0)),
        }
    }

    fn ordered(sort: &str, order: &str) -> Vec<String> {
        let filter = Filter { sort: sort.to_owned(), order: order.to_owned(), ..Filter::default() };
        let mut rows = [row("b", "offline", Some(1)), row("C", "online", Some(9)), row("a", "unknown", None)];
        filter.order(&mut rows);
        rows.into_iter().map(|row| row.card.name).collect()
    }

    #[test]
    fn the_list_is_sorted_by_name_by_state_or_by_last_contact() {
        assert_eq!(ordered("", ""), ["a", "b", "C"]);
        assert_eq!(ordered("name", "desc"), ["C", "b", "a"]);
        assert_eq!(ordered("status", "")[0], "C");
        assert_eq!(ordered("seen", ""), ["C", "b", "a"]);
        assert_eq!(ordered("seen", "desc"), ["a", "b", "C"]);
    }

    #[test]
    fn a_search_finds_name_serial_and_people() {
        let found = |q: &str| {
            let filter = Filter { q: q.to_owned(), ..Filter::default() };
            [row("a", "online", None), row("b", "online", None)].iter().filter(|row| filter.finds(row)).count()
        };
        assert_eq!((found(""), found(" pt-B "), found("élise a"), found("zzz")), (2, 1, 1, 0));
    }
}
