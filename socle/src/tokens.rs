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

/// The SHA-256 of a secret: what the database keeps. Secrets of 256 random bits need no slow hash.
#[must_use]
pub fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}
