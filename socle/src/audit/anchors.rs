//! Anchors: head and count of every chain, signed, kept outside the database. A chain alone does not see that its end
//! was cut off, nor that all of it was computed anew; compared with an anchor it does.
//!
//! An anchor is an object `anchor-0000000012.json` of two lines: the statement as JSON, and the hexadecimal Ed25519
//! signature over the bytes of the first line. The statement names the SHA-256 of the anchor before, so that none can be
//! taken from the middle. Objects are created and never written again; two servers cannot write the same number.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chain::{Hash, hex, unhex};
use super::refusals::Refusals;
use super::sql::Head;
use crate::config;
use crate::sealed::Vault;

/// The audit trail's own parts of a server: what signs, where anchors go, what was refused lately. Cheap to clone.
#[derive(Clone)]
pub struct Trail {
    pub(super) signer: Arc<Signer>,
    pub(super) anchors: Option<Anchors>,
    pub(super) anchor_every: Duration,
    pub(super) refusals: Arc<Refusals>,
}

impl Trail {
    /// From the settings; without a signing key of its own it is derived from the key-encryption key.
    ///
    /// # Errors
    /// A sentence: the key is not one, or the folder cannot be made.
    pub fn open(settings: &config::Audit, vault: &Vault) -> Result<Self, String> {
        Ok(Self {
            signer: Arc::new(Signer::from_settings(settings, vault)?),
            anchors: settings.anchor_store.as_deref().map(Anchors::open).transpose()?,
            anchor_every: Duration::from_secs(settings.anchor_seconds),
            refusals: Arc::default(),
        })
    }

    /// What verifies this server's anchors and floors.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }
}

/// An Ed25519 public key: verifying needs no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it is not that.
    pub fn parse(text: &str) -> Result<Self, String> {
        unhex(text.trim()).map(Self).ok_or_else(|| "a public key is 64 hexadecimal digits".to_owned())
    }

    /// Whether this key signed it.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Signs anchors and floors.
pub(super) struct Signer(Ed25519KeyPair);

impl Signer {
    fn from_settings(settings: &config::Audit, vault: &Vault) -> Result<Self, String> {
        let seed = match (&settings.signing_key, &settings.signing_key_file) {
            (Some(key), _) => Some(key.expose_secret().to_owned()),
            (None, Some(file)) => {
                Some(std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?)
            }
            (None, None) => None,
        };
        let seed: [u8; 32] = match seed {
            Some(seed) => unhex(seed.trim()).ok_or("audit.signing_key must be 64 hexadecimal digits")?,
            None => vault.derive("audit anchors"),
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| format!("audit.signing_key: {error}"))?;
        Ok(Self(pair))
    }

    fn public_key(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// What an anchor states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    /// `socle audit anchor 1`.
    pub kind: String,
    /// 1, 2, 3 …
    pub number: u64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// SHA-256 of the whole anchor before, in hexadecimal digits; empty for the first.
    pub previous: String,
    /// Chain, count (which is the head's position) and the head's hash, in hexadecimal digits.
    pub chains: Vec<(Uuid, i64, String)>,
}

const KIND: &str = "socle audit anchor 1";

/// An anchor as it was read.
pub(super) struct Anchor {
    pub statement: Statement,
    /// SHA-256 of the object.
    pub digest: String,
    /// The line that is signed.
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Anchor {
    fn parse(object: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(object).ok()?;
        let (message, signature) = text.strip_suffix('\n')?.split_once('\n')?;
        let statement: Statement = serde_json::from_str(message).ok()?;
        let signature = unhex::<64>(signature)?.to_vec();
        (statement.kind == KIND).then(|| Self {
            statement,
            digest: hex(digest(&SHA256, object).as_ref()),
            message: message.as_bytes().to_vec(),
            signature,
        })
    }

    pub(super) fn signed_by(&self, keys: &[PublicKey]) -> bool {
        keys.iter().any(|key| key.signed(&self.message, &self.signature))
    }
}

/// Where anchors are kept. Cheap to clone.
#[derive(Clone)]
pub struct Anchors {
    store: Arc<dyn ObjectStore>,
}

impl Anchors {
    /// A folder; it is made when it is not there. What is written is on the disk before anything else happens.
    ///
    /// # Errors
    /// A sentence that names the folder.
    pub fn open(folder: &FilePath) -> Result<Self, String> {
        let fault = |error: &dyn std::fmt::Display| format!("audit.anchor_store {}: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(|error| fault(&error))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| fault(&error))?;
        Ok(Self { store: Arc::new(store.with_fsync(true)) })
    }

    /// First and last number; `None` when there is no anchor.
    pub(super) async fn range(&self) -> Result<Option<(u64, u64)>, String> {
        let mut objects = self.store.list(None);
        let mut range = None;
        while let Some(object) = objects.try_next().await.map_err(|error| error.to_string())? {
            let name = object.location.filename().unwrap_or_default();
            let number = name.strip_prefix("anchor-").and_then(|rest| rest.strip_suffix(".json")?.parse::<u64>().ok());
            if let Some(number) = number {
                let (first, last) = range.unwrap_or((number, number));
                range = Some((number.min(first), number.max(last)));
            }
        }
        Ok(range)
    }

    /// The anchor of a number; `None` when there is none, or what is there is no anchor.
    pub(super) async fn read(&self, number: u64) -> Result<Option<Anchor>, String> {
        match self.store.get(&place(number)).await {
            Ok(found) => {
                let object = found.bytes().await.map_err(|error| error.to_string())?;
                Ok(Anchor::parse(&object).filter(|anchor| anchor.statement.number == number))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn newest(&self) -> Result<Option<Anchor>, String> {
        match self.range().await? {
            Some((_, last)) => {
                let newest = self.read(last).await?;
                newest.map(Some).ok_or_else(|| format!("anchor {last} cannot be read"))
            }
            None => Ok(None),
        }
    }

    /// Writes an anchor, unless the newest one says the same; whether it was written. It is on the disk then.
    pub(super) async fn write(&self, signer: &Signer, heads: &[Head], at: DateTime<Utc>) -> Result<bool, String> {
        let newest = self.newest().await?;
        let chains: Vec<_> = heads.iter().map(|head| (head.chain, head.position, hex(&head.hash))).collect();
        if newest.as_ref().map_or(chains.is_empty(), |newest| newest.statement.chains == chains) {
            return Ok(false);
        }
        let statement = Statement {
            kind: KIND.to_owned(),
            number: newest.as_ref().map_or(1, |newest| newest.statement.number + 1),
            at,
            previous: newest.map(|newest| newest.digest).unwrap_or_default(),
            chains,
        };
        let message = serde_json::to_string(&statement).map_err(|error| error.to_string())?;
        let object = format!("{message}\n{}\n", hex(&signer.sign(message.as_bytes())));
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(&place(statement.number), object.into(), create).await;
        put.map(|_| true).map_err(|error| error.to_string())
    }
}

fn place(number: u64) -> Path {
    Path::from(format!("anchor-{number:010}.json"))
}

/// What the signature of a floor covers.
pub(super) fn floor_message(chain: Uuid, position: i64, hash: &Hash, before: chrono::NaiveDate) -> Vec<u8> {
    format!("socle audit floor 1\n{chain}\n{position}\n{}\n{before}\n", hex(hash)).into_bytes()
}
