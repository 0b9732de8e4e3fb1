//! How instants, durations and figures are written for people, in French and English.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
pub use socle::web::instants::instant;
use socle::web::{Lang, Page};

use crate::units::{Celsius, Unit};

/// "10:15:32" in the zone.
pub fn time_of_day(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// "00:12:31".
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// "il y a 3 s", "jamais".
pub fn seen(page: &Page, at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let Some(at) = at else { return page.t("never-seen") };
    let age = (now - at).max(TimeDelta::zero());
    match age.num_seconds() {
        seconds @ 0..60 => page.t1("seen-seconds", "n", seconds),
        60..3_600 => page.t1("seen-minutes", "n", age.num_minutes()),
        3_600..86_400 => page.t1("seen-hours", "n", age.num_hours()),
        _ => page.t1("seen-days", "n", age.num_days()),
    }
}

/// "38,7 °C" in French, "38.7 °C" in English.
pub fn temperature(value: Celsius, unit: Unit, lang: Lang) -> String {
    format!("{}\u{a0}{}", decimal(&value.shown(unit), lang), unit.sign())
}

/// A figure with the language's decimal sign.
pub fn decimal(figure: &str, lang: Lang) -> String {
    match lang {
        Lang::Fr => figure.replace('.', ","),
        Lang::En => figure.to_owned(),
    }
}
