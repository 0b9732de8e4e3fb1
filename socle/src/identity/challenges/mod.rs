//! Challenges: secrets of one purpose each that prove something once. The second step of a sign-in, a forgotten password,
//! a new address: what is open for one purpose is not found for another.

mod sql;

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use serde_json::Value;

use super::Realm;
use crate::db::{Caller, Tx};
use crate::ids::AccountId;
use crate::{App, Result, tokens, typed_id};

typed_id!(ChallengeId, "a challenge");

/// Wrong codes after which a challenge is over.
pub const ATTEMPTS: i32 = 5;

/// What a challenge proves once it is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The second step of a sign-in: a factor, or which session to end.
    SignIn,
    /// The address of an account, by a typed code.
    VerifyEmail,
    /// The same by the mail's link, which lasts longer: who guesses codes must not use the link up.
    VerifyEmailLink,
    /// The phone of an account.
    VerifyPhone,
    /// A forgotten password.
    ResetPassword,
    /// A new address, by a typed code.
    ChangeEmail,
    /// The same by the mail's link.
    ChangeEmailLink,
    /// The registration of a passkey.
    NewPasskey,
    /// A passkey's signature, before it is known whose.
    Passkey,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::VerifyEmail => "verify_email",
            Self::VerifyEmailLink => "verify_email_link",
            Self::VerifyPhone => "verify_phone",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::ChangeEmailLink => "change_email_link",
            Self::NewPasskey => "new_passkey",
            Self::Passkey => "passkey",
        }
    }
}

/// A challenge about to be issued.
#[derive(Clone, Debug)]
pub struct New {
    /// What for.
    pub purpose: Purpose,
    /// How long.
    pub lifetime: TimeDelta,
    /// Ids and choices only.
    pub payload: Value,
    /// What must not stand in the clear, sealed already.
    pub sealed: Option<Vec<u8>>,
}

/// What is given to the person: each is shown once.
pub struct Issued {
    /// The challenge.
    pub id: ChallengeId,
    /// For a link or a cookie: 256 random bits.
    pub secret: String,
    /// For typing: six digits.
    pub code: String,
}

/// An open challenge.
#[derive(Clone, Debug)]
pub struct Open {
    /// The challenge.
    pub id: ChallengeId,
    /// Whose.
    pub account: AccountId,
    /// As given when it was issued.
    pub payload: Value,
    /// As given when it was issued.
    pub sealed: Option<Vec<u8>>,
    /// Wrong codes so far.
    pub attempts: i32,
}

/// Issues a challenge to the transaction's account; earlier ones of the purpose are over.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn issue(app: &App, tx: &mut Tx, realm: &Realm, account: AccountId, new: New) -> Result<Issued> {
    sql::close(tx, account, new.purpose.name()).await?;
    let id = ChallengeId::fresh(tx.caller().now());
    let issued = Issued { id, secret: tokens::fresh()?, code: tokens::digits(6)? };
    let row = sql::Row {
        id,
        realm: realm.name,
        account,
        secret_hash: &tokens::hash(&issued.secret),
        code_hash: &code_hash(app, id, &issued.code),
        new: &new,
    };
    sql::insert(tx, row).await?;
    Ok(issued)
}

/// Ends the open challenges of a purpose: what they would have proved is settled otherwise.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn close(tx: &mut Tx, account: AccountId, purpose: Purpose) -> Result<()> {
    sql::close(tx, account, purpose.name()).await
}

/// The account behind a secret of a purpose, and the challenge; nothing is used up. `None`: unknown, used, over, or of
/// another purpose.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn whose(
    caller: &Caller,
    realm: &Realm,
    purpose: Purpose,
    secret: &str,
) -> Result<Option<(ChallengeId, AccountId)>> {
    sql::whose(caller.db(), (realm.name, purpose.name()), &tokens::hash(secret), caller.now()).await
}

/// The newest open challenge of the transaction's account for a purpose, locked: of two attempts at once the second
/// waits.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn newest(tx: &mut Tx, account: AccountId, purpose: Purpose) -> Result<Option<Open>> {
    sql::newest(tx, account, purpose.name()).await
}

/// An open challenge of the transaction's account, locked. `None` when it was used meanwhile.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn open(tx: &mut Tx, id: ChallengeId) -> Result<Option<Open>> {
    sql::open(tx, id).await
}

/// Whether a typed code fits. A wrong one is counted in this transaction, which the caller must commit although it then
/// refuses; after [`ATTEMPTS`] the challenge is over.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn code_fits(app: &App, tx: &mut Tx, open: &Open, code: &str) -> Result<bool> {
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let fits = sql::code_is(tx, open.id, &code_hash(app, open.id, &digits)).await?;
    if !fits {
        count_wrong(tx, open.id).await?;
    }
    Ok(fits)
}

/// Counts a wrong answer; see [`code_fits`].
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn count_wrong(tx: &mut Tx, id: ChallengeId) -> Result<()> {
    sql::count_wrong(tx, id, ATTEMPTS).await
}

/// Uses a challenge up; false when another was faster.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn use_up(tx: &mut Tx, id: ChallengeId) -> Result<bool> {
    sql::use_up(tx, id).await
}

/// Six digits are soon guessed from a plain hash: theirs needs a key that is not in the database.
fn code_hash(app: &App, id: ChallengeId, code: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.code_key.as_ref());
    hmac::sign(&key, format!("{id}\u{1f}{code}").as_bytes()).as_ref().to_vec()
}
