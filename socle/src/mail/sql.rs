//! Every query on the outbox.

use chrono::{DateTime, Utc};

use super::MailId;
use crate::db::{Db, Tx};
use crate::{Error, Result};

pub(super) async fn insert(tx: &mut Tx, id: MailId, (template, language): (&str, &str), content: &[u8]) -> Result<()> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    let tenant = tx.caller().tenant().ok_or_else(|| Error::internal("a mail needs a tenant"))?;
    sqlx::query!(
        "INSERT INTO socle.mails (id, realm, tenant_id, template, language, content, status, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7)",
        id.0,
        realm,
        tenant.0,
        template,
        language,
        content,
        now
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

pub(super) async fn forget(db: &Db, before: DateTime<Utc>) -> Result<i64> {
    let mut door = db.door().await?;
    let row = sqlx::query!(r#"SELECT socle.forget_mails($1) AS "n!""#, before).fetch_one(door.conn()).await?;
    Ok(row.n)
}
