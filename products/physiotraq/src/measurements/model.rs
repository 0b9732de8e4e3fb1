//! A reading, and how it goes into the table.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use socle::Result;
use socle::ids::TenantId;
use socle::readings::{CopyRow, Key, Reading, Table};

use super::Leaf;
use crate::devices::DeviceId;
use crate::units::Celsius;

/// A reading further than this from the server's time at receipt is no live one (decision on live and late).
pub const LIVE_FOR: TimeDelta = TimeDelta::seconds(60);

/// One reading of one thermometer (spec: Measurement).
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Number, in the order of arrival per device.
    pub id: i64,
    /// Tenant.
    pub license: TenantId,
    /// Device.
    pub device: DeviceId,
    /// The treatment running when it was measured, as far as known at arrival.
    pub treatment: Option<uuid::Uuid>,
    /// As sent.
    pub raw: Celsius,
    /// Calibrated: what is shown, alarmed and stored as `temperature`.
    pub temperature: Celsius,
    /// Which calibration.
    pub calibration: i32,
    /// 0–100, when the device says it.
    pub reliability: Option<i16>,
    /// Device clock.
    pub measured_at: DateTime<Utc>,
    /// Server clock.
    pub received_at: DateTime<Utc>,
    /// Device counter, 0 without one.
    pub sequence: i64,
    /// Where it goes; `Unclocked` when the device clock cannot be right.
    pub leaf: Leaf,
    /// Arrived late: never alarms.
    pub late: bool,
    /// Percent.
    pub battery_level: Option<i16>,
    /// Millivolts.
    pub battery_voltage: Option<i32>,
    /// Network name.
    pub wifi_ssid: Option<String>,
    /// dBm.
    pub wifi_strength: Option<i16>,
    /// Running firmware.
    pub firmware_version: Option<String>,
}

/// How far a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Evaluated.
    Good,
    /// Below the reliability limit: shown hollow, not evaluated.
    Low,
    /// Cannot be a body core: shown hollow, not evaluated.
    Implausible,
}

impl Quality {
    /// As the live stream spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Low => "low",
            Self::Implausible => "implausible",
        }
    }

    /// As the curve spells it.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Low => 1,
            Self::Implausible => 2,
        }
    }

    /// Of a value, against a reliability limit. A device that says no reliability is trusted.
    #[must_use]
    pub fn of(temperature: Celsius, reliability: Option<i16>, limit: i16) -> Self {
        if !temperature.plausible() {
            Self::Implausible
        } else if reliability.is_some_and(|reliability| reliability < limit) {
            Self::Low
        } else {
            Self::Good
        }
    }
}

impl Measurement {
    /// Whether its clock runs so far ahead that it must not stand for "now": it would make every right one late.
    #[must_use]
    pub fn ahead(&self) -> bool {
        self.measured_at - self.received_at > LIVE_FOR
    }

    /// Whether its clock can be right.
    #[must_use]
    pub fn clock_ok(&self) -> bool {
        self.leaf != Leaf::Unclocked
    }
}

impl Reading for Measurement {
    const TABLE: Table = Table {
        columns: "id, license_id, device_id, treatment_id, temperature, raw_temperature, calibration_version, \
                  reliability, measured_at, received_at, sequence, clock_ok, implausible, late, battery_level, \
                  battery_voltage, wifi_ssid, wifi_strength, firmware_version, created_at",
        count: 20,
        same_value: "stored.raw_temperature = incoming.raw_temperature",
        sequence: "physiotraq.measurements_id_seq",
        block: 1_000,
    };

    type Leaf = Leaf;

    fn key(&self) -> Key {
        Key { device: self.device.0, at: self.measured_at, sequence: self.sequence }
    }

    fn leaf(&self) -> Leaf {
        self.leaf
    }

    fn same_value(&self, other: &Self) -> bool {
        self.raw == other.raw
    }

    fn numbered(&mut self, id: i64) {
        self.id = id;
    }

    fn columns(&self) -> serde_json::Value {
        json!({
            "id": self.id,
            "license_id": self.license,
            "device_id": self.device,
            "treatment_id": self.treatment,
            "temperature": self.temperature.decimal(),
            "raw_temperature": self.raw.decimal(),
            "calibration_version": self.calibration,
            "reliability": self.reliability,
            "measured_at": self.measured_at,
            "received_at": self.received_at,
            "sequence": self.sequence,
            "clock_ok": self.clock_ok(),
            "implausible": !self.temperature.plausible(),
            "late": self.late,
            "battery_level": self.battery_level,
            "battery_voltage": self.battery_voltage.map(|millivolts| Decimal::new(i64::from(millivolts), 3)),
            "wifi_ssid": self.wifi_ssid,
            "wifi_strength": self.wifi_strength,
            "firmware_version": self.firmware_version,
            "created_at": self.received_at,
        })
    }

    fn encode(&self, row: &mut CopyRow<'_>) -> Result<()> {
        row.put(self.id)?;
        row.put(self.license.0)?;
        row.put(self.device.0)?;
        row.put(self.treatment)?;
        row.put(self.temperature.decimal())?;
        row.put(self.raw.decimal())?;
        row.put(self.calibration)?;
        row.put(self.reliability)?;
        row.put(self.measured_at)?;
        row.put(self.received_at)?;
        row.put(self.sequence)?;
        row.put(self.clock_ok())?;
        row.put(!self.temperature.plausible())?;
        row.put(self.late)?;
        row.put(self.battery_level)?;
        row.put(self.battery_voltage.map(|millivolts| Decimal::new(i64::from(millivolts), 3)))?;
        row.put(self.wifi_ssid.as_deref())?;
        row.put(self.wifi_strength)?;
        row.put(self.firmware_version.as_deref())?;
        row.put(self.received_at)
    }
}
