//! The watch: each minute it looks for what only shows in many events, and writes each finding once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use serde_json::json;

use super::geo::Places;
use super::rules::{RULES, Rule, TRAVEL, TRAVEL_WINDOW};
use super::sql::{self, Finding, SignIn};
use super::travel::{self, Seen};
use super::{Event, Severity, record};
use crate::config::Geo;
use crate::db::{Caller, Tx};
use crate::ids::AccountId;
use crate::{App, Result, limits};

/// Answers of 403 and 404 to one account that make one event, on one server.
pub const REFUSALS: u32 = 20;
/// …within this time.
const WITHIN: TimeDelta = TimeDelta::minutes(5);
/// Accounts remembered at most; then all are forgotten.
const MOST: usize = 20_000;
/// How far back sign-ins are looked at: further than the pause between two looks, so that none slips through when one
/// is late.
const BACK: TimeDelta = TimeDelta::minutes(10);

/// What a server remembers between requests, and where addresses are.
pub struct Watch {
    refusals: Mutex<HashMap<AccountId, (DateTime<Utc>, u32)>>,
    places: Places,
}

impl Watch {
    /// With the configured file of places.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(settings: &Geo) -> Result<Self, String> {
        Ok(Self { refusals: Mutex::default(), places: Places::open(settings.database.as_deref())? })
    }

    /// Where addresses are.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Notices an answer: many refusals of one account are an event. That it cannot be written is only logged; the
    /// answer is there.
    pub(crate) async fn noticed(&self, caller: &Caller, status: StatusCode) {
        if !matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return;
        }
        let Ok(person) = caller.person() else { return };
        if self.refused(person.account, caller.now()) {
            let event = Event::new("MANY_REFUSALS", Severity::Low, Some(person.account));
            if let Err(error) = write(caller, event.with(json!({ "answers": REFUSALS }))).await {
                tracing::warn!(%error, "many refusals of one account");
            }
        }
    }

    /// Counts a refusal; whether it completes an event.
    fn refused(&self, account: AccountId, now: DateTime<Utc>) -> bool {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= MOST && !refusals.contains_key(&account) {
            refusals.clear();
        }
        let (since, count) = refusals.entry(account).or_insert((now, 0));
        if now - *since > WITHIN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count < REFUSALS {
            return false;
        }
        refusals.remove(&account);
        true
    }
}

async fn write(caller: &Caller, event: Event) -> Result<()> {
    let mut tx = caller.begin().await?;
    record(&mut tx, event).await?;
    tx.commit().await
}

/// One look: the rules, impossible travel; and counters that are over are forgotten. Returns how much was found.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn look(app: &App, caller: &Caller) -> Result<usize> {
    limits::forget(&app.db, caller.now()).await?;
    let mut tx = caller.begin().await?;
    let mut found = 0;
    for rule in &RULES {
        found += judge(&mut tx, rule).await?;
    }
    if app.watch.places.known() {
        found += travels(&mut tx, &app.watch.places).await?;
    }
    tx.commit().await?;
    Ok(found)
}

async fn judge(tx: &mut Tx, rule: &Rule) -> Result<usize> {
    let findings = sql::findings(tx, rule).await?;
    for finding in &findings {
        let details = json!({ "counted": finding.events, "minutes": rule.window.num_minutes() });
        sql::insert_finding(tx, (rule.name, rule.severity), finding, &details).await?;
    }
    Ok(findings.len())
}

async fn travels(tx: &mut Tx, places: &Places) -> Result<usize> {
    let now = tx.caller().now();
    let sign_ins = sql::recent_sign_ins(tx, now - BACK, (TRAVEL, now - TRAVEL_WINDOW)).await?;
    let mut noted: Vec<uuid::Uuid> = Vec::new();
    for sign_in in sign_ins {
        let Some((before, after)) = seen(places, &sign_in) else { continue };
        if noted.contains(&sign_in.account_id) || !travel::impossible(&before, &after) {
            continue;
        }
        noted.push(sign_in.account_id);
        let minutes = (after.at - before.at).num_minutes();
        let details = json!({ "from": before.place.country, "to": after.place.country, "minutes": minutes });
        let (account_id, ip) = (Some(sign_in.account_id), Some(sign_in.ip));
        let finding = Finding { realm: sign_in.realm, account_id, ip, events: 1 };
        sql::insert_finding(tx, (TRAVEL, Severity::High), &finding, &details).await?;
    }
    Ok(noted.len())
}

/// Both sign-ins with their places; `None` when one is unknown.
fn seen(places: &Places, sign_in: &SignIn) -> Option<(Seen, Seen)> {
    let place = |ip: &str| places.of(ip.parse::<IpAddr>().ok()?);
    let before = Seen { at: sign_in.at_before, place: place(&sign_in.ip_before)? };
    Some((before, Seen { at: sign_in.at, place: place(&sign_in.ip)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_make_an_event_each_time_there_are_enough_within_the_time() {
        let watch = Watch::new(&Geo { database: None }).unwrap();
        let account = AccountId(uuid::Uuid::from_u128(1));
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let many = |count: u32, minutes| (0..count).filter(|_| watch.refused(account, at(minutes))).count();
        assert_eq!(many(REFUSALS - 1, 0), 0);
        assert_eq!(many(1, 5), 1);
        assert_eq!(many(REFUSALS - 1, 6), 0);
        assert_eq!(many(REFUSALS - 1, 12), 0, "those before are forgotten");
        assert_eq!(many(1 + REFUSALS, 12), 2);
    }

    #[test]
    fn a_file_that_is_not_there_stops_the_start() {
        let error = Watch::new(&Geo { database: Some("/nowhere/places.mmdb".into()) }).err().unwrap();
        assert!(error.contains("geo.database") && error.contains("/nowhere/places.mmdb"), "{error}");
    }
}
