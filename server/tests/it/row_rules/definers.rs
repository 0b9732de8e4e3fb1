//! Functions that run with their owner's rights are the one way around the row rules. Each is called by the server's role,
//! acting for one tenant, with another tenant's arguments: nothing of the other comes back and nothing of it changes.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use sqlx::AssertSqlSafe;

use super::rooms;
use crate::sources;

/// What may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// No id and no word of the other tenant.
    Nothing,
    /// Ids and figures, because the server works for all tenants at once there; no word that names anybody.
    Ids,
}
use Shows::{Ids, Nothing};

/// Function and call. `{tenant}`, `{account}`, `{session}`, `{job}`, `{device}`, `{email}`, `{serial}` and `{mac}` are the
/// other tenant's; `{hash}` is the hash of a secret that nobody has.
const CALLS: [(&str, Shows, &str); 33] = [
    ("socle.ensure_months", Nothing, "socle.ensure_months('2026-11-01', '2026-11-01')"),
    ("socle.account_by_email", Nothing, "socle.account_by_email('trial', '{email}')"),
    ("socle.live_session", Nothing, "socle.live_session('physiotraq', {hash}, NULL, {now})"),
    ("socle.live_session", Nothing, "socle.live_session('physiotraq', NULL, '{session}', {now})"),
    ("socle.session_of_refresh_token", Nothing, "socle.session_of_refresh_token('physiotraq', {hash})"),
    ("socle.open_invitation", Nothing, "socle.open_invitation('physiotraq', {hash}, {now})"),
    ("socle.is_member", Nothing, "socle.is_member('{tenant}', '{email}')"),
    ("socle.end_sessions_in_tenant", Nothing, "socle.end_sessions_in_tenant('{account}', {now})"),
    ("socle.operator_signed_in", Nothing, "socle.operator_signed_in({hash}, '{session}', {now})"),
    ("socle.forget_sessions", Nothing, "socle.forget_sessions('2000-01-01')"),
    ("socle.claim_jobs", Nothing, "socle.claim_jobs('{}', '{account}', {now}, interval '1 minute')"),
    ("socle.settle_jobs", Nothing, "socle.settle_jobs('[]', '{account}', {now})"),
    ("socle.extend_jobs", Nothing, "socle.extend_jobs(ARRAY['{job}']::uuid[], '{account}', {now}, interval '1 hour')"),
    ("socle.dead_jobs", Ids, "socle.dead_jobs(100)"),
    ("socle.queue_lengths", Nothing, "socle.queue_lengths()"),
    ("socle.revive_job", Nothing, "socle.revive_job('{job}', {now})"),
    ("socle.drop_job", Nothing, "socle.drop_job('{job}')"),
    ("socle.forget_jobs", Nothing, "socle.forget_jobs('2000-01-01')"),
    ("socle.forget_mails", Nothing, "socle.forget_mails('2000-01-01')"),
    ("socle.purge_idempotency_keys", Nothing, "socle.purge_idempotency_keys('2000-01-01', 10)"),
    ("socle.open_challenge", Nothing, "socle.open_challenge('physiotraq', 'sign_in', {hash}, {now})"),
    ("socle.forget_challenges", Nothing, "socle.forget_challenges('2000-01-01')"),
    ("socle.member_signed_in", Nothing, "socle.member_signed_in('trial', {hash}, '{session}', {now})"),
    ("socle.holders_of_roles", Nothing, "socle.holders_of_roles(ARRAY['admin', 'operator'])"),
    ("socle.roles_in_use", Nothing, "socle.roles_in_use('physiotraq')"),
    ("physiotraq.signed_in", Nothing, "physiotraq.signed_in({hash}, '{session}', {now})"),
    ("physiotraq.import_stock", Nothing, "physiotraq.import_stock('{serial}', '{mac}', {hash}, {now})"),
    ("physiotraq.stock_entry", Nothing, "physiotraq.stock_entry('{serial}', {hash})"),
    ("physiotraq.claimed_device", Nothing, "physiotraq.claimed_device('{serial}', '{mac}', {hash})"),
    ("physiotraq.device_caller", Nothing, "physiotraq.device_caller({hash})"),
    ("physiotraq.monitored_devices", Ids, "physiotraq.monitored_devices(ARRAY(SELECT generate_series(0, 255)), NULL)"),
    ("physiotraq.unevaluated_readings", Ids, "physiotraq.unevaluated_readings(ARRAY(SELECT generate_series(0, 255)))"),
    ("physiotraq.told_readings", Nothing, "physiotraq.told_readings('[]')"),
];
/// …whose arguments are their own kind of thing: called with nothing, they do nothing.
const EMPTY: [(&str, &str); 1] =
    [("physiotraq.save_device_states", "physiotraq.save_device_states('[]', '[]', '{}', {now})")];

#[test]
fn every_definer_function_is_called_here() {
    let listed = sources::read("docs/definer-functions.txt");
    let names = listed.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('(').next());
    let listed: BTreeSet<&str> = names.filter(|name| !name.trim().is_empty()).collect();
    let called: BTreeSet<&str> =
        CALLS.iter().map(|(name, ..)| *name).chain(EMPTY.iter().map(|(name, _)| *name)).collect();
    assert_eq!(listed, called, "docs/definer-functions.txt and the calls of this file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_definer_function_shows_or_changes_anything_of_another_tenant() -> Result<()> {
    let rooms = rooms::furnished().await?;
    let mut admin = rooms.admin().await?;
    let one = async |query: &'static str| -> Result<String> {
        let mut admin = rooms.admin().await?;
        sqlx::query_scalar(query).bind(rooms.second).fetch_one(&mut admin).await.context(query)
    };
    let account = rooms.people.1.to_string();
    let email = one("SELECT a.email FROM socle.accounts a JOIN socle.memberships m ON m.account_id = a.id
                     WHERE m.tenant_id = $1 AND m.role = 'admin'")
    .await?;
    let session = one("SELECT id::text FROM socle.sessions WHERE tenant_id = $1 LIMIT 1").await?;
    let job = one("SELECT id::text FROM socle.jobs WHERE tenant_id = $1 LIMIT 1").await?;
    let device = one("SELECT id::text FROM physiotraq.devices WHERE license_id = $1").await?;
    let serial = one("SELECT serial_number FROM physiotraq.devices WHERE license_id = $1").await?;
    let mac = one("SELECT mac_address FROM physiotraq.devices WHERE license_id = $1").await?;
    let name = one("SELECT name FROM physiotraq.licenses WHERE id = $1").await?;
    let now = format!("'{}'::timestamptz", rooms.stage.clock.now().to_rfc3339());
    let filled = |call: &str| {
        let (tenant, hash) = (rooms.second.to_string(), "'\\x00ff'::bytea");
        let values = [
            ("{tenant}", tenant.as_str()),
            ("{account}", &account),
            ("{email}", &email),
            ("{session}", &session),
            ("{job}", &job),
            ("{serial}", &serial),
            ("{mac}", &mac),
            ("{hash}", hash),
            ("{now}", &now),
        ];
        values.iter().fold(call.to_owned(), |call, (place, value)| call.replace(place, value))
    };
    // The mark of a licence is a word of its own: "Clinique 2" stands in no other.
    let words = [email.clone(), name.clone(), "Lovelace".to_owned()];
    let ids = [rooms.second.to_string(), account.clone(), session.clone(), job.clone(), device.clone()];
    let before = rooms.digest().await?;
    let mut app = rooms.app().await?;
    for (function, shows, call) in CALLS.into_iter().chain(EMPTY.map(|(name, call)| (name, Nothing, call))) {
        super::enter(&mut app, &rooms.first.to_string(), &rooms.people.0.to_string()).await?;
        let query = format!("SELECT coalesce(string_agg(r::text, '|'), '') FROM {} r", filled(call));
        let shown: String = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut app).await.context(function)?;
        let forbidden = words.iter().chain(ids.iter().filter(|_| shows == Nothing));
        let leaked: Vec<&String> = forbidden.filter(|mark| shown.contains(mark.as_str())).collect();
        assert!(leaked.is_empty(), "{function} shows {leaked:?}: {shown}");
    }
    assert_eq!(rooms.digest().await?, before, "nothing of the other tenant has changed");
    // The same call does show one's own: it was not empty by accident.
    let own = "SELECT count(*) FROM socle.holders_of_roles(ARRAY['admin', 'operator'])";
    assert_eq!(sqlx::query_scalar::<_, i64>(own).fetch_one(&mut app).await?, 2);
    let nobody = "SELECT count(*) FROM socle.sessions WHERE tenant_id = $1 AND ended_at IS NULL";
    let live: i64 = sqlx::query_scalar(nobody).bind(rooms.second).fetch_one(&mut admin).await?;
    assert!(live > 0, "the other tenant's sessions go on");
    Ok(())
}
