//! Events for the owner's programs.
#![expect(unused_qualifications, reason = "the documentation macro writes paths in full")]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use socle::error::{Detail, Envelope};
use socle::web::Query;
use socle::web::cursor::{Cursor, Pagination, Paging};
use socle::{Caller, Error, Result};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::TYPES;
use super::pages::begin;
use super::sql::{self, Listed, Wanted};
use crate::Physiotraq;

/// Which events, and how much of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Slice {
    /// Of this type.
    #[serde(rename = "type")]
    #[param(rename = "type", example = "alert.temperature_40")]
    kind: Option<String>,
    /// About this device, a treatment with it, or an alert of one.
    #[serde(rename = "deviceId")]
    #[param(rename = "deviceId", value_type = Option<Uuid>)]
    device: Option<String>,
    /// Caused by this person.
    #[serde(rename = "userId")]
    #[param(rename = "userId", value_type = Option<Uuid>)]
    person: Option<String>,
    /// From this instant on, RFC 3339.
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<String>,
    /// Before this instant, RFC 3339.
    #[param(value_type = Option<DateTime<Utc>>)]
    until: Option<String>,
    /// Rows of the answer, 20 by default.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100, example = 20)]
    limit: Option<String>,
    /// pagination.cursor of the answer before.
    cursor: Option<String>,
}

/// Reads a field; one that cannot be read is noted.
fn read<T>(
    given: Option<&str>,
    (field, message): (&'static str, &'static str),
    parse: impl Fn(&str) -> Option<T>,
    faults: &mut Vec<Detail>,
) -> Option<T> {
    let value = parse(given?);
    if value.is_none() {
        faults.push(Detail::new(field, "INVALID_FORMAT", message));
    }
    value
}

impl Slice {
    fn wanted(&self) -> Result<(Wanted, Paging)> {
        let mut faults = Vec::new();
        let kind = |text: &str| TYPES.iter().find(|kind| **kind == text).map(|kind| (*kind).to_owned());
        let instant = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        let id = |text: &str| text.parse::<Uuid>().ok();
        let types = read(self.kind.as_deref(), ("type", "There is no such type of event."), kind, &mut faults);
        let device = read(self.device.as_deref(), ("deviceId", "deviceId is a device's id."), id, &mut faults);
        let person = read(self.person.as_deref(), ("userId", "userId is a member's id."), id, &mut faults);
        let from = read(self.from.as_deref(), ("from", "from is an RFC 3339 instant."), instant, &mut faults);
        let until = read(self.until.as_deref(), ("until", "until is an RFC 3339 instant."), instant, &mut faults);
        match Paging::read(self.limit.as_deref(), self.cursor.as_deref()) {
            Ok(paging) if faults.is_empty() => {
                let types = types.into_iter().collect();
                Ok((Wanted { types, device, person, from, until, after: paging.after() }, paging))
            }
            Ok(_) => Err(Error::invalid(faults)),
            Err(more) => Err(Error::invalid(faults.into_iter().chain(more).collect())),
        }
    }
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LicenceEvent)]
pub(super) struct EventBody {
    /// Its id.
    id: Uuid,
    /// What happened.
    #[schema(example = "alert.temperature_40")]
    event_type: String,
    /// Device, Treatment, Alert or License.
    #[schema(example = "Treatment")]
    eventable_type: String,
    /// The id of what it is about.
    eventable_id: Uuid,
    /// Who caused it; null when it was no person.
    user_id: Option<Uuid>,
    /// From where.
    ip_address: Option<String>,
    /// With what.
    user_agent: Option<String>,
    /// Chosen facts.
    #[schema(value_type = Object)]
    metadata: Value,
    /// When.
    created_at: DateTime<Utc>,
}

impl From<Listed> for EventBody {
    fn from(event: Listed) -> Self {
        Self {
            id: event.id,
            event_type: event.event_type,
            eventable_type: event.about_type,
            eventable_id: event.about,
            user_id: event.person,
            ip_address: event.ip,
            user_agent: event.user_agent,
            metadata: event.metadata,
            created_at: event.at,
        }
    }
}

/// Events, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Events {
    /// The page.
    data: Vec<EventBody>,
    /// Where it goes on.
    pagination: Pagination,
}

/// What happened to the licence's devices, treatments and alerts.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "listEvents",
    tag = "events",
    params(Slice),
    responses(
        (status = 200, description = "A page of events.", body = Events),
        (status = 400, description = "A field of the query cannot be read; see details.", body = Envelope),
        (status = 403, description = "Only the owner of the licence sees them.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list(
    State(product): State<Physiotraq>,
    caller: Caller,
    Query(slice): Query<Slice>,
) -> Result<Response> {
    let mut tx = begin(&product, &caller).await?;
    let (wanted, paging) = slice.wanted()?;
    let events = sql::list(&mut tx, &wanted, (0, paging.rows())).await?;
    let (page, pagination) = paging.cut(events, |event| Cursor { at: event.at, id: event.id });
    let data = page.into_iter().map(EventBody::from).collect();
    Ok(axum::Json(Events { data, pagination }).into_response())
}
