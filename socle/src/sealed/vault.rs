//! The vault: wraps and unwraps data keys, seals and opens fields.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac, rand};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::sql::{self, Stored};
use crate::db::Tx;
use crate::ids::AccountId;
use crate::{Error, Result, ids};

const NONCE: usize = 12;

/// Holds the key-encryption key. Cheap to share behind an `Arc`.
pub struct Vault {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

/// Which field of which row a ciphertext belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Schema-qualified table.
    pub table: &'a str,
    /// Column.
    pub column: &'a str,
    /// Row.
    pub row: Uuid,
}

/// A tenant's data keys, unwrapped for the length of one request.
pub struct TenantKeys {
    tenant: Uuid,
    seal_id: Uuid,
    seal: Zeroizing<Vec<u8>>,
    index: Zeroizing<Vec<u8>>,
}

impl Vault {
    /// A vault over a 32-byte key-encryption key. Its id is a fingerprint, kept beside every key it wraps.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let fingerprint = digest::digest(&digest::SHA256, &key);
        let id = fingerprint.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { id, key: Zeroizing::new(key) }
    }

    /// A vault from hex of 32 bytes, as a key file or variable holds it.
    ///
    /// # Errors
    /// When it is not 64 hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, String> {
        let hex = hex.trim();
        let mut key = [0_u8; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return Err("the key-encryption key must be 64 hexadecimal digits".into());
        }
        for (byte, pair) in key.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|e| e.to_string())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| "the key-encryption key must be 64 hexadecimal digits")?;
        }
        Ok(Self::new(key))
    }

    /// A secret for another purpose, the same in every server process that holds the key-encryption key: signing access
    /// tokens, deriving refresh tokens.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.as_ref());
        let mut secret = [0_u8; 32];
        secret.copy_from_slice(hmac::sign(&key, format!("derive\u{1f}{purpose}").as_bytes()).as_ref());
        secret
    }

    /// The data keys of the transaction's tenant, made on first use.
    ///
    /// # Errors
    /// When a key was wrapped by another key-encryption key, or the database cannot be reached.
    pub async fn keys(&self, tx: &mut Tx) -> Result<TenantKeys> {
        let tenant = tx.caller().tenant().ok_or_else(|| Error::internal("sealed fields need a tenant"))?.0;
        let (seal_id, seal) = self.data_key(tx, tenant, "seal").await?;
        let (_, index) = self.data_key(tx, tenant, "index").await?;
        Ok(TenantKeys { tenant, seal_id, seal, index })
    }

    /// The data keys of a person: what is theirs alone, whatever the tenant. The transaction may see the account.
    ///
    /// # Errors
    /// When a key was wrapped by another key-encryption key, or is not to be had.
    #[expect(clippy::unused_async, reason = "the keys come from a store")]
    pub async fn person_keys(&self, tx: &mut Tx, account: AccountId) -> Result<TenantKeys> {
        let _ = tx;
        let key = |purpose: &str| Zeroizing::new(self.derive(&format!("person {account} {purpose}")).to_vec());
        Ok(TenantKeys { tenant: account.0, seal_id: account.0, seal: key("seal"), index: key("index") })
    }

    /// Destroys a person's key for good, in the account's own transaction: nothing sealed under it opens again.
    ///
    /// # Errors
    /// 503 when the database cannot be reached.
    pub async fn destroy_person(&self, tx: &mut Tx, account: AccountId) -> Result<()> {
        sql::destroy_person(tx, account).await
    }

    async fn data_key(&self, tx: &mut Tx, tenant: Uuid, purpose: &str) -> Result<(Uuid, Zeroizing<Vec<u8>>)> {
        if sql::find(tx, purpose).await?.is_none() {
            let mut plain = Zeroizing::new([0_u8; 32]);
            rand::fill(plain.as_mut()).map_err(|_| Error::internal("no randomness"))?;
            let id = ids::fresh(tx.caller().now());
            let wrapped = seal(self.key.as_ref(), &wrap_aad(tenant, purpose, id), plain.as_ref())?;
            sql::insert(tx, &Stored { id, kek_id: self.id.clone(), wrapped }, tenant, purpose).await?;
        }
        let stored = sql::find(tx, purpose).await?.ok_or_else(|| Error::internal("data key vanished"))?;
        if stored.kek_id != self.id {
            return Err(Error::internal(format!("data key {} needs key-encryption key {}", stored.id, stored.kek_id)));
        }
        let plain = open(self.key.as_ref(), &wrap_aad(tenant, purpose, stored.id), &stored.wrapped)?;
        Ok((stored.id, plain))
    }
}

impl TenantKeys {
    /// Seals a text: key id (16 bytes), nonce (12), ciphertext, tag (16).
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn seal(&self, field: Field<'_>, text: &str) -> Result<Vec<u8>> {
        let mut sealed = self.seal_id.as_bytes().to_vec();
        sealed.extend(seal(&self.seal, &self.aad(field), text.as_bytes())?);
        Ok(sealed)
    }

    /// Opens what [`TenantKeys::seal`] made for the same field.
    ///
    /// # Errors
    /// 500 when it was sealed for another field, row, tenant or key, or was altered.
    pub fn open(&self, field: Field<'_>, sealed: &[u8]) -> Result<String> {
        let (key_id, rest) = sealed.split_at_checked(16).ok_or_else(|| Error::internal("sealed field is too short"))?;
        if key_id != self.seal_id.as_bytes() {
            return Err(Error::internal("sealed field was sealed by another key"));
        }
        let plain = open(&self.seal, &self.aad(field), rest)?;
        String::from_utf8(plain.to_vec()).map_err(|_| Error::internal("sealed field is not text"))
    }

    /// The blind index of a text: equal texts (trimmed, lower case) of one tenant have equal indexes.
    #[must_use]
    pub fn blind_index(&self, column: &str, text: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.index);
        let subject = format!("{column}\u{1f}{}", text.trim().to_lowercase());
        hmac::sign(&key, subject.as_bytes()).as_ref().to_vec()
    }

    fn aad(&self, field: Field<'_>) -> Vec<u8> {
        let parts =
            [field.table, field.column, &field.row.to_string(), &self.tenant.to_string(), &self.seal_id.to_string()];
        parts.join("\u{1f}").into_bytes()
    }
}

fn wrap_aad(tenant: Uuid, purpose: &str, id: Uuid) -> Vec<u8> {
    format!("data-key\u{1f}{tenant}\u{1f}{purpose}\u{1f}{id}").into_bytes()
}

/// Nonce and ciphertext with tag; the nonce is drawn by the library, so it cannot be reused by mistake.
fn seal(key: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Error::internal("sealing key refused"))?;
    let mut buffer = plain.to_vec();
    let nonce =
        key.seal_in_place_append_tag(Aad::from(aad), &mut buffer).map_err(|_| Error::internal("sealing failed"))?;
    let mut sealed = nonce.as_ref().to_vec();
    sealed.append(&mut buffer);
    Ok(sealed)
}

fn open(key: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let refuse = || Error::internal("a sealed value does not open: altered, moved or sealed by another key");
    let (nonce, rest) = sealed.split_at_checked(NONCE).ok_or_else(refuse)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refuse())?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Error::internal("sealing key refused"))?;
    let mut buffer = Zeroizing::new(rest.to_vec());
    let length = key.open_in_place(nonce, Aad::from(aad), &mut buffer).map_err(|_| refuse())?.len();
    buffer.truncate(length);
    Ok(buffer)
}
