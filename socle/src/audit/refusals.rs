//! Refusals to signed-in people: somebody tried what is not theirs. One row each, but at most [`PER_MINUTE`] of one
//! account in one minute; what is more is counted, and said in one row when the minute is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{Entry, record};
use crate::ids::AccountId;
use crate::web::Route;
use crate::{App, Caller, Error, Result};

/// Rows of one account in one minute, by each server.
pub(super) const PER_MINUTE: u32 = 20;

/// The accounts that were refused something within the last minute.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<AccountId, Minute>>);

struct Minute {
    began: DateTime<Utc>,
    recorded: u32,
    /// What was only counted, and who to say it of.
    counted: u32,
    caller: Caller,
}

impl Refusals {
    /// Whether this one gets a row of its own.
    fn takes(&self, account: AccountId, caller: &Caller) -> bool {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = minutes.entry(account).or_insert_with(|| Minute {
            began: caller.now(),
            recorded: 0,
            counted: 0,
            caller: caller.clone(),
        });
        let takes = minute.recorded < PER_MINUTE;
        if takes {
            minute.recorded += 1;
        } else {
            minute.counted += 1;
        }
        takes
    }

    /// Forgets the minutes that are over; those in which something was only counted.
    fn over(&self, now: DateTime<Utc>) -> Vec<Minute> {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = minutes.extract_if(|_, minute| now - minute.began >= TimeDelta::minutes(1));
        over.map(|(_, minute)| minute).filter(|minute| minute.counted > 0).collect()
    }
}

/// Records that a signed-in person was refused: something by its id that is not theirs to see (404), or anything their
/// role does not allow (403). Devices and strangers are not recorded here, nor who must first prove something more.
pub(crate) async fn note(app: &App, caller: &Caller, route: Route, (path, error): (&str, &Error)) {
    let Ok(person) = caller.person() else { return };
    let by_id = route.path.contains('{');
    let refused = match error.status {
        StatusCode::NOT_FOUND => by_id,
        StatusCode::FORBIDDEN => error.code.starts_with("AUTHZ_") || by_id && !error.code.starts_with("AUTH_"),
        _ => false,
    };
    if !refused || !app.audit.refusals.takes(person.account, caller) {
        return;
    }
    let entry = Entry::refused("access.refused", resource(route.path), id_in(path)).because(error.code.clone());
    let details =
        json!({ "route": format!("{} {}", route.method.name(), route.path), "status": error.status.as_u16() });
    if let Err(error) = write(caller, entry.with(details)).await {
        tracing::error!(%error, "a refusal could not be recorded");
    }
}

/// Says of the minutes that are over what was only counted in them.
pub(super) async fn summarise(app: &App) {
    for minute in app.audit.refusals.over(app.clock.now()) {
        let details = json!({ "recorded": minute.recorded, "not_recorded": minute.counted, "since": minute.began });
        let entry = Entry::refused("access.refused_often", "Account", minute.caller.person().ok().map(|p| p.account.0));
        if let Err(error) = write(&minute.caller, entry.with(details)).await {
            tracing::error!(%error, refusals = minute.counted, "refusals could not be recorded");
        }
    }
}

async fn write(caller: &Caller, entry: Entry) -> Result<()> {
    let mut tx = caller.begin().await?;
    record(&mut tx, entry).await?;
    tx.commit().await
}

/// The first id in an address: what was asked for.
fn id_in(path: &str) -> Option<Uuid> {
    path.split('/').find_map(|segment| segment.parse().ok())
}

/// The word of a route before its first id, or its last: `treatments` of `/app/treatments/{id}/curve`.
fn resource(path: &'static str) -> &'static str {
    let before = path.split('{').next().unwrap_or(path).trim_end_matches('/');
    before.rsplit('/').next().filter(|word| !word.is_empty()).unwrap_or("Page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_named_by_the_route_and_the_first_id() {
        assert_eq!(resource("/app/treatments/{id}/curve"), "treatments");
        assert_eq!(resource("/admin/audit"), "audit");
        assert_eq!(resource("/"), "Page");
        let id = Uuid::from_u128(7);
        assert_eq!(id_in(&format!("/physiotraq/app/treatments/{id}/curve")), Some(id));
        assert_eq!(id_in("/physiotraq/app/treatments/x' OR 1=1"), None);
    }
}
