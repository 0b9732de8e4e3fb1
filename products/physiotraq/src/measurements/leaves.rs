//! Which partitions exist: a reading whose device time falls outside them has a clock that cannot be right.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};
use socle::{App, Result};

use super::sql;

/// A device clock may be this far ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// A leaf partition of `physiotraq.measurements`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leaf {
    /// Readings whose clock cannot be right.
    Unclocked,
    /// Readings of a month (UTC): year, month.
    Month(i32, u32),
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclocked => f.write_str("physiotraq.measurements_unclocked"),
            Self::Month(year, month) => write!(f, "physiotraq.measurements_{year:04}_{month:02}"),
        }
    }
}

/// The months that exist. Cheap to clone; clones see the same months.
#[derive(Clone, Default)]
pub struct Leaves(Arc<RwLock<Option<(Leaf, Leaf)>>>);

impl Leaves {
    /// Creates the months ahead and reads which exist.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn refresh(&self, app: &App) -> Result<()> {
        let today = app.clock.now().date_naive();
        let ahead = today.checked_add_months(Months::new(2)).unwrap_or(today);
        let months = sql::ensure_months(&app.db, today, ahead).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = span(&months);
        Ok(())
    }

    /// The leaf for a device time.
    #[must_use]
    pub fn leaf(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> Leaf {
        let month = Leaf::Month(at.year(), at.month());
        let span = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        match span {
            Some((first, last)) if (first..=last).contains(&month) && at <= now + AHEAD => month,
            _ => Leaf::Unclocked,
        }
    }
}

/// First and last month of the leaves' names (`measurements_2026_11`).
fn span(names: &[String]) -> Option<(Leaf, Leaf)> {
    let parse = |name: &String| {
        let (rest, month) = name.rsplit_once('_')?;
        let (_, year) = rest.rsplit_once('_')?;
        Some(Leaf::Month(year.parse().ok()?, month.parse().ok()?))
    };
    let months: Vec<Leaf> = names.iter().filter_map(parse).collect();
    Some((*months.iter().min()?, *months.iter().max()?))
}
