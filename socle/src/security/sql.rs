//! Every query on security events.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::rules::Rule;
use super::{Event, Severity};
use crate::db::{Db, Tx};
use crate::{Result, ids};

pub(super) async fn insert(tx: &mut Tx, event: Event) -> Result<()> {
    let caller = tx.caller().clone();
    sqlx::query!(
        "INSERT INTO socle.security_events (id, realm, tenant_id, type, severity, user_id, ip, meta_json, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        ids::fresh(caller.now()),
        caller.realm(),
        caller.tenant().map(|tenant| tenant.0),
        event.kind,
        event.severity.name(),
        event.account.map(|account| account.0),
        caller.trace().ip.map(|ip| ip.to_string()),
        event.details,
        caller.now()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Of whom there was more than a rule allows.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub realm: String,
    pub account_id: Option<Uuid>,
    pub ip: Option<String>,
    pub events: i64,
}

pub(super) async fn findings(tx: &mut Tx, rule: &Rule) -> Result<Vec<Finding>> {
    let since = tx.caller().now() - rule.window;
    Ok(sqlx::query_as!(
        Finding,
        r#"SELECT realm AS "realm!", account_id, ip, events AS "events!"
           FROM socle.security_findings($1, $2, $3, $4, $5)"#,
        rule.of,
        rule.name,
        rule.by_address,
        rule.threshold,
        since
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Writes what the watch found, in the realm it happened in.
pub(super) async fn insert_finding(
    tx: &mut Tx,
    (kind, severity): (&str, Severity),
    of: &Finding,
    details: &Value,
) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.security_events (id, realm, tenant_id, type, severity, user_id, ip, meta_json, created_at)
         VALUES ($1, $2, NULL, $3, $4, $5, $6, $7, $8)",
        ids::fresh(now),
        of.realm,
        kind,
        severity.name(),
        of.account_id,
        of.ip,
        details,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A sign-in, and the one of the same account before it.
pub(super) struct SignIn {
    pub realm: String,
    pub account_id: Uuid,
    pub ip: String,
    pub at: DateTime<Utc>,
    pub ip_before: String,
    pub at_before: DateTime<Utc>,
}

pub(super) async fn recent_sign_ins(
    tx: &mut Tx,
    since: DateTime<Utc>,
    (noted_as, noted_since): (&str, DateTime<Utc>),
) -> Result<Vec<SignIn>> {
    Ok(sqlx::query_as!(
        SignIn,
        r#"SELECT realm AS "realm!", account_id AS "account_id!", ip AS "ip!", at AS "at!", ip_before AS "ip_before!",
                  at_before AS "at_before!"
           FROM socle.recent_sign_ins($1, $2, $3)"#,
        since,
        noted_as,
        noted_since
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What operators look for; empty texts mean all.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Type, e.g. `LOGIN_FAILED`.
    pub kind: String,
    /// Severity, as the table spells it.
    pub severity: String,
    /// An account's id or sign-in address.
    pub account: String,
    /// From then on.
    pub since: DateTime<Utc>,
    /// Before then.
    pub until: DateTime<Utc>,
}

/// An event as operators see it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Id.
    pub id: Uuid,
    /// Product.
    pub realm: String,
    /// Tenant.
    pub tenant_id: Option<Uuid>,
    /// Type.
    pub kind: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// Whose.
    pub account_id: Option<Uuid>,
    /// Their address, masked.
    pub account: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// Chosen details.
    pub details: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

pub(super) async fn find(db: &Db, filter: &Filter, (most, beyond): (i32, i32)) -> Result<Vec<Found>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Found,
        r#"SELECT id AS "id!", realm AS "realm!", tenant_id, type AS "kind!", severity AS "severity!", account_id,
                  account, ip, details AS "details!", created_at AS "created_at!"
           FROM socle.security_events_found($1, $2, $3, $4, $5, $6, $7)"#,
        filter.kind,
        filter.severity,
        filter.account,
        filter.since,
        filter.until,
        most,
        beyond
    )
    .fetch_all(door.conn())
    .await?)
}

/// How many there are of each severity, whichever is asked for.
#[derive(Clone, Debug, Default)]
pub struct Counts(Vec<(String, i64)>);

impl Counts {
    /// Of one severity.
    #[must_use]
    pub fn of(&self, severity: &str) -> i64 {
        self.0.iter().find(|(name, _)| name == severity).map_or(0, |(_, events)| *events)
    }

    /// Of one severity, or of all when it is empty.
    #[must_use]
    pub fn total(&self, severity: &str) -> i64 {
        if severity.is_empty() { self.0.iter().map(|(_, events)| events).sum() } else { self.of(severity) }
    }
}

pub(super) async fn count(db: &Db, filter: &Filter) -> Result<Counts> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(
        r#"SELECT severity AS "severity!", events AS "events!" FROM socle.security_events_counted($1, $2, $3, $4)"#,
        filter.kind,
        filter.account,
        filter.since,
        filter.until
    )
    .fetch_all(door.conn())
    .await?;
    Ok(Counts(rows.into_iter().map(|row| (row.severity, row.events)).collect()))
}
