//! The search page and its export. Looking is itself recorded. Row-level security shows one tenant's rows; who of the
//! tenant may look is the product's policy.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::search::{Filter, OUTCOMES, Row, Wanted, tenant_of, visible, zone_of};
use super::{Entry, api, record, sql};
use crate::access::Action;
use crate::db::Tx;
use crate::error::{Detail, Envelope};
use crate::web::cursor::Cursor;
use crate::web::{
    Access, Choice, FieldError, Method, Page, Product, Query, Routes, csv_file, csv_line, field_errors, html,
};
use crate::{Caller, Error, Result};

/// Rows on a page.
const ROWS: i64 = 50;
/// Rows are counted up to this.
const COUNTED: i64 = 10_000;
/// Rows of an export read at once.
const CHUNK: i64 = 1_000;

/// Adds page, export and the endpoint for programs: `place` is the page's address and that of its export.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>, see: Action, (page, file): (&'static str, &'static str)) -> Routes<P> {
    routes.page(Method::Get, page, Access::To(see), list::<P>).api(Method::Get, file, Access::To(see), export::<P>).api(
        Method::Get,
        "/api/v1/audit-logs",
        Access::To(see),
        api::list::<P>,
    )
}

/// What the page's address carries beside the filters.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct Turn {
    /// The page goes on after this row, or, `back`, ends before it.
    #[serde(skip_serializing_if = "String::is_empty")]
    cursor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    back: String,
    /// The place of the page's first row, to be shown.
    first: i64,
}

/// A row as people read it.
struct Line {
    stamp: String,
    time: String,
    actor: String,
    role: Option<String>,
    action: String,
    resource: String,
    resource_id: Option<String>,
    outcome: String,
    code: Option<String>,
    origin: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "audit/list.html")]
struct List {
    page: Page,
    address: String,
    filter: Filter,
    errors: Vec<FieldError>,
    people: Vec<Choice>,
    outcomes: Vec<Choice>,
    /// The platform's own trail, or what belongs to no organisation; empty for products.
    scopes: Vec<Choice>,
    lines: Vec<Line>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
    export: String,
}

impl List {
    fn problem(&self, field: &str) -> Option<&str> {
        crate::web::problem(&self.errors, field)
    }

    fn counted_out(&self) -> bool {
        self.total >= COUNTED
    }
}

async fn list<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(filter): Query<Filter>,
    Query(turn): Query<Turn>,
) -> Result<Response> {
    let mut tx = caller.begin().await?;
    let people = product.people(&mut tx).await?;
    let mut list = empty(page, &caller, (filter, &people));
    match list.filter.wanted(&caller) {
        Ok(wanted) => fill(&mut list, &mut tx, &wanted, (&turn, &people)).await?,
        Err(faults) => {
            let worded = |fault| Detail { message: "audit-filter-invalid".into(), ..fault };
            let faults: Vec<Detail> = faults.into_iter().map(worded).collect();
            list.errors = field_errors(&list.page, &faults);
        }
    }
    let entry = Entry::done("audit.viewed", "AuditLog", tenant_of(&caller)?.0).with(used(&list.filter));
    record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(html(&list)?.into_response())
}

/// The page without rows yet.
fn empty(page: Page, caller: &Caller, (filter, people): (Filter, &[(Uuid, String)])) -> List {
    let choice =
        |value: &str, label: String, chosen: &str| Choice { selected: value == chosen, value: value.to_owned(), label };
    let mut names = vec![choice("", page.t("audit-all-actors"), &filter.actor)];
    names.extend(people.iter().map(|(id, name)| choice(&id.to_string(), name.clone(), &filter.actor)));
    if !filter.actor.is_empty() && names.iter().all(|name| !name.selected) {
        names.push(choice(&filter.actor, filter.actor.clone(), &filter.actor));
    }
    let mut outcomes = vec![choice("", page.t("audit-all-outcomes"), &filter.outcome)];
    outcomes.extend(OUTCOMES.map(|name| choice(name, page.t(&format!("audit-outcome-{}", name)), &filter.outcome)));
    let mut scopes = Vec::new();
    if caller.tenant().is_some_and(|tenant| tenant.0.is_nil()) {
        scopes.push(choice("", page.t("audit-scope-own"), &filter.scope));
        scopes.push(choice("system", page.t("audit-scope-system"), &filter.scope));
    }
    let address = page.path.split('?').next().unwrap_or_default().to_owned();
    let export = with(&format!("{address}/export"), &filter, None);
    let (errors, lines, people) = (Vec::new(), Vec::new(), names);
    let (total, first, last) = (0, 0, 0);
    let (previous, next) = (None, None);
    List { page, address, filter, errors, people, outcomes, scopes, lines, total, first, last, previous, next, export }
}

async fn fill(list: &mut List, tx: &mut Tx, wanted: &Wanted, (turn, people): (&Turn, &[(Uuid, String)])) -> Result<()> {
    let (cursor, back) = (Cursor::parse(&turn.cursor), !turn.back.is_empty() && !turn.cursor.is_empty());
    let mut rows = sql::rows(tx, wanted, (cursor, back), ROWS + 1).await?;
    let more = rows.len() > usize::try_from(ROWS).unwrap_or_default();
    // The row too many is the farthest one: the last, or the first when it goes back.
    if more && back {
        rows.remove(0);
    }
    rows.truncate(usize::try_from(ROWS).unwrap_or_default());
    list.total = sql::count(tx, wanted, COUNTED).await?;
    let shown = i64::try_from(rows.len()).unwrap_or_default();
    list.first = match cursor {
        Some(_) if !back || more => turn.first.max(1),
        _ => i64::from(shown > 0),
    };
    list.last = list.first + shown - i64::from(shown > 0);
    let place = |row: &Row| Cursor { at: row.occurred_at, id: row.id }.text();
    let (older, newer) = (back || more, cursor.is_some() && (!back || more));
    let next =
        rows.last().filter(|_| older).map(|row| Turn { cursor: place(row), back: String::new(), first: list.last + 1 });
    let previous = rows.first().filter(|_| newer).map(|row| Turn {
        cursor: place(row),
        back: "yes".to_owned(),
        first: (list.first - ROWS).max(1),
    });
    list.next = next.map(|turn| with(&list.address, &list.filter, Some(&turn)));
    list.previous = previous.map(|turn| with(&list.address, &list.filter, Some(&turn)));
    let zone = zone_of(tx.caller());
    list.lines = rows.into_iter().map(|row| line(&list.page, row, (people, zone))).collect();
    Ok(())
}

fn with(path: &str, filter: &Filter, turn: Option<&Turn>) -> String {
    let turn = turn.map(|turn| serde_html_form::to_string(turn).unwrap_or_default());
    let filter = serde_html_form::to_string(filter).unwrap_or_default();
    let query: Vec<String> = [Some(filter), turn].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// The filters that were used, for the row that says who looked.
fn used(filter: &Filter) -> Value {
    let chosen = serde_json::to_value(filter).unwrap_or_default();
    let short = |text: &str| text.chars().filter(|c| *c != '\0').take(100).collect::<String>();
    let pairs = chosen.as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(key, value)| Some((key.clone(), Value::String(short(value.as_str()?)))));
    Value::Object(pairs.collect())
}

fn line(page: &Page, row: Row, (people, zone): (&[(Uuid, String)], Tz)) -> Line {
    let name = row.actor_id.and_then(|id| people.iter().find(|(known, _)| *known == id));
    let actor = match (name, row.actor_id) {
        (Some((_, name)), _) => name.clone(),
        (None, Some(id)) => format!("{} {id}", page.t(&format!("audit-actor-{}", row.actor_kind))),
        (None, None) => page.t(&format!("audit-actor-{}", row.actor_kind)),
    };
    let text = |value: Option<Value>| value.filter(|value| value.as_object().is_none_or(|o| !o.is_empty()));
    let json = |value: Option<Value>| text(value).map(|value| value.to_string());
    let origin = [
        ("audit-details", json(Some(row.details))),
        ("audit-changes", json(row.changes)),
        ("audit-request-data", json(row.request_data)),
        ("audit-response-data", json(row.response_data)),
        ("audit-ip", row.ip_address),
        ("audit-agent", row.user_agent),
        ("audit-request", row.request_id),
    ];
    let origin = origin.into_iter().filter_map(|(key, text)| Some((page.t(key), visible(&text?))));
    Line {
        stamp: row.occurred_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        time: row.occurred_at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string(),
        actor,
        role: row.actor_role,
        action: row.action,
        resource: row.resource_type.unwrap_or_default(),
        resource_id: row.resource_id.map(|id| id.to_string()),
        outcome: row.outcome,
        code: row.error_code,
        origin: origin.collect(),
    }
}

/// The rows of the filters as CSV, the newest first, up to the moment of asking. Exporting is itself recorded.
#[utoipa::path(
    get,
    path = "/admin/audit/export",
    operation_id = "exportAuditLogs",
    tag = "audit",
    params(Filter),
    responses(
        (status = 200, description = "One line per row.", body = String, content_type = "text/csv"),
        (status = 400, description = "A field of the query cannot be read; see details.", body = Envelope),
        (status = 403, description = "Your role does not see the trail.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn export<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Response> {
    let mut wanted = filter.wanted(&caller).map_err(Error::invalid)?;
    let now = caller.now();
    // Instants are microseconds: up to and with this one, not what is written while the file is sent.
    let end = now + TimeDelta::microseconds(1);
    wanted.until = Some(wanted.until.map_or(end, |until| until.min(end)));
    let mut tx = caller.begin().await?;
    record(&mut tx, Entry::done("audit.exported", "AuditLog", tenant_of(&caller)?.0).with(used(&filter))).await?;
    tx.commit().await?;
    let name = format!("{}-audit-{}.csv", product.branding().realm.name, now.format("%Y%m%d-%H%M%SZ"));
    Ok(csv_file(&name, csv_line(&COLUMNS.map(ToOwned::to_owned))?, chunks(caller, wanted)))
}

/// The rows as CSV, chunk by chunk, a transaction each: one chunk in memory.
fn chunks(caller: Caller, wanted: Wanted) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    stream::try_unfold((caller, None, false), move |(caller, after, done)| {
        let wanted = wanted.clone();
        async move {
            if done {
                return Ok::<_, Error>(None);
            }
            let mut tx = caller.begin().await?;
            let chunk = sql::rows(&mut tx, &wanted, (after, false), CHUNK).await?;
            drop(tx);
            let done = i64::try_from(chunk.len()).is_ok_and(|read| read < CHUNK);
            let next = chunk.last().map(|row| Cursor { at: row.occurred_at, id: row.id });
            let text = chunk.into_iter().map(|row| csv_line(&fields(row))).collect::<Result<Vec<_>>>()?.concat();
            Ok(Some((Bytes::from(text), (caller, next, done))))
        }
    })
}

const COLUMNS: [&str; 17] = [
    "occurred_at",
    "actor_kind",
    "actor_id",
    "actor_role",
    "event_type",
    "action",
    "resource_type",
    "resource_id",
    "outcome",
    "error_code",
    "details",
    "changes",
    "request_data",
    "response_data",
    "ip_address",
    "user_agent",
    "request_id",
];

fn fields(row: Row) -> Vec<String> {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let json = |value: Option<Value>| value.map(|value| value.to_string()).unwrap_or_default();
    let fields = [
        row.occurred_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        row.actor_kind,
        id(row.actor_id),
        row.actor_role.unwrap_or_default(),
        row.event_type,
        row.action,
        row.resource_type.unwrap_or_default(),
        id(row.resource_id),
        row.outcome,
        row.error_code.unwrap_or_default(),
        json(Some(row.details)),
        json(row.changes),
        json(row.request_data),
        json(row.response_data),
        row.ip_address.unwrap_or_default(),
        row.user_agent.unwrap_or_default(),
        row.request_id.unwrap_or_default(),
    ];
    fields.iter().map(|field| visible(field)).collect()
}
