//! A phone: verified by a code that is sent to it, sealed under the person's key, unique in the realm by a blind index. No
//! text message goes to a number before it is verified, but this code.
//!
//! A number that was only typed (at registration) is indexed so that it collides with nothing: who has not proved a number
//! keeps nobody from theirs.

use serde_json::Value;

use super::{bounded, proved, sql};
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::identity::challenges::{self, New, Purpose};
use crate::identity::verification::{CODE_LIVES, unfit};
use crate::identity::{Realm, accounts};
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::sealed::Field;
use crate::security::{Event, Severity};
use crate::{App, Error, Result, audit, security};

const CODE: &str = "phone-code";

/// A number as the table keeps it.
#[derive(Debug)]
pub(in crate::identity) struct Stored {
    pub sealed: Vec<u8>,
    pub index: Vec<u8>,
}

/// A number as it is stored: `+`, a digit from 1 to 9, 6 to 14 further ones (E.164). Blanks, points, hyphens and brackets
/// that people group digits with are left out.
///
/// # Errors
/// 400 when it is none.
pub(in crate::identity) fn number(text: &str) -> Result<String> {
    let kept: String =
        text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '.' | '-' | '(' | ')')).collect();
    let digits = kept.strip_prefix('+').filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    if digits.is_some_and(|digits| (7..=15).contains(&digits.len()) && !digits.starts_with('0')) {
        return Ok(kept);
    }
    let message = "Write the number with its country, such as +33 6 12 34 56 78.";
    Err(Error::invalid(vec![Detail::new("phone", "INVALID_FORMAT", message)]))
}

fn field(account: AccountId) -> Field<'static> {
    Field { table: "socle.accounts", column: "phone", row: account.0 }
}

/// The realm's blind index of a text.
fn index(app: &App, realm: &str, text: &str) -> Vec<u8> {
    app.vault.realm_index(realm, "phone", text)
}

/// A number that was typed and is not proved.
pub(in crate::identity) async fn unverified(
    app: &App,
    tx: &mut Tx,
    account: AccountId,
    number: &str,
) -> Result<Stored> {
    let sealed = app.vault.person_keys(tx, account).await?.seal(field(account), number)?;
    let index = index(app, tx.caller().realm(), &format!("{account}\u{1f}{number}"));
    Ok(Stored { sealed, index })
}

/// The number behind what the table keeps.
pub(super) async fn opened(app: &App, tx: &mut Tx, account: AccountId, sealed: &[u8]) -> Result<String> {
    app.vault.person_keys(tx, account).await?.open(field(account), sealed)
}

/// Sends a code to a number that is to become the caller's. Which number that is waits sealed.
///
/// # Errors
/// 403 `AUTH_STEP_UP`, 400 when it is no number, 422 `BIZ_NO_SMS` where no text message can be sent, 429 after three within
/// an hour.
pub async fn ask(app: &App, caller: &Caller, realm: &Realm, wanted: &str) -> Result<()> {
    let wanted = number(wanted)?;
    let (mut tx, account, about) = proved(caller).await?;
    bounded(&mut tx, account, &[CODE]).await?;
    let keys = app.vault.person_keys(&mut tx, account).await?;
    let sealed = Some(keys.seal(field(account), &wanted)?);
    let new = New { purpose: Purpose::VerifyPhone, lifetime: CODE_LIVES, payload: Value::Null, sealed };
    let code = challenges::issue(app, &mut tx, realm, account, new).await?.code;
    let letter = Letter::new(CODE, about.language).with("code", &code);
    mail::text_to_account(app, &mut tx, account, (&wanted, letter)).await?;
    audit::record(&mut tx, audit::Entry::done("phone.change_asked", "Account", account.0)).await?;
    tx.commit().await
}

/// Confirms the number by its code.
///
/// # Errors
/// 422 `AUTH_CODE` when the code does not fit or is over, 409 when another account has verified this number.
pub async fn confirm(app: &App, caller: &Caller, code: &str) -> Result<()> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    let open = challenges::newest(&mut tx, account, Purpose::VerifyPhone).await?.ok_or_else(unfit)?;
    if !challenges::code_fits(app, &mut tx, &open, code).await? {
        audit::record(&mut tx, audit::Entry::refused("phone.change", "Account", Some(account.0))).await?;
        tx.commit().await?;
        return Err(unfit());
    }
    if !challenges::use_up(&mut tx, open.id).await? {
        return Err(unfit());
    }
    let sealed = open.sealed.ok_or_else(|| Error::internal("a phone's code without a number"))?;
    let number = opened(app, &mut tx, account, &sealed).await?;
    let index = index(app, caller.realm(), &number);
    // Who got the code has the phone: that it belongs to another account is told to its holder alone.
    if !sql::take_phone(&mut tx, account, &Stored { sealed, index }).await? {
        return Err(Error::conflict("BIZ_PHONE_TAKEN", "Another account of yours has this number. Remove it there."));
    }
    audit::record(&mut tx, audit::Entry::done("phone.verified", "Account", account.0)).await?;
    security::record(&mut tx, Event::new("PHONE_CHANGED", Severity::Medium, Some(account))).await?;
    tx.commit().await
}

/// Removes the caller's number, and a code that is under way.
///
/// # Errors
/// 403 `AUTH_STEP_UP`, 404 when there is none.
pub async fn remove(caller: &Caller) -> Result<()> {
    let (mut tx, account, about) = proved(caller).await?;
    if about.phone.is_none() {
        return Err(Error::not_found());
    }
    challenges::close(&mut tx, account, Purpose::VerifyPhone).await?;
    sql::remove_phone(&mut tx, account).await?;
    audit::record(&mut tx, audit::Entry::done("phone.removed", "Account", account.0)).await?;
    security::record(&mut tx, Event::new("PHONE_CHANGED", Severity::Medium, Some(account))).await?;
    tx.commit().await
}

/// Tells an account something by text message, when it has a verified number and messages can be sent.
pub(super) async fn notify(app: &App, tx: &mut Tx, account: AccountId, letter: Letter) -> Result<()> {
    let about = accounts::about(tx, account).await?;
    let verified = about.filter(|about| about.phone_verified && app.mail.can_text()).and_then(|about| about.phone);
    if let Some(sealed) = verified {
        let number = opened(app, tx, account, &sealed).await?;
        mail::text_to_account(app, tx, account, (&number, letter)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_country_and_seven_to_fifteen_digits() {
        assert_eq!(number("+33 6 12.34-56 78").unwrap(), "+33612345678");
        assert_eq!(number("+1 (415) 555-2671").unwrap(), "+14155552671");
        let long = format!("+{}", "1".repeat(16));
        for none in
            ["", "0612345678", "+0612345678", "+336", "+33 6 12 34 56 7a", "++33612345678", "33612345678", &long]
        {
            assert!(number(none).is_err(), "{none}");
        }
    }
}
