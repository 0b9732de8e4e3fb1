//! Legal holds: what must not be deleted for now, because somebody is entitled to it (a court, an authority, a claim). Placed
//! on an account or a tenant by the platform's operators, who name it by its id and see nothing of it; until it is lifted or
//! over, neither erasure nor retention touches what it names.

mod sql;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use sql::Hold;

use crate::db::Caller;
use crate::error::Detail;
use crate::{Error, Result, audit, ids, typed_id};

typed_id!(HoldId, "a legal hold");

/// Characters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;
/// Characters of a legal basis.
const BASIS: std::ops::RangeInclusive<usize> = 3..=200;

/// What a hold names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everything of an account.
    Account(Uuid),
    /// Everything of a tenant.
    Tenant(Uuid),
}

impl Subject {
    fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Account(id) => ("account", id),
            Self::Tenant(id) => ("tenant", id),
        }
    }
}

/// A hold about to be placed.
#[derive(Clone, Debug)]
pub struct NewHold {
    /// What it names.
    pub subject: Subject,
    /// Why, for operators.
    pub reason: String,
    /// The legal basis; what the person is told when they may be.
    pub basis: String,
    /// Whether they may be told.
    pub may_be_told: bool,
    /// Until when; `None` until it is lifted.
    pub until: Option<DateTime<Utc>>,
}

/// Holds, those that stand first, then the newest.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn all(caller: &Caller) -> Result<Vec<Hold>> {
    let mut tx = caller.begin().await?;
    sql::all(&mut tx).await
}

/// Places a hold.
///
/// # Errors
/// 400 with the faulty fields, whose messages are keys of texts.
pub async fn place(caller: &Caller, new: NewHold) -> Result<HoldId> {
    let person = caller.person()?;
    let NewHold { subject, reason, basis, may_be_told, until } = new;
    let (reason, basis) = (reason.trim().to_owned(), basis.trim().to_owned());
    let mut faults = Vec::new();
    let mut wrong = |holds: bool, field: &'static str, key: &'static str| {
        if !holds {
            faults.push(Detail::new(field, "INVALID_FORMAT", key));
        }
    };
    wrong(REASON.contains(&reason.chars().count()), "reason", "holds-reason-error");
    wrong(BASIS.contains(&basis.chars().count()), "basis", "holds-basis-error");
    wrong(until.is_none_or(|until| until > caller.now()), "until", "holds-until-error");
    let (kind, subject) = subject.parts();
    let mut tx = caller.begin().await?;
    wrong(sql::holdable(&mut tx, kind, subject).await?, "subject", "holds-subject-error");
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let id = HoldId(ids::fresh(caller.now()));
    let row = sql::NewRow { kind, subject, reason: &reason, basis: &basis, may_be_told, until };
    sql::insert(&mut tx, id, person, row).await?;
    let details = serde_json::json!({ "kind": kind, "subject": subject, "until": until });
    audit::record(&mut tx, audit::Entry::done("hold.placed", "Hold", id.0).with(details)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Lifts a hold: from the next night on what it named goes like everything else.
///
/// # Errors
/// 404 when there is none that stands.
pub async fn lift(caller: &Caller, id: HoldId) -> Result<()> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    if !sql::lift(&mut tx, id, account).await? {
        return Err(Error::not_found());
    }
    audit::record(&mut tx, audit::Entry::done("hold.lifted", "Hold", id.0)).await?;
    tx.commit().await
}
