//! Types of treatments; pure.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Serialize;
use socle::access::Resource;
use socle::ids::TenantId;
use socle::typed_id;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::devices::DeviceId;
use crate::measurements::sql::Stretch;
use crate::units::Celsius;

typed_id!(TreatmentId, "a treatment");

/// The spec's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TreatmentStatus)]
pub enum Status {
    /// Running.
    InProgress,
    /// Stopped as planned.
    Completed,
    /// Broken off.
    Aborted,
}

impl Status {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Aborted => "aborted",
        }
    }

    /// From the table or a filter.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "in_progress" => Some(Self::InProgress),
            "completed" => Some(Self::Completed),
            "aborted" => Some(Self::Aborted),
            _ => None,
        }
    }

    /// The key of its name in texts.
    #[must_use]
    pub fn text_key(self) -> &'static str {
        match self {
            Self::InProgress => "treatment-status-in-progress",
            Self::Completed => "treatment-status-completed",
            Self::Aborted => "treatment-status-aborted",
        }
    }
}

/// A treatment as pages and actions see it; names are opened already.
#[derive(Clone, Debug)]
pub struct Treatment {
    /// Id.
    pub id: TreatmentId,
    /// Tenant.
    pub license: TenantId,
    /// `YYYYMMDD-HHMMSS-NNN`.
    pub session: String,
    /// Device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Operator.
    pub operator: Uuid,
    /// Their name.
    pub operator_name: String,
    /// First and last name, unless anonymous.
    pub patient: Patient,
    /// Status.
    pub status: Status,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// End.
    pub ended_at: Option<DateTime<Utc>>,
    /// Highest trustworthy value.
    pub max: Option<Celsius>,
    /// When.
    pub max_at: Option<DateTime<Utc>>,
    /// Flag of the spec.
    pub alert_39: bool,
    /// Flag of the spec.
    pub alert_40: bool,
    /// Notes.
    pub notes: Option<String>,
    /// Limits, for the curve.
    pub limits: (Celsius, Celsius),
    /// Readings below it are not evaluated.
    pub reliability_limit: i16,
}

/// What is known of the patient.
#[derive(Clone, Debug, Default)]
pub struct Patient {
    /// No names are kept.
    pub anonymous: bool,
    /// Names are kept, and cannot be opened now.
    pub unavailable: bool,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Years.
    pub age: Option<i32>,
    /// `male`, `female`, `other`.
    pub sex: Option<String>,
    /// Kilograms.
    pub weight: Option<Decimal>,
}

impl Treatment {
    /// What the policies may know of it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::of(self.license.0).owned_by(self.operator)
    }

    /// The stretch of the device's record that belongs to it.
    #[must_use]
    pub(crate) fn stretch(&self, now: DateTime<Utc>) -> Stretch {
        Stretch {
            device: self.device,
            from: self.started_at,
            to: self.ended_at.unwrap_or(now + chrono::TimeDelta::minutes(5)),
            reliability_limit: self.reliability_limit,
        }
    }

    /// How long it has run, or ran.
    #[must_use]
    pub fn seconds(&self, now: DateTime<Utc>) -> i64 {
        (self.ended_at.unwrap_or(now) - self.started_at).num_seconds().max(0)
    }
}

/// `YYYYMMDD-HHMMSS-NNN`: date and time in the licence's zone, number of the session of that day.
#[must_use]
pub fn session_identifier(at: DateTime<Utc>, zone: Tz, number: i32) -> String {
    format!("{}-{number:03}", at.with_timezone(&zone).format("%Y%m%d-%H%M%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_is_written_in_the_licences_zone() {
        let at = DateTime::parse_from_rfc3339("2026-11-20T23:30:05Z").unwrap().to_utc();
        assert_eq!(session_identifier(at, Tz::Europe__Paris, 7), "20261121-003005-007");
        assert_eq!(session_identifier(at, Tz::UTC, 1234), "20261120-233005-1234");
    }
}
