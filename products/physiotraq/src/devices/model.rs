//! Types of devices; pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use socle::access::Resource;
use socle::error::Detail;
use socle::ids::TenantId;
use socle::typed_id;
use utoipa::ToSchema;
use uuid::Uuid;

typed_id!(DeviceId, "a thermometer");

/// A device counts as online while it was seen less than this ago (spec: `online?`).
pub const ONLINE_FOR: TimeDelta = TimeDelta::minutes(2);

/// How long a new credential may be fetched after the owner opened the window.
pub const REGISTRATION_WINDOW: TimeDelta = TimeDelta::minutes(15);

/// The spec's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Seen less than two minutes ago.
    Online,
    /// Seen, but not for two minutes.
    Offline,
    /// Never seen.
    Unknown,
}

impl Presence {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }

    /// From the table.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "online" => Self::Online,
            "offline" => Self::Offline,
            _ => Self::Unknown,
        }
    }

    /// The key of its name in texts.
    #[must_use]
    pub fn text_key(self) -> &'static str {
        match self {
            Self::Online => "status-online",
            Self::Offline => "status-offline",
            Self::Unknown => "status-unknown",
        }
    }
}

/// A device as pages and actions see it.
#[derive(Clone, Debug)]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// The licence that claimed it.
    pub license: TenantId,
    /// On the QR code.
    pub serial_number: String,
    /// Identifier on the network.
    pub mac_address: String,
    /// Given by the owner.
    pub name: String,
    /// Last reported.
    pub firmware_version: Option<String>,
    /// The hardware it last reported, as firmware knows it.
    pub hardware: Option<String>,
    /// Whether it installs what the vendor publishes by itself.
    pub firmware_auto_update: bool,
    /// Whether it also gets versions that are not stable.
    pub firmware_beta: bool,
    /// Calibration.
    pub temp_slope: rust_decimal::Decimal,
    /// Calibration.
    pub temp_intercept: rust_decimal::Decimal,
    /// Which version of it; readings name it.
    pub calibration_version: i32,
    /// When it was claimed.
    pub claimed_at: DateTime<Utc>,
    /// When it fetched its credential.
    pub registered_at: Option<DateTime<Utc>>,
    /// Until when it may fetch a new one.
    pub registration_open_until: Option<DateTime<Utc>>,
    /// People it is assigned to.
    pub assigned: Vec<Uuid>,
}

impl Device {
    /// What the policies may know of it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::of(self.license.0).assigned_to(self.assigned.clone())
    }
}

/// What an owner types to claim a device.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// On the QR code.
    pub serial_number: String,
    /// The claim secret, on the QR code.
    pub secret: String,
    /// What to call it.
    pub name: String,
}

impl Claim {
    /// Trims, and finds what is wrong; messages are keys of texts.
    #[must_use]
    pub fn checked(mut self) -> (Self, Vec<Detail>) {
        self.serial_number = self.serial_number.trim().to_uppercase();
        self.secret = self.secret.trim().to_owned();
        self.name = self.name.trim().to_owned();
        let mut faults = Vec::new();
        if !is_serial(&self.serial_number) {
            faults.push(Detail::new("serial_number", "INVALID_FORMAT", "error-serial"));
        }
        if self.secret.is_empty() || self.secret.len() > 200 {
            faults.push(Detail::new("secret", "INVALID_FORMAT", "error-claim-unknown"));
        }
        if !is_name(&self.name) {
            faults.push(Detail::new("name", "INVALID_LENGTH", "error-device-name"));
        }
        (self, faults)
    }
}

/// 1 to 60 characters without control characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=60).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// Letters, digits and dashes, at most 40, as printed on devices (`PT-2025-00123`).
#[must_use]
pub fn is_serial(serial: &str) -> bool {
    (3..=40).contains(&serial.len()) && serial.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
