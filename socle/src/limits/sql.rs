//! Every query on counters, networks and suspended tenants.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::tenants::Tenant;
use crate::Result;
use crate::db::{Caller, Db, Tx};
use crate::ids::{AccountId, TenantId};

/// What is counted together, and how much of it is allowed.
pub(super) struct Counters {
    pub keys: Vec<Vec<u8>>,
    pub most: Vec<i32>,
    pub lasts: TimeDelta,
}

impl Counters {
    fn lasts(&self) -> PgInterval {
        PgInterval { months: 0, days: 0, microseconds: self.lasts.num_microseconds().unwrap_or(i64::MAX) }
    }
}

/// Who makes an attempt, and from where.
pub(super) struct Asker<'a> {
    pub account: Option<AccountId>,
    pub device: Option<&'a [u8]>,
    pub network: &'a str,
}

/// The answer to an attempt.
pub(super) struct Verdict {
    pub verdict: String,
    pub retry_at: Option<DateTime<Utc>>,
    pub counted: Vec<u8>,
}

pub(super) async fn begin_attempt(caller: &Caller, counters: &Counters, asker: Asker<'_>) -> Result<Verdict> {
    let mut door = caller.db().door().await?;
    Ok(sqlx::query_as!(
        Verdict,
        r#"SELECT verdict AS "verdict!", retry_at, counted AS "counted!"
           FROM socle.begin_attempt($1, $2, $3, $4, $5, $6)"#,
        &counters.keys,
        &counters.most,
        asker.account.map(|account| account.0),
        asker.device,
        asker.network,
        caller.now()
    )
    .fetch_one(door.conn())
    .await?)
}

/// What this failure closed.
pub(super) async fn attempt_failed(caller: &Caller, counted: &[u8], counters: &Counters) -> Result<Option<String>> {
    let mut door = caller.db().door().await?;
    let row = sqlx::query!(
        "SELECT socle.attempt_failed($1, $2, $3, $4, $5) AS closed",
        counted,
        &counters.keys,
        &counters.most,
        counters.lasts(),
        caller.now()
    )
    .fetch_one(door.conn())
    .await?;
    Ok(row.closed)
}

pub(super) async fn attempt_ended(caller: &Caller, counted: &[u8], was_right: bool) -> Result<()> {
    let mut door = caller.db().door().await?;
    sqlx::query!(r#"SELECT socle.attempt_ended($1, $2) AS "done: ()""#, counted, was_right)
        .fetch_one(door.conn())
        .await?;
    Ok(())
}

/// The answer to a request that is counted whatever becomes of it.
pub(super) struct Taken {
    pub taken: bool,
    pub retry_at: Option<DateTime<Utc>>,
    pub first: bool,
}

pub(super) async fn take_requests(caller: &Caller, counters: &Counters) -> Result<Taken> {
    let mut door = caller.db().door().await?;
    Ok(sqlx::query_as!(
        Taken,
        r#"SELECT taken AS "taken!", retry_at, first AS "first!" FROM socle.take_requests($1, $2, $3, $4)"#,
        &counters.keys,
        &counters.most,
        counters.lasts(),
        caller.now()
    )
    .fetch_one(door.conn())
    .await?)
}

/// Reserves calls: so many were granted, and so many are now reserved by all servers.
pub(super) async fn reserve_calls(
    caller: &Caller,
    key: &[u8],
    (wanted, most): (u32, u32),
    until: DateTime<Utc>,
) -> Result<(u32, u32)> {
    let mut door = caller.db().door().await?;
    let row = sqlx::query!(
        r#"SELECT granted AS "granted!", used AS "used!" FROM socle.reserve_calls($1, $2, $3, $4)"#,
        key,
        i32::try_from(wanted).unwrap_or(i32::MAX),
        i32::try_from(most).unwrap_or(i32::MAX),
        until
    )
    .fetch_one(door.conn())
    .await?;
    Ok((u32::try_from(row.granted).unwrap_or_default(), u32::try_from(row.used).unwrap_or_default()))
}

pub(super) async fn forget(db: &Db, before: DateTime<Utc>) -> Result<i64> {
    let mut door = db.door().await?;
    let row = sqlx::query!(r#"SELECT socle.forget_counters($1) AS "n!""#, before).fetch_one(door.conn()).await?;
    Ok(row.n)
}

/// The list of the transaction's tenant.
pub(super) async fn tenant_networks(tx: &mut Tx) -> Result<Vec<String>> {
    let row = sqlx::query!(
        r#"SELECT networks::text[] AS "networks!" FROM socle.tenant_rules WHERE tenant_id = (SELECT socle.tenant_id())"#
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| row.networks).unwrap_or_default())
}

pub(super) async fn member_networks(tx: &mut Tx) -> Result<Vec<(Uuid, Vec<String>)>> {
    let rows = sqlx::query!(
        r#"SELECT account_id, networks::text[] AS "networks!" FROM socle.memberships
           WHERE tenant_id = (SELECT socle.tenant_id()) AND ended_at IS NULL AND networks <> '{}' LIMIT 5000"#
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.networks)).collect())
}

pub(super) async fn set_tenant_networks(tx: &mut Tx, networks: &[String]) -> Result<()> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    sqlx::query!(
        "INSERT INTO socle.tenant_rules (tenant_id, realm, networks, updated_at)
         VALUES ((SELECT socle.tenant_id()), $1, $2::text[]::cidr[], $3)
         ON CONFLICT (tenant_id) DO UPDATE SET networks = excluded.networks, updated_at = excluded.updated_at",
        realm,
        networks,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether there was such a member.
pub(super) async fn set_member_networks(tx: &mut Tx, account: AccountId, networks: &[String]) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.memberships SET networks = $2::text[]::cidr[], updated_at = $3
         WHERE account_id = $1 AND ended_at IS NULL AND tenant_id = (SELECT socle.tenant_id())",
        account.0,
        networks,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The lists that hold for a member, own and tenant's; `None` when the membership has ended or the tenant is suspended.
pub(super) async fn networks_of(
    tx: &mut Tx,
    (account, tenant): (AccountId, TenantId),
) -> Result<Option<(Vec<String>, Vec<String>)>> {
    let row = sqlx::query!(
        r#"SELECT m.networks::text[] AS "own!", coalesce(t.networks, '{}')::text[] AS "of_tenant!"
           FROM socle.memberships m LEFT JOIN socle.tenant_rules t ON t.tenant_id = m.tenant_id
           WHERE m.tenant_id = $2 AND m.account_id = $1 AND m.ended_at IS NULL AND t.suspended_at IS NULL"#,
        account.0,
        tenant.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (row.own, row.of_tenant)))
}

pub(super) async fn tenants(db: &Db, wanted: &str, (most, beyond): (i32, i32)) -> Result<(Vec<Tenant>, i64)> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id!", realm AS "realm!", name AS "name!", members AS "members!", suspended_at,
                  suspended_reason, total AS "total!"
           FROM socle.tenants($1, $2, $3)"#,
        wanted,
        most,
        beyond
    )
    .fetch_all(door.conn())
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let found = rows.into_iter().map(|row| Tenant {
        id: row.tenant_id,
        realm: row.realm,
        name: row.name,
        members: row.members,
        suspended_at: row.suspended_at,
        reason: row.suspended_reason,
    });
    Ok((found.collect(), total))
}

/// Whether it changed.
pub(super) async fn suspend(tx: &mut Tx, tenant: TenantId, reason: Option<&str>) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!("SELECT socle.suspend_tenant($1, $2, $3) AS done", tenant.0, reason, now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.done == Some(true))
}
