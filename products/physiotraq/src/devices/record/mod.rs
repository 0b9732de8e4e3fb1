//! What is told of one device beside its row: what it sent, what was treated with it, who it is assigned to, its address.

pub(super) mod sql;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use socle::security::geo::Place;
use socle::web::Lang;
use socle::{App, Result};

/// Totals over a device's treatments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// All of them, the one that runs included.
    pub treatments: i64,
    /// Seconds of those that have ended.
    pub seconds: i64,
    /// Ended as planned.
    pub completed: i64,
    /// Broken off.
    pub aborted: i64,
}

impl Totals {
    /// Seconds of a treatment that has ended, on average.
    pub fn average(self) -> Option<i64> {
        self.seconds.checked_div(self.completed + self.aborted)
    }

    /// Percent of those that have ended which ended as planned: completed / (completed + aborted).
    pub fn success(self) -> Option<i64> {
        let ended = self.completed + self.aborted;
        (self.completed * 200 + ended).checked_div(2 * ended)
    }
}

/// From where a device was heard last.
#[derive(Clone, Debug, Default)]
pub(super) struct Address {
    pub ip: Option<String>,
    /// As it was written down when it was heard from there.
    pub location: Option<String>,
    pub seen_at: Option<DateTime<Utc>>,
}

impl Address {
    /// The place of the address, if there is a file of places and it knows it.
    pub fn place(&self, app: &App) -> Option<Place> {
        let ip: IpAddr = self.ip.as_deref()?.parse().ok()?;
        app.watch.places().of(ip)
    }

    /// In words; what was written down when the file has gone.
    pub fn words(&self, app: &App, lang: Lang) -> Option<String> {
        self.place(app).map(|place| place.words(lang)).or_else(|| self.location.clone())
    }
}

/// A point, as coarse as an address tells it: a tenth of a degree, about ten kilometres.
pub(super) fn coarse((latitude, longitude): (f64, f64)) -> (f64, f64) {
    let tenth = |degrees: f64| (degrees * 10.0).round() / 10.0;
    (tenth(latitude), tenth(longitude))
}

/// Totals and address in one transaction.
pub(super) async fn told(tx: &mut socle::Tx, id: super::DeviceId) -> Result<(Totals, Address)> {
    Ok((sql::totals(tx, id).await?, sql::address(tx, id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(completed: i64, aborted: i64, seconds: i64) -> Totals {
        Totals { treatments: completed + aborted, seconds, completed, aborted }
    }

    #[test]
    fn the_success_rate_is_completed_of_all_that_ended() {
        assert_eq!(totals(0, 0, 0).success(), None);
        assert_eq!(totals(3, 0, 0).success(), Some(100));
        assert_eq!(totals(2, 1, 0).success(), Some(67));
        assert_eq!(totals(1, 2, 0).success(), Some(33));
        assert_eq!(totals(0, 4, 0).success(), Some(0));
        assert_eq!(Totals { treatments: 1, ..Totals::default() }.success(), None, "one that runs has not ended");
    }

    #[test]
    fn the_average_is_of_those_that_ended() {
        assert_eq!(totals(0, 0, 0).average(), None);
        assert_eq!(Totals { treatments: 3, ..totals(1, 1, 5) }.average(), Some(2));
    }

    #[test]
    fn a_place_is_told_to_a_tenth_of_a_degree() {
        assert_eq!(coarse((43.7102, 7.2620)), (43.7, 7.3));
        assert_eq!(coarse((-33.8688, -151.2093)), (-33.9, -151.2));
    }
}
