//! Where addresses are, by a local file in MaxMind's format. Without one every place is unknown; nobody outside is asked.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::Reader;
use serde::Deserialize;

/// A place, as exactly as the file knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// ISO 3166-1, two letters.
    pub country: String,
    /// Latitude and longitude in degrees, where the file has them.
    pub point: Option<(f64, f64)>,
}

/// The file, read once at start.
pub struct Places(Option<Reader<Vec<u8>>>);

/// What of a record is asked for; files of countries have no `location`.
#[derive(Deserialize)]
struct Record {
    country: Option<Country>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Country {
    iso_code: Option<String>,
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
        let point = record.location.and_then(|at| at.latitude.zip(at.longitude));
        Some(Place { country: record.country?.iso_code?, point })
    }
}
