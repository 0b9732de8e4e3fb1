//! Recovery codes: ten, each taken once, shown once. Of twelve characters out of 32 that are not mistaken for each other:
//! 60 random bits, kept as an HMAC whose key is not in the database.

use aws_lc_rs::{hmac, rand};
use serde_json::json;

use super::{RECOVERY_CODES, Verdict, sql};
use crate::db::Tx;
use crate::ids::AccountId;
use crate::security::{Event, Severity};
use crate::{App, Error, Result, ids, security};

/// Neither I, L, O nor U: what is read aloud or copied by hand is read right (Crockford's base32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 12;

/// A new set for the transaction's account; the former one is over.
pub(super) async fn issue(app: &App, tx: &mut Tx, account: AccountId) -> Result<Vec<String>> {
    let now = tx.caller().now();
    sql::delete_recovery_codes(tx, account).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = fresh()?;
        sql::insert_recovery_code(tx, (ids::fresh(now), &hash(app, account, &code)), account).await?;
        codes.push(grouped(&code));
    }
    Ok(codes)
}

/// Judges a recovery code; see [`super::judge`].
pub(super) async fn judge(app: &App, tx: &mut Tx, account: AccountId, typed: &str) -> Result<Verdict> {
    if !sql::take_recovery_code(tx, account, &hash(app, account, &meant(typed))).await? {
        return Ok(Verdict::Wrong);
    }
    let left = sql::held(tx, account).await?.recovery_codes;
    let event = Event::new("RECOVERY_CODE_USED", Severity::Medium, Some(account));
    security::record(tx, event.with(json!({ "left": left }))).await?;
    Ok(Verdict::Fits)
}

fn fresh() -> Result<String> {
    let mut bytes = [0_u8; LENGTH];
    rand::fill(&mut bytes).map_err(|_| Error::internal("no randomness"))?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte & 31)).map_or('0', |letter| char::from(*letter));
    Ok(bytes.iter().map(letter).collect())
}

/// `ABCD-EFGH-JKMN`.
fn grouped(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What was meant: without spaces and hyphens, in capitals, and the letters that are not in the alphabet as the figures
/// they look like.
fn meant(typed: &str) -> String {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric).map(|c| match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        c => c,
    });
    letters.take(2 * LENGTH).collect()
}

fn hash(app: &App, account: AccountId, code: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.code_key.as_ref());
    hmac::sign(&key, format!("recovery\u{1f}{account}\u{1f}{code}").as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_differ_and_are_read_back_as_they_are_typed() {
        let codes: BTreeSet<String> = (0..200).map(|_| fresh().unwrap()).collect();
        assert_eq!(codes.len(), 200);
        for code in codes {
            assert!(code.len() == LENGTH && code.bytes().all(|letter| ALPHABET.contains(&letter)), "{code}");
            let shown = grouped(&code);
            assert_eq!(shown.len(), 14, "{shown}");
            for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), code.clone()] {
                assert_eq!(meant(&typed), code, "{typed}");
            }
        }
        assert_eq!(meant("io-l"), "101");
    }
}
