//! Every query on legal holds.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::HoldId;
use crate::Result;
use crate::db::{Person, Tx};
use crate::ids::AccountId;

/// A hold as operators see it.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Id.
    pub id: HoldId,
    /// `account` or `tenant`.
    pub kind: String,
    /// Its id.
    pub subject: Uuid,
    /// Why.
    pub reason: String,
    /// The legal basis.
    pub basis: String,
    /// Whether the person may be told.
    pub may_be_told: bool,
    /// Since when.
    pub placed_at: DateTime<Utc>,
    /// Until when; `None` until it is lifted.
    pub until: Option<DateTime<Utc>>,
    /// It was lifted.
    pub lifted_at: Option<DateTime<Utc>>,
}

pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Hold>> {
    Ok(sqlx::query_as!(
        Hold,
        r#"SELECT id AS "id: HoldId", subject_kind AS kind, subject_id AS subject, reason, legal_basis AS basis,
                  may_be_told, placed_at, until, lifted_at
           FROM socle.legal_holds ORDER BY lifted_at IS NOT NULL, placed_at DESC, id LIMIT 500"#
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(super) async fn holdable(tx: &mut Tx, kind: &str, subject: Uuid) -> Result<bool> {
    let row = sqlx::query!(r#"SELECT socle.holdable($1, $2) AS "yes!""#, kind, subject).fetch_one(tx.conn()).await?;
    Ok(row.yes)
}

/// A row about to be written.
pub(super) struct NewRow<'a> {
    pub kind: &'a str,
    pub subject: Uuid,
    pub reason: &'a str,
    pub basis: &'a str,
    pub may_be_told: bool,
    pub until: Option<DateTime<Utc>>,
}

pub(super) async fn insert(tx: &mut Tx, id: HoldId, by: &Person, new: NewRow<'_>) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.legal_holds (id, tenant_id, subject_kind, subject_id, reason, legal_basis, may_be_told,
                                        placed_by, placed_at, until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.0,
        by.tenant.0,
        new.kind,
        new.subject,
        new.reason,
        new.basis,
        new.may_be_told,
        by.account.0,
        now,
        new.until
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether it stood.
pub(super) async fn lift(tx: &mut Tx, id: HoldId, by: AccountId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.legal_holds SET lifted_by = $2, lifted_at = $3 WHERE id = $1 AND lifted_at IS NULL",
        id.0,
        by.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
