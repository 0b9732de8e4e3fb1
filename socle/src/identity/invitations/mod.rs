//! Invitations: a member writes an address, a mail brings a link, the link opens an account or adds a membership to one.
//! A link works once, for seven days; sending it again replaces it.

mod sql;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::json;

pub use sql::{Open, Pending, pending};

use super::actions;
use super::members::{self, Newcomer};
use super::passwords::policy::Context;
use super::requests::address;
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::ids::{AccountId, TenantId};
use crate::limits::{Attempt, Guarded, Try};
use crate::mail::{self, Letter};
use crate::web::{Lang, Product};
use crate::{Error, Result, audit, tokens, typed_id};

typed_id!(InvitationId, "an invitation");

/// How long a link works.
const VALID_FOR: TimeDelta = TimeDelta::days(7);

/// Who is invited, to what.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Where the mail goes.
    pub email: String,
    /// The role it brings.
    pub role: &'static str,
    /// Prefilled.
    pub first_name: String,
    /// Prefilled.
    pub last_name: String,
    /// Language of the mail.
    pub language: Lang,
}

/// Invites somebody into the caller's tenant, in its transaction: row, audit row and mail, or nothing. An invitation
/// still pending for the address is replaced by this one.
///
/// # Errors
/// 400 with the fields when address or names do not do, 409 `BIZ_MEMBER_ALREADY` when they are a member already,
/// `BIZ_INVITED_ALREADY` when somebody else invites the same address at the same moment.
pub async fn invite<P: Product>(product: &P, tx: &mut Tx, invite: Invite) -> Result<InvitationId> {
    let caller = tx.caller().clone();
    let person = caller.person()?;
    let email = address(&invite.email)?;
    let faults = faulty_names((&invite.first_name, &invite.last_name), false);
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let realm = &product.branding().realm;
    if sql::is_member(tx, &email).await? {
        return Err(Error::conflict("BIZ_MEMBER_ALREADY", "This person is a member already."));
    }
    sql::revoke_pending(tx, &email).await?;
    let secret = tokens::fresh()?;
    let id = InvitationId::fresh(caller.now());
    let new = sql::New {
        id,
        realm: realm.name,
        tenant: person.tenant,
        tenant_name: &person.tenant_name,
        email: &email,
        token_hash: &tokens::hash(&secret),
        invited_by: person.account,
        expires_at: caller.now() + VALID_FOR,
        invite: &invite,
    };
    sql::insert(tx, new).await?;
    let entry = audit::Entry::done("invitation.sent", "Invitation", id.0).with(json!({ "role": invite.role }));
    audit::record(tx, entry).await?;
    let letter = Letter::new("invitation", invite.language)
        .with("inviter", &person.name)
        .with("tenant", &person.tenant_name)
        .with("first_name", &invite.first_name)
        .link(&format!("{}/invitation?token={secret}", product.branding().base));
    mail::send(product, tx, &email, letter).await?;
    Ok(id)
}

/// Sends a pending invitation again, with a new link.
///
/// # Errors
/// 404 when it is not pending.
pub async fn resend<P: Product>(product: &P, tx: &mut Tx, id: InvitationId) -> Result<InvitationId> {
    let again = sql::again(tx, id).await?.ok_or_else(Error::not_found)?;
    let role = product.roles().iter().find(|role| **role == again.role).ok_or_else(Error::not_found)?;
    let language = Lang::parse(&again.language).unwrap_or(Lang::Fr);
    let Pending { email, first_name, last_name, .. } = again;
    invite(product, tx, Invite { email, role, first_name, last_name, language }).await
}

/// Takes a pending invitation back.
///
/// # Errors
/// 404 when it is not pending.
pub async fn revoke(tx: &mut Tx, id: InvitationId) -> Result<()> {
    if !sql::revoke(tx, id).await? {
        return Err(Error::not_found());
    }
    audit::record(tx, audit::Entry::done("invitation.revoked", "Invitation", id.0)).await
}

/// The open invitation behind a link.
///
/// # Errors
/// 404 when it was used, taken back or replaced, or is over: all the same answer.
pub async fn look<P: Product>(product: &P, caller: &Caller, token: &str) -> Result<Open> {
    let realm = product.branding().realm.name;
    let open = sql::open(caller.db(), realm, &tokens::hash(token), caller.now()).await?;
    open.ok_or_else(Error::not_found)
}

/// What somebody accepts an invitation with.
#[derive(Debug)]
pub struct Acceptance {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The account's password, or the new account's.
    pub password: SecretString,
}

/// Accepts: an account is made, or the one of that address is proved by its password; the membership begins. All of it or
/// nothing. [`super::entry::enter_account`] goes on to a session.
///
/// # Errors
/// 404 when the link is not open, 400 with the fields when names or password do not do, 401 when the account's password
/// is wrong, 409 when somebody else used the link at the same moment.
pub async fn accept<P: Product>(product: &P, caller: &Caller, token: &str, given: Acceptance) -> Result<Accepted> {
    let open = look(product, caller, token).await?;
    let realm = &product.branding().realm;
    let passwords = &product.app().passwords;
    let names = faulty_names((&given.first_name, &given.last_name), true);
    let account = match open.account {
        Some(_) if !names.is_empty() => return Err(Error::invalid(names)),
        Some(account) => {
            prove(product, caller, &open, given.password).await?;
            Joining::Known(account)
        }
        None => {
            let context = Context::of(product.branding()).and(&open.email);
            let context = context.and(&given.first_name).and(&given.last_name).and(&open.tenant_name);
            let hash = with_names(names, passwords.choose("password", given.password, context).await)?;
            Joining::New(AccountId::fresh(caller.now()), hash)
        }
    };
    let mut tx = caller.begin_as_account(account.id(), Some(open.tenant)).await?;
    if let Joining::New(id, hash) = &account {
        let (email, language) = (open.email.as_str(), open.language.as_str());
        let new = actions::New { id: *id, email, password_hash: hash, language, verified: true };
        actions::insert_account(&mut tx, realm, new).await?;
    }
    if !sql::accept(&mut tx, open.id).await? {
        return Err(Error::conflict("BIZ_INVITATION_USED", "This invitation was used a moment ago. Sign in."));
    }
    let newcomer = Newcomer {
        account: account.id(),
        tenant: open.tenant,
        tenant_name: open.tenant_name,
        role: open.role,
        first_name: given.first_name.trim().to_owned(),
        last_name: given.last_name.trim().to_owned(),
    };
    members::join(&mut tx, realm, &newcomer).await?;
    product.joined(&mut tx, &newcomer).await?;
    audit::record(&mut tx, audit::Entry::done("invitation.accepted", "Invitation", open.id.0)).await?;
    tx.commit().await?;
    Ok(Accepted { account: account.id(), tenant: open.tenant })
}

/// An accepted invitation: the password of the account was proved.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The account.
    pub account: AccountId,
    /// Where it is a member now.
    pub tenant: TenantId,
}

enum Joining {
    Known(AccountId),
    New(AccountId, String),
}

impl Joining {
    fn id(&self) -> AccountId {
        match self {
            Self::Known(id) | Self::New(id, _) => *id,
        }
    }
}

async fn prove<P: Product>(product: &P, caller: &Caller, open: &Open, password: SecretString) -> Result<()> {
    let app = product.app();
    let found = super::sql::by_email(caller.db(), product.branding().realm.name, &open.email).await?;
    let of = Try { name: &open.email, account: found.as_ref().map(|found| found.account), device: None };
    let attempt = Attempt::begin(app, caller, Guarded::Password, of).await?;
    let stored = found.filter(|found| found.active).and_then(|found| found.password_hash);
    match app.passwords.verify(password, stored).await {
        Ok(true) => return attempt.fitted().await,
        Ok(false) => {}
        Err(error) => {
            attempt.withdrawn().await?;
            return Err(error);
        }
    }
    actions::refused(caller, &open.email, (attempt, None)).await?;
    Err(Error::unauthenticated("AUTH_PASSWORD", "The password of this account does not fit."))
}

/// Names that do not do: longer than a name is, or with a character that cannot be stored.
fn faulty_names((first, last): (&str, &str), required: bool) -> Vec<Detail> {
    let faulty = |name: &str| {
        let length = name.trim().chars().count();
        (required && length == 0) || length > 80 || name.contains('\0')
    };
    let named = [("first_name", first), ("last_name", last)].into_iter().filter(|(_, name)| faulty(name));
    named.map(|(field, _)| Detail::new(field, "INVALID_FORMAT", "A name has 1 to 80 characters.")).collect()
}

/// Every field that does not do: names, and the password of a new account.
fn with_names(mut faults: Vec<Detail>, hash: Result<String>) -> Result<String> {
    match hash {
        Ok(hash) if faults.is_empty() => Ok(hash),
        Ok(_) => Err(Error::invalid(faults)),
        Err(error) if error.details.is_empty() => Err(error),
        Err(error) => {
            faults.extend(error.details);
            Err(Error::invalid(faults))
        }
    }
}
