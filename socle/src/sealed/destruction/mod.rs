//! Destroying keys is for ever, so two persons decide: one asks and says why, another approves; nobody approves what
//! they asked for themselves. The rule is also in the database, which executes only what two accounts have decided.
//! A tenant's keys are destroyed only while the tenant is suspended.

mod sql;

use serde_json::json;
use uuid::Uuid;

use super::sql as registry;
use super::{Subject, Vault};
use crate::db::{Caller, Person, Tx};
use crate::error::Detail;
use crate::security::{Event, Severity};
use crate::{Error, Result, audit, ids, security};

pub use sql::Destruction;

/// Characters of a reason.
pub const REASON: std::ops::RangeInclusive<usize> = 10..=500;

/// A second person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It is to be done.
    Approve,
    /// It is not. Who asked may say this too.
    Refuse,
}

/// Asks for the destruction of a subject's keys.
///
/// # Errors
/// 403 `AUTH_STEP_UP` without a second factor proved lately; 400 for a reason of another length; 422 when there is no
/// such subject, it is the platform itself, or a tenant that is not suspended; 409 when it was asked for already.
pub async fn request(caller: &Caller, subject: Subject, reason: &str) -> Result<Uuid> {
    let person = caller.person()?;
    person.second_factor_lately(caller.now())?;
    let reason = reason.trim();
    if !REASON.contains(&reason.chars().count()) || reason.contains('\0') {
        return Err(Error::invalid(vec![Detail::new("reason", "INVALID_LENGTH", "keys-reason-wrong")]));
    }
    let mut tx = caller.begin().await?;
    refuse_unfit(&mut tx, subject).await?;
    let id = ids::fresh(caller.now());
    sql::insert(&mut tx, (id, subject), (person.account, reason)).await?;
    told(&mut tx, (id, subject), ("keys.destruction_requested", "KEY_DESTRUCTION_REQUESTED", Severity::High)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Decides on a request. Approved, the keys are destroyed in the same transaction.
///
/// # Errors
/// 403 `AUTH_STEP_UP` without a second factor proved lately; 403 `AUTHZ_SECOND_PERSON` for one's own request; 404 when
/// there is no open request; 422 when a tenant is not suspended any more.
pub async fn decide(vault: &Vault, caller: &Caller, id: Uuid, word: Word) -> Result<()> {
    let person = caller.person()?;
    person.second_factor_lately(caller.now())?;
    let mut tx = caller.begin().await?;
    let open = sql::open(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let subject = Subject::of(&open.subject_kind, open.subject_id).ok_or_else(Error::not_found)?;
    match word {
        Word::Refuse => {
            sql::decide(&mut tx, id, (person.account, "refused")).await?;
            told(&mut tx, (id, subject), ("keys.destruction_refused", "KEY_DESTRUCTION_REFUSED", Severity::High))
                .await?;
        }
        Word::Approve if open.requested_by == person.account.0 => return own(tx, person, id).await,
        Word::Approve => {
            refuse_unfit(&mut tx, subject).await?;
            sql::decide(&mut tx, id, (person.account, "approved")).await?;
            let keys = sql::destroy(&mut tx, id, ids::fresh(caller.now())).await?;
            vault.destroyed(&mut tx, (subject, &keys), Some(id)).await?;
            told(&mut tx, (id, subject), ("keys.destruction_approved", "KEYS_DESTROYED", Severity::Critical)).await?;
        }
    }
    tx.commit().await
}

/// The same person tries to be the second one: refused, and that is recorded.
async fn own(mut tx: Tx, person: &Person, id: Uuid) -> Result<()> {
    audit::record(&mut tx, audit::Entry::refused("keys.destruction_approved", "KeyDestruction", Some(id))).await?;
    let event = Event::new("KEY_DESTRUCTION_BY_ONE_PERSON", Severity::High, Some(person.account));
    security::record(&mut tx, event.with(json!({ "destruction": id }))).await?;
    tx.commit().await?;
    Err(Error {
        code: "AUTHZ_SECOND_PERSON".into(),
        message: "Another person has to approve this; whoever asked cannot.".into(),
        ..Error::forbidden()
    })
}

async fn refuse_unfit(tx: &mut Tx, subject: Subject) -> Result<()> {
    let (keys, suspended) = registry::subject(tx, subject).await?;
    match subject {
        Subject::Tenant(tenant) if tenant.0.is_nil() => {
            Err(Error::unprocessable("BIZ_PLATFORM_KEYS", "The platform's own keys are never destroyed."))
        }
        _ if keys == 0 => Err(Error::unprocessable("BIZ_NO_KEYS", "There are no keys of this tenant or person.")),
        Subject::Tenant(_) if !suspended => {
            let message = "This tenant is not suspended: suspend it first, then ask again.";
            Err(Error::unprocessable("BIZ_TENANT_NOT_SUSPENDED", message))
        }
        Subject::Tenant(_) | Subject::Person(_) => Ok(()),
    }
}

/// The audit row and the security event of a step.
async fn told(
    tx: &mut Tx,
    (id, subject): (Uuid, Subject),
    (action, kind, severity): (&'static str, &'static str, Severity),
) -> Result<()> {
    let details = json!({ "destruction": id, "subject_kind": subject.kind(), "subject_id": subject.id() });
    audit::record(tx, audit::Entry::done(action, "KeyDestruction", id).with(details.clone())).await?;
    let account = tx.caller().person()?.account;
    security::record(tx, Event::new(kind, severity, Some(account)).with(details)).await
}

/// Nothing of the keys is left: the job's last word.
pub(super) async fn executed(caller: &Caller, id: Uuid) -> Result<()> {
    let mut tx = caller.begin().await?;
    sql::executed(&mut tx, id).await?;
    tx.commit().await
}

/// The last requests, newest first.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn last(caller: &Caller) -> Result<Vec<Destruction>> {
    let mut tx = caller.begin().await?;
    sql::last(&mut tx).await
}
