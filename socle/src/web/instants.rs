//! How instants are written for people: in their zone, which is always printed.

use chrono::{DateTime, Locale, Utc};
use chrono_tz::Tz;

use super::Lang;
use crate::db::Caller;

/// "21 nov. 2026, 10:15 (Europe/Paris)".
#[must_use]
pub fn instant(at: DateTime<Utc>, zone: Tz, lang: Lang) -> String {
    let locale = match lang {
        Lang::Fr => Locale::fr_FR,
        Lang::En => Locale::en_GB,
    };
    let local = at.with_timezone(&zone);
    format!("{} ({zone})", local.format_localized("%-d %b %Y, %H:%M", locale))
}

/// A zone by its name; Paris when it is not known to the time zone database.
#[must_use]
pub fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::Europe__Paris)
}

/// The zone of a caller: what the product reads with the session as `zone`, else Paris.
#[must_use]
pub fn zone_of(caller: &Caller) -> Tz {
    let profile = caller.person().ok().and_then(|person| person.profile.get("zone")?.as_str().map(zone));
    profile.unwrap_or(Tz::Europe__Paris)
}
