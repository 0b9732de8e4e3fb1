//! Functions that run with their owner's rights are the one way around the row rules. Each is called by the server's role,
//! acting for one tenant, with another tenant's arguments: nothing of the other comes back and nothing of it changes.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::rooms::{self, Rooms};
use crate::sources;

/// What may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// No id and no word of the other tenant.
    Nothing,
    /// Ids and figures, because the server works for all tenants at once there; no word that names anybody.
    Ids,
    /// Ids, figures and names of tenants, for the operators' lists; no word that names a person.
    Tenants,
    /// An error: the function itself refuses.
    Refused,
}
use Shows::{Ids, Nothing, Refused, Tenants};

/// Function and call. `{tenant}`, `{account}`, `{session}`, `{job}`, `{key}`, `{email}`, `{serial}` and `{mac}` are the
/// other tenant's; `{hash}` is the hash of a secret that nobody has, and `{long_ago}` before everything.
const CALLS: [(&str, Shows, &str); 89] = [
    ("socle.ensure_months", Nothing, "socle.ensure_months('2026-11-01', '2026-11-01')"),
    ("socle.account_by_email", Nothing, "socle.account_by_email('trial', '{email}')"),
    ("socle.live_session", Nothing, "socle.live_session('physiotraq', {hash}, NULL, {now})"),
    ("socle.live_session", Nothing, "socle.live_session('physiotraq', NULL, '{session}', {now})"),
    ("socle.session_of_refresh_token", Nothing, "socle.session_of_refresh_token('physiotraq', {hash})"),
    ("socle.open_invitation", Nothing, "socle.open_invitation('physiotraq', {hash}, {now})"),
    ("socle.is_member", Nothing, "socle.is_member('{tenant}', '{email}')"),
    ("socle.end_sessions_in_tenant", Nothing, "socle.end_sessions_in_tenant('{account}', {now})"),
    ("socle.operator_signed_in", Nothing, "socle.operator_signed_in({hash}, '{session}', {now})"),
    ("socle.claim_jobs", Nothing, "socle.claim_jobs('{}', '{account}', {now}, interval '1 minute')"),
    ("socle.settle_jobs", Nothing, "socle.settle_jobs('[]', '{account}', {now})"),
    ("socle.extend_jobs", Nothing, "socle.extend_jobs(ARRAY['{job}']::uuid[], '{account}', {now}, interval '1 hour')"),
    ("socle.dead_jobs", Ids, "socle.dead_jobs(100)"),
    ("socle.queue_lengths", Nothing, "socle.queue_lengths()"),
    ("socle.revive_job", Nothing, "socle.revive_job('{job}', {now})"),
    ("socle.drop_job", Nothing, "socle.drop_job('{job}')"),
    ("socle.open_challenge", Nothing, "socle.open_challenge('physiotraq', 'sign_in', {hash}, {now})"),
    ("socle.member_signed_in", Nothing, "socle.member_signed_in('trial', {hash}, '{session}', {now})"),
    ("socle.holders_of_roles", Nothing, "socle.holders_of_roles(ARRAY['admin', 'operator'])"),
    ("socle.roles_in_use", Nothing, "socle.roles_in_use('physiotraq')"),
    ("socle.sweep", Nothing, "socle.sweep('socle.mails', {long_ago}, 10, {now})"),
    ("socle.forget_accesses", Nothing, "socle.forget_accesses({long_ago}, 10, {now})"),
    ("socle.erase_account", Refused, "socle.erase_account('{account}')"),
    ("socle.open_erasures", Ids, "socle.open_erasures({now}, '{zero}', 100)"),
    ("socle.unjournaled_erasures", Ids, "socle.unjournaled_erasures(100)"),
    ("socle.not_erased", Ids, "socle.not_erased(ARRAY['{account}']::uuid[])"),
    ("socle.any_hold", Nothing, "socle.any_hold({now})"),
    ("socle.holds_on", Nothing, "socle.holds_on('{account}', {now})"),
    ("socle.holdable", Nothing, "socle.holdable('account', '{account}')"),
    ("socle.own_records", Nothing, "socle.own_records('audit', {long_ago}, '{zero}', 1000)"),
    ("socle.own_records", Nothing, "socle.own_records('session', {long_ago}, '{zero}', 1000)"),
    ("socle.own_records", Nothing, "socle.own_records('mail', {long_ago}, '{zero}', 1000)"),
    ("socle.seal_audit", Nothing, "socle.seal_audit(10, {now})"),
    ("socle.audit_unsealed", Nothing, "socle.audit_unsealed(100)"),
    ("socle.audit_heads", Ids, "socle.audit_heads()"),
    ("socle.audit_floors_before", Ids, "socle.audit_floors_before('2100-01-01')"),
    ("socle.trim_audit_chain", Nothing, "socle.trim_audit_chain(10)"),
    ("socle.drop_audit_before", Refused, "socle.drop_audit_before('2100-01-01', '[]')"),
    ("socle.person_keys", Ids, "socle.person_keys('{account}')"),
    (
        "socle.register_key",
        Refused,
        "socle.register_key('tenant', '{tenant}', '{job}', 'seal', 'k', {hash}, {hash}, NULL, {now})",
    ),
    ("socle.retire_key", Refused, "socle.retire_key('tenant', '{tenant}', {now})"),
    ("socle.destroy_person_keys", Refused, "socle.destroy_person_keys('{account}', '{job}', '{account}', {now})"),
    ("socle.destroy_keys_as_decided", Refused, "socle.destroy_keys_as_decided('{tenant}', '{job}', {now})"),
    ("socle.key_subject", Nothing, "socle.key_subject('tenant', '{tenant}')"),
    ("socle.keys_to_rewrap", Ids, "socle.keys_to_rewrap('', '{zero}', 1000)"),
    ("socle.hold_key", Nothing, "socle.hold_key('{key}')"),
    ("socle.rewrap_key", Nothing, "socle.rewrap_key('{key}', 'what does not wrap it', 'k', {hash})"),
    ("socle.key_counts", Nothing, "socle.key_counts()"),
    ("socle.key_states", Ids, "socle.key_states(ARRAY['{key}']::uuid[])"),
    (
        "socle.begin_attempt",
        Nothing,
        "socle.begin_attempt({hashes}, ARRAY[5, 100], '{account}', {hash}, '192.0.2.1', {now})",
    ),
    (
        "socle.attempt_failed",
        Nothing,
        "socle.attempt_failed({hash}, {hashes}, ARRAY[5, 100, 10], interval '1 minute', {now})",
    ),
    ("socle.attempt_ended", Nothing, "socle.attempt_ended({hash}, true)"),
    ("socle.take_requests", Nothing, "socle.take_requests({hashes}, ARRAY[9, 9, 9, 9], interval '1 minute', {now})"),
    ("socle.reserve_calls", Nothing, "socle.reserve_calls({hash}, 1, 100, {now})"),
    ("socle.forget_counters", Nothing, "socle.forget_counters({long_ago})"),
    ("socle.tenants", Tenants, "socle.tenants('', 100, 0)"),
    ("socle.suspend_tenant", Nothing, "socle.suspend_tenant('{tenant}', 'by a stranger', {now})"),
    ("socle.security_events_found", Ids, "socle.security_events_found('', '', '{account}', {long_ago}, {now}, 100, 0)"),
    ("socle.security_events_counted", Nothing, "socle.security_events_counted('', '{account}', {long_ago}, {now})"),
    ("socle.security_findings", Ids, "socle.security_findings('LOGIN_FAILED', 'NOTED', false, 1, {long_ago})"),
    ("socle.security_findings", Nothing, "socle.security_findings('LOGIN_FAILED', 'NOTED', true, 1, {long_ago})"),
    ("socle.recent_sign_ins", Ids, "socle.recent_sign_ins({long_ago}, 'NOTED', {long_ago})"),
    ("socle.account_of_passkey", Nothing, "socle.account_of_passkey('physiotraq', {hash})"),
    ("socle.keep_passkey_ceremony", Nothing, "socle.keep_passkey_ceremony('{job}', 'physiotraq', {hash}, '{}', {now})"),
    ("socle.take_passkey_ceremony", Nothing, "socle.take_passkey_ceremony('physiotraq', {hash}, {now})"),
    ("socle.suspend_account", Nothing, "socle.suspend_account('physiotraq', '{email}', {now})"),
    ("socle.reactivate_account", Nothing, "socle.reactivate_account('physiotraq', '{email}', {now})"),
    ("socle.force_password_change", Nothing, "socle.force_password_change('{account}', {now})"),
    ("physiotraq.signed_in", Nothing, "physiotraq.signed_in({hash}, '{session}', {now})"),
    ("physiotraq.import_stock", Nothing, "physiotraq.import_stock('{serial}', '{mac}', {hash}, {now})"),
    ("physiotraq.stock_entry", Nothing, "physiotraq.stock_entry('{serial}', {hash})"),
    ("physiotraq.claimed_device", Nothing, "physiotraq.claimed_device('{serial}', '{mac}', {hash})"),
    ("physiotraq.device_caller", Nothing, "physiotraq.device_caller({hash})"),
    ("physiotraq.monitored_devices", Ids, "physiotraq.monitored_devices(ARRAY(SELECT generate_series(0, 255)), NULL)"),
    ("physiotraq.unevaluated_readings", Ids, "physiotraq.unevaluated_readings(ARRAY(SELECT generate_series(0, 255)))"),
    ("physiotraq.told_readings", Nothing, "physiotraq.told_readings('[]')"),
    ("physiotraq.forget_treatments", Nothing, "physiotraq.forget_treatments({long_ago}, 10, {now})"),
    ("physiotraq.forget_places", Nothing, "physiotraq.forget_places({long_ago}, 10, {now})"),
    ("physiotraq.forget_unattached", Nothing, "physiotraq.forget_unattached({long_ago}, 10, {now})"),
    ("socle.doomed_files", Ids, "socle.doomed_files({now}, {now}, 100)"),
    ("socle.forget_files", Nothing, "socle.forget_files(ARRAY['{job}']::uuid[], {now})"),
    ("socle.unscanned_files", Ids, "socle.unscanned_files({now}, 100)"),
    ("physiotraq.published_firmware", Nothing, "physiotraq.published_firmware(NULL)"),
    ("physiotraq.offered_firmware", Nothing, "physiotraq.offered_firmware('CT1')"),
    ("physiotraq.granted_firmware", Nothing, "physiotraq.granted_firmware('{job}', '{job}')"),
    ("physiotraq.firmware_progress", Nothing, "physiotraq.firmware_progress(ARRAY['{job}']::uuid[], {now})"),
    ("physiotraq.running_firmware", Nothing, "physiotraq.running_firmware()"),
    ("physiotraq.firmware_on_its_way", Nothing, "physiotraq.firmware_on_its_way('{job}')"),
    ("physiotraq.overdue_firmware", Ids, "physiotraq.overdue_firmware({now}, 100)"),
];
/// …whose arguments are their own kind of thing: called with nothing, they do nothing.
const EMPTY: [(&str, &str); 2] = [
    ("physiotraq.save_device_states", "physiotraq.save_device_states('[]', '[]', '{}', {now})"),
    ("physiotraq.place_devices", "physiotraq.place_devices('[]')"),
];

#[test]
fn every_definer_function_is_called_here() {
    let listed = sources::read("docs/definer-functions.txt");
    let names = listed.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('(').next());
    let listed: BTreeSet<&str> = names.filter(|name| !name.trim().is_empty()).collect();
    let called: BTreeSet<&str> =
        CALLS.iter().map(|(name, ..)| *name).chain(EMPTY.iter().map(|(name, _)| *name)).collect();
    assert_eq!(listed, called, "docs/definer-functions.txt and the calls of this file");
}

/// What the other tenant has: arguments of the calls, and marks that are looked for in what comes back.
struct Other {
    values: Vec<(&'static str, String)>,
    /// Its own name: a word by itself, "Clinique 2" stands in no other.
    name: String,
    /// What names somebody.
    words: Vec<String>,
    ids: Vec<String>,
}

impl Other {
    async fn of(rooms: &Rooms) -> Result<Self> {
        let one = async |query: &'static str| -> Result<String> {
            let mut admin = rooms.admin().await?;
            sqlx::query_scalar(query).bind(rooms.second).fetch_one(&mut admin).await.context(query)
        };
        let email = one("SELECT a.email FROM socle.accounts a JOIN socle.memberships m ON m.account_id = a.id
                         WHERE m.tenant_id = $1 AND m.role = 'admin'")
        .await?;
        let (tenant, account) = (rooms.second.to_string(), rooms.people.1.to_string());
        let session = one("SELECT id::text FROM socle.sessions WHERE tenant_id = $1 LIMIT 1").await?;
        let job = one("SELECT id::text FROM socle.jobs WHERE tenant_id = $1 LIMIT 1").await?;
        let key = one("SELECT id::text FROM socle.data_keys WHERE subject_id = $1 LIMIT 1").await?;
        let device = one("SELECT id::text FROM physiotraq.devices WHERE license_id = $1").await?;
        let hash = "'\\x00ff'::bytea";
        let values = vec![
            ("{tenant}", tenant.clone()),
            ("{account}", account.clone()),
            ("{email}", email.clone()),
            ("{session}", session.clone()),
            ("{job}", job.clone()),
            ("{key}", key.clone()),
            ("{serial}", one("SELECT serial_number FROM physiotraq.devices WHERE license_id = $1").await?),
            ("{mac}", one("SELECT mac_address FROM physiotraq.devices WHERE license_id = $1").await?),
            ("{hash}", hash.to_owned()),
            ("{hashes}", format!("ARRAY[{hash}, {hash}, {hash}, {hash}]")),
            ("{zero}", Uuid::nil().to_string()),
            ("{long_ago}", "'2000-01-01'::timestamptz".to_owned()),
            ("{now}", format!("'{}'::timestamptz", rooms.stage.clock.now().to_rfc3339())),
        ];
        let name = one("SELECT name FROM physiotraq.licenses WHERE id = $1").await?;
        let words = vec![email, "Lovelace".to_owned()];
        Ok(Self { values, name, words, ids: vec![tenant, account, session, job, key, device] })
    }

    fn filled(&self, call: &str) -> String {
        self.values.iter().fold(call.to_owned(), |call, (place, value)| call.replace(place, value))
    }

    /// The marks that must not be in what was shown, and are.
    fn leaked(&self, shows: Shows, shown: &str) -> Vec<&String> {
        let ids = self.ids.iter().filter(|_| matches!(shows, Nothing | Refused));
        let name = std::iter::once(&self.name).filter(|_| shows != Tenants);
        self.words.iter().chain(name).chain(ids).filter(|mark| shown.contains(mark.as_str())).collect()
    }
}

/// What the other tenant has, and its person: account, sessions and keys are not under the rules of tenants.
async fn digest(rooms: &Rooms) -> Result<Vec<String>> {
    let mut digest = rooms.digest().await?;
    let person = "SELECT coalesce(string_agg(o.line, '|' ORDER BY o.line), '') FROM (
                    SELECT a::text AS line FROM socle.accounts a WHERE a.id = $1
                    UNION ALL SELECT s::text FROM socle.sessions s WHERE s.account_id = $1
                    UNION ALL SELECT k::text FROM socle.data_keys k WHERE k.subject_id IN ($1, $2)) o";
    let mut admin = rooms.admin().await?;
    digest.push(sqlx::query_scalar(person).bind(rooms.people.1).bind(rooms.second).fetch_one(&mut admin).await?);
    Ok(digest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_definer_function_shows_or_changes_anything_of_another_tenant() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut admin = rooms.admin().await?;
    let other = Other::of(&rooms).await?;
    let before = digest(&rooms).await?;
    let mut app = rooms.app().await?;
    for (function, shows, call) in CALLS.into_iter().chain(EMPTY.map(|(name, call)| (name, Nothing, call))) {
        super::enter(&mut app, &rooms.first.to_string(), &rooms.people.0.to_string()).await?;
        let query = format!("SELECT coalesce(string_agg(r::text, '|'), '') FROM {} r", other.filled(call));
        let called: sqlx::Result<String> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut app).await;
        let shown = match called {
            Err(sqlx::Error::Database(refusal)) if shows == Refused => {
                // Not for want of the right to call it: those are no refusals of the function's own.
                assert!(!refusal.message().starts_with("permission denied"), "{function}: {refusal}");
                assert!(["42501", "P0001"].contains(&&*refusal.code().unwrap_or_default()), "{function}: {refusal}");
                refusal.message().to_owned()
            }
            called => {
                assert!(shows != Refused, "{function} was to be refused: {called:?}");
                called.context(function)?
            }
        };
        let leaked = other.leaked(shows, &shown);
        assert!(leaked.is_empty(), "{function} shows {leaked:?}: {shown}");
        assert_eq!(digest(&rooms).await?, before, "{function} has changed something of the other tenant");
    }
    // The same call does show one's own: it was not empty by accident.
    let own = "SELECT count(*) FROM socle.holders_of_roles(ARRAY['admin', 'operator'])";
    assert_eq!(sqlx::query_scalar::<_, i64>(own).fetch_one(&mut app).await?, 2);
    let nobody = "SELECT count(*) FROM socle.sessions WHERE tenant_id = $1 AND ended_at IS NULL";
    let live: i64 = sqlx::query_scalar(nobody).bind(rooms.second).fetch_one(&mut admin).await?;
    assert!(live > 0, "the other tenant's sessions go on");
    Ok(())
}
