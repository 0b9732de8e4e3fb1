//! The job that sends what is in the outbox.

use super::{Channel, Content, MailId, Refusal, SEND, field, letter, sql};
use crate::db::Tx;
use crate::ids::AccountId;
use crate::jobs::{Failure, Job, Jobs, Outcome};
use crate::web::Branding;
use crate::{App, Result, logging};

/// The job that sends mails and text messages, for products of these brandings.
#[must_use]
pub fn jobs(jobs: Jobs, brandings: &[&'static Branding]) -> Jobs {
    let brandings = brandings.to_vec();
    jobs.on(SEND, move |app: App, job: Job| {
        let branding = brandings.iter().copied().find(|branding| branding.realm.name == job.caller.realm());
        async move { deliver(&app, &job, branding).await }
    })
}

/// The transaction that sees the message: its tenant's, or its account's.
async fn begin(job: &Job, account: Option<AccountId>) -> Result<Tx> {
    match account {
        Some(account) => job.caller.begin_as_account(account, None).await,
        None => job.caller.begin().await,
    }
}

/// Sends one message. No transaction is open while the server is spoken to: sent twice is possible after a crash in
/// between, not sent is not.
async fn deliver(app: &App, job: &Job, branding: Option<&'static Branding>) -> Outcome {
    let (id, account): (MailId, Option<AccountId>) = (job.field("mail")?, job.field("account")?);
    let branding = branding.ok_or_else(|| Failure::GiveUp("the product of this mail is not mounted".to_owned()))?;
    let mut tx = begin(job, account).await?;
    let Some((channel, sealed)) = sql::unsent(&mut tx, id).await? else { return Ok(()) };
    let keys = match account {
        Some(account) => app.vault.person_keys(&mut tx, account).await?,
        None => app.vault.keys(&mut tx).await?,
    };
    drop(tx);
    let content = keys.open(field(id), &sealed)?;
    let content: Content = serde_json::from_str(&content).map_err(|e| Failure::GiveUp(format!("content: {e}")))?;
    let sent = hand_over(app, branding, id, (channel, &content)).await?;
    let mut tx = begin(job, account).await?;
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

/// Renders a message and hands it to its channel.
async fn hand_over(
    app: &App,
    branding: &Branding,
    id: MailId,
    (channel, content): (Channel, &Content),
) -> Result<std::result::Result<(), Refusal>> {
    let (to, now) = (content.to.as_str(), app.clock.now());
    let (sent, masked) = match channel {
        Channel::Email => {
            let rendered = letter::render(branding, &content.letter, &app.mail.base())?;
            (app.mail.send((id, to), rendered, now).await, logging::mask_email(to))
        }
        Channel::Sms => {
            let text = letter::text(branding, &content.letter);
            (app.mail.text(to, text, now).await, logging::mask_phone(to))
        }
    };
    tracing::info!(mail = %id, channel = channel.name(), to = masked, sent = sent.is_ok(), "message handed over");
    Ok(sent)
}
