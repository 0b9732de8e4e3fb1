//! Every query of the verification: plain reads of the tables. It calls no function that the database holds, since
//! whoever changed the rows could have changed that too.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::audit::chain::{Entry, Link};

/// A floor as it is stored.
pub(super) struct Floor {
    pub chain: Uuid,
    pub position: i64,
    pub hash: Vec<u8>,
    pub before: NaiveDate,
    pub signature: Vec<u8>,
}

/// A link with its hash and its row, if that is there.
pub(super) struct Stored {
    pub link: Link,
    pub hash: Vec<u8>,
    pub entry: Option<Entry>,
}

/// Rows of a chain that have no link.
pub(super) struct Rest {
    pub chain: Uuid,
    pub rows: i64,
    /// Of them those that lie before what the sealer has gone through.
    pub behind: i64,
    /// When the oldest that waits occurred.
    pub oldest: Option<DateTime<Utc>>,
}

/// One picture of the whole, that nothing changes while it is looked at; row-level security shows this role all of it.
pub(super) async fn begin(line: &mut PgConnection) -> sqlx::Result<()> {
    line.ping().await?;
    line.execute("SET ROLE socle_lookup").await?;
    line.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map(drop)
}

pub(super) async fn floors(line: &mut PgConnection) -> sqlx::Result<Vec<Floor>> {
    sqlx::query_as!(Floor, "SELECT chain, position, hash, before, signature FROM socle.audit_floors ORDER BY chain")
        .fetch_all(line)
        .await
}

pub(super) async fn chains(line: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("SELECT DISTINCT chain FROM socle.audit_chain").fetch_all(line).await
}

/// The last position of a chain; 0 when there is none.
pub(super) async fn last(line: &mut PgConnection, chain: Uuid) -> sqlx::Result<i64> {
    let last =
        sqlx::query_scalar!("SELECT max(position) FROM socle.audit_chain WHERE chain = $1", chain).fetch_one(line);
    Ok(last.await?.unwrap_or_default())
}

/// The links after a position.
pub(super) async fn links(line: &mut PgConnection, chain: Uuid, after: i64, rows: i64) -> sqlx::Result<Vec<Stored>> {
    let rows = sqlx::query!(
        r#"SELECT c.chain AS "link_chain!", c.position AS "position!", c.occurred_at AS "link_at!", c.id AS "link_id!",
                  c.access AS "access!",
                  c.row_hash AS "row_hash!", c.hash AS "hash!",
                  l.id AS "id?", l.realm AS "realm?", l.tenant_id, l.chain AS "chain?", l.number AS "number?",
                  l.xact::text::bigint AS "xact?", l.actor_kind AS "actor_kind?", l.actor_id, l.actor_role,
                  l.event_type AS "event_type?", l.action AS "action?", l.resource_type, l.resource_id,
                  l.outcome AS "outcome?", l.error_code, l.details::text AS "details?", l.changes::text AS changes,
                  l.request_data::text AS request_data, l.response_data::text AS response_data, l.processing_us,
                  l.ip_address, l.user_agent, l.request_id
           FROM socle.audit_chain c LEFT JOIN socle.audit_log l ON l.occurred_at = c.occurred_at AND l.id = c.id
           WHERE c.chain = $1 AND c.position > $2 ORDER BY c.position LIMIT $3"#,
        chain,
        after,
        rows
    )
    .fetch_all(line)
    .await?;
    let stored = rows.into_iter().map(|row| Stored {
        entry: row.id.map(|id| Entry {
            id,
            occurred_at: row.link_at,
            realm: row.realm.unwrap_or_default(),
            tenant_id: row.tenant_id,
            chain: row.chain.unwrap_or_default(),
            number: row.number.unwrap_or_default(),
            xact: row.xact.unwrap_or_default(),
            actor_kind: row.actor_kind.unwrap_or_default(),
            actor_id: row.actor_id,
            actor_role: row.actor_role,
            event_type: row.event_type.unwrap_or_default(),
            action: row.action.unwrap_or_default(),
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            outcome: row.outcome.unwrap_or_default(),
            error_code: row.error_code,
            details: row.details.unwrap_or_default(),
            changes: row.changes,
            request_data: row.request_data,
            response_data: row.response_data,
            processing_us: row.processing_us,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            request_id: row.request_id,
        }),
        link: Link {
            chain: row.link_chain,
            position: row.position,
            occurred_at: row.link_at,
            id: row.link_id,
            access: row.access,
            row_hash: row.row_hash,
        },
        hash: row.hash,
    });
    Ok(stored.collect())
}

/// The stored hashes at these positions.
pub(super) async fn hashes(
    line: &mut PgConnection,
    chains: &[Uuid],
    positions: &[i64],
) -> sqlx::Result<Vec<(Uuid, i64, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"SELECT c.chain, c.position, c.hash FROM socle.audit_chain c
           JOIN unnest($1::uuid[], $2::bigint[]) AS n(chain, position)
             ON n.chain = c.chain AND n.position = c.position"#,
        chains,
        positions
    )
    .fetch_all(line)
    .await?;
    Ok(rows.into_iter().map(|row| (row.chain, row.position, row.hash)).collect())
}

pub(super) async fn unchained(line: &mut PgConnection) -> sqlx::Result<Vec<Rest>> {
    sqlx::query_as!(
        Rest,
        r#"SELECT u.chain AS "chain!", count(*) AS "rows!", count(*) FILTER (WHERE u.behind) AS "behind!",
                  min(u.occurred_at) FILTER (WHERE NOT u.behind) AS oldest
           FROM (SELECT l.chain, l.occurred_at, NOT s.rescanning AND (l.xact, l.number) <= (s.xact, s.number) AS behind
                 FROM socle.audit_log l CROSS JOIN socle.audit_sealer s
                 WHERE NOT EXISTS (SELECT 1 FROM socle.audit_chain c
                                   WHERE c.occurred_at = l.occurred_at AND c.id = l.id)) u
           GROUP BY u.chain"#
    )
    .fetch_all(line)
    .await
}
