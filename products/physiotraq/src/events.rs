//! The spec's `Event` log: what happened to devices, treatments, alerts and licences, with who, from where, when.
//! Apart from the audit trail, and shown to the licence's people.

mod api;
pub(crate) mod pages;
pub(crate) mod sql;

use serde_json::Value;
use socle::db::{Tx, Who};
use socle::web::{Access, Method, Routes};
use socle::{Result, ids};
use uuid::Uuid;

pub use sql::{Shown, of_treatment};

use crate::{Physiotraq, roles};

/// Every type that the table takes, in the order of filters: the spec's, and five of ours.
pub(crate) const TYPES: [&str; 13] = [
    "device.connected",
    "device.disconnected",
    "treatment.started",
    "treatment.completed",
    "treatment.aborted",
    "alert.temperature_39",
    "alert.temperature_40",
    "alert.acknowledged",
    "alert.escalated",
    "alert.no_data",
    "alert.low_reliability",
    "license.renewed",
    "license.expired",
];

/// The key of a type's name in texts.
pub(crate) fn text_key(event_type: &str) -> String {
    format!("event-{}", event_type.replace(['.', '_'], "-"))
}

/// What the API's document says of events.
#[derive(utoipa::OpenApi)]
#[openapi(paths(api::list))]
pub(crate) struct Document;

/// The routes of events: for the owner, as the audit trail is.
pub fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    let see = Access::To(roles::SEE_AUDIT);
    routes.page(Method::Get, "/admin/events", see, pages::list).api(Method::Get, "/api/v1/events", see, api::list)
}

/// The spec's event types, and five of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A device came online.
    DeviceConnected,
    /// A device fell silent.
    DeviceDisconnected,
    /// A treatment began.
    TreatmentStarted,
    /// A treatment ended as planned.
    TreatmentCompleted,
    /// A treatment was broken off (ours: the spec has the status, not the event).
    TreatmentAborted,
    /// The 39 °C alert was raised.
    AlertTemperature39,
    /// The 40 °C alert was raised.
    AlertTemperature40,
    /// Somebody took note of an alert (ours).
    AlertAcknowledged,
    /// Nothing came from the thermometer during a treatment (ours).
    AlertNoData,
    /// What came was not to be trusted (ours).
    AlertLowReliability,
    /// Nobody took note of the 40 °C alert in time (ours).
    AlertEscalated,
}

impl EventType {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DeviceConnected => "device.connected",
            Self::DeviceDisconnected => "device.disconnected",
            Self::TreatmentStarted => "treatment.started",
            Self::TreatmentCompleted => "treatment.completed",
            Self::TreatmentAborted => "treatment.aborted",
            Self::AlertTemperature39 => "alert.temperature_39",
            Self::AlertTemperature40 => "alert.temperature_40",
            Self::AlertAcknowledged => "alert.acknowledged",
            Self::AlertNoData => "alert.no_data",
            Self::AlertLowReliability => "alert.low_reliability",
            Self::AlertEscalated => "alert.escalated",
        }
    }
}

/// Records an event of the transaction's licence.
///
/// # Errors
/// When it cannot be written; the change it speaks of is then undone with it.
pub async fn record(tx: &mut Tx, event: EventType, (kind, id): (&'static str, Uuid), metadata: Value) -> Result<()> {
    let caller = tx.caller().clone();
    let user = match caller.who() {
        Who::Person(person) => Some(person.account.0),
        _ => None,
    };
    let row = sql::NewEvent { id: ids::fresh(caller.now()), name: event.name(), kind, about: id, user, metadata };
    sql::insert(tx, row, caller.trace()).await
}
