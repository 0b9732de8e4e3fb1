//! One store, four views: the trail in the words of each product's specification. Typed read models; the JSON names are
//! those of the specifications, in camelCase as everywhere.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::search::Row;

/// Which view a product's API gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `AuditEvent` of specs/axtech.md: the fullest, for products whose specification has none of its own.
    AuditEvent,
    /// `audit_logs` of specs/huntzen-care.md.
    HuntzenLog,
    /// `audit_logs` of specs/trackingbms.md §2.5.
    TrackingLog,
    /// The form of `Event` of specs/physiotraq.md.
    Event,
}

impl Shape {
    /// A row in this view.
    #[must_use]
    pub fn show(self, row: Row) -> Shaped {
        match self {
            Self::AuditEvent => Shaped::AuditEvent(Box::new(row.into())),
            Self::HuntzenLog => Shaped::HuntzenLog(Box::new(row.into())),
            Self::TrackingLog => Shaped::TrackingLog(Box::new(row.into())),
            Self::Event => Shaped::Event(Box::new(row.into())),
        }
    }
}

/// A row of the audit trail, in the form of the product's specification: one of the four, always the same one.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Shaped {
    /// specs/axtech.md.
    AuditEvent(Box<AuditEvent>),
    /// specs/huntzen-care.md.
    HuntzenLog(Box<HuntzenLog>),
    /// specs/trackingbms.md.
    TrackingLog(Box<TrackingLog>),
    /// specs/physiotraq.md.
    Event(Box<Event>),
}

/// `AuditEvent` of specs/axtech.md.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Identifier.
    pub id: Uuid,
    /// Who performed it; null for the system.
    pub actor_id: Option<Uuid>,
    /// USER, SYSTEM or INTEGRATION.
    pub actor_type: &'static str,
    /// What was done.
    pub action: String,
    /// Kind of thing it was done to.
    pub object_type: String,
    /// Its id; the nil UUID when the action concerns no single thing.
    pub object_id: Uuid,
    /// Before and after, of chosen keys.
    pub changes: Option<Value>,
    /// Client address.
    pub ip_address: Option<String>,
    /// Client program.
    pub user_agent: Option<String>,
    /// Request id.
    pub request_id: Option<String>,
    /// When.
    pub timestamp: DateTime<Utc>,
}

impl From<Row> for AuditEvent {
    fn from(row: Row) -> Self {
        let actor_type = match row.actor_kind.as_str() {
            "person" | "nobody" => "USER",
            "device" => "INTEGRATION",
            _ => "SYSTEM",
        };
        Self {
            id: row.id,
            actor_id: row.actor_id,
            actor_type,
            action: row.action,
            object_type: row.resource_type.unwrap_or_default(),
            object_id: row.resource_id.unwrap_or_default(),
            changes: row.changes,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            request_id: row.request_id,
            timestamp: row.occurred_at,
        }
    }
}

/// `audit_logs` of specs/huntzen-care.md.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HuntzenLog {
    /// Identifier.
    pub id: Uuid,
    /// Who; null for the system and for devices.
    pub actor_user_id: Option<Uuid>,
    /// Their role then.
    pub actor_role: Option<String>,
    /// What was done, in capitals: `EMPLOYEE_IMPORTED`.
    pub action: String,
    /// Kind of thing, in small letters: `consultation`.
    pub entity: Option<String>,
    /// Its id.
    pub entity_id: Option<Uuid>,
    /// The company.
    pub company_id: Option<Uuid>,
    /// Client address.
    pub ip: Option<String>,
    /// Client program.
    pub user_agent: Option<String>,
    /// Chosen details.
    pub meta_json: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl From<Row> for HuntzenLog {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            actor_user_id: row.actor_id.filter(|_| row.actor_kind == "person"),
            actor_role: row.actor_role,
            action: row.action.replace('.', "_").to_uppercase(),
            entity: row.resource_type.map(|kind| kind.to_lowercase()),
            entity_id: row.resource_id,
            company_id: row.tenant_id,
            ip: row.ip_address,
            user_agent: row.user_agent,
            meta_json: row.details,
            created_at: row.occurred_at,
        }
    }
}

/// `audit_logs` of specs/trackingbms.md §2.5.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrackingLog {
    /// Rising number.
    pub id: i64,
    /// The client; null for events of the system.
    pub client_id: Option<Uuid>,
    /// Who; null for the system and for devices.
    pub user_id: Option<Uuid>,
    /// auth, data, config, system or security.
    pub event_type: String,
    /// What was done.
    pub action: String,
    /// Kind of thing.
    pub resource_type: Option<String>,
    /// Its id.
    pub resource_id: Option<String>,
    /// Client address; `::` when there is none (the specification has no null here).
    pub ip_address: String,
    /// Client program.
    pub user_agent: Option<String>,
    /// Chosen keys of the request, masked.
    pub request_data: Option<Value>,
    /// Chosen keys of the answer, masked.
    pub response_data: Option<Value>,
    /// success, failure (it was refused) or error.
    pub status: &'static str,
    /// The stable code of a refusal or error.
    pub error_message: Option<String>,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Milliseconds from the request's arrival to this row, with three decimals.
    #[schema(value_type = Option<String>, example = "12.345")]
    pub processing_time: Option<Decimal>,
}

impl From<Row> for TrackingLog {
    fn from(row: Row) -> Self {
        let status = match row.outcome.as_str() {
            "done" => "success",
            "refused" => "failure",
            _ => "error",
        };
        Self {
            id: row.number,
            client_id: row.tenant_id,
            user_id: row.actor_id.filter(|_| row.actor_kind == "person"),
            event_type: row.event_type,
            action: row.action,
            resource_type: row.resource_type,
            resource_id: row.resource_id.map(|id| id.to_string()),
            ip_address: row.ip_address.unwrap_or_else(|| "::".to_owned()),
            user_agent: row.user_agent,
            request_data: row.request_data,
            response_data: row.response_data,
            status,
            error_message: row.error_code,
            timestamp: row.occurred_at,
            processing_time: row.processing_us.map(|us| Decimal::new(us, 3)),
        }
    }
}

/// The form of `Event` of specs/physiotraq.md. (PhysioTraq's own events are a table of their own; this is its trail.)
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Identifier.
    pub id: Uuid,
    /// What happened.
    #[schema(example = "treatment.viewed")]
    pub event_type: String,
    /// Kind of thing.
    #[schema(example = "Treatment")]
    pub eventable_type: Option<String>,
    /// Its id.
    pub eventable_id: Option<Uuid>,
    /// Who; null for the system and for devices.
    pub user_id: Option<Uuid>,
    /// Client address.
    pub ip_address: Option<String>,
    /// Client program.
    pub user_agent: Option<String>,
    /// Chosen details.
    pub metadata: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            event_type: row.action,
            eventable_type: row.resource_type,
            eventable_id: row.resource_id,
            user_id: row.actor_id.filter(|_| row.actor_kind == "person"),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            metadata: row.details,
            created_at: row.occurred_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> Row {
        Row {
            id: Uuid::from_u128(1),
            occurred_at: DateTime::UNIX_EPOCH,
            tenant_id: Some(Uuid::from_u128(2)),
            number: 42,
            actor_kind: "person".to_owned(),
            actor_id: Some(Uuid::from_u128(3)),
            actor_role: Some("hr".to_owned()),
            event_type: "data".to_owned(),
            action: "employee.imported".to_owned(),
            resource_type: Some("Company".to_owned()),
            resource_id: Some(Uuid::from_u128(4)),
            outcome: "refused".to_owned(),
            error_code: Some("AUTHZ_FORBIDDEN".to_owned()),
            details: json!({ "rows": 3 }),
            changes: Some(json!({ "role": { "before": "a", "after": "b" } })),
            request_data: Some(json!({ "email": "a…" })),
            response_data: None,
            processing_us: Some(12_345),
            ip_address: None,
            user_agent: Some("curl".to_owned()),
            request_id: Some("req_1".to_owned()),
        }
    }

    fn keys(shaped: &Shaped) -> Vec<String> {
        let value = serde_json::to_value(shaped).unwrap();
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    }

    #[test]
    fn each_view_has_the_fields_of_its_specification_and_no_others() {
        for (shape, fields) in [
            (
                Shape::AuditEvent,
                "action actorId actorType changes id ipAddress objectId objectType requestId timestamp userAgent",
            ),
            (
                Shape::HuntzenLog,
                "action actorRole actorUserId companyId createdAt entity entityId id ip metaJson userAgent",
            ),
            (
                Shape::TrackingLog,
                "action clientId errorMessage eventType id ipAddress processingTime requestData resourceId resourceType \
                 responseData status timestamp userAgent userId",
            ),
            (Shape::Event, "createdAt eventType eventableId eventableType id ipAddress metadata userAgent userId"),
        ] {
            assert_eq!(keys(&shape.show(row())).join(" "), fields, "{shape:?}");
        }
    }

    #[test]
    fn the_values_are_in_the_words_of_each_specification() {
        let event = AuditEvent::from(Row { actor_kind: "device".to_owned(), resource_id: None, ..row() });
        assert_eq!((event.actor_type, event.object_id), ("INTEGRATION", Uuid::nil()));
        assert_eq!(AuditEvent::from(Row { actor_kind: "system".to_owned(), ..row() }).actor_type, "SYSTEM");
        let log = HuntzenLog::from(row());
        assert_eq!((log.action.as_str(), log.entity.as_deref()), ("EMPLOYEE_IMPORTED", Some("company")));
        assert_eq!(HuntzenLog::from(Row { actor_kind: "device".to_owned(), ..row() }).actor_user_id, None);
        let log = TrackingLog::from(row());
        assert_eq!((log.id, log.status, log.ip_address.as_str()), (42, "failure", "::"));
        assert_eq!(log.processing_time.map(|time| time.to_string()).as_deref(), Some("12.345"));
        for (outcome, status) in [("done", "success"), ("failed", "error")] {
            assert_eq!(TrackingLog::from(Row { outcome: outcome.to_owned(), ..row() }).status, status);
        }
        assert_eq!(Event::from(row()).metadata, json!({ "rows": 3 }));
    }
}
