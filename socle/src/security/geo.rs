//! Where addresses are, by a local file in MaxMind's format. Without one every place is unknown; nobody outside is asked.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::Reader;
use serde::Deserialize;

use crate::web::Lang;

/// A place, as exactly as the file knows it. A file of countries knows neither region nor city nor point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1, two letters.
    pub country: String,
    /// The country's name.
    pub country_name: Option<Named>,
    /// The widest part of the country that the file names: in France the region.
    pub region: Option<Named>,
    /// The town.
    pub city: Option<Named>,
    /// Latitude and longitude in degrees, where the file has them.
    pub point: Option<(f64, f64)>,
}

/// A name in the languages of the pages; files have English, and other languages where the name differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Named {
    fr: Option<String>,
    en: Option<String>,
}

impl Named {
    /// The name in a language, else in the other one.
    #[must_use]
    pub fn of(&self, lang: Lang) -> Option<&str> {
        let (first, second) = match lang {
            Lang::Fr => (&self.fr, &self.en),
            Lang::En => (&self.en, &self.fr),
        };
        first.as_deref().or(second.as_deref())
    }
}

impl Place {
    /// "Nice, Provence-Alpes-Côte d’Azur, France": as much of it as is known, at least the country's letters.
    #[must_use]
    pub fn words(&self, lang: Lang) -> String {
        let parts = [&self.city, &self.region].into_iter().filter_map(|part| part.as_ref()?.of(lang));
        let country = self.country_name.as_ref().and_then(|name| name.of(lang)).unwrap_or(&self.country);
        parts.chain([country]).collect::<Vec<_>>().join(", ")
    }
}

/// The file, read once at start.
pub struct Places(Option<Reader<Vec<u8>>>);

/// What of a record is asked for; files of countries have no `location`.
#[derive(Deserialize)]
struct Record {
    country: Option<Country>,
    subdivisions: Option<Vec<Part>>,
    city: Option<Part>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Country {
    iso_code: Option<String>,
    names: Option<Named>,
}

#[derive(Deserialize)]
struct Part {
    names: Option<Named>,
}

#[derive(Deserialize)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Places {
    /// Over the configured file, when there is one.
    ///
    /// # Errors
    /// When the file cannot be read, or is none of that format.
    pub fn open(database: Option<&Path>) -> Result<Self, String> {
        let read = |path: &Path| {
            let reader = Reader::open_readfile(path);
            reader.map_err(|error| format!("geo.database: {}: {error}", path.display()))
        };
        Ok(Self(database.map(read).transpose()?))
    }

    /// Whether any place is known.
    #[must_use]
    pub fn known(&self) -> bool {
        self.0.is_some()
    }

    /// Where an address is; `None` when it is not in the file, or there is none.
    #[must_use]
    pub fn of(&self, ip: IpAddr) -> Option<Place> {
        let found = self.0.as_ref()?.lookup(ip.to_canonical()).ok()?;
        let record: Record = found.decode().ok()??;
        let country = record.country?;
        Some(Place {
            country: country.iso_code?,
            country_name: country.names,
            region: record.subdivisions.and_then(|parts| parts.into_iter().next()?.names),
            city: record.city.and_then(|city| city.names),
            point: record.location.and_then(|at| at.latitude.zip(at.longitude)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(fr: Option<&str>, en: &str) -> Named {
        Named { fr: fr.map(ToOwned::to_owned), en: Some(en.to_owned()) }
    }

    #[test]
    fn a_place_says_as_much_as_the_file_knows_in_the_language_of_the_page() {
        let country = Place { country: "GB".to_owned(), ..Place::default() };
        assert_eq!(country.words(Lang::Fr), "GB");
        let town = Place {
            city: Some(named(Some("Londres"), "London")),
            region: Some(named(None, "England")),
            country_name: Some(named(Some("Royaume-Uni"), "United Kingdom")),
            ..country
        };
        assert_eq!(town.words(Lang::Fr), "Londres, England, Royaume-Uni");
        assert_eq!(town.words(Lang::En), "London, England, United Kingdom");
    }
}
