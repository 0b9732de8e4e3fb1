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
