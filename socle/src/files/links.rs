//! Links to files: good for one path, one asker and a few minutes, and nobody can make one without our secret.

use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{Error, Result};

/// The code of a link that is over, or was never ours.
pub const LINK: &str = "AUTHZ_LINK";

/// Makes and checks links. Cheap to clone.
#[derive(Clone)]
pub struct Links(Arc<hmac::Key>);

/// What a link carries in its query.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Signed {
    /// Until when, in seconds since 1970.
    #[serde(default)]
    pub expires: String,
    /// base64url.
    #[serde(default)]
    pub signature: String,
}

impl Links {
    /// Over a secret that all servers share.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The path with a signature in its query, good for `audience` until then.
    #[must_use]
    pub fn sign(&self, path: &str, audience: &str, until: DateTime<Utc>) -> String {
        let expires = until.timestamp();
        let signature = URL_SAFE_NO_PAD.encode(self.tag(path, audience, expires));
        format!("{path}?expires={expires}&signature={signature}")
    }

    /// Refuses a link that was made for another path or asker, has been changed, or is over.
    ///
    /// # Errors
    /// 403 `AUTHZ_LINK`.
    pub fn verify(&self, (path, audience): (&str, &str), given: &Signed, now: DateTime<Utc>) -> Result<()> {
        let expires = given.expires.parse::<i64>().map_err(|_| refused())?;
        let signature = URL_SAFE_NO_PAD.decode(&given.signature).map_err(|_| refused())?;
        let right = self.tag(path, audience, expires);
        constant_time::verify_slices_are_equal(&signature, right.as_ref()).map_err(|_| refused())?;
        if expires <= now.timestamp() { Err(refused()) } else { Ok(()) }
    }

    fn tag(&self, path: &str, audience: &str, expires: i64) -> hmac::Tag {
        // Neither a path nor an audience has a line break in it.
        hmac::sign(&self.0, format!("socle link 1\n{path}\n{audience}\n{expires}\n").as_bytes())
    }
}

fn refused() -> Error {
    let message = "This link is over, or is not for you. Ask for a new one.";
    Error { code: LINK.into(), message: message.into(), ..Error::forbidden() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(link: &str) -> Signed {
        let (expires, signature) = link.split_once("?expires=").unwrap().1.split_once("&signature=").unwrap();
        Signed { expires: expires.to_owned(), signature: signature.to_owned() }
    }

    #[test]
    fn a_link_is_good_for_its_path_its_asker_and_its_time_alone() {
        let links = Links::new(&[7; 32]);
        let now = DateTime::UNIX_EPOCH;
        let until = now + chrono::TimeDelta::minutes(5);
        let link = links.sign("/a/b", "device 1", until);
        assert!(link.starts_with("/a/b?expires=300&signature="));
        let signed = given(&link);
        assert!(links.verify(("/a/b", "device 1"), &signed, now).is_ok());
        let code = |place, signed: &Signed, at| links.verify(place, signed, at).unwrap_err().code;
        assert_eq!(code(("/a/c", "device 1"), &signed, now), LINK);
        assert_eq!(code(("/a/b", "device 2"), &signed, now), LINK);
        assert_eq!(code(("/a/b", "device 1"), &signed, until), LINK, "the last second is over");
        let later = Signed { expires: "301".to_owned(), ..signed.clone() };
        assert_eq!(code(("/a/b", "device 1"), &later, now), LINK);
        assert_eq!(code(("/a/b", "device 1"), &Signed::default(), now), LINK);
        assert!(Links::new(&[8; 32]).verify(("/a/b", "device 1"), &signed, now).is_err(), "another secret");
    }
}
