//! Every query on the outbox.

use chrono::{DateTime, Utc};

use super::{Channel, MailId};
use crate::db::Tx;
use crate::ids::AccountId;
use crate::web::Lang;
use crate::{Error, Result};

/// A message about to be written.
pub(super) struct New<'a> {
    pub id: MailId,
    /// Sealed under the transaction's tenant's key, and readable in it; else under the person's.
    pub of_tenant: bool,
    /// Whose message it is, when it goes to an account.
    pub account: Option<AccountId>,
    pub channel: &'static str,
    pub template: &'a str,
    pub language: Lang,
    pub content: &'a [u8],
}

pub(super) async fn insert(tx: &mut Tx, new: New<'_>) -> Result<()> {
    let (now, realm) = (tx.caller().now(), tx.caller().realm());
    let tenant = match new.of_tenant {
        false => None,
        true => Some(tx.caller().tenant().ok_or_else(|| Error::internal("a mail needs a tenant or an account"))?.0),
    };
    sqlx::query!(
        "INSERT INTO socle.mails (id, realm, tenant_id, account_id, channel, template, language, content, status,
                                  created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9)",
        new.id.0,
        realm,
        tenant,
        new.account.map(|account| account.0),
        new.channel,
        new.template,
        new.language.code(),
        new.content,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Channel and sealed content of a message that has not been sent; one that failed is tried again when an operator says
/// so.
pub(super) async fn unsent(tx: &mut Tx, id: MailId) -> Result<Option<(Channel, Vec<u8>)>> {
    let row = sqlx::query!("SELECT channel, content FROM socle.mails WHERE id = $1 AND status <> 'sent'", id.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.map(|r| (if r.channel == "sms" { Channel::Sms } else { Channel::Email }, r.content)))
}

pub(super) async fn written_since(
    tx: &mut Tx,
    account: AccountId,
    templates: &[&str],
    since: DateTime<Utc>,
) -> Result<i64> {
    let templates: Vec<String> = templates.iter().map(|template| (*template).to_owned()).collect();
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM socle.mails
           WHERE account_id = $1 AND template = ANY ($2) AND created_at > $3"#,
        account.0,
        &templates,
        since
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
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
