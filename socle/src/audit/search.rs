//! What of the trail is asked for: filters of pages, exports and programs, read the same way.

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use super::chain::NO_TENANT;
use crate::error::Detail;
use crate::ids::TenantId;
use crate::{Caller, Error, Result};

/// Where people read times when their product does not say.
const ZONE: Tz = chrono_tz::Europe::Paris;

/// The outcomes a search can name.
pub(super) const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];

/// A row of the trail, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Whose; `None` for what belongs to no tenant.
    pub tenant_id: Option<Uuid>,
    /// Rising with every row of the database.
    pub number: i64,
    /// `person`, `device`, `system` or `nobody`.
    pub actor_kind: String,
    /// Account or device.
    pub actor_id: Option<Uuid>,
    /// Their role then.
    pub actor_role: Option<String>,
    /// `auth`, `data`, `config`, `system` or `security`.
    pub event_type: String,
    /// E.g. `treatment.started`.
    pub action: String,
    /// E.g. `Treatment`.
    pub resource_type: Option<String>,
    /// Its id.
    pub resource_id: Option<Uuid>,
    /// `done`, `refused` or `failed`.
    pub outcome: String,
    /// The stable code of a refusal or failure.
    pub error_code: Option<String>,
    /// Chosen details.
    pub details: Value,
    /// Before and after, of chosen keys.
    pub changes: Option<Value>,
    /// Chosen keys of the request, masked.
    pub request_data: Option<Value>,
    /// Chosen keys of the answer, masked.
    pub response_data: Option<Value>,
    /// Microseconds from the request's arrival to this row.
    pub processing_us: Option<i64>,
    /// Client address.
    pub ip_address: Option<String>,
    /// Client program.
    pub user_agent: Option<String>,
    /// Request id.
    pub request_id: Option<String>,
}

/// The filters as an address carries them.
#[derive(Clone, Debug, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Filter {
    /// An action, or the beginning of some up to a point: treatment.viewed, treatment.
    #[param(value_type = Option<String>, example = "treatment")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// The account or device that acted.
    #[param(value_type = Option<Uuid>)]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// done, refused or failed.
    #[param(value_type = Option<String>, pattern = "^(done|refused|failed)$", example = "refused")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The id of what was acted on.
    #[param(value_type = Option<Uuid>)]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// From this day on, in the zone of the caller's organisation.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Up to and with this day.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-30")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// Operators of the platform only: `system` shows what belongs to no organisation.
    #[param(value_type = Option<String>, pattern = "^system$", example = json!(null))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// What the filters ask for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub chain: Uuid,
    pub action: Option<String>,
    pub actor: Option<Uuid>,
    pub outcome: Option<String>,
    pub resource: Option<Uuid>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Reads the filters; what cannot be read is named, never dropped: a mistyped filter must not show more.
    ///
    /// # Errors
    /// One entry per field that cannot be read; the messages are for programs.
    pub fn wanted(&self, caller: &Caller) -> Result<Wanted, Vec<Detail>> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, field: &'static str, accepted: &'static str| {
            if !ok {
                faults.push(Detail::new(field, "INVALID_FORMAT", accepted));
            }
        };
        let zone = zone_of(caller);
        let id = |text: &str| text.trim().parse::<Uuid>().ok();
        let (actor, resource) = (id(&self.actor), id(&self.resource));
        let (from, until) = (day(&self.from, 0, zone), day(&self.to, 1, zone));
        let action = self.action.trim().trim_end_matches('.');
        let named = action.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'_');
        check(named && action.len() <= 100, "action", "action is like treatment.viewed, or its beginning.");
        check(self.actor.is_empty() || actor.is_some(), "actor", "actor is an account's or a device's id.");
        check(self.resource.is_empty() || resource.is_some(), "resource", "resource is an id.");
        let outcome = self.outcome.is_empty() || OUTCOMES.contains(&self.outcome.as_str());
        check(outcome, "outcome", "outcome is done, refused or failed.");
        check(self.from.is_empty() || from.is_some(), "from", "from is a day: 2026-11-21.");
        check(self.to.is_empty() || until.is_some(), "to", "to is a day: 2026-11-21.");
        let tenant = caller.tenant().map(|tenant| tenant.0);
        let system = self.scope == "system";
        check(self.scope.is_empty() || system && tenant == Some(Uuid::nil()), "scope", "scope is left out.");
        if !faults.is_empty() {
            return Err(faults);
        }
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Wanted {
            chain: tenant.filter(|_| !system).unwrap_or(NO_TENANT),
            action: text(action),
            actor,
            outcome: text(&self.outcome),
            resource,
            from,
            until,
        })
    }

    /// Whether anything narrows the list.
    pub fn is_set(&self) -> bool {
        [&self.action, &self.actor, &self.outcome, &self.resource, &self.from, &self.to]
            .iter()
            .any(|text| !text.is_empty())
    }
}

/// The tenant whose trail is asked for.
///
/// # Errors
/// 401 when nobody is signed in.
pub(super) fn tenant_of(caller: &Caller) -> Result<TenantId> {
    caller.person().map(|person| person.tenant).map_err(|_| Error::unauthenticated("AUTH_REQUIRED", "Sign in first."))
}

/// The zone in which the caller's organisation reads times, if its product says one.
pub(super) fn zone_of(caller: &Caller) -> Tz {
    let name = caller.person().ok().and_then(|person| person.profile.get("zone")?.as_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(ZONE)
}

/// The first instant of a local day, or of a later one; also where midnight is skipped.
fn day(text: &str, later: u64, zone: Tz) -> Option<DateTime<Utc>> {
    let day = text.parse::<NaiveDate>().ok()?.checked_add_days(Days::new(later))?;
    zone.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).earliest().map(|at| at.to_utc())
}

/// A text as it can be shown anywhere: what would move a cursor, break a line or turn the direction of writing around
/// is spelled out.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_breaks_a_line_is_spelled_out() {
        assert_eq!(visible("curl/8\r\n{\"action\":\"x\"}"), "curl/8\\u{d}\\u{a}{\"action\":\"x\"}");
        assert_eq!(visible("\u{1b}[2J\u{202e}é漢"), "\\u{1b}[2J\\u{202e}é漢");
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone() {
        let at = |text, later| day(text, later, ZONE).map(|at| at.to_rfc3339());
        assert_eq!(at("2026-11-21", 0).as_deref(), Some("2026-11-20T23:00:00+00:00"));
        assert_eq!(at("2026-03-29", 1).as_deref(), Some("2026-03-29T22:00:00+00:00"));
        assert_eq!(at("21/11/2026", 0), None);
    }
}
