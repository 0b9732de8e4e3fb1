//! What devices send, in JSON: numbers as numbers or strings, one item's fault never another's.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::units::Celsius;

/// Microseconds of the year 9999's end: what is later is no instant a device measures.
const LATEST_MICROS: i64 = 253_402_300_799_000_000;
/// Seconds up to here, milliseconds above (as seconds this is the year 5138).
const SECONDS_UP_TO: f64 = 1e11;

/// A JSON number, or a string that holds one.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

/// A JSON string (or a number, printed).
#[derive(Clone, Debug)]
pub struct Text(pub String);

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a string that holds one")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "every accepted figure is far below 2^53")]
    fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "every accepted figure is far below 2^53")]
    fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Number, E> {
        value.trim().parse().map(Number).map_err(|_| E::custom("expected a number, or a string that holds one"))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, value: &str) -> Result<Text, E> {
        Ok(Text(value.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A device time: RFC 3339, or seconds or milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Instant(pub DateTime<Utc>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let at = match text.0.trim().parse::<f64>() {
            Ok(number) => from_epoch(number),
            Err(_) => DateTime::parse_from_rfc3339(text.0.trim()).ok().map(|at| at.to_utc()),
        };
        let inside = at.filter(|at| (0..=LATEST_MICROS).contains(&at.timestamp_micros()));
        // Microseconds, as PostgreSQL keeps them: identity must not differ between memory and table.
        let cut = inside.and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()));
        cut.map(Self).ok_or_else(|| {
            D::Error::custom("measured_at is RFC 3339 (2026-11-21T10:15:00Z), or seconds or milliseconds since 1970")
        })
    }
}

fn from_epoch(number: f64) -> Option<DateTime<Utc>> {
    if !number.is_finite() {
        return None;
    }
    let micros = if number.abs() <= SECONDS_UP_TO { number * 1e6 } else { number * 1e3 };
    if !(0.0..=253_402_300_799_000_000.0).contains(&micros) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    DateTime::from_timestamp_micros(micros.round() as i64)
}

/// One measurement as sent (companion §3). A number may be a text that holds one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = Reading)]
pub struct Sent {
    /// °C as the sensor read it, between -999.999 and 999.999; the device's calibration is applied here.
    #[schema(value_type = f64, example = 38.712)]
    temperature: Number,
    /// The device's clock: RFC 3339, or seconds or milliseconds since 1970.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T10:00:00.250Z")]
    measured_at: Instant,
    /// Tells readings of the same instant apart; 0 without one.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, example = 923)]
    sequence: Option<Number>,
    /// Percent; without one the reading is trusted.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100, example = 98)]
    reliability: Option<Number>,
    /// Percent.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100, example = 87)]
    battery_level: Option<Number>,
    /// Volts.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100, example = 3.91)]
    battery_voltage: Option<Number>,
    /// The network it is on, at most 64 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Hospital-WiFi")]
    wifi_ssid: Option<Text>,
    /// dBm, -200 to 50.
    #[serde(default)]
    #[schema(value_type = Option<f64>, example = json!(-61))]
    wifi_strength: Option<Number>,
    /// The firmware it runs, at most 40 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "03.1.0")]
    firmware_version: Option<Text>,
}

/// A measurement whose every figure is within its range.
#[derive(Clone, Debug)]
pub struct Checked {
    /// As sent.
    pub raw: Celsius,
    /// Device clock.
    pub measured_at: DateTime<Utc>,
    /// 0 without one.
    pub sequence: i64,
    /// 0–100.
    pub reliability: Option<i16>,
    /// Battery, WiFi, firmware.
    pub state: State,
}

/// What a device says of itself, as sent: with each measurement and in heartbeats.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Percent.
    pub battery_level: Option<Number>,
    /// Volts.
    pub battery_voltage: Option<Number>,
    /// Network name.
    pub wifi_ssid: Option<Text>,
    /// dBm.
    pub wifi_strength: Option<Number>,
    /// Running firmware.
    pub firmware_version: Option<Text>,
}

/// The same, within its ranges.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Percent.
    pub battery_level: Option<i16>,
    /// Millivolts.
    pub battery_voltage: Option<i32>,
    /// Network name, at most 64 characters.
    pub ssid: Option<String>,
    /// dBm.
    pub strength: Option<i16>,
    /// Running firmware, at most 40 characters.
    pub firmware: Option<String>,
}

impl Facts {
    /// Checks every figure.
    ///
    /// # Errors
    /// The code of the first that is out of range.
    pub fn checked(self) -> Result<State, &'static str> {
        Ok(State {
            battery_level: whole(self.battery_level, 0, 100, "VAL_BATTERY_LEVEL")?,
            battery_voltage: voltage(self.battery_voltage)?,
            ssid: text(self.wifi_ssid, 64, "VAL_WIFI_SSID")?,
            strength: whole(self.wifi_strength, -200, 50, "VAL_WIFI_STRENGTH")?,
            firmware: text(self.firmware_version, 40, "VAL_FIRMWARE_VERSION")?,
        })
    }
}

impl Sent {
    /// Checks every figure.
    ///
    /// # Errors
    /// The code of the first that is out of range.
    pub fn checked(self) -> Result<Checked, &'static str> {
        let facts = Facts {
            battery_level: self.battery_level,
            battery_voltage: self.battery_voltage,
            wifi_ssid: self.wifi_ssid,
            wifi_strength: self.wifi_strength,
            firmware_version: self.firmware_version,
        };
        Ok(Checked {
            raw: Celsius::from_number(self.temperature.0).ok_or("VAL_TEMPERATURE")?,
            measured_at: self.measured_at.0,
            sequence: sequence(self.sequence)?,
            reliability: whole(self.reliability, 0, 100, "VAL_RELIABILITY")?,
            state: facts.checked()?,
        })
    }
}

/// A whole number within its range; fractions are rounded (devices send 87.5 %).
fn whole(number: Option<Number>, from: i16, to: i16, code: &'static str) -> Result<Option<i16>, &'static str> {
    let Some(Number(value)) = number else { return Ok(None) };
    if !(f64::from(from)..=f64::from(to)).contains(&value) {
        return Err(code);
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    Ok(Some(value.round() as i16))
}

fn voltage(number: Option<Number>) -> Result<Option<i32>, &'static str> {
    let Some(Number(value)) = number else { return Ok(None) };
    if !(0.0..=100.0).contains(&value) {
        return Err("VAL_BATTERY_VOLTAGE");
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    Ok(Some((value * 1_000.0).round() as i32))
}

/// Whole numbers that a double holds exactly.
fn sequence(number: Option<Number>) -> Result<i64, &'static str> {
    let Some(Number(value)) = number else { return Ok(0) };
    if value.fract() != 0.0 || !(0.0..=9_007_199_254_740_992.0).contains(&value) {
        return Err("VAL_SEQUENCE");
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    Ok(value as i64)
}

fn text(text: Option<Text>, most: usize, code: &'static str) -> Result<Option<String>, &'static str> {
    match text {
        None => Ok(None),
        Some(Text(text)) if text.chars().count() > most || text.contains('\0') => Err(code),
        Some(Text(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
    }
}
