//! Somebody makes an account of their own, where the realm's rules leave that open. Where they belong and as what is the
//! product's word ([`Product::place`]), never the form's.
//!
//! The answer is the same whether the address has an account or not: the request checks what was typed, hashes the password
//! and writes a job; the job makes the account, or writes to the one that is there.

pub mod api;
pub mod pages;
mod sql;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accounts::{self, Status};
use super::contact::{phone, user_name};
use super::members::{self, Newcomer};
use super::passwords::policy::Context;
use super::requests::{self, address};
use super::{actions, sql as accounts_sql, verification};
use crate::db::Caller;
use crate::error::Detail;
use crate::ids::AccountId;
use crate::jobs::{Job, Jobs, NOTIFICATIONS, NewJob, Outcome};
use crate::mail::{self, Letter};
use crate::web::{Lang, Product};
use crate::{Error, Result, audit};

const KIND: &str = "identity.register";
const TAKEN: &str = "already-registered";

/// What somebody registers with.
#[derive(Debug)]
pub struct Registration {
    /// Sign-in address.
    pub email: String,
    /// Password.
    pub password: SecretString,
    /// Phone in E.164, or nothing.
    pub phone: String,
    /// User name where the realm has them, or nothing.
    pub user_name: String,
    /// Whether the terms of use are accepted.
    pub terms: bool,
    /// Language of the account and its mails.
    pub language: Lang,
}

/// What the job finds: checked, the password hashed.
#[derive(Serialize, Deserialize)]
struct Checked {
    email: String,
    password_hash: String,
    phone: Option<String>,
    user_name: Option<String>,
    language: String,
}

/// Takes a registration.
///
/// # Errors
/// 404 where registration is not open, 400 with every field that does not do, 503 when too many hashes are waiting.
pub async fn register<P: Product>(product: &P, caller: &Caller, given: Registration) -> Result<()> {
    let (app, branding) = (product.app(), product.branding());
    let mut faults = Vec::new();
    let mut keep = |field: Result<String>| field.map_err(|error| faults.extend(error.details)).ok();
    let email = keep(address(&given.email));
    let phone = if given.phone.trim().is_empty() { None } else { keep(phone::number(&given.phone)) };
    let user_name = match (given.user_name.trim(), branding.realm.rules.user_names) {
        ("", _) => None,
        (name, true) => keep(user_name::checked(name)),
        (_, false) => {
            keep(Err(Error::invalid(vec![Detail::new("userName", "UNKNOWN", "There are no user names here.")])))
        }
    };
    if !given.terms {
        faults.push(Detail::new("acceptTerms", "REQUIRED", "Accept the terms of use."));
    }
    let context = Context::of(branding).and(&given.email).and(&given.user_name);
    let password_hash = match app.passwords.choose("password", given.password, context).await {
        Err(error) if !error.details.is_empty() => {
            faults.extend(error.details);
            None
        }
        chosen => Some(chosen?),
    };
    let (Some(email), Some(password_hash), true) = (email, password_hash, faults.is_empty()) else {
        return Err(Error::invalid(faults));
    };
    let unique = requests::fingerprint(app, caller, &format!("register\u{1f}{email}"));
    let language = given.language.code().to_owned();
    let checked = Checked { email, password_hash, phone, user_name, language };
    let job = NewJob::now(KIND, NOTIFICATIONS, requests::sealed(app, caller, &checked)?).once(unique);
    requests::write(caller, job, "account.registration_asked").await
}

/// The job that makes accounts of a product whose registration is open.
#[must_use]
pub fn jobs<P: Product>(jobs: Jobs, product: P) -> Jobs {
    let realm = product.branding().realm.name;
    jobs.on_of_realm(realm, KIND, move |_, job: Job| {
        let product = product.clone();
        async move { make(&product, &job).await }
    })
}

async fn make<P: Product>(product: &P, job: &Job) -> Outcome {
    let (app, branding) = (product.app(), product.branding());
    let checked: Checked = requests::opened(app, job)?;
    // The second look: somebody else may have made an account of that address since the first.
    for _ in 0..2 {
        if let Some(found) = accounts_sql::by_email(job.caller.db(), branding.realm.name, &checked.email).await? {
            return Ok(tell(product, &job.caller, found.account).await?);
        }
        if create(product, &job.caller, &checked).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Makes the account; false when another has the address.
async fn create<P: Product>(product: &P, caller: &Caller, checked: &Checked) -> Result<bool> {
    let (app, branding) = (product.app(), product.branding());
    let realm = &branding.realm;
    let account = AccountId::fresh(caller.now());
    let place = product.place(account);
    let (tenant, tenant_name, role) =
        place.ok_or_else(|| Error::internal("registration is open, and leads nowhere"))?;
    let mut tx = caller.begin_as_account(account, Some(tenant)).await?;
    let Checked { email, password_hash, language, .. } = checked;
    let new = actions::New { id: account, email, password_hash, language, verified: false };
    match actions::insert_account(&mut tx, realm, new).await {
        Err(error) if error.code == "BIZ_ACCOUNT_EXISTS" => return Ok(false),
        made => made?,
    }
    if let Some(number) = &checked.phone {
        let unverified = phone::unverified(app, &mut tx, account, number).await?;
        sql::set_unverified_phone(&mut tx, account, &unverified).await?;
    }
    if let Some(name) = &checked.user_name {
        // Nothing says whether it was free but the account's own page, once its owner has signed in.
        user_name::take(&mut tx, account, name).await?;
    }
    let newcomer = Newcomer {
        account,
        tenant,
        tenant_name,
        role: role.to_owned(),
        first_name: String::new(),
        last_name: String::new(),
    };
    members::join(&mut tx, realm, &newcomer).await?;
    product.joined(&mut tx, &newcomer).await?;
    let entry = audit::Entry::done("account.registered", "Account", account.0);
    audit::record(&mut tx, entry.with(json!({ "termsAccepted": true }))).await?;
    verification::write(app, &mut tx, branding, account).await?;
    tx.commit().await?;
    Ok(true)
}

/// Writes to the account that has the address: it waits for its verification, or is there already. At most three an hour.
async fn tell<P: Product>(product: &P, caller: &Caller, account: AccountId) -> Result<()> {
    let (app, branding) = (product.app(), product.branding());
    let mut tx = caller.begin_as_account(account, None).await?;
    let Some(about) = accounts::locked(&mut tx, account).await? else { return Ok(()) };
    match about.status {
        Status::Pending => verification::write(app, &mut tx, branding, account).await?,
        Status::Active if accounts::may_write(&mut tx, account, &[TAKEN]).await? => {
            let letter = Letter::new(TAKEN, about.language).link(&format!("{}/password/forgot", branding.base));
            mail::send_to_account(app, &mut tx, account, (&about.email, letter)).await?;
        }
        Status::Active | Status::Closed => {}
    }
    tx.commit().await
}
