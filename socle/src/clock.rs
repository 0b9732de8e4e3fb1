//! The one clock. Everything that needs the time is given it from here; SQL never asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// The source of "now" (UTC, microseconds like PostgreSQL). Cheap to clone; clones share the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Settable(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start` until it is set: tests, and a demo that replays history.
    #[must_use]
    pub fn settable(start: DateTime<Utc>) -> Self {
        Self(Source::Settable(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// The current instant, cut to microseconds so that it survives a trip through PostgreSQL unchanged.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
                let now = Utc::now();
                from_micros(now.timestamp_micros())
            }
            Source::Settable(micros) => from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Sets a settable clock; the system's clock stays as it is.
    pub fn set(&self, to: DateTime<Utc>) {
        if let Source::Settable(micros) = &self.0 {
            micros.store(to.timestamp_micros(), Ordering::SeqCst);
        }
    }

    /// Moves a settable clock forward (or back, with a negative delta).
    pub fn advance(&self, by: TimeDelta) {
        self.set(self.now() + by);
    }
}

/// An instant from microseconds since 1970; what cannot be represented becomes 1970 itself.
fn from_micros(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}
