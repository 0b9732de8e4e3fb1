//! The settings of uploaded files.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::lists::words;
use super::printed::{masked, masked_address};

/// Where uploaded files lie: in a folder, or in a bucket that speaks S3.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Files {
    /// The folder, one for all servers. In development one among the machine's temporary files will do.
    pub folder: Option<PathBuf>,
    /// Instead: the bucket.
    pub s3_bucket: Option<String>,
    /// Its region.
    pub s3_region: String,
    /// Where it is, when it is not Amazon's: `https://s3.fr-par.scw.cloud`.
    #[serde(serialize_with = "masked_address")]
    pub s3_endpoint: Option<String>,
    /// The key that may read and write it.
    pub s3_access_key_id: Option<String>,
    /// Its secret.
    #[serde(serialize_with = "masked")]
    pub s3_secret_access_key: Option<SecretString>,
    /// File that holds it.
    pub s3_secret_access_key_file: Option<PathBuf>,
    /// The virus scanner clamd: `host:port`, or the path of its socket. Without one, kinds that demand it stay unusable.
    pub clamd: Option<String>,
    /// Ed25519 public keys, 64 hexadecimal digits each: whose signature on a file that must carry one is believed. From
    /// the environment with commas between them.
    #[serde(default, deserialize_with = "words")]
    pub trusted_keys: Vec<String>,
}

impl Files {
    /// Settings that contradict each other, or are none.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.folder.is_some() && self.s3_bucket.is_some() {
            faults.push("files.folder and files.s3_bucket exclude each other: set one".to_owned());
        }
        if self.s3_access_key_id.is_some() != self.s3_secret_access_key.is_some() {
            faults.push("files.s3_access_key_id and files.s3_secret_access_key go together".to_owned());
        }
        let is_key = |key: &String| key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !self.trusted_keys.iter().all(is_key) {
            faults.push("files.trusted_keys are Ed25519 public keys of 64 hexadecimal digits".to_owned());
        }
        faults
    }
}
