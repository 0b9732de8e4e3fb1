//! Sealed values in the shape of the specifications: `content_encrypted TEXT, iv VARCHAR(32), auth_tag VARCHAR(32)`, and
//! with us `key_id` (specs/huntzen-care.md, specs/axtech.md). The same bytes as the compact form, in hexadecimal digits.

use uuid::Uuid;

use super::crypt::{self, NONCE, TAG};

/// The columns of one sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedColumns {
    /// `content_encrypted`: the ciphertext, two digits a byte.
    pub content_encrypted: String,
    /// `iv`: the nonce, 24 digits.
    pub iv: String,
    /// `auth_tag`: 32 digits.
    pub auth_tag: String,
    /// `key_id`: the data key that sealed it.
    pub key_id: Uuid,
}

impl SealedColumns {
    /// From the compact form.
    pub(super) fn of(sealed: &[u8]) -> Option<Self> {
        let (key, rest) = sealed.split_at_checked(16)?;
        let (nonce, rest) = rest.split_at_checked(NONCE)?;
        let (content, tag) = rest.split_at_checked(rest.len().checked_sub(TAG)?)?;
        Some(Self {
            content_encrypted: crypt::hex(content),
            iv: crypt::hex(nonce),
            auth_tag: crypt::hex(tag),
            key_id: Uuid::from_slice(key).ok()?,
        })
    }

    /// The compact form; `None` when a column does not hold what it should.
    pub(super) fn compact(&self) -> Option<Vec<u8>> {
        let (nonce, tag) = (crypt::unhex(&self.iv)?, crypt::unhex(&self.auth_tag)?);
        if nonce.len() != NONCE || tag.len() != TAG {
            return None;
        }
        Some([self.key_id.as_bytes().as_slice(), &nonce, &crypt::unhex(&self.content_encrypted)?, &tag].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Field;
    use super::super::keys::tests::sealer;
    use super::*;

    const FIELD: Field<'static> =
        Field { table: "huntzen.notes", column: "content_encrypted", row: Uuid::from_u128(5) };

    /// Made with Python's cryptography 48 (OpenSSL): the key is 32 times 01, the nonce 000102…0b, the subject …07, the
    /// key's id …01, the associated data table, column, row, subject and key id, with 1f between them.
    #[test]
    fn the_columns_of_another_implementation_open() {
        let columns = SealedColumns {
            content_encrypted: "e8653c474e9d63599a0381a2490aa1cfcbea4bc955b1376507a551f28f".to_owned(),
            iv: "000102030405060708090a0b".to_owned(),
            auth_tag: "352c17100f12ef2620d3533dae3a7e52".to_owned(),
            key_id: Uuid::from_u128(1),
        };
        let text = sealer(7, 1).open(FIELD, &columns.compact().unwrap()).unwrap();
        assert_eq!(text, "Séance difficile, à revoir.");
    }

    #[test]
    fn the_columns_fit_the_specification_and_hold_the_compact_form() {
        for text in ["", "x", "Séance difficile, à revoir."] {
            let sealed = sealer(7, 1).seal(FIELD, text).unwrap();
            let columns = SealedColumns::of(&sealed).unwrap();
            assert_eq!((columns.iv.len(), columns.auth_tag.len()), (24, 32));
            assert_eq!(columns.content_encrypted.len(), 2 * text.len());
            assert_eq!(columns.compact().unwrap(), sealed);
        }
        assert_eq!(SealedColumns::of(&[0; 43]), None);
    }

    #[test]
    fn columns_of_another_length_or_alphabet_are_none() {
        let right = SealedColumns::of(&sealer(7, 1).seal(FIELD, "x").unwrap()).unwrap();
        let wrong = [
            SealedColumns { iv: right.iv[2..].to_owned(), ..right.clone() },
            SealedColumns { auth_tag: format!("{}00", right.auth_tag), ..right.clone() },
            SealedColumns { content_encrypted: "zz".to_owned(), ..right.clone() },
        ];
        for columns in wrong {
            assert_eq!(columns.compact(), None, "{columns:?}");
        }
    }
}
