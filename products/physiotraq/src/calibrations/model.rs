//! Slope and intercept; pure.

use rust_decimal::Decimal;
use socle::error::Detail;

/// A slope that a thermometer can need. Beyond it the sensor is broken, or a figure was typed into the wrong field: at
/// 37 °C a slope of 1.1 adds 3.7 degrees.
const SLOPES: (Decimal, Decimal) = (Decimal::from_parts(9, 0, 0, false, 1), Decimal::from_parts(11, 0, 0, false, 1));
/// An intercept that a thermometer can need, in °C, either way.
const INTERCEPT: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// Slope and intercept, in the precision of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// Factor; six decimals.
    pub slope: Decimal,
    /// °C; four decimals.
    pub intercept: Decimal,
}

/// What somebody typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed<'a> {
    pub slope: &'a str,
    pub intercept: &'a str,
}

/// Reads a calibration, with a decimal comma or point.
///
/// # Errors
/// One entry per field that cannot be one; messages are keys of texts.
pub(crate) fn read(typed: &Typed<'_>) -> Result<Calibration, Vec<Detail>> {
    let number = |text: &str| text.trim().replace(',', ".").replace('\u{2212}', "-").parse::<Decimal>().ok();
    let (from, to) = SLOPES;
    let slope = number(typed.slope).filter(|slope| (from..=to).contains(slope) && slope.normalize().scale() <= 6);
    let intercept = number(typed.intercept)
        .filter(|intercept| (-INTERCEPT..=INTERCEPT).contains(intercept) && intercept.normalize().scale() <= 4);
    match (slope, intercept) {
        (Some(slope), Some(intercept)) => {
            Ok(Calibration { slope: slope.normalize(), intercept: intercept.normalize() })
        }
        (slope, intercept) => {
            let wrong = [
                ("temp_slope", slope.is_none(), "calibration-error-slope"),
                ("temp_intercept", intercept.is_none(), "calibration-error-intercept"),
            ];
            let wrong = wrong.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
            Err(wrong.map(|(field, _, key)| Detail::new(field, "INVALID_VALUE", key)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(slope: &str, intercept: &str) -> Vec<String> {
        let read = read(&Typed { slope, intercept });
        read.err().unwrap_or_default().into_iter().map(|fault| fault.field.into_owned()).collect()
    }

    #[test]
    fn comma_point_and_the_printed_minus_are_read() {
        let read = read(&Typed { slope: " 1,002500 ", intercept: "\u{2212}0.1250" }).unwrap();
        assert_eq!((read.slope.to_string(), read.intercept.to_string()), ("1.0025".to_owned(), "-0.125".to_owned()));
        for (slope, intercept) in [("0.9", "5"), ("1.1", "-5"), ("1", "0")] {
            assert_eq!(fields(slope, intercept), Vec::<String>::new());
        }
    }

    #[test]
    fn what_no_thermometer_needs_is_refused_at_its_field() {
        for slope in ["", "x", "0", "0.899999", "1.100001", "1.0000001", "NaN", "1e1", "37"] {
            assert_eq!(fields(slope, "0"), ["temp_slope"], "{slope}");
        }
        for intercept in ["", "5.0001", "-5.0001", "0.00001", "∞"] {
            assert_eq!(fields("1", intercept), ["temp_intercept"], "{intercept}");
        }
        assert_eq!(fields("a", "b"), ["temp_slope", "temp_intercept"]);
    }
}
