//! Erasure (GDPR art. 17): asked for by somebody who has just proved who they are, pending for 30 days in which signing in
//! undoes it, done by the nightly job. Per kind of data it is said beforehand, and in the receipt afterwards, what is deleted,
//! what is anonymised, and what is kept with which reason and until when.
//!
//! Each erasure is also written to a journal outside the database, so that it is done again after a restore ([`replay`]).

mod execute;
mod journal;
mod pages;
mod sql;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use journal::{Entry, missing, replay};
pub use sql::Pending;

pub(super) use execute::nightly;

use super::retention::Span;
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::identity::actions;
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::web::{Branding, Lang, Product, Routes};
use crate::{App, Error, Result, audit, ids, typed_id};

typed_id!(ErasureId, "an erasure");

/// Days in which it can be undone.
pub const PENDING: TimeDelta = TimeDelta::days(30);
/// The reminder goes out this long before the day.
pub const REMINDER: TimeDelta = TimeDelta::days(7);

/// What becomes of a kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Becomes {
    /// It is deleted.
    Deleted,
    /// It stays without anything that leads to the person.
    Anonymised,
    /// It stays, for a legal reason.
    Kept,
}

/// A kind of data, and what an erasure makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// Key of what it is.
    pub what: &'static str,
    /// What becomes of it.
    pub becomes: Becomes,
    /// Key of the legal reason, for what is kept.
    pub reason: Option<&'static str>,
    /// How long it is kept, counted from the erasure at the latest.
    pub kept: Option<Span>,
}

impl Fate {
    /// Data that is deleted.
    #[must_use]
    pub const fn deleted(what: &'static str) -> Self {
        Self { what, becomes: Becomes::Deleted, reason: None, kept: None }
    }

    /// Data that stays without the person.
    #[must_use]
    pub const fn anonymised(what: &'static str) -> Self {
        Self { what, becomes: Becomes::Anonymised, reason: None, kept: None }
    }

    /// Data that stays for a reason; without a span, for good.
    #[must_use]
    pub const fn kept(what: &'static str, reason: &'static str, kept: Option<Span>) -> Self {
        Self { what, becomes: Becomes::Kept, reason: Some(reason), kept }
    }
}

/// What became of a kind of data.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The kind.
    pub fate: Fate,
    /// Rows concerned.
    pub rows: i64,
}

/// What stands in the way: somebody else depends on this person. It must be handed over first.
#[derive(Clone, Debug)]
pub struct Use {
    /// Where: an organisation's name.
    pub place: String,
    /// Stable code: `OWNER_WITH_MEMBERS`.
    pub code: &'static str,
    /// Key of what it is and what to do.
    pub text: &'static str,
}

/// The code of a refusal for [`Use`]s.
pub const IN_USE: &str = "BIZ_TRANSFER_FIRST";

const SIGN_IN: Fate = Fate::deleted("erasure-what-sign-in");
const ADDRESS: Fate = Fate::deleted("erasure-what-address");
const MAILS: Fate = Fate::deleted("erasure-what-mails");
const INVITATIONS: Fate = Fate::deleted("erasure-what-invitations");
const EXPORTS: Fate = Fate::deleted("erasure-what-exports");
const SECURITY: Fate = Fate::anonymised("erasure-what-security");
const MEMBERSHIPS: Fate = Fate::anonymised("erasure-what-memberships");
const CONSENTS: Fate = Fate::kept("erasure-what-consents", "erasure-reason-consents", None);
const AUDIT: Fate = Fate::kept("erasure-what-audit", "erasure-reason-audit", Some(Span::Months(60)));
const RECEIPT: Fate = Fate::kept("erasure-what-receipt", "erasure-reason-receipt", Some(Span::Months(60)));

/// What the kernel makes of its own data, in the order people read it.
pub const FATES: [Fate; 10] =
    [SIGN_IN, ADDRESS, MAILS, INVITATIONS, EXPORTS, SECURITY, MEMBERSHIPS, CONSENTS, AUDIT, RECEIPT];

/// The fate of the rows of a table that `socle.erasure_plans` names; what a migration adds belongs to signing in.
fn fate_of(table: &str) -> Fate {
    match table {
        "socle.mails" => MAILS,
        "socle.invitations" => INVITATIONS,
        "socle.personal_exports" => EXPORTS,
        "socle.security_events" => SECURITY,
        "socle.consents" => CONSENTS,
        _ => SIGN_IN,
    }
}

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    pages::routes(routes)
}

/// What stands in the way of the transaction's account, in every tenant.
async fn uses<P: Product>(product: &P, tx: &mut Tx, account: AccountId) -> Result<Vec<Use>> {
    let mut uses = Vec::new();
    for tenant in super::sql::tenants(tx, account).await?.into_iter().filter(|tenant| tenant.active) {
        tx.step_into(Some(tenant.id)).await?;
        uses.extend(product.uses(tx, account).await?);
    }
    tx.step_into(None).await?;
    Ok(uses)
}

/// What would stand in the caller's way now.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn uses_of<P: Product>(product: &P, caller: &Caller) -> Result<Vec<Use>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin_as_account(account, None).await?;
    uses(product, &mut tx, account).await
}

/// A hold that stops an erasure, as far as the person may be told.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its legal basis; `None` when saying so would defeat it.
    pub basis: Option<String>,
    /// Until when; `None` until it is lifted.
    pub until: Option<DateTime<Utc>>,
}

/// The caller's pending erasure.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn pending(caller: &Caller) -> Result<Option<Pending>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    sql::pending(&mut tx, account).await
}

/// The holds on the caller of which they may be told.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn holds(caller: &Caller) -> Result<Vec<Held>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    let holds = sql::holds(&mut tx, account).await?;
    // One that must not be told is not hinted at either.
    Ok(holds.into_iter().filter(|hold| hold.basis.is_some()).collect())
}

/// Asks for the erasure of the caller's account. Every session ends: signing in again undoes it.
///
/// # Errors
/// 403 `AUTH_STEP_UP` unless proved lately; 409 `BIZ_TRANSFER_FIRST`, with the list, when others depend on the person; 409
/// when it is asked for already.
pub async fn ask<P: Product>(product: &P, caller: &Caller) -> Result<DateTime<Utc>> {
    let person = caller.person()?;
    person.proved_lately(caller.now())?;
    let mut tx = caller.begin_as_account(person.account, None).await?;
    let uses = uses(product, &mut tx, person.account).await?;
    if !uses.is_empty() {
        return Err(in_use(&uses));
    }
    tx.step_into(Some(person.tenant)).await?;
    let id = ErasureId(ids::fresh(caller.now()));
    let due_at = caller.now() + PENDING;
    if !sql::insert(&mut tx, id, (person.account, person.tenant), (&person.language, due_at)).await? {
        return Err(Error::conflict("BIZ_ERASURE_ASKED", "The erasure of this account is asked for already."));
    }
    actions::end_all_sessions(&mut tx, person.account, None).await?;
    let lang = Lang::parse(&person.language).unwrap_or(Lang::Fr);
    let letter = letter(product.branding(), "erasure-asked", lang, person.account);
    let letter = letter.with("day", &super::moment(due_at, lang));
    mail::send(product, &mut tx, &person.email, letter).await?;
    audit::record(&mut tx, audit::Entry::done("erasure.asked", "Account", person.account.0)).await?;
    tx.commit().await?;
    Ok(due_at)
}

fn in_use(uses: &[Use]) -> Error {
    let detail = |found: &Use| {
        Detail::new("account", found.code, format!("{}: hand it over to somebody else first.", found.place))
    };
    let message = "Others depend on this account. Hand over what the details name, then ask again.";
    Error { details: uses.iter().map(detail).collect(), ..Error::conflict(IN_USE, message) }
}

/// A letter about an erasure; its button leads to the sign-in.
fn letter(branding: &Branding, template: &'static str, lang: Lang, account: AccountId) -> Letter {
    Letter::new(template, lang).to_account(account).link(&format!("{}/sign_in", branding.base))
}

/// Somebody signs in: a pending erasure of theirs is undone, and they are told. In the transaction of the sign-in.
///
/// # Errors
/// 503 when the database cannot be reached.
pub(crate) async fn undo(app: &App, tx: &mut Tx, account: AccountId) -> Result<()> {
    let Some(undone) = sql::undo(tx, account).await? else { return Ok(()) };
    let before = tx.caller().tenant();
    tx.step_into(Some(undone.tenant)).await?;
    let (email, language) = super::sql::address(tx, account).await?;
    let lang = Lang::parse(&language).unwrap_or(Lang::Fr);
    let letter = Letter::new("erasure-undone", lang).to_account(account);
    mail::send_by(app, tx, &email, letter).await?;
    audit::record(tx, audit::Entry::done("erasure.undone", "Account", account.0)).await?;
    tx.step_into(before).await
}
