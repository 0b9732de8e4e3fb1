//! Ed25519 signatures of what somebody offline vouches for: made with a key that no server has, checked against the public
//! keys of the settings (`files.trusted_keys`).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// Which of these public keys made the signature; `None` when none of them did. Everything in hexadecimal digits.
#[must_use]
pub fn trusted<'a>(keys: &'a [String], message: &[u8], signature: &str) -> Option<&'a str> {
    let signature = unhex(signature).filter(|bytes| bytes.len() == 64)?;
    let made = |key: &&String| {
        unhex(key).is_some_and(|key| UnparsedPublicKey::new(&ED25519, key).verify(message, &signature).is_ok())
    };
    keys.iter().find(made).map(String::as_str)
}

/// Signs with the offline key: its seed is 32 bytes, as 64 hexadecimal digits. Signature and public key, in hexadecimal
/// digits.
///
/// # Errors
/// When the seed is not one.
pub fn sign(seed: &str, message: &[u8]) -> Result<(String, String), String> {
    let seed = unhex(seed.trim()).filter(|seed| seed.len() == 32).ok_or("a signing key is 64 hexadecimal digits")?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| format!("signing key: {error}"))?;
    Ok((hex(pair.sign(message).as_ref()), hex(pair.public_key().as_ref())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let all_digits = digits.iter().all(u8::is_ascii_hexdigit) && digits.len().is_multiple_of(2);
    if all_digits { digits.chunks(2).map(pair).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 2.
    const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    #[test]
    fn signatures_are_those_of_the_standard() {
        assert_eq!(sign(SEED, &[0x72]).unwrap(), (SIGNATURE.to_owned(), PUBLIC.to_owned()));
        assert!(sign("4ccd", &[]).is_err());
    }

    #[test]
    fn only_a_trusted_key_of_exactly_this_message_is_believed() {
        let (other, keys) = ("00".repeat(32), ["11".repeat(32), PUBLIC.to_owned()]);
        assert_eq!(trusted(&keys, &[0x72], SIGNATURE), Some(PUBLIC));
        assert_eq!(trusted(&keys, &[0x73], SIGNATURE), None, "another message");
        assert_eq!(trusted(&[other], &[0x72], SIGNATURE), None, "another key");
        assert_eq!(trusted(&[], &[0x72], SIGNATURE), None, "nobody is trusted");
        for odd in ["", "zz", &SIGNATURE[..126], "é"] {
            assert_eq!(trusted(&keys, &[0x72], odd), None, "{odd}");
        }
    }
}
