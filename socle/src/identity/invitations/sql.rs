//! Every query on invitations.

use chrono::{DateTime, Utc};

use super::{InvitationId, Invite};
use crate::db::{Db, Tx};
use crate::ids::{AccountId, TenantId};
use crate::{Error, Result, error};

/// An invitation about to be written.
pub(super) struct New<'a> {
    pub id: InvitationId,
    pub realm: &'a str,
    pub tenant: TenantId,
    pub tenant_name: &'a str,
    pub email: &'a str,
    pub token_hash: &'a [u8],
    pub invited_by: AccountId,
    pub expires_at: DateTime<Utc>,
    pub invite: &'a Invite,
}

pub(super) async fn insert(tx: &mut Tx, new: New<'_>) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO socle.invitations (id, realm, tenant_id, tenant_name, email, role, first_name, last_name, language,
                                        token_hash, invited_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        new.id.0,
        new.realm,
        new.tenant.0,
        new.tenant_name,
        new.email,
        new.invite.role,
        new.invite.first_name.trim(),
        new.invite.last_name.trim(),
        new.invite.language.code(),
        new.token_hash,
        new.invited_by.0,
        now,
        new.expires_at,
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|e| match error::broken_constraint(&e) {
        Some("invitations_pending") => {
            Error::conflict("BIZ_INVITED_ALREADY", "This address was invited a moment ago. Reload the page.")
        }
        _ => e.into(),
    })
}

/// Whether the account of an address is a member of the transaction's tenant.
pub(super) async fn is_member(tx: &mut Tx, email: &str) -> Result<bool> {
    let row = sqlx::query!(r#"SELECT socle.is_member((SELECT socle.tenant_id()), $1) AS "yes!""#, email)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.yes)
}

/// A pending invitation as its tenant sees it.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Id.
    pub id: InvitationId,
    /// Address.
    pub email: String,
    /// Role it brings.
    pub role: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Language of the mail.
    pub language: String,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// Invitations of the transaction's tenant that nobody has used yet, newest first; those whose link is over as well.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn pending(tx: &mut Tx) -> Result<Vec<Pending>> {
    Ok(sqlx::query_as!(
        Pending,
        r#"SELECT id AS "id: InvitationId", email, role, first_name, last_name, language, expires_at
           FROM socle.invitations WHERE accepted_at IS NULL AND revoked_at IS NULL
           ORDER BY created_at DESC, id LIMIT 200"#
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(super) async fn again(tx: &mut Tx, id: InvitationId) -> Result<Option<Pending>> {
    Ok(sqlx::query_as!(
        Pending,
        r#"SELECT id AS "id: InvitationId", email, role, first_name, last_name, language, expires_at
           FROM socle.invitations WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL"#,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn revoke_pending(tx: &mut Tx, email: &str) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.invitations SET revoked_at = $2
         WHERE email = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
        email,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether it was pending.
pub(super) async fn revoke(tx: &mut Tx, id: InvitationId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.invitations SET revoked_at = $2 WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether it was still open; of two at once the second waits for the first and is refused.
pub(super) async fn accept(tx: &mut Tx, id: InvitationId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.invitations SET accepted_at = $2
         WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The open invitation behind a link.
#[derive(Clone, Debug)]
pub struct Open {
    /// Id.
    pub id: InvitationId,
    /// The tenant that invites.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The address it was sent to.
    pub email: String,
    /// The role it brings.
    pub role: String,
    /// First name, prefilled.
    pub first_name: String,
    /// Last name, prefilled.
    pub last_name: String,
    /// Language of the mail.
    pub language: String,
    /// The account of that address, when there is one.
    pub account: Option<AccountId>,
}

pub(super) async fn open(db: &Db, realm: &str, hash: &[u8], now: DateTime<Utc>) -> Result<Option<Open>> {
    let mut door = db.door().await?;
    Ok(sqlx::query_as!(
        Open,
        r#"SELECT invitation_id AS "id!: InvitationId", tenant_id AS "tenant!: TenantId", tenant_name AS "tenant_name!",
                  email AS "email!", role AS "role!", first_name AS "first_name!", last_name AS "last_name!",
                  language AS "language!", account_id AS "account: AccountId"
           FROM socle.open_invitation($1, $2, $3)"#,
        realm,
        hash,
        now
    )
    .fetch_optional(door.conn())
    .await?)
}
