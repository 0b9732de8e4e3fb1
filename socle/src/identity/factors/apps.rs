//! The authenticator app of an account: set up, confirmed by a first code, and each code taken once.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::totp::App as Totp;
use super::{Added, Verdict, changes, sql};
use crate::db::{Caller, Tx, Who};
use crate::error::Detail;
use crate::identity::Realm;
use crate::ids::{AccountId, TenantId};
use crate::sealed::Field;
use crate::security::{Event, Severity};
use crate::web::Product;
use crate::{App, Error, Result, audit, ids, security};

/// Wrong codes in a row after which the app's codes are paused.
pub const MOST_WRONG: i32 = 10;
/// For so long. Nobody else can bring it about: the password was proved before each of them.
pub const PAUSE: TimeDelta = TimeDelta::minutes(15);
/// How long setting up may take.
pub const SETUP_WITHIN: TimeDelta = TimeDelta::minutes(15);

fn field(row: Uuid) -> Field<'static> {
    Field { table: "socle.authenticator_apps", column: "secret", row }
}

/// Begins to set an app up for the caller: a new secret, which nothing works with before it is confirmed.
///
/// # Errors
/// 403 `AUTH_STEP_UP` when password or second factor was not proved lately.
pub async fn set_up<P: Product>(product: &P, caller: &Caller) -> Result<Totp> {
    let person = caller.person()?;
    super::proved(person, caller.now())?;
    let totp = Totp::fresh(product.branding().name, &person.email)?;
    let mut tx = caller.begin().await?;
    crate::identity::sql::lock_account(&mut tx, person.account).await?;
    sql::delete_app(&mut tx, person.account, false).await?;
    insert(product.app(), &mut tx, person.account, &totp).await?;
    tx.commit().await?;
    Ok(totp)
}

async fn insert(app: &App, tx: &mut Tx, account: AccountId, totp: &Totp) -> Result<Uuid> {
    let id = ids::fresh(tx.caller().now());
    let keys = app.vault.person_keys(tx, account).await?;
    sql::insert_app(tx, id, account, &keys.seal(field(id), &totp.secret())?).await?;
    Ok(id)
}

/// The app that the caller is setting up.
///
/// # Errors
/// 409 `BIZ_NO_SETUP` when none is, or it began too long ago.
pub async fn being_set_up<P: Product>(product: &P, caller: &Caller) -> Result<Totp> {
    let person = caller.person()?;
    super::proved(person, caller.now())?;
    let mut tx = caller.begin().await?;
    Ok(pending(product, &mut tx).await?.1)
}

async fn pending<P: Product>(product: &P, tx: &mut Tx) -> Result<(Uuid, Totp)> {
    let caller = tx.caller().clone();
    let person = caller.person()?;
    let stored = sql::app(tx, person.account, false).await?;
    let stored = stored.filter(|app| caller.now() - app.created_at <= SETUP_WITHIN);
    let stored =
        stored.ok_or_else(|| Error::conflict("BIZ_NO_SETUP", "Begin to set the authenticator app up again."))?;
    let keys = product.app().vault.person_keys(tx, person.account).await?;
    let secret = keys.open(field(stored.id), &stored.secret)?;
    Ok((stored.id, Totp::of(&secret, product.branding().name, &person.email)?))
}

/// Confirms the app being set up by a code of it. It replaces the one that worked before.
///
/// # Errors
/// 400 with the field `code` when the code is none of the app's, 409 `BIZ_NO_SETUP` when nothing is being set up, 403
/// `AUTH_STEP_UP` when password or second factor was not proved lately.
pub async fn confirm<P: Product>(product: &P, caller: &Caller, code: &str) -> Result<Added> {
    let person = caller.person()?;
    super::proved(person, caller.now())?;
    let mut tx = caller.begin().await?;
    crate::identity::sql::lock_account(&mut tx, person.account).await?;
    let (id, totp) = pending(product, &mut tx).await?;
    let Some(step) = totp.step_of(code, caller.now()) else {
        let message = "The code is none of this app's. Check the telephone's clock, and type the code it shows now.";
        return Err(Error::invalid(vec![Detail::new("code", "INVALID_FORMAT", message)]));
    };
    sql::delete_app(&mut tx, person.account, true).await?;
    sql::confirm_app(&mut tx, id, step).await?;
    changes::added(product, tx, changes::Kind::App).await
}

/// Judges a code of the app; see [`super::judge`].
pub(super) async fn judge(app: &App, tx: &mut Tx, account: AccountId, code: &str) -> Result<Verdict> {
    let now = tx.caller().now();
    let Some(stored) = sql::app(tx, account, true).await? else { return Ok(Verdict::Wrong) };
    if let Some(until) = stored.paused_until.filter(|until| *until > now) {
        return Ok(Verdict::Paused(until));
    }
    let keys = app.vault.person_keys(tx, account).await?;
    let totp = Totp::of(&keys.open(field(stored.id), &stored.secret)?, "", "")?;
    // The row is locked: of the same code sent twice at once, the second finds the step taken.
    if let Some(step) = totp.step_of(code, now)
        && sql::take_step(tx, stored.id, step).await?
    {
        return Ok(Verdict::Fits);
    }
    if sql::count_wrong(tx, stored.id, (MOST_WRONG, now + PAUSE)).await? {
        let event = Event::new("SECOND_FACTOR_PAUSED", Severity::High, Some(account));
        security::record(tx, event.with(json!({ "wrong": MOST_WRONG }))).await?;
    }
    Ok(Verdict::Wrong)
}

/// An app that somebody was given without having set it up.
pub struct Enrolled(Totp);

impl Enrolled {
    /// The secret in base32, for an app.
    #[must_use]
    pub fn secret(&self) -> String {
        self.0.secret_in_groups()
    }

    /// The code at an instant.
    #[must_use]
    pub fn code(&self, at: chrono::DateTime<chrono::Utc>) -> String {
        self.0.code(at)
    }
}

/// Gives an account a working app: demo seeds and tests. People set up their own.
///
/// # Errors
/// 409 when it has one already.
pub async fn enrol(
    app: &App,
    realm: &Realm,
    (tenant, account): (TenantId, AccountId),
    email: &str,
) -> Result<Enrolled> {
    let nobody = app.nobody(realm.name, Default::default());
    let mut tx = nobody.becoming(Who::Account(account, Some(tenant))).begin().await?;
    if super::held(&mut tx, account).await?.count() > 0 {
        return Err(Error::conflict("BIZ_FACTOR_EXISTS", "This account has a second factor already."));
    }
    let totp = Totp::fresh(realm.name, email)?;
    let id = insert(app, &mut tx, account, &totp).await?;
    sql::confirm_app(&mut tx, id, 0).await?;
    sql::begin_factors(&mut tx, account).await?;
    audit::record(&mut tx, audit::Entry::done("factor.added", "Account", account.0).with(json!({ "factor": "app" })))
        .await?;
    tx.commit().await?;
    Ok(Enrolled(totp))
}
