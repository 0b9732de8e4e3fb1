//! Every query on consents.

use chrono::{DateTime, Utc};

use super::{Channel, ConsentId, Shown, Text};
use crate::Result;
use crate::db::Tx;
use crate::ids::AccountId;

/// A consent as it was given, and what became of it.
#[derive(Clone, Debug)]
pub struct Given {
    /// Id.
    pub id: ConsentId,
    /// The purpose.
    pub consent_type: String,
    /// Version of the text.
    pub version: String,
    /// SHA-256 of the text that was shown, in hexadecimal.
    pub text_hash: String,
    /// Language it was shown in.
    pub language: String,
    /// `page` or `api`.
    pub channel: String,
    /// From which address.
    pub ip_address: Option<String>,
    /// With which browser or program.
    pub user_agent: Option<String>,
    /// When.
    pub consented_at: DateTime<Utc>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// When a later version took its place.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Given {
    /// Neither withdrawn nor replaced.
    #[must_use]
    pub fn open(&self) -> bool {
        self.withdrawn_at.is_none() && self.closed_at.is_none()
    }
}

/// Holds the account's row until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query!("SELECT id FROM socle.accounts WHERE id = $1 FOR UPDATE", account.0).fetch_one(tx.conn()).await?;
    Ok(())
}

pub(super) async fn open(tx: &mut Tx, account: AccountId, kind: &str) -> Result<Option<Given>> {
    Ok(sqlx::query_as!(
        Given,
        r#"SELECT id AS "id: ConsentId", consent_type, version, text_hash, language, channel, ip_address, user_agent,
                  consented_at, withdrawn_at, closed_at
           FROM socle.consents
           WHERE account_id = $1 AND consent_type = $2 AND withdrawn_at IS NULL AND closed_at IS NULL"#,
        account.0,
        kind
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn history(tx: &mut Tx, account: AccountId) -> Result<Vec<Given>> {
    Ok(sqlx::query_as!(
        Given,
        r#"SELECT id AS "id: ConsentId", consent_type, version, text_hash, language, channel, ip_address, user_agent,
                  consented_at, withdrawn_at, closed_at
           FROM socle.consents WHERE account_id = $1 ORDER BY consented_at DESC, id DESC LIMIT 1000"#,
        account.0
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(super) async fn close(tx: &mut Tx, id: ConsentId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE socle.consents SET closed_at = $2 WHERE id = $1", id.0, now).execute(tx.conn()).await?;
    Ok(())
}

/// A consent about to be written.
pub(super) struct New<'a> {
    pub text: &'a Text,
    pub hash: &'a str,
    pub shown: Shown<'a>,
    pub account: AccountId,
}

pub(super) async fn insert(tx: &mut Tx, id: ConsentId, new: New<'_>) -> Result<()> {
    let caller = tx.caller().clone();
    let channel = match new.shown.channel {
        Channel::Page => "page",
        Channel::Api => "api",
    };
    sqlx::query!(
        "INSERT INTO socle.consents (id, realm, account_id, consent_type, version, text_hash, language, channel, acted_by,
                                     ip_address, user_agent, consented_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $3, $9, $10, $11)",
        id.0,
        caller.realm(),
        new.account.0,
        new.text.kind,
        new.text.version,
        new.hash,
        new.shown.language.code(),
        channel,
        caller.trace().ip.map(|ip| ip.to_string()),
        caller.trace().user_agent,
        caller.now(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The consent that was open and is withdrawn now.
pub(super) async fn withdraw(tx: &mut Tx, account: AccountId, kind: &str) -> Result<Option<ConsentId>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "UPDATE socle.consents SET withdrawn_at = $3, withdrawn_by = $1
         WHERE account_id = $1 AND consent_type = $2 AND withdrawn_at IS NULL AND closed_at IS NULL RETURNING id",
        account.0,
        kind,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| ConsentId(r.id)))
}
