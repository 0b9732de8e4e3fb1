//! Where the keys are, as the settings say.

use secrecy::ExposeSecret;

use super::{KeyService, KeyStore, Keyring, Transit};
use crate::config::{Config, Environment};

/// The service that wraps data keys, and the store of persons' wrapped keys.
pub struct Custody {
    /// Wraps and unwraps.
    pub service: KeyService,
    /// Holds persons' wrapped keys.
    pub store: KeyStore,
}

impl Custody {
    /// A KMS, or key-encryption keys from a setting or a file (in development one is made on first use); and the folder
    /// of persons' keys.
    ///
    /// # Errors
    /// A sentence that names the setting that is missing or wrong.
    pub fn of(config: &Config) -> Result<Self, String> {
        let folder = config.sealed.key_store.as_deref();
        let folder = folder.ok_or("sealed.key_store is not set (SOCLE_SEALED__KEY_STORE): where are persons' keys?")?;
        Ok(Self { service: key_service(config)?, store: KeyStore::open(folder)? })
    }
}

fn key_service(config: &Config) -> Result<KeyService, String> {
    let sealed = &config.sealed;
    if let Some(url) = &sealed.kms_url {
        let token = sealed.kms_token.clone().ok_or("sealed.kms_token is not set (SOCLE_SEALED__KMS_TOKEN)")?;
        return Transit::new(url, &sealed.kms_mount, &sealed.kms_key, token).map(KeyService::Transit);
    }
    if let Some(key) = &sealed.key {
        let others = sealed.other_keys.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        return Keyring::fixed(&format!("{} {others}", key.expose_secret())).map(KeyService::Keyring);
    }
    let file = sealed.key_file.as_ref();
    let file = file.ok_or("sealed.key_file is not set (SOCLE_SEALED__KEY_FILE): where is the key-encryption key?")?;
    if !file.exists() {
        if config.environment != Environment::Development {
            let file = file.display();
            return Err(format!("{file} does not exist; outside development make it with `socle admin keys add`"));
        }
        Keyring::add(file)?;
    }
    Keyring::file(file.clone()).map(KeyService::Keyring)
}
