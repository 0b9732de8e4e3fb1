//! Impossible travel: two sign-ins of one account, too far apart for the time between them.

use chrono::{DateTime, TimeDelta, Utc};

use super::geo::Place;

/// Nobody travels faster, in km/h: an airliner with the wind behind it.
const FASTEST: f64 = 1_000.0;
/// Nearer than this, in km, addresses are not told apart well enough.
const NEAR: f64 = 300.0;
/// Where only countries are known: another one within this time.
const BORDER: TimeDelta = TimeDelta::hours(1);
/// Mean radius of the earth in km.
const EARTH: f64 = 6_371.0;

/// A sign-in at a place.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: DateTime<Utc>,
    /// Where.
    pub place: Place,
}

/// Whether nobody can have gone from one to the other in the time between.
#[must_use]
pub fn impossible(before: &Seen, after: &Seen) -> bool {
    let took = after.at - before.at;
    match (before.place.point, after.place.point) {
        (Some(from), Some(to)) => {
            let (km, hours) = (distance(from, to), took.num_seconds().max(1) as f64 / 3_600.0);
            km > NEAR && km / hours > FASTEST
        }
        _ => before.place.country != after.place.country && took < BORDER,
    }
}

/// Along the great circle, in km (haversine).
fn distance((lat_a, lon_a): (f64, f64), (lat_b, lon_b): (f64, f64)) -> f64 {
    let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
    let squared = half(lat_a, lat_b) + lat_a.to_radians().cos() * lat_b.to_radians().cos() * half(lon_a, lon_b);
    2.0 * EARTH * squared.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARIS: (f64, f64) = (48.86, 2.35);
    const LYON: (f64, f64) = (45.76, 4.84);
    const TOKYO: (f64, f64) = (35.68, 139.69);

    fn seen(minutes: i64, country: &str, point: Option<(f64, f64)>) -> Seen {
        let place = Place { country: country.to_owned(), point, ..Place::default() };
        Seen { at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes), place }
    }

    #[test]
    fn distances_are_those_of_the_map() {
        assert!((distance(PARIS, TOKYO) - 9_710.0).abs() < 20.0, "{}", distance(PARIS, TOKYO));
        assert!((distance(PARIS, LYON) - 392.0).abs() < 5.0, "{}", distance(PARIS, LYON));
        assert_eq!(distance(PARIS, PARIS), 0.0);
        let across = distance((0.0, 179.5), (0.0, -179.5));
        assert!((across - 111.0).abs() < 1.0, "the date line is no border: {across}");
    }

    #[test]
    fn tokyo_an_hour_after_paris_is_impossible_and_a_day_after_is_a_flight() {
        let paris = seen(0, "FR", Some(PARIS));
        assert!(impossible(&paris, &seen(60, "JP", Some(TOKYO))));
        assert!(impossible(&paris, &seen(9 * 60, "JP", Some(TOKYO))));
        assert!(!impossible(&paris, &seen(13 * 60, "JP", Some(TOKYO))));
    }

    #[test]
    fn the_next_town_is_near_whatever_the_time() {
        assert!(impossible(&seen(0, "FR", Some(PARIS)), &seen(10, "FR", Some(LYON))));
        assert!(!impossible(&seen(0, "FR", Some(PARIS)), &seen(60, "FR", Some(LYON))));
        let suburb = (48.90, 2.50);
        assert!(!impossible(&seen(0, "FR", Some(PARIS)), &seen(0, "FR", Some(suburb))));
    }

    #[test]
    fn where_only_countries_are_known_another_one_within_the_hour_is() {
        assert!(impossible(&seen(0, "FR", None), &seen(59, "JP", Some(TOKYO))));
        assert!(!impossible(&seen(0, "FR", None), &seen(60, "JP", None)));
        assert!(!impossible(&seen(0, "FR", None), &seen(1, "FR", None)));
    }
}
