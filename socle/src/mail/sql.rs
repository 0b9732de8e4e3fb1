//! Every query on the outbox.

use super::MailId;
use crate::db::Tx;
use crate::ids::AccountId;
use crate::{Error, Result};

/// A mail about to be written.
pub(super) struct NewMail<'a> {
    pub template: &'a str,
    pub language: &'a str,
    /// Whose mail it is, when it goes to an account.
    pub account: Option<AccountId>,
    pub content: &'a [u8],
}

pub(super) async fn insert(tx: &mut Tx, id: MailId, new: NewMail<'_>) -> Result<()> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    let tenant = tx.caller().tenant().ok_or_else(|| Error::internal("a mail needs a tenant"))?;
    sqlx::query!(
        "INSERT INTO socle.mails (id, realm, tenant_id, template, language, content, status, created_at, account_id)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8)",
        id.0,
        realm,
        tenant.0,
        new.template,
        new.language,
        new.content,
        now,
        new.account.map(|account| account.0)
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The sealed content of a mail that has not been sent; one that failed is tried again when an operator says so.
pub(super) async fn unsent(tx: &mut Tx, id: MailId) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query!("SELECT content FROM socle.mails WHERE id = $1 AND status <> 'sent'", id.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.map(|r| r.content))
}

pub(super) async fn note(tx: &mut Tx, id: MailId, (status, error): (&str, Option<&str>)) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.mails SET status = $2, error = $3, attempts = attempts + 1,
                sent_at = CASE WHEN $2 = 'sent' THEN $4 ELSE sent_at END
         WHERE id = $1",
        id.0,
        status,
        error,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
