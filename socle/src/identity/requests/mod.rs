//! What anybody may ask for an address: a forgotten password, the verification once more, an account.
//!
//! Whoever asks gets one answer, in one time: the request only writes a job. What depends on the address is done there, and
//! what comes of it goes to the address alone. The job's payload is sealed: it holds addresses.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::accounts::{self, Status};
use super::{recovery, sql, verification};
use crate::db::{Caller, Who};
use crate::error::Detail;
use crate::ids::AccountId;
use crate::jobs::{self as queues, Failure, Job, Jobs, NOTIFICATIONS, NewJob, Outcome};
use crate::web::Branding;
use crate::{App, Error, Result, audit};

const KIND: &str = "identity.request";
const NONCE: usize = 12;

/// What is asked for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// A new password in place of a forgotten one.
    Reset,
    /// The verification of the address once more.
    Verify,
}

impl What {
    fn audited(self) -> &'static str {
        match self {
            Self::Reset => "password.reset_asked",
            Self::Verify => "account.verification_asked",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Request {
    what: What,
    email: String,
}

/// Writes down what is asked for an address, whoever has it.
pub(super) async fn ask(app: &App, caller: &Caller, what: What, email: &str) -> Result<()> {
    let email = address(email)?;
    let unique = fingerprint(app, caller, &format!("{what:?}\u{1f}{email}"));
    let job = NewJob::now(KIND, NOTIFICATIONS, sealed(app, caller, &Request { what, email })?).once(unique);
    write(caller, job, what.audited()).await
}

/// Enqueues a job of nobody's, with the row in the audit trail that says that it was asked for.
pub(super) async fn write(caller: &Caller, job: NewJob, audited: &'static str) -> Result<()> {
    let mut tx = caller.becoming(Who::Nobody).begin().await?;
    queues::enqueue(&mut tx, job).await?;
    audit::record(&mut tx, audit::Entry::asked_for(audited, "Account")).await?;
    tx.commit().await
}

/// The job that does what was asked for, for products of these brandings.
#[must_use]
pub fn jobs(jobs: Jobs, brandings: &[&'static Branding]) -> Jobs {
    let of = |brandings: &[&'static Branding], job: &Job| {
        let branding = brandings.iter().copied().find(|branding| branding.realm.name == job.caller.realm());
        branding.ok_or_else(|| Failure::GiveUp("the product of this request is not mounted".to_owned()))
    };
    let (asked, again) = (brandings.to_vec(), brandings.to_vec());
    let jobs = jobs.on(KIND, move |app: App, job: Job| {
        let branding = of(&asked, &job);
        async move { answer(&app, &job, branding?).await }
    });
    jobs.on(verification::AGAIN, move |app: App, job: Job| {
        let branding = of(&again, &job);
        async move {
            let account: AccountId = job.field("account")?;
            Ok(verification::again(&app, &job.caller, branding?, account).await?)
        }
    })
}

async fn answer(app: &App, job: &Job, branding: &'static Branding) -> Outcome {
    let request: Request = opened(app, job)?;
    let Some(found) = sql::by_email(job.caller.db(), branding.realm.name, &request.email).await? else {
        return Ok(());
    };
    let mut tx = job.caller.begin_as_account(found.account, None).await?;
    let status = accounts::about(&mut tx, found.account).await?.map(|about| about.status);
    drop(tx);
    match (status, request.what) {
        // A password can be had back only once the address is proved: that comes first.
        (Some(Status::Pending), _) => verification::again(app, &job.caller, branding, found.account).await?,
        (Some(Status::Active), What::Reset) => {
            recovery::offer(app, &job.caller, branding, found.account).await?;
        }
        (Some(Status::Active), What::Verify) | (Some(Status::Closed) | None, _) => {}
    }
    Ok(())
}

/// An address as it is stored: trimmed, lower case, with one `@` and something on both sides that a mail server takes.
pub(super) fn address(text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    let parsed: Result<lettre::Address, _> = email.parse();
    if email.len() > 254 || parsed.is_err() {
        let message = "Write an e-mail address, such as marie.durand@clinique.fr.";
        return Err(Error::invalid(vec![Detail::new("email", "INVALID_FORMAT", message)]));
    }
    Ok(email)
}

/// What two requests for the same have in common, and nobody can read an address from.
pub(super) fn fingerprint(app: &App, caller: &Caller, subject: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &app.vault.derive("requests' fingerprints"));
    let tag = hmac::sign(&key, format!("{}\u{1f}{subject}", caller.realm()).as_bytes());
    STANDARD_NO_PAD.encode(tag)
}

/// A job's payload that nobody reads but the servers.
pub(super) fn sealed(app: &App, caller: &Caller, request: &impl Serialize) -> Result<Value> {
    let mut content = serde_json::to_vec(request).map_err(|e| Error::internal(format!("request: {e}")))?;
    let nonce = key(app)?.seal_in_place_append_tag(Aad::from(caller.realm()), &mut content);
    let nonce = nonce.map_err(|_| Error::internal("a request cannot be sealed"))?;
    let whole = [nonce.as_ref().as_slice(), &content].concat();
    Ok(json!({ "sealed": STANDARD_NO_PAD.encode(whole) }))
}

/// What [`sealed`] made.
pub(super) fn opened<T: DeserializeOwned>(app: &App, job: &Job) -> Result<T, Failure> {
    let unfit = |why: &str| Failure::GiveUp(format!("the request cannot be read: {why}"));
    let text: String = job.field("sealed")?;
    let whole = STANDARD_NO_PAD.decode(text).map_err(|_| unfit("not base64"))?;
    let (nonce, content) = whole.split_at_checked(NONCE).ok_or_else(|| unfit("too short"))?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unfit("nonce"))?;
    let mut content = content.to_vec();
    let plain = key(app)?.open_in_place(nonce, Aad::from(job.caller.realm()), &mut content);
    let plain = plain.map_err(|_| unfit("sealed by another key"))?;
    serde_json::from_slice(plain).map_err(|e| unfit(&e.to_string()))
}

fn key(app: &App) -> Result<RandomizedNonceKey> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, &app.vault.derive("requests"));
    key.map_err(|_| Error::internal("sealing key refused"))
}
