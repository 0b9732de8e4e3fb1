//! Secrets that a machine or a browser carries: random, shown once, stored only as a hash.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Error, Result};

/// A new secret of 256 random bits, base64url without padding (43 characters).
///
/// # Errors
/// When the operating system gives no randomness.
pub fn fresh() -> Result<String> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| Error::internal("no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A code of so many random decimal digits, for typing.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn digits(count: usize) -> Result<String> {
    let mut code = String::with_capacity(count);
    while code.len() < count {
        let mut byte = [0_u8; 1];
        rand::fill(&mut byte).map_err(|_| Error::internal("no randomness"))?;
        // 250 is the largest multiple of ten in a byte: beyond it some digits would come more often.
        let [drawn] = byte;
        if drawn < 250 {
            code.push(char::from(b'0' + drawn % 10));
        }
    }
    Ok(code)
}

/// The SHA-256 of a secret: what the database keeps. Secrets of 256 random bits need no slow hash.
#[must_use]
pub fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}
