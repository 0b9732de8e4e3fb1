//! Patient names: sealed per licence, searched by a blind index of the last name. While their keys cannot be reached they
//! are shown as unavailable, a search for one and a start with one are answered 503, and everything else goes on.

use socle::Result;
use socle::sealed::{Field, TenantKeys};
use uuid::Uuid;

const TABLE: &str = "physiotraq.treatments";

/// Names as the table keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct SealedNames {
    pub first: Option<Vec<u8>>,
    pub last: Option<Vec<u8>>,
    pub last_index: Option<Vec<u8>>,
}

/// Seals both names of a treatment.
pub(super) fn seal(keys: &TenantKeys, row: Uuid, first: Option<&str>, last: Option<&str>) -> Result<SealedNames> {
    let one =
        |column, name: Option<&str>| name.map(|name| keys.seal(Field { table: TABLE, column, row }, name)).transpose();
    Ok(SealedNames {
        first: one("patient_first_name", first)?,
        last: one("patient_last_name", last)?,
        last_index: last.map(|name| index(keys, name)),
    })
}

/// Opens one name; there is none to show while the keys cannot be reached.
pub(super) fn open(
    keys: Option<&TenantKeys>,
    row: Uuid,
    column: &str,
    sealed: Option<&[u8]>,
) -> Result<Option<String>> {
    keys.zip(sealed).map(|(keys, sealed)| keys.open(Field { table: TABLE, column, row }, sealed)).transpose()
}

/// What a search for a last name compares with.
pub(super) fn index(keys: &TenantKeys, last_name: &str) -> Vec<u8> {
    keys.blind_index("patient_last_name", last_name)
}
