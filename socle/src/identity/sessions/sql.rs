//! Queries on sessions as their owner sees them.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::db::Tx;
use crate::identity::devices::DeviceId;
use crate::ids::{AccountId, SessionId, TenantId};

/// An open session, as its owner sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: SessionId,
    /// `browser` or `api`.
    pub kind: String,
    /// What the client said of itself at sign-in.
    pub user_agent: Option<String>,
    /// Where the sign-in came from.
    pub ip_address: Option<String>,
    /// Sign-in.
    pub created_at: DateTime<Utc>,
    /// Last use, to within five minutes.
    pub last_seen_at: DateTime<Utc>,
    /// Its end, whatever happens; of a program: unless it refreshes before.
    pub expires_at: DateTime<Utc>,
    /// The tenant it acts for.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
}

/// Sessions that have neither ended nor run into a limit, the one used last first.
pub(super) async fn open(tx: &mut Tx, account: AccountId) -> Result<Vec<Listed>> {
    let now = tx.caller().now();
    Ok(sqlx::query_as!(
        Listed,
        r#"SELECT s.id AS "id: SessionId", s.kind, s.user_agent, s.ip_address, s.created_at, s.last_seen_at, s.expires_at,
                  s.tenant_id AS "tenant: TenantId", m.tenant_name
           FROM socle.sessions s JOIN socle.memberships m ON m.tenant_id = s.tenant_id AND m.account_id = s.account_id
           WHERE s.account_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
             AND (s.kind = 'api' OR s.last_seen_at > $2 - interval '12 hours')
           ORDER BY s.last_seen_at DESC, s.id LIMIT 100"#,
        account.0,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(super) async fn is_theirs(tx: &mut Tx, account: AccountId, session: SessionId) -> Result<bool> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT 1 FROM socle.sessions WHERE id = $1 AND account_id = $2) AS "theirs!""#,
        session.0,
        account.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.theirs)
}

pub(super) async fn end_on_device(tx: &mut Tx, account: AccountId, device: DeviceId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.sessions SET ended_at = $3 WHERE account_id = $1 AND device_id = $2 AND ended_at IS NULL",
        account.0,
        device.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
