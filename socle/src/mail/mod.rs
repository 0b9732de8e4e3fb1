//! Mails and text messages: written to the outbox in the transaction of their cause, sent by a job. Recipient and contents
//! are sealed in the database, because links carry secrets; what is kept in the clear is the template's name and what
//! became of it. A message belongs to a tenant, or to an account alone: then it is sealed under that person's key.

mod delivery;
mod letter;
mod mailbox;
mod sms;
mod sql;
mod transport;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use delivery::jobs;
pub use letter::Rendered;
pub use mailbox::{Kept, Mailbox};
pub use transport::{Outlet, Refusal};

use crate::db::Tx;
use crate::ids::AccountId;
use crate::jobs::{self as queues, NOTIFICATIONS, NewJob};
use crate::sealed::Field;
use crate::web::{Lang, Product};
use crate::{App, Error, Result, audit, typed_id};

typed_id!(MailId, "a mail");

const SEND: &str = "mail.send";
const TABLE: &str = "socle.mails";

/// By which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A mail.
    Email,
    /// A text message.
    Sms,
}

impl Channel {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// A message about to be written. The texts of a mail's template are `mail-<template>-subject`, `-body` and, with a link,
/// `-action`; that of a text message is `sms-<template>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    template: String,
    #[serde(with = "code")]
    language: Lang,
    values: BTreeMap<String, String>,
    link: Option<String>,
    #[serde(skip)]
    account: Option<AccountId>,
}

mod code {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::web::Lang;

    pub fn serialize<S: Serializer>(lang: &Lang, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(lang.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Lang, D::Error> {
        Ok(Lang::parse(&String::deserialize(from)?).unwrap_or(Lang::Fr))
    }
}

impl Letter {
    /// A letter of a template, in a language.
    #[must_use]
    pub fn new(template: &'static str, language: Lang) -> Self {
        Self { template: template.to_owned(), language, values: BTreeMap::new(), link: None, account: None }
    }

    /// Sets a value of the template's texts. `first_name` also makes the greeting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.to_owned(), value.to_owned());
        self
    }

    /// It goes to an account: it is listed in the person's export, and goes with their erasure.
    #[must_use]
    pub fn to_account(self, account: AccountId) -> Self {
        Self { account: Some(account), ..self }
    }

    /// The button leads to this path of the platform.
    #[must_use]
    pub fn link(self, path: &str) -> Self {
        Self { link: Some(path.to_owned()), ..self }
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    to: String,
    letter: Letter,
}

/// A message with its owner: a tenant's when no account is named.
struct Message {
    account: Option<AccountId>,
    channel: Channel,
    content: Content,
}

/// Writes a mail to the outbox of the transaction's tenant; it is sent once the transaction has committed.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn send<P: Product>(product: &P, tx: &mut Tx, to: &str, letter: Letter) -> Result<MailId> {
    send_by(product.app(), tx, to, letter).await
}

/// The same, where no product is at hand: the kernel's own jobs.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn send_by(app: &App, tx: &mut Tx, to: &str, letter: Letter) -> Result<MailId> {
    let content = Content { to: to.to_owned(), letter };
    queue(app, tx, Message { account: None, channel: Channel::Email, content }).await
}

/// Writes a mail of an account, whatever the tenant, in a transaction of that account.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn send_to_account(
    app: &App,
    tx: &mut Tx,
    account: AccountId,
    (to, letter): (&str, Letter),
) -> Result<MailId> {
    let content = Content { to: to.to_owned(), letter };
    queue(app, tx, Message { account: Some(account), channel: Channel::Email, content }).await
}

/// Writes a text message of an account, in a transaction of that account. To an unverified number goes its code and
/// nothing else: [`crate::identity::contact`] alone knows numbers, and asks for this.
///
/// # Errors
/// 422 `BIZ_NO_SMS` where nothing sends text messages, 503 when the database cannot be reached.
pub(crate) async fn text_to_account(
    app: &App,
    tx: &mut Tx,
    account: AccountId,
    (to, letter): (&str, Letter),
) -> Result<MailId> {
    if !app.mail.can_text() {
        return Err(Error::unprocessable("BIZ_NO_SMS", "This server sends no text messages. Ask its operator."));
    }
    let content = Content { to: to.to_owned(), letter };
    queue(app, tx, Message { account: Some(account), channel: Channel::Sms, content }).await
}

async fn queue(app: &App, tx: &mut Tx, message: Message) -> Result<MailId> {
    let Message { account, channel, content } = message;
    let id = MailId::fresh(tx.caller().now());
    let (template, language, addressee) =
        (content.letter.template.clone(), content.letter.language, content.letter.account);
    let content = serde_json::to_string(&content).map_err(|e| Error::internal(format!("mail: {e}")))?;
    let keys = match account {
        Some(account) => app.vault.person_keys(tx, account).await?,
        None => app.vault.keys(tx).await?,
    };
    let sealed = keys.seal(field(id), &content)?;
    let (template_name, channel_name) = (template.as_str(), channel.name());
    let of_tenant = account.is_none();
    let account_or_addressee = account.or(addressee);
    let new = sql::New {
        id,
        of_tenant,
        account: account_or_addressee,
        channel: channel_name,
        template: template_name,
        language,
        content: &sealed,
    };
    sql::insert(tx, new).await?;
    queues::enqueue(tx, NewJob::now(SEND, NOTIFICATIONS, json!({ "mail": id, "account": account }))).await?;
    let details = json!({ "template": template, "channel": channel_name });
    audit::record(tx, audit::Entry::done("mail.queued", "Mail", id.0).with(details)).await?;
    Ok(id)
}

fn field(id: MailId) -> Field<'static> {
    Field { table: TABLE, column: "content", row: id.0 }
}

/// How many messages of these templates an account was written since an instant: what bounds them. Hold the account's row
/// first, so that of two at once the second counts the first.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn written_since(tx: &mut Tx, account: AccountId, templates: &[&str], since: DateTime<Utc>) -> Result<i64> {
    sql::written_since(tx, account, templates, since).await
}
