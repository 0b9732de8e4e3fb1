//! The key service: where key-encryption keys (KEKs) are, outside the database. It wraps and unwraps data keys; a KEK
//! itself never leaves it. In development a keyring of settings or a file, elsewhere a KMS over HTTP.

mod keyring;
mod transit;

pub use keyring::Keyring;
pub use transit::Transit;

use super::crypt::{self, Key};
use crate::Error;

/// A data key as it is stored: what a KEK made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// Which KEK.
    pub kek_id: String,
    /// Opaque to everybody but the key service.
    pub bytes: Vec<u8>,
}

/// Why the key service did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It cannot be reached, is too slow, or says that it is not able now. Later it may be.
    #[error("the key service is away: {0}")]
    Away(String),
    /// It answered, and not what was asked: another key, no key, no such KEK.
    #[error("the key service answered wrongly: {0}")]
    Wrong(String),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::keys_unavailable(trouble.to_string())
    }
}

/// A key service.
pub enum KeyService {
    /// KEKs in memory, from settings or a file.
    Keyring(Keyring),
    /// A KMS that speaks the wire format of HashiCorp Vault's transit engine.
    Transit(Transit),
}

impl KeyService {
    /// Wraps a data key with the current KEK. What comes back has been unwrapped once: nothing is ever sealed with a
    /// key that could not be had again.
    pub(super) async fn wrap(&self, aad: &[u8], key: &Key) -> Result<Wrapped, Trouble> {
        let wrapped = match self {
            Self::Keyring(keyring) => keyring.wrap(aad, key).await?,
            Self::Transit(transit) => transit.wrap(aad, key).await?,
        };
        let again = self.unwrap(aad, &wrapped).await?;
        if *again == **key {
            Ok(wrapped)
        } else {
            Err(Trouble::Wrong("it does not give back what it wrapped".to_owned()))
        }
    }

    /// The data key that was wrapped for the same associated data.
    pub(super) async fn unwrap(&self, aad: &[u8], wrapped: &Wrapped) -> Result<Key, Trouble> {
        match self {
            Self::Keyring(keyring) => keyring.unwrap(aad, wrapped).await,
            Self::Transit(transit) => transit.unwrap(aad, wrapped).await,
        }
    }

    /// …and it is the right one: a wrong key would make every field of a subject look like forged.
    pub(super) async fn unwrap_checked(&self, aad: &[u8], wrapped: &Wrapped, check: &[u8]) -> Result<Key, Trouble> {
        let key = self.unwrap(aad, wrapped).await?;
        let right = crypt::check_value(&key) == check;
        if right { Ok(key) } else { Err(Trouble::Wrong("it unwraps to another data key".to_owned())) }
    }

    /// The id of the KEK that wraps new data keys.
    ///
    /// # Errors
    /// When the service does not answer, or wrongly.
    pub async fn current(&self) -> Result<String, Trouble> {
        match self {
            Self::Keyring(keyring) => keyring.current().await,
            // Versions of a KEK are named in what it wraps; nothing else has to be allowed to this server.
            Self::Transit(transit) => {
                Ok(transit.wrap(b"current", &crypt::key_of(&[0; 32]).unwrap_or_default()).await?.kek_id)
            }
        }
    }

    /// The ids of the KEKs that it is known to have, the current one first.
    ///
    /// # Errors
    /// When the service does not answer, or wrongly.
    pub async fn list(&self) -> Result<Vec<String>, Trouble> {
        match self {
            Self::Keyring(keyring) => keyring.list().await,
            Self::Transit(_) => Ok(vec![self.current().await?]),
        }
    }
}
