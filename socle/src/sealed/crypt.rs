//! AES-256-GCM: a nonce of 12 random bytes, the ciphertext, a tag of 16.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of a nonce.
pub(super) const NONCE: usize = 12;
/// Bytes of a tag.
pub(super) const TAG: usize = 16;

/// A key of 256 bits; wiped when it is dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// A new key.
pub(super) fn fresh() -> Result<Key> {
    let mut key = Zeroizing::new([0_u8; 32]);
    rand::fill(key.as_mut()).map_err(|_| Error::internal("no randomness"))?;
    Ok(key)
}

/// Nonce, ciphertext and tag. The nonce is drawn by the library, so it cannot be reused by mistake.
pub(super) fn seal(key: &Key, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    let refused = |_| Error::internal("sealing failed");
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).map_err(refused)?;
    let mut buffer = plain.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(aad), &mut buffer).map_err(refused)?;
    let mut sealed = Vec::with_capacity(NONCE + buffer.len());
    sealed.extend_from_slice(nonce.as_ref());
    sealed.append(&mut buffer);
    Ok(sealed)
}

/// What [`seal`] was given; `None` when key or associated data are others, or a bit was changed.
pub(super) fn open(key: &Key, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).ok()?;
    let mut buffer = Zeroizing::new(rest.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// A key, from as many bytes.
pub(super) fn key_of(bytes: &[u8]) -> Option<Key> {
    bytes.try_into().ok().map(Zeroizing::new)
}

/// HMAC-SHA-256.
pub(super) fn mac(key: &Key, message: &[u8]) -> [u8; 32] {
    let mut mac = [0_u8; 32];
    mac.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), message).as_ref());
    mac
}

/// The key check value: tells the right key from another, and tells nothing of the key.
pub(super) fn check_value(key: &Key) -> Vec<u8> {
    mac(key, b"key check value").get(..8).unwrap_or_default().to_vec()
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits; `None` for anything else.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.is_ascii() && text.len().is_multiple_of(2) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let pairs = digits.then(|| text.as_bytes().chunks_exact(2))?;
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with another implementation (Python's cryptography 48, OpenSSL): key 00…1f, nonce 10…1b, "moved" as
    /// associated data.
    #[test]
    fn it_opens_what_another_implementation_sealed() {
        let key = key_of(&(0..32).collect::<Vec<u8>>()).unwrap();
        let sealed =
            unhex("101112131415161718191a1b379bf97827ac1a7043196779661c8d702a98f27059698b69a89ea0f87bd7").unwrap();
        assert_eq!(open(&key, b"moved", &sealed).unwrap().as_slice(), "Jeanne Élodie".as_bytes());
        assert!(open(&key, b"movee", &sealed).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key, b"moved", &altered).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&key, b"moved", &sealed[..length]).is_none(), "cut to {length}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_read_back_and_nothing_else_is() {
        assert_eq!(unhex(&hex(&[0, 9, 10, 255])), Some(vec![0, 9, 10, 255]));
        assert_eq!(unhex("00FF"), Some(vec![0, 255]));
        for wrong in ["0", "0g", "+1", "é0", " 00"] {
            assert_eq!(unhex(wrong), None, "{wrong:?}");
        }
    }
}
