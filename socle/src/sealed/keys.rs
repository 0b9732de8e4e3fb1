//! The data keys of one subject, unwrapped for the length of one transaction: they seal and open fields.

use std::sync::Arc;

use uuid::Uuid;

use super::columns::SealedColumns;
use super::crypt::{self, Key, NONCE, TAG};
use super::refusals::{Refusal, Witness};
use crate::{Error, Result};

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

/// The data keys of a tenant or of a person. What a retired key sealed still opens; new values take the active one.
pub struct DataKeys {
    sealer: Sealer,
    witness: Witness,
}

/// The data keys of a tenant.
pub type TenantKeys = DataKeys;
/// The data keys of a person: what is theirs alone, whatever the tenant.
pub type PersonKeys = DataKeys;

impl DataKeys {
    pub(super) fn new(sealer: Sealer, witness: Witness) -> Self {
        Self { sealer, witness }
    }

    /// Seals a text: key id (16 bytes), nonce (12), ciphertext, tag (16).
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn seal(&self, field: Field<'_>, text: &str) -> Result<Vec<u8>> {
        self.sealer.seal(field, text)
    }

    /// Opens what [`DataKeys::seal`] made for the same field.
    ///
    /// # Errors
    /// 500 when it was sealed for another field, row, tenant, person or key, or was altered: that is a security event.
    pub fn open(&self, field: Field<'_>, sealed: &[u8]) -> Result<String> {
        self.sealer.open(field, sealed).map_err(|refusal| self.refused(field, refusal))
    }

    /// Seals a text in the form of the specifications' columns.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn seal_columns(&self, field: Field<'_>, text: &str) -> Result<SealedColumns> {
        SealedColumns::of(&self.seal(field, text)?).ok_or_else(|| Error::internal("a sealed value is too short"))
    }

    /// Opens what [`DataKeys::seal_columns`] made for the same field.
    ///
    /// # Errors
    /// As [`DataKeys::open`].
    pub fn open_columns(&self, field: Field<'_>, columns: &SealedColumns) -> Result<String> {
        let sealed = columns.compact().ok_or_else(|| self.refused(field, Refusal::Malformed))?;
        self.open(field, &sealed)
    }

    /// The blind index of a text: equal texts (trimmed, lower case) of one subject have equal indexes. To compare
    /// persons of a realm with each other, take [`super::Vault::realm_index`].
    #[must_use]
    pub fn blind_index(&self, column: &str, text: &str) -> Vec<u8> {
        self.sealer.blind_index(column, text)
    }

    /// The key that new values are sealed with.
    #[must_use]
    pub fn key_id(&self) -> Uuid {
        self.sealer.active
    }

    fn refused(&self, field: Field<'_>, refusal: Refusal) -> Error {
        self.witness.refused(field, refusal);
        Error::internal(format!(
            "{}.{} of row {} does not open: {}",
            field.table,
            field.column,
            field.row,
            refusal.reason()
        ))
    }
}

/// The keys alone; pure.
pub(super) struct Sealer {
    /// The tenant or the account.
    pub subject: Uuid,
    /// Which of the keys seals.
    pub active: Uuid,
    /// The active and the retired keys.
    pub keys: Vec<(Uuid, Arc<Key>)>,
    /// The key of blind indexes; never replaced, or nothing would be found any more.
    pub index: Arc<Key>,
}

impl Sealer {
    pub fn seal(&self, field: Field<'_>, text: &str) -> Result<Vec<u8>> {
        let key = self.key(self.active).ok_or_else(|| Error::internal("the active data key is not there"))?;
        let mut sealed = self.active.as_bytes().to_vec();
        sealed.extend(crypt::seal(key, &self.aad(field, self.active), text.as_bytes())?);
        Ok(sealed)
    }

    pub fn open(&self, field: Field<'_>, sealed: &[u8]) -> Result<String, Refusal> {
        let (key_id, rest) = sealed.split_at_checked(16).ok_or(Refusal::Malformed)?;
        if rest.len() < NONCE + TAG {
            return Err(Refusal::Malformed);
        }
        let key_id = Uuid::from_slice(key_id).map_err(|_| Refusal::Malformed)?;
        let key = self.key(key_id).ok_or(Refusal::UnknownKey)?;
        let plain = crypt::open(key, &self.aad(field, key_id), rest).ok_or(Refusal::Altered)?;
        std::str::from_utf8(&plain).map(ToOwned::to_owned).map_err(|_| Refusal::Malformed)
    }

    pub fn blind_index(&self, column: &str, text: &str) -> Vec<u8> {
        crypt::mac(&self.index, indexed(column, text).as_bytes()).to_vec()
    }

    fn key(&self, id: Uuid) -> Option<&Key> {
        self.keys.iter().find(|(key, _)| *key == id).map(|(_, key)| &**key)
    }

    fn aad(&self, field: Field<'_>, key: Uuid) -> Vec<u8> {
        let parts = [field.table, field.column, &field.row.to_string(), &self.subject.to_string(), &key.to_string()];
        parts.join("\u{1f}").into_bytes()
    }
}

/// What a blind index is made of.
pub(super) fn indexed(column: &str, text: &str) -> String {
    format!("{column}\u{1f}{}", text.trim().to_lowercase())
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashSet;

    use super::*;

    const FIELD: Field<'static> = Field { table: "t.patients", column: "name", row: Uuid::from_u128(1) };

    /// A subject with one key, the same in every run.
    pub fn sealer(subject: u128, key: u8) -> Sealer {
        let id = Uuid::from_u128(u128::from(key));
        let key = |byte: u8| Arc::new(crypt::key_of(&[byte; 32]).unwrap());
        Sealer {
            subject: Uuid::from_u128(subject),
            active: id,
            keys: vec![(id, key(id.as_bytes()[15]))],
            index: key(99),
        }
    }

    #[test]
    fn a_ciphertext_opens_in_its_own_field_and_nowhere_else() {
        let mine = sealer(7, 1);
        let sealed = mine.seal(FIELD, "Martin").unwrap();
        assert_eq!(mine.open(FIELD, &sealed).unwrap(), "Martin");
        let places = [
            ("another row", Field { row: Uuid::from_u128(2), ..FIELD }),
            ("another column", Field { column: "first_name", ..FIELD }),
            ("another table", Field { table: "t.staff", ..FIELD }),
            ("table and column run together", Field { table: "t.patients\u{1f}name", column: "", ..FIELD }),
        ];
        for (place, field) in places {
            assert_eq!(mine.open(field, &sealed), Err(Refusal::Altered), "{place}");
        }
        // Another tenant or person: other keys; and even under the same key another subject.
        assert_eq!(sealer(8, 2).open(FIELD, &sealed), Err(Refusal::UnknownKey));
        assert_eq!(sealer(8, 1).open(FIELD, &sealed), Err(Refusal::Altered));
    }

    #[test]
    fn a_wrong_key_id_is_refused_even_when_the_key_is_there() {
        let mut mine = sealer(7, 1);
        let mut sealed = mine.seal(FIELD, "Martin").unwrap();
        let other = Uuid::from_u128(3);
        // The very same key under another id: the id is bound as well.
        mine.keys.push((other, Arc::clone(&mine.keys[0].1)));
        sealed[..16].copy_from_slice(other.as_bytes());
        assert_eq!(mine.open(FIELD, &sealed), Err(Refusal::Altered));
        sealed[..16].copy_from_slice(Uuid::from_u128(4).as_bytes());
        assert_eq!(mine.open(FIELD, &sealed), Err(Refusal::UnknownKey));
    }

    #[test]
    fn what_is_cut_off_or_changed_is_refused() {
        let mine = sealer(7, 1);
        let sealed = mine.seal(FIELD, "Martin").unwrap();
        for length in 0..sealed.len() {
            assert!(mine.open(FIELD, &sealed[..length]).is_err(), "cut to {length}");
        }
        for byte in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[byte] ^= 1;
            assert!(mine.open(FIELD, &altered).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn a_retired_key_still_opens_and_the_active_one_seals() {
        let mut mine = sealer(7, 1);
        let old = mine.seal(FIELD, "before").unwrap();
        let new = sealer(7, 2);
        mine.keys.extend(new.keys);
        mine.active = new.active;
        let sealed = mine.seal(FIELD, "after").unwrap();
        assert_eq!(sealed[..16], *new.active.as_bytes());
        assert_eq!(
            (mine.open(FIELD, &old).unwrap(), mine.open(FIELD, &sealed).unwrap()),
            ("before".into(), "after".into())
        );
    }

    /// What protects against putting an older value of the very same field back: nothing in the ciphertext. The roles of
    /// the database and the audit trail do, and destroying the retired key (docs/decisions/0020).
    #[test]
    fn an_older_value_of_the_same_field_opens_until_its_key_is_destroyed() {
        let mut mine = sealer(7, 1);
        let older = mine.seal(FIELD, "older").unwrap();
        let new = sealer(7, 2);
        mine.active = new.active;
        mine.keys.extend(new.keys);
        assert_eq!(mine.open(FIELD, &older).unwrap(), "older");
        mine.keys.remove(0);
        assert_eq!(mine.open(FIELD, &older), Err(Refusal::UnknownKey));
    }

    #[test]
    fn no_nonce_comes_twice() {
        let count = if std::env::var_os("SOCLE_LONG").is_some() { 1_000_000 } else { 20_000 };
        let mine = sealer(7, 1);
        let mut nonces = HashSet::with_capacity(count);
        for _ in 0..count {
            let sealed = mine.seal(FIELD, "x").unwrap();
            let nonce: [u8; NONCE] = sealed[16..16 + NONCE].try_into().unwrap();
            assert!(nonces.insert(nonce), "a nonce came twice within {count} encryptions");
        }
        assert_eq!(nonces.len(), count);
    }

    #[test]
    fn equal_texts_have_equal_indexes_within_a_subject_and_a_column_only() {
        let (mine, mut theirs) = (sealer(7, 1), sealer(8, 1));
        theirs.index = Arc::new(crypt::key_of(&[98; 32]).unwrap());
        let index = mine.blind_index("name", " MARTIN ");
        assert_eq!(index, mine.blind_index("name", "martin"));
        assert_ne!(index, mine.blind_index("name", "martine"));
        assert_ne!(index, mine.blind_index("first_name", "martin"));
        assert_ne!(index, theirs.blind_index("name", "martin"));
    }
}
