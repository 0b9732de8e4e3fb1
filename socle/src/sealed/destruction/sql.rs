//! Every query on requests to destroy keys.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Subject;
use crate::db::Tx;
use crate::error::broken_constraint;
use crate::ids::AccountId;
use crate::{Error, Result};

/// A request to destroy keys.
#[derive(Clone, Debug)]
pub struct Destruction {
    /// Its id.
    pub id: Uuid,
    /// `tenant` or `person`.
    pub subject_kind: String,
    /// Whose keys.
    pub subject_id: Uuid,
    /// Why.
    pub reason: String,
    /// `requested`, `refused`, `approved` or `executed`.
    pub state: String,
    /// The account that asked.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// The account that decided.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// When nothing of the keys was left.
    pub executed_at: Option<DateTime<Utc>>,
}

/// An open request, locked.
pub(super) struct Open {
    pub subject_kind: String,
    pub subject_id: Uuid,
    pub requested_by: Uuid,
}

pub(super) async fn insert(
    tx: &mut Tx,
    (id, subject): (Uuid, Subject),
    (account, reason): (AccountId, &str),
) -> Result<()> {
    let (now, tenant) = (tx.caller().now(), tx.caller().tenant().map(|tenant| tenant.0));
    let inserted = sqlx::query!(
        "INSERT INTO socle.key_destructions (id, tenant_id, subject_kind, subject_id, reason, state, requested_by,
                                             requested_at)
         VALUES ($1, $2, $3, $4, $5, 'requested', $6, $7)",
        id,
        tenant,
        subject.kind(),
        subject.id(),
        reason,
        account.0,
        now
    )
    .execute(tx.conn())
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if broken_constraint(&error) == Some("key_destructions_open") => {
            Err(Error::conflict("BIZ_ASKED_ALREADY", "The destruction of these keys was asked for already."))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn open(tx: &mut Tx, id: Uuid) -> Result<Option<Open>> {
    Ok(sqlx::query_as!(
        Open,
        "SELECT subject_kind, subject_id, requested_by FROM socle.key_destructions
         WHERE id = $1 AND state = 'requested' FOR UPDATE",
        id
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn decide(tx: &mut Tx, id: Uuid, (account, state): (AccountId, &str)) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.key_destructions SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1",
        id,
        state,
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Marks the keys as destroyed; the database checks once more that two persons decided.
pub(super) async fn destroy(tx: &mut Tx, id: Uuid, tombstone: Uuid) -> Result<Vec<Uuid>> {
    let now = tx.caller().now();
    let rows = sqlx::query!(r#"SELECT socle.destroy_keys_as_decided($1, $2, $3) AS "id!""#, id, tombstone, now)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

pub(super) async fn executed(tx: &mut Tx, id: Uuid) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.key_destructions SET state = 'executed', executed_at = $2 WHERE id = $1 AND state = 'approved'",
        id,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn last(tx: &mut Tx) -> Result<Vec<Destruction>> {
    Ok(sqlx::query_as!(
        Destruction,
        "SELECT id, subject_kind, subject_id, reason, state, requested_by, requested_at, decided_by, decided_at,
                executed_at
         FROM socle.key_destructions ORDER BY requested_at DESC, id DESC LIMIT 50"
    )
    .fetch_all(tx.conn())
    .await?)
}
