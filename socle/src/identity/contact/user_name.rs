//! A user name to sign in with besides the address, where the realm has them (specs/trackingbms.md). It is unique in the
//! realm. Whether a wanted one was free is not said at once: the outcome goes to the account's own address, and an account
//! may ask three times an hour, after it has proved lately who it is; so nobody can go through a list of names.

use super::{bounded, proved, sql};
use crate::db::{Caller, Tx};
use crate::error::Detail;
use crate::ids::AccountId;
use crate::mail::{self, Letter};
use crate::web::Product;
use crate::{Error, Result, audit};

const SET: &str = "user-name-set";
const TAKEN: &str = "user-name-taken";

/// A user name as it is stored: 3 to 50 letters, digits, points, hyphens and underscores, lower case, with a letter first.
/// It can be no address: what has an `@` is one.
///
/// # Errors
/// 400 when it is none.
pub(in crate::identity) fn checked(text: &str) -> Result<String> {
    let name = text.trim().to_lowercase();
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
    if letters && (3..=50).contains(&name.len()) && name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Ok(name);
    }
    let message = "A user name has 3 to 50 letters, digits, points, hyphens or underscores, and begins with a letter.";
    Err(Error::invalid(vec![Detail::new("userName", "INVALID_FORMAT", message)]))
}

/// Takes a name for the transaction's account; false when another has it.
pub(in crate::identity) async fn take(tx: &mut Tx, account: AccountId, name: &str) -> Result<bool> {
    sql::take_username(tx, account, name).await
}

/// Asks for a user name for the caller.
///
/// # Errors
/// 404 where there are none, 403 `AUTH_STEP_UP`, 400 when it is none, 429 after three within an hour.
pub async fn ask<P: Product>(product: &P, caller: &Caller, wanted: &str) -> Result<()> {
    let branding = product.branding();
    if !branding.realm.rules.user_names {
        return Err(Error::not_found());
    }
    let wanted = checked(wanted)?;
    let (mut tx, account, about) = proved(caller).await?;
    bounded(&mut tx, account, &[SET, TAKEN]).await?;
    let taken = take(&mut tx, account, &wanted).await?;
    let letter = Letter::new(if taken { SET } else { TAKEN }, about.language).with("name", &wanted);
    let letter = letter.link(&format!("{}/account/contact", branding.base));
    mail::send_to_account(product.app(), &mut tx, account, (&about.email, letter)).await?;
    let entry = match taken {
        true => audit::Entry::done("user_name.changed", "Account", account.0),
        false => audit::Entry::refused("user_name.changed", "Account", Some(account.0)),
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_address() {
        assert_eq!(checked(" Marie.Durand-2 ").unwrap(), "marie.durand-2");
        let long = "a".repeat(51);
        for none in ["", "ab", "marie@clinique.fr", "marie durand", "2marie", ".marie", "mârie", "marie\0", &long] {
            assert!(checked(none).is_err(), "{none:?}");
        }
    }
}
