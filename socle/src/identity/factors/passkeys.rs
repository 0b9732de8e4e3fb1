//! Passkeys (WebAuthn level 2): registered by their owner, a second factor after the password, and a sign-in of their own.
//!
//! The relying party is the host name of the platform's public address, for good: a passkey is bound to it. Host names of
//! `http.hosts` below it may use the same passkeys. What a signature must answer stays on the server, and is answered once.

use chrono::TimeDelta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyAuthentication, PasskeyRegistration, Webauthn,
    WebauthnBuilder, WebauthnError,
};
pub use webauthn_rs::prelude::{PublicKeyCredential as Signature, RegisterPublicKeyCredential as NewCredential};

use super::{Added, Verdict, changes, sql};
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::identity::actions::Known;
use crate::identity::challenges::{self, Purpose};
use crate::identity::entry::{self, Step, Wish};
use crate::identity::{self, Realm};
use crate::ids::AccountId;
use crate::security::{Event, Severity};
use crate::web::Product;
use crate::{App, Error, Result, audit, ids, security, tokens};

/// How long a person has to touch their key.
const WITHIN: TimeDelta = TimeDelta::minutes(5);
/// Passkeys of an account.
const MOST: usize = 20;
/// The longest name of one.
const LONGEST_NAME: usize = 80;

/// This platform, as authenticators know it.
///
/// # Errors
/// 422 `BIZ_NO_PASSKEYS` when the public address has no host name: an IP address can be no relying party.
fn relying_party(app: &App, name: &str) -> Result<Webauthn> {
    let none = || {
        let message = "Passkeys need a public address with a host name. Use an authenticator app.";
        Error::unprocessable("BIZ_NO_PASSKEYS", message)
    };
    let origin = Url::parse(&app.mail.base()).map_err(|_| none())?;
    let id = origin.domain().ok_or_else(none)?;
    let mut builder = WebauthnBuilder::new(id, &origin).map_err(|_| none())?.rp_name(name);
    for host in app.config.http.hosts.keys().filter(|host| host.ends_with(&format!(".{id}"))) {
        let mut other = origin.clone();
        if other.set_host(Some(host)).is_ok() {
            builder = builder.append_allowed_origin(&other);
        }
    }
    builder.build().map_err(|e| Error::internal(format!("relying party: {e:?}")))
}

/// Whether passkeys can be used at all.
#[must_use]
pub fn available(app: &App) -> bool {
    relying_party(app, "").is_ok()
}

fn written(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::internal(format!("passkey: {e}")))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::internal(format!("passkey: {e}")))
}

/// What a challenge keeps: the ceremony, and the sign-in or session it is for.
fn kept(of: Uuid, state: &impl Serialize) -> Result<Value> {
    Ok(json!({ "of": of, "state": written(state)? }))
}

/// The ceremony a challenge keeps, when it is for this sign-in or session.
fn of_this<T: DeserializeOwned>(mut payload: Value, of: Uuid) -> Result<Option<T>> {
    if payload.get("of") != Some(&json!(of)) {
        return Ok(None);
    }
    read(payload.get_mut("state").map(Value::take).unwrap_or_default()).map(Some)
}

/// Begins to register a passkey: the options of `navigator.credentials.create`.
///
/// # Errors
/// 403 `AUTH_STEP_UP` when password or second factor was not proved lately, 409 `BIZ_PASSKEYS_FULL` when there are as many
/// as an account may have, 422 `BIZ_NO_PASSKEYS`.
pub async fn begin<P: Product>(product: &P, caller: &Caller) -> Result<Value> {
    let person = caller.person()?;
    super::proved(person, caller.now())?;
    let (app, branding) = (product.app(), product.branding());
    let party = relying_party(app, branding.name)?;
    let mut tx = caller.begin().await?;
    let known = own(&mut tx, person.account).await?;
    if known.len() >= MOST {
        return Err(Error::conflict("BIZ_PASSKEYS_FULL", "An account has 20 passkeys at most; remove one first."));
    }
    let known = known.iter().map(|passkey| passkey.cred_id().clone()).collect();
    let begun = party.start_passkey_registration(person.account.0, &person.email, &person.name, Some(known));
    let (options, state) = begun.map_err(|e| Error::internal(format!("passkey: {e:?}")))?;
    let payload = kept(person.session.0, &state)?;
    let new = challenges::New { purpose: Purpose::NewPasskey, lifetime: WITHIN, payload, sealed: None };
    challenges::issue(app, &mut tx, &branding.realm, person.account, new).await?;
    tx.commit().await?;
    let mut options = written(&options)?;
    // The library asks for none; one that is kept on the key can sign in without address and password.
    if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut) {
        selection.insert("residentKey".to_owned(), json!("preferred"));
    }
    Ok(options)
}

/// The account's passkeys, as the library knows them.
async fn own(tx: &mut Tx, account: AccountId) -> Result<Vec<Passkey>> {
    sql::passkeys(tx, account).await?.into_iter().map(|stored| read(stored.credential)).collect()
}

/// Registers a passkey under a name.
///
/// # Errors
/// 400 with the field when the name is empty or too long, or the credential is not what was asked for; 409
/// `BIZ_PASSKEY_EXISTS` when somebody has it already, `BIZ_NO_SETUP` when nothing was asked for; 403 `AUTH_STEP_UP`.
pub async fn register<P: Product>(product: &P, caller: &Caller, (name, new): (&str, &NewCredential)) -> Result<Added> {
    let person = caller.person()?;
    super::proved(person, caller.now())?;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains('\0') {
        return Err(invalid("name", "A name has 1 to 80 characters."));
    }
    let mut tx = caller.begin().await?;
    identity::sql::lock_account(&mut tx, person.account).await?;
    let none = || Error::conflict("BIZ_NO_SETUP", "Begin to register the passkey again.");
    let open = challenges::newest(&mut tx, person.account, Purpose::NewPasskey).await?.ok_or_else(none)?;
    challenges::use_up(&mut tx, open.id).await?;
    let state: PasskeyRegistration = of_this(open.payload, person.session.0)?.ok_or_else(none)?;
    let party = relying_party(product.app(), product.branding().name)?;
    let passkey = party.finish_passkey_registration(new, &state).map_err(|error| {
        tracing::info!(?error, "a passkey was not registered");
        invalid("credential", "The passkey did not answer as asked. Try again.")
    })?;
    let row = sql::NewPasskey {
        id: ids::fresh(caller.now()),
        realm: product.branding().realm.name,
        account: person.account,
        credential_id: passkey.cred_id(),
        credential: &written(&passkey)?,
        name,
    };
    sql::insert_passkey(&mut tx, row).await?;
    changes::added(product, tx, changes::Kind::Passkey).await
}

fn invalid(field: &'static str, message: &'static str) -> Error {
    Error::invalid(vec![Detail::new(field, "INVALID_FORMAT", message)])
}

/// Asks for a signature of one of the account's passkeys, for a sign-in or a session: the options of
/// `navigator.credentials.get`.
///
/// # Errors
/// 409 `BIZ_NO_PASSKEY` when the account has none, 422 `BIZ_NO_PASSKEYS`.
pub(super) async fn ask(app: &App, tx: &mut Tx, realm: &Realm, (account, of): (AccountId, Uuid)) -> Result<Value> {
    let party = relying_party(app, realm.name)?;
    let passkeys = own(tx, account).await?;
    if passkeys.is_empty() {
        return Err(Error::conflict("BIZ_NO_PASSKEY", "This account has no passkey. Use a code."));
    }
    let asked = party.start_passkey_authentication(&passkeys);
    let (options, state) = asked.map_err(|e| Error::internal(format!("passkey: {e:?}")))?;
    let payload = kept(of, &state)?;
    let new = challenges::New { purpose: Purpose::Passkey, lifetime: WITHIN, payload, sealed: None };
    challenges::issue(app, tx, realm, account, new).await?;
    written(&options)
}

/// Judges a signature; see [`super::judge`]. Right or wrong, what it answers is used up.
pub(super) async fn judge(
    app: &App,
    tx: &mut Tx,
    realm: &Realm,
    (account, signature, of): (AccountId, &Signature, Uuid),
) -> Result<Verdict> {
    let Some(open) = challenges::newest(tx, account, Purpose::Passkey).await? else { return Ok(Verdict::Wrong) };
    challenges::use_up(tx, open.id).await?;
    let Some(state) = of_this::<PasskeyAuthentication>(open.payload, of)? else { return Ok(Verdict::Wrong) };
    let Some(stored) = sql::passkey(tx, account, &signature.raw_id).await? else { return Ok(Verdict::Wrong) };
    let result = relying_party(app, realm.name)?.finish_passkey_authentication(signature, &state);
    settle(tx, account, stored, result).await
}

/// Takes note of a signature that was verified. A count that does not grow says that there is a copy of the key.
async fn settle(
    tx: &mut Tx,
    account: AccountId,
    stored: sql::StoredPasskey,
    result: Result<AuthenticationResult, WebauthnError>,
) -> Result<Verdict> {
    let result = match result {
        Ok(result) if result.user_verified() => result,
        Err(WebauthnError::CredentialPossibleCompromise) => return copied(tx, account, stored.id).await,
        other => {
            tracing::info!(error = ?other.err(), "a passkey's signature was refused");
            return Ok(Verdict::Wrong);
        }
    };
    let count = i64::from(result.counter());
    if count <= stored.sign_count && (count > 0 || stored.sign_count > 0) {
        return copied(tx, account, stored.id).await;
    }
    let mut passkey: Passkey = read(stored.credential)?;
    passkey.update_credential(&result);
    sql::passkey_used(tx, stored.id, (&written(&passkey)?, count)).await?;
    Ok(Verdict::Fits)
}

async fn copied(tx: &mut Tx, account: AccountId, id: Uuid) -> Result<Verdict> {
    let event = Event::new("PASSKEY_COPIED", Severity::High, Some(account));
    security::record(tx, event.with(json!({ "passkey": id }))).await?;
    Ok(Verdict::Wrong)
}

/// Asks for a signature of whoever it may be: a secret to send back with it, and the options of
/// `navigator.credentials.get`.
///
/// # Errors
/// 422 `BIZ_NO_PASSKEYS`.
pub async fn ask_anybody(app: &App, caller: &Caller, realm: &Realm) -> Result<(String, Value)> {
    let party = relying_party(app, realm.name)?;
    let asked = party.start_discoverable_authentication();
    let (options, state) = asked.map_err(|e| Error::internal(format!("passkey: {e:?}")))?;
    let (secret, now) = (tokens::fresh()?, caller.now());
    let new = sql::Ceremony {
        id: ids::fresh(now),
        realm: realm.name,
        secret_hash: &tokens::hash(&secret),
        state: &written(&state)?,
        until: now + WITHIN,
    };
    sql::keep_ceremony(caller.db(), new).await?;
    let mut options = written(&options)?;
    // The person asks for it by a button: the browser shows its own dialog, not a line below a field.
    if let Some(options) = options.as_object_mut() {
        options.remove("mediation");
    }
    Ok((secret, options))
}

/// Signs in by a passkey alone: it verified its owner, so it is password and second factor in one.
///
/// # Errors
/// 401 `AUTH_PASSKEY` when it is unknown here, or the signature does not answer what was asked: not told apart. 422 when
/// the wanted tenant is none of theirs.
pub async fn sign_in(
    app: &App,
    caller: &Caller,
    realm: &Realm,
    ((secret, signature), wish): ((&str, &Signature), Wish),
) -> Result<Step> {
    let state = sql::take_ceremony(caller.db(), realm.name, &tokens::hash(secret), caller.now()).await?;
    let Some(state) = state else { return Err(unknown()) };
    let state: DiscoverableAuthentication = read(state)?;
    let party = relying_party(app, realm.name)?;
    let Ok((user, credential)) = party.identify_discoverable_authentication(signature) else { return Err(unknown()) };
    let account = sql::account_of_passkey(caller.db(), realm.name, credential).await?;
    let Some(account) = account.filter(|account| account.0 == user) else { return Err(unknown()) };
    let mut tx = caller.begin_as_account(account, None).await?;
    let Some(stored) = sql::passkey(&mut tx, account, credential).await? else { return Err(unknown()) };
    let passkey: Passkey = read(stored.credential.clone())?;
    let result = party.finish_discoverable_authentication_v2(signature, state, &passkey);
    if settle(&mut tx, account, stored, result).await? != Verdict::Fits {
        let event = Event::new("SECOND_FACTOR_FAILED", Severity::Low, Some(account));
        security::record(&mut tx, event.with(json!({ "factor": "passkey" }))).await?;
        audit::record(&mut tx, audit::Entry::refused("session.refused", "Account", Some(account.0))).await?;
        tx.commit().await?;
        return Err(unknown());
    }
    let (language, has_second_factor) = identity::sql::about_entering(&mut tx, account).await.map_err(|_| unknown())?;
    let memberships = identity::sql::memberships(&mut tx, account).await?;
    tx.commit().await?;
    if memberships.is_empty() {
        return Err(unknown());
    }
    entry::enter_proved(app, caller, realm, (Known { account, language, has_second_factor, memberships }, wish)).await
}

fn unknown() -> Error {
    Error::unauthenticated("AUTH_PASSKEY", "This passkey is not known here. Sign in with address and password.")
}
