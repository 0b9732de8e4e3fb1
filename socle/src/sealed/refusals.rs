//! A sealed value that does not open was altered, moved or sealed by another key: it is refused, logged, and becomes a
//! security event, at most one a minute for each place. The event is written in a transaction of its own, because the
//! refused request's is undone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;

use super::Subject;
use super::keys::Field;
use crate::Result;
use crate::db::{Caller, Who};
use crate::security::{self, Event, Severity};

/// One event a minute for each subject and column.
const PAUSE: Duration = Duration::from_secs(60);
/// Places remembered at most.
const MOST: usize = 1_000;
/// Events waiting to be written at most; the log has them all.
const WAITING: usize = 100;

/// Why a value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too short, or no text.
    Malformed,
    /// It names a key that is not one of the subject's, or was destroyed.
    UnknownKey,
    /// It was altered, or sealed for another field, row, tenant or person.
    Altered,
}

impl Refusal {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Altered => "altered_or_moved",
        }
    }
}

type Place = (Subject, String);

/// Tells of refused values.
pub(super) struct Refusals {
    seen: Mutex<HashMap<Place, Instant>>,
    told: mpsc::Sender<(Caller, Event)>,
}

impl Refusals {
    /// Starts the task that writes events; it ends with the last witness.
    pub fn start() -> Arc<Self> {
        let (told, mut waiting) = mpsc::channel::<(Caller, Event)>(WAITING);
        tokio::spawn(async move {
            while let Some((caller, event)) = waiting.recv().await {
                if let Err(error) = write(&caller, event).await {
                    tracing::error!(%error, "the event of a refused sealed value could not be written");
                }
            }
        });
        Arc::new(Self { seen: Mutex::default(), told })
    }

    /// Whether an event of this place is due.
    fn due(&self, place: Place, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, at| now.duration_since(*at) < PAUSE);
        }
        let due = seen.get(&place).is_none_or(|at| now.duration_since(*at) >= PAUSE) && seen.len() < MOST;
        if due {
            seen.insert(place, now);
        }
        due
    }
}

async fn write(caller: &Caller, event: Event) -> Result<()> {
    let mut tx = caller.begin().await?;
    security::record(&mut tx, event).await?;
    tx.commit().await
}

/// Tells of refused values of one subject, in the name of one request.
pub(super) struct Witness {
    refusals: Arc<Refusals>,
    subject: Subject,
    caller: Caller,
}

impl Witness {
    pub fn new(refusals: &Arc<Refusals>, subject: Subject, caller: &Caller) -> Self {
        let who = caller.tenant().map_or(Who::Platform, Who::System);
        Self { refusals: Arc::clone(refusals), subject, caller: caller.becoming(who) }
    }

    pub fn refused(&self, field: Field<'_>, refusal: Refusal) {
        let Field { table, column, row } = field;
        let (kind, subject, reason) = (self.subject.kind(), self.subject.id(), refusal.reason());
        let request_id = self.caller.trace().request_id.as_str();
        tracing::error!(request_id, table, column, %row, kind, %subject, reason, "a sealed value does not open");
        if !self.refusals.due((self.subject, format!("{table}.{column}")), Instant::now()) {
            return;
        }
        let event = Event::new("SEALED_VALUE_REFUSED", Severity::Critical, None).with(json!({
            "table": table, "column": column, "row": row, "subject_kind": kind, "subject": subject, "reason": reason,
        }));
        if self.refusals.told.try_send((self.caller.clone(), event)).is_err() {
            tracing::error!(request_id, "more refused sealed values than events can be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::TenantId;

    #[tokio::test]
    async fn a_place_is_told_once_a_minute_and_the_places_are_bounded() {
        let (refusals, now) = (Refusals::start(), Instant::now());
        let place =
            |number: u128, column: &str| (Subject::Tenant(TenantId(Uuid::from_u128(number))), column.to_owned());
        assert!(refusals.due(place(1, "name"), now));
        assert!(!refusals.due(place(1, "name"), now + PAUSE / 2));
        assert!(refusals.due(place(1, "note"), now) && refusals.due(place(2, "name"), now));
        assert!(refusals.due(place(1, "name"), now + PAUSE));
        for number in 0..2 * MOST {
            refusals.due(place(number as u128, "x"), now + PAUSE);
        }
        assert_eq!(refusals.seen.lock().unwrap().len(), MOST);
        assert!(refusals.due(place(1, "later"), now + 3 * PAUSE), "old places make room");
    }
}
