//! Mail: written to the outbox in the transaction of its cause, sent by a job. Recipient and contents are sealed in the
//! database, because links carry secrets; what is kept in the clear is the template's name and what became of it.

mod letter;
mod mailbox;
mod sql;
mod transport;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use letter::Rendered;
pub use mailbox::{Kept, Mailbox};
pub use transport::{Outlet, Refusal};

use crate::db::Tx;
use crate::jobs::{self, Failure, Job, Jobs, NOTIFICATIONS, NewJob, Outcome};
use crate::sealed::Field;
use crate::web::{Branding, Lang, Product};
use crate::{App, Error, Result, audit, typed_id};

typed_id!(MailId, "a mail");

const SEND: &str = "mail.send";
const TABLE: &str = "socle.mails";

/// A mail about to be written: its template's texts are `mail-<template>-subject`, `-body` and, with a link, `-action`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    template: String,
    #[serde(with = "code")]
    language: Lang,
    values: BTreeMap<String, String>,
    link: Option<String>,
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
        Self { template: template.to_owned(), language, values: BTreeMap::new(), link: None }
    }

    /// Sets a value of the template's texts. `first_name` also makes the greeting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.to_owned(), value.to_owned());
        self
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

/// Writes a mail to the outbox of the transaction's tenant; it is sent once the transaction has committed.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn send<P: Product>(product: &P, tx: &mut Tx, to: &str, letter: Letter) -> Result<MailId> {
    queue(product.app(), tx, to, letter).await
}

/// The same where no product is at hand: the transaction's caller knows the realm.
///
/// # Errors
/// 503 when the database cannot be reached.
pub(crate) async fn queue(app: &App, tx: &mut Tx, to: &str, letter: Letter) -> Result<MailId> {
    let id = MailId::fresh(tx.caller().now());
    let (template, language) = (letter.template.clone(), letter.language.code());
    let content = serde_json::to_string(&Content { to: to.to_owned(), letter });
    let content = content.map_err(|e| Error::internal(format!("mail: {e}")))?;
    let keys = app.vault.keys(tx).await?;
    let sealed = keys.seal(field(id), &content)?;
    sql::insert(tx, id, (&template, language), &sealed).await?;
    jobs::enqueue(tx, NewJob::now(SEND, NOTIFICATIONS, json!({ "mail": id }))).await?;
    audit::record(tx, audit::Entry::done("mail.queued", "Mail", id.0).with(json!({ "template": template }))).await?;
    Ok(id)
}

fn field(id: MailId) -> Field<'static> {
    Field { table: TABLE, column: "content", row: id.0 }
}

/// The job that sends mails, for products of these brandings.
#[must_use]
pub fn jobs(jobs: Jobs, brandings: &[&'static Branding]) -> Jobs {
    let brandings = brandings.to_vec();
    jobs.on(SEND, move |app: App, job: Job| {
        let branding = brandings.iter().copied().find(|branding| branding.realm.name == job.caller.realm());
        async move { deliver(&app, &job, branding).await }
    })
}

/// Sends one mail. No transaction is open while the mail server is spoken to: sent twice is possible after a crash in
/// between, not sent is not.
async fn deliver(app: &App, job: &Job, branding: Option<&'static Branding>) -> Outcome {
    let id: MailId = job.field("mail")?;
    let branding = branding.ok_or_else(|| Failure::GiveUp("the product of this mail is not mounted".to_owned()))?;
    let mut tx = job.caller.begin().await?;
    let Some(sealed) = sql::unsent(&mut tx, id).await? else { return Ok(()) };
    let content = app.vault.keys(&mut tx).await?.open(field(id), &sealed)?;
    drop(tx);
    let content: Content = serde_json::from_str(&content).map_err(|e| Failure::GiveUp(format!("content: {e}")))?;
    let rendered = letter::render(branding, &content.letter, &app.mail.base())?;
    let sent = app.mail.send((id, &content.to), rendered, app.clock.now()).await;
    let mut tx = job.caller.begin().await?;
    let (status, error) = match &sent {
        Ok(()) => ("sent", None),
        Err(Refusal::Later(error)) if !job.last => ("queued", Some(error.as_str())),
        Err(Refusal::Later(error) | Refusal::Never(error)) => ("failed", Some(error.as_str())),
    };
    sql::note(&mut tx, id, (status, error)).await?;
    tx.commit().await?;
    match sent {
        Ok(()) => Ok(()),
        Err(Refusal::Later(error)) => Err(Failure::Retry(error)),
        Err(Refusal::Never(error)) => Err(Failure::GiveUp(error)),
    }
}

/// Forgets mails written before an instant; how many.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn forget(db: &crate::db::Db, before: chrono::DateTime<chrono::Utc>) -> Result<i64> {
    sql::forget(db, before).await
}
