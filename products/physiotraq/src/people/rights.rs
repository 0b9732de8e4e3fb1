//! What PhysioTraq holds about one of its people, what an erasure makes of it, and how long its rows are kept.
//!
//! Treatments are the patients' records: their operator gets when, where and how they ended, and nothing about the patient.

use serde_json::json;
use socle::Result;
use socle::db::Tx;
use socle::ids::AccountId;
use socle::privacy::erasure::{Fate, Outcome, Use};
use socle::privacy::export::{Section, Sections};
use socle::privacy::retention::{Action, Kept, Rule, Span};

use super::sql;
use crate::vendor;

static PROFILE: Section = Section {
    name: "profile",
    title: "rights-profile",
    fields: &[
        ("firstName", "rights-first-name"),
        ("lastName", "rights-last-name"),
        ("temperatureUnit", "rights-unit"),
        ("createdAt", "rights-since"),
    ],
};
static TREATMENTS: Section = Section {
    name: "treatments",
    title: "rights-treatments",
    fields: &[
        ("session", "rights-session"),
        ("device", "rights-device"),
        ("status", "rights-status"),
        ("startedAt", "rights-started"),
        ("endedAt", "rights-ended"),
    ],
};
static EVENTS: Section = Section {
    name: "events",
    title: "rights-events",
    fields: &[
        ("at", "rights-at"),
        ("type", "rights-type"),
        ("ipAddress", "rights-ip"),
        ("userAgent", "rights-browser"),
    ],
};
/// Records read at once.
const PAGE: i64 = 500;

/// Everything about an account in the transaction's licence.
pub(crate) async fn personal_data(tx: &mut Tx, account: AccountId, into: &mut Sections) -> Result<()> {
    into.begin(&PROFILE).await?;
    if let Some(profile) = sql::profile(tx, account).await? {
        into.record(json!({
            "firstName": profile.first_name,
            "lastName": profile.last_name,
            "temperatureUnit": profile.temperature_unit,
            "createdAt": profile.created_at,
        }))
        .await?;
    }
    if let Some(profile) = vendor::profile(tx, account).await? {
        into.record(json!({
            "firstName": profile.first_name,
            "lastName": profile.last_name,
            "createdAt": profile.created_at,
        }))
        .await?;
    }
    into.begin(&TREATMENTS).await?;
    let mut after = uuid::Uuid::nil();
    while let page = sql::treatments_run(tx, account, (after, PAGE)).await?
        && let Some(last) = page.last()
    {
        after = last.id;
        for one in page {
            into.record(json!({
                "session": one.session,
                "device": one.device,
                "status": one.status,
                "startedAt": one.started_at,
                "endedAt": one.ended_at,
            }))
            .await?;
        }
    }
    into.begin(&EVENTS).await?;
    let mut after = uuid::Uuid::nil();
    while let page = sql::events_of(tx, account, (after, PAGE)).await?
        && let Some(last) = page.last()
    {
        after = last.id;
        for one in page {
            into.record(json!({
                "at": one.at,
                "type": one.kind,
                "ipAddress": one.ip_address,
                "userAgent": one.user_agent,
            }))
            .await?;
        }
    }
    Ok(())
}

/// The owner of a licence with other people, or with a subscription that runs, hands it over first.
pub(crate) async fn uses(tx: &mut Tx, account: AccountId) -> Result<Vec<Use>> {
    let Some(owned) = sql::owned(tx, account).await? else { return Ok(Vec::new()) };
    let mut uses = Vec::new();
    if owned.others > 0 {
        uses.push(Use { place: owned.name.clone(), code: "OWNER_WITH_MEMBERS", text: "rights-owner-with-members" });
    }
    if owned.running {
        uses.push(Use { place: owned.name, code: "RUNNING_SUBSCRIPTION", text: "rights-running-subscription" });
    }
    Ok(uses)
}

const NAME: Fate = Fate::anonymised("rights-fate-name");
const DEVICES: Fate = Fate::deleted("rights-fate-devices");
const RECORDS: Fate = Fate::kept("rights-fate-treatments", "rights-reason-treatments", Some(TWENTY_YEARS));
const TRAIL: Fate = Fate::anonymised("rights-fate-events");

/// What becomes of what.
pub(crate) const FATES: [Fate; 4] = [NAME, DEVICES, TRAIL, RECORDS];

/// Erases an account in the transaction's licence.
pub(crate) async fn erase(tx: &mut Tx, account: AccountId) -> Result<Vec<Outcome>> {
    let named = sql::empty_profile(tx, account).await? + vendor::empty_profile(tx, account).await?;
    Ok(vec![
        Outcome { fate: NAME, rows: named },
        Outcome { fate: DEVICES, rows: sql::unassign(tx, account).await? },
        Outcome { fate: TRAIL, rows: sql::empty_events(tx, account).await? },
        Outcome { fate: RECORDS, rows: sql::count_treatments(tx, account).await? },
    ])
}

const TWENTY_YEARS: Span = Span::Months(240);

/// How long PhysioTraq's rows are kept.
pub(crate) const RULES: [Rule; 4] = [
    Rule {
        table: "physiotraq.treatments",
        rows: "with their readings, alerts and events",
        column: "ended_at",
        active: TWENTY_YEARS,
        archive: Span::None,
        basis: "Code de la santé publique R.1112-7, decisions.md 8: 20 years",
        action: Action::Delete,
        batch: 20,
        holds: true,
        statement: "SELECT physiotraq.forget_treatments($1, $2, $3)",
    },
    Rule {
        table: "physiotraq.measurements",
        rows: "of no treatment",
        column: "received_at",
        active: Span::Days(30),
        archive: Span::None,
        basis: "decisions.md 8: unattached readings 30 days, in batches; no month is dropped",
        action: Action::Delete,
        batch: 5_000,
        holds: true,
        statement: "SELECT physiotraq.forget_unattached($1, $2, $3)",
    },
    Rule {
        table: "physiotraq.devices",
        rows: "their address and place; the device itself stays as long as readings of it are kept",
        column: "last_seen_at",
        active: Span::Days(30),
        archive: Span::None,
        basis: "docs/decisions/0026-devices-and-wifi.md: an address tells where people work; 30 days find a lost device",
        action: Action::Empty,
        batch: 1_000,
        holds: true,
        statement: "SELECT physiotraq.forget_places($1, $2, $3)",
    },
    Rule {
        table: "physiotraq.invited_assignments",
        rows: "devices of invitations that nobody accepted",
        column: "expires_at",
        active: Span::Days(90),
        archive: Span::None,
        basis: "follows socle.invitations",
        action: Action::Delete,
        batch: 1_000,
        holds: true,
        statement: "SELECT socle.sweep('physiotraq.invited_assignments', $1, $2, $3)",
    },
];

/// Tables that no rule of their own empties.
pub(crate) const KEPT: [Kept; 14] = [
    Kept {
        table: "physiotraq.users",
        reason: "with the account: treatments keep who ran them; an erasure takes the name away",
    },
    Kept { table: "physiotraq.alerts", reason: "with their treatment" },
    Kept { table: "physiotraq.events", reason: "with their treatment; those of a device or a licence, with it" },
    Kept {
        table: "physiotraq.licenses",
        reason: "as long as the customer is one, then as invoices are kept; no person",
    },
    Kept { table: "physiotraq.wifi_credentials", reason: "until other networks are set, or the device is released" },
    Kept { table: "physiotraq.calibrations", reason: "with the device: readings name their version" },
    Kept { table: "physiotraq.device_assignments", reason: "until it is taken back; an erasure deletes it" },
    Kept { table: "physiotraq.device_credentials", reason: "with the device; no person" },
    Kept { table: "physiotraq.device_states", reason: "with the device; its latest reading, of whomever it is" },
    Kept { table: "physiotraq.vendor_people", reason: "with the account; an erasure takes the name away" },
    Kept {
        table: "physiotraq.firmware_releases",
        reason: "until the vendor deletes one that no device runs; no person",
    },
    Kept { table: "physiotraq.firmware_rollouts", reason: "with their release; no person" },
    Kept { table: "physiotraq.firmware_installs", reason: "with the device; no person" },
    Kept { table: "physiotraq.session_counters", reason: "numbers of sessions per day; no person" },
];
