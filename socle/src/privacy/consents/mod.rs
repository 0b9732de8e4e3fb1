//! Consents: one record per person, purpose and version of the text (specs/axtech.md, Consent). Never deleted: withdrawing
//! closes one, a later version closes an earlier one. Consent to the use of data is neither consent to care nor the
//! approval of a quote.
//!
//! What needs a consent asks for it beside the effect ([`require`]), so that a withdrawal acts on the very next request.

mod api;
mod pages;
mod sql;

use aws_lc_rs::digest::{SHA256, digest};

pub use api::Document;
pub use sql::Given;

use crate::db::{Caller, Tx};
use crate::ids::AccountId;
use crate::web::{Lang, Product, Routes};
use crate::{Error, Result, audit, ids, typed_id};

typed_id!(ConsentId, "a consent");

/// The code of [`require`].
pub const MISSING: &str = "AUTHZ_CONSENT";

/// A text that people are asked to agree to. Products declare theirs: [`Product::consents`].
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// The purpose: `HEALTH_DATA`.
    pub kind: &'static str,
    /// Semantic version of the text. A new major version asks again; a smaller one leaves the consent given as it is.
    pub version: &'static str,
    /// Key of the purpose's name.
    pub title: &'static str,
    /// Key of the text agreed to.
    pub body: &'static str,
    /// Key of what stops when it is withdrawn; `None` for what cannot be withdrawn while the account is used: terms.
    pub stops: Option<&'static str>,
}

impl Text {
    /// The SHA-256 of the text as it is shown in a language, in hexadecimal.
    #[must_use]
    pub fn hash<P: Product>(&self, product: &P, lang: Lang) -> String {
        let text = product.branding().texts.text(lang, self.body);
        digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn holds(&self, given: &Given) -> bool {
        given.open() && given.consent_type == self.kind && major(&given.version) == major(self.version)
    }
}

fn major(version: &str) -> Option<&str> {
    version.split('.').next()
}

/// Where a consent was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// On a page.
    Page,
    /// By a program of the person's.
    Api,
}

/// What somebody agrees to: the text as it was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The purpose.
    pub kind: &'a str,
    /// The version that was shown.
    pub version: &'a str,
    /// The language it was shown in.
    pub language: Lang,
    /// Where.
    pub channel: Channel,
}

/// The consent pages and API of a product.
pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    api::routes(pages::routes(routes))
}

/// Whether the account agrees to this now: a consent of its purpose and major version is open.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn given(tx: &mut Tx, account: AccountId, text: &Text) -> Result<bool> {
    let open = sql::open(tx, account, text.kind).await?;
    Ok(open.is_some_and(|given| text.holds(&given)))
}

/// Refuses what the account does not agree to. Asked in the transaction of the effect.
///
/// # Errors
/// 403 `AUTHZ_CONSENT` without a consent that holds.
pub async fn require(tx: &mut Tx, account: AccountId, text: &Text) -> Result<()> {
    if given(tx, account, text).await? {
        return Ok(());
    }
    let message = format!("This needs your consent {} ({}). Give it under me/consents.", text.kind, text.version);
    Err(Error { code: MISSING.into(), message: message.into(), ..Error::forbidden() })
}

/// Every consent of the caller, newest first: those that hold and those that do not any more.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn history(caller: &Caller) -> Result<Vec<Given>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    sql::history(&mut tx, account).await
}

/// Gives a consent. Given twice, in the same version, it is one; a later version closes the earlier one.
///
/// # Errors
/// 404 when the product asks for no such consent, 409 when its text is another by now: it must be read first.
pub async fn give<P: Product>(product: &P, caller: &Caller, shown: Shown<'_>) -> Result<ConsentId> {
    let person = caller.person()?;
    let text = find(product, shown.kind)?;
    if shown.version != text.version {
        return Err(Error::conflict(
            "BIZ_CONSENT_TEXT",
            "The text has changed. Read the present version, then agree to it.",
        ));
    }
    let mut tx = caller.begin().await?;
    // Of two at once the second waits, and finds the first one's.
    sql::lock(&mut tx, person.account).await?;
    if let Some(open) = sql::open(&mut tx, person.account, text.kind).await? {
        if open.version == text.version {
            return Ok(open.id);
        }
        sql::close(&mut tx, open.id).await?;
    }
    let id = ConsentId(ids::fresh(caller.now()));
    let hash = text.hash(product, shown.language);
    sql::insert(&mut tx, id, sql::New { text, hash: &hash, shown, account: person.account }).await?;
    let details = serde_json::json!({ "type": text.kind, "version": text.version });
    audit::record(&mut tx, audit::Entry::done("consent.given", "Consent", id.0).with(details)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Withdraws a consent: from the next request on what needs it is refused. The record stays.
///
/// # Errors
/// 404 when there is none to withdraw, 422 when it is one that cannot be withdrawn.
pub async fn withdraw<P: Product>(product: &P, caller: &Caller, kind: &str) -> Result<()> {
    let person = caller.person()?;
    if find(product, kind)?.stops.is_none() {
        let message = "The terms hold as long as the account is used. Ask for the erasure of the account instead.";
        return Err(Error::unprocessable("BIZ_CONSENT_REQUIRED", message));
    }
    let mut tx = caller.begin().await?;
    let id = sql::withdraw(&mut tx, person.account, kind).await?.ok_or_else(Error::not_found)?;
    let details = serde_json::json!({ "type": kind });
    audit::record(&mut tx, audit::Entry::done("consent.withdrawn", "Consent", id.0).with(details)).await?;
    tx.commit().await
}

fn find<P: Product>(product: &P, kind: &str) -> Result<&'static Text> {
    product.consents().iter().find(|text| text.kind == kind).ok_or_else(Error::not_found)
}
