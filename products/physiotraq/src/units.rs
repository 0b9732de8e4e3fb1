//! Temperatures: thousandths of a degree Celsius inside, one floored decimal for people.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A temperature in thousandths of a degree Celsius: exact, comparable, what `numeric(6,3)` stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Celsius(pub i32);

/// The largest magnitude `numeric(6,3)` holds.
const LARGEST: f64 = 999.999;
/// Below this no living body core is measured; the coldest survived accidental hypothermia is far above the readings
/// of a sensor lying in a room, and published records start above it (data/body-temperature, group hypothermia: 26.7).
const PLAUSIBLE_FROM: i32 = 25_000;
/// Above this the protein of a body core does not survive; extreme hyperthermia ends at 42
/// (domain/temperature-monitoring.md §2).
const PLAUSIBLE_TO: i32 = 45_000;

impl Celsius {
    /// From a sent number; `None` for what is not finite or not storable.
    #[must_use]
    pub fn from_number(number: f64) -> Option<Self> {
        if !number.is_finite() || number.abs() > LARGEST {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded by LARGEST just above")]
        Some(Self((number * 1_000.0).round() as i32))
    }

    /// From a stored decimal.
    #[must_use]
    pub fn from_decimal(decimal: Decimal) -> Self {
        let mut scaled = decimal;
        scaled.rescale(3);
        Self(i32::try_from(scaled.mantissa()).unwrap_or_default())
    }

    /// As PostgreSQL stores it.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::new(i64::from(self.0), 3)
    }

    /// With a device's calibration: raw × slope + intercept, rounded to a thousandth.
    #[must_use]
    pub fn calibrated(self, slope: Decimal, intercept: Decimal) -> Option<Self> {
        if slope == Decimal::ONE && intercept.is_zero() {
            return Some(self);
        }
        let corrected = self.decimal().checked_mul(slope)?.checked_add(intercept)?.round_dp(3);
        let inside = corrected.abs() < Decimal::new(1_000, 0);
        inside.then(|| Self::from_decimal(corrected))
    }

    /// Whether it can be a body core; what cannot is kept and marked, never alarmed and never a maximum.
    #[must_use]
    pub fn plausible(self) -> bool {
        (PLAUSIBLE_FROM..=PLAUSIBLE_TO).contains(&self.0)
    }

    /// In a unit with one decimal, floored: 40.0 (104.0 °F) appears exactly when the value is at least 40.000 °C.
    #[must_use]
    pub fn shown(self, unit: Unit) -> String {
        let tenths = match unit {
            Unit::Celsius => self.0.div_euclid(100),
            Unit::Fahrenheit => (self.0 * 9 + 160_000).div_euclid(500),
        };
        let sign = if tenths < 0 { "-" } else { "" };
        format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
    }

    /// With three decimals, for exports and curves.
    #[must_use]
    pub fn degrees(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

/// A person's preferred unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// °C
    Celsius,
    /// °F
    Fahrenheit,
}

impl Unit {
    /// As the spec's enum spells it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "celsius" => Some(Self::Celsius),
            "fahrenheit" => Some(Self::Fahrenheit),
            _ => None,
        }
    }

    /// As the spec's enum spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Celsius => "celsius",
            Self::Fahrenheit => "fahrenheit",
        }
    }

    /// `°C` or `°F`.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Celsius => "°C",
            Self::Fahrenheit => "°F",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_display_and_the_decision_agree() {
        for (milli, celsius, fahrenheit) in [
            (39_999, "39.9", "103.9"),
            (40_000, "40.0", "104.0"),
            (39_990, "39.9", "103.9"),
            (38_500, "38.5", "101.3"),
            (39_700, "39.7", "103.4"),
            (36_600, "36.6", "97.8"),
            (-17_800, "-17.8", "-0.1"),
            (0, "0.0", "32.0"),
        ] {
            assert_eq!(Celsius(milli).shown(Unit::Celsius), celsius);
            assert_eq!(Celsius(milli).shown(Unit::Fahrenheit), fahrenheit);
        }
    }

    #[test]
    fn numbers_that_cannot_be_stored_are_refused() {
        for number in [f64::NAN, f64::INFINITY, 1e308, -1e308, 1_000.0] {
            assert_eq!(Celsius::from_number(number), None);
        }
        assert_eq!(Celsius::from_number(38.712), Some(Celsius(38_712)));
    }

    #[test]
    fn calibration_follows_the_published_linear_correction() {
        // domain/temperature-monitoring.md §5: corrected = 1.00375 × reading − 0.205549.
        let slope = Decimal::new(100_375, 5);
        let intercept = Decimal::new(-2_055, 4);
        assert_eq!(Celsius(38_000).calibrated(slope, intercept), Some(Celsius(37_937)));
    }
}
