//! The hash chain, as it is written down. PostgreSQL computes it when it seals (`socle.audit_row_hash` and
//! `socle.audit_link` of the migration 0017); this is the second, independent computation that verifies it.
//!
//! Every tenant has a chain, named by its id; what belongs to no tenant has the chain of all ones. A chain's links have
//! the positions 1, 2, 3 … without a gap, in the order of (transaction, number): a transaction's rows follow each other,
//! and no row is sealed before every transaction that began earlier has ended.
//!
//! ```text
//! record(f1, f2, …) = number of fields, then of each field: type, length, bytes
//!                     type    the field's type: PostgreSQL's number of it (text 25, uuid 2950, timestamptz 1184,
//!                             bigint 20, xid8 5069, jsonb 3802, bytea 17, boolean 16)
//!                     length  of the bytes; −1 and no bytes for NULL
//!                     number, type and length are 4 bytes, the most significant first
//! text, bytea         the bytes (UTF-8)
//! uuid                its 16 bytes
//! bigint, xid8        8 bytes, the most significant first
//! timestamptz         microseconds since 2000-01-01T00:00Z, as a bigint
//! boolean             one byte, 1 or 0
//! jsonb               one byte 1, then the text as PostgreSQL prints it
//!
//! row_hash = SHA-256(record('socle audit row 1', every column of socle.audit_log in the order of Entry below))
//! hash     = SHA-256(record('socle audit link 1', chain, position, hash of the position before,
//!                           occurred_at, id, whether it is of the access log, row_hash))
//! ```
//!
//! The link at position 1 follows 32 bytes of zero. `record` is PostgreSQL's own binary form of a row (`record_send`):
//! lengths stand before contents, so no two different rows have the same bytes.
//!
//! The key of a row and its hash are in the link, so that a chain can be followed where retention has dropped the row
//! itself.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What position 1 is chained to.
pub(super) const BEGINNING: Hash = [0; 32];

/// The chain of what belongs to no tenant.
pub(super) const NO_TENANT: Uuid = Uuid::max();

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH: i64 = 946_684_800_000_000;

/// A row as it is stored, every column in the table's order; JSON as PostgreSQL prints it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub id: Uuid,
    pub occurred_at: DateTime<Utc>,
    pub realm: String,
    pub tenant_id: Option<Uuid>,
    pub chain: Uuid,
    pub number: i64,
    pub xact: i64,
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub actor_role: Option<String>,
    pub event_type: String,
    pub action: String,
    pub resource_type: Option<String>,
    pub resource_id: Option<Uuid>,
    pub outcome: String,
    pub error_code: Option<String>,
    pub details: String,
    pub changes: Option<String>,
    pub request_data: Option<String>,
    pub response_data: Option<String>,
    pub processing_us: Option<i64>,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
}

/// A link as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub chain: Uuid,
    pub position: i64,
    pub occurred_at: DateTime<Utc>,
    pub id: Uuid,
    /// Its row is of the access log, and may be forgotten after a year.
    pub access: bool,
    pub row_hash: Vec<u8>,
}

impl Entry {
    /// What the row says.
    pub fn hash(&self) -> Hash {
        let record = Record::new(25).text("socle audit row 1");
        let record = record.uuid(Some(self.id)).instant(self.occurred_at).text(&self.realm).uuid(self.tenant_id);
        let record = record.uuid(Some(self.chain)).bigint(Some(self.number)).xid(self.xact).text(&self.actor_kind);
        let record = record.uuid(self.actor_id).optional(self.actor_role.as_deref()).text(&self.event_type);
        let record = record.text(&self.action).optional(self.resource_type.as_deref()).uuid(self.resource_id);
        let record = record.text(&self.outcome).optional(self.error_code.as_deref()).json(Some(&self.details));
        let record = record.json(self.changes.as_deref()).json(self.request_data.as_deref());
        let record = record.json(self.response_data.as_deref()).bigint(self.processing_us);
        let record = record.optional(self.ip_address.as_deref()).optional(self.user_agent.as_deref());
        record.optional(self.request_id.as_deref()).sha256()
    }
}

impl Link {
    /// The link's hash after the one before.
    pub fn hash(&self, previous: &Hash) -> Hash {
        let record = Record::new(8).text("socle audit link 1").uuid(Some(self.chain)).bigint(Some(self.position));
        let record = record.bytes(previous).instant(self.occurred_at).uuid(Some(self.id));
        record.boolean(self.access).bytes(&self.row_hash).sha256()
    }
}

/// Fields put behind each other as the module's head says.
struct Record(Vec<u8>);

impl Record {
    fn new(fields: u32) -> Self {
        Self(fields.to_be_bytes().to_vec())
    }

    fn field(mut self, kind: u32, parts: Option<[&[u8]; 2]>) -> Self {
        self.0.extend_from_slice(&kind.to_be_bytes());
        match parts {
            None => self.0.extend_from_slice(&u32::MAX.to_be_bytes()),
            Some(parts) => {
                let length = u32::try_from(parts.iter().map(|part| part.len()).sum::<usize>()).unwrap_or(u32::MAX);
                self.0.extend_from_slice(&length.to_be_bytes());
                parts.iter().for_each(|part| self.0.extend_from_slice(part));
            }
        }
        self
    }

    fn text(self, text: &str) -> Self {
        self.optional(Some(text))
    }

    fn optional(self, text: Option<&str>) -> Self {
        self.field(25, text.map(|text| [text.as_bytes(), &[]]))
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.field(17, Some([bytes, &[]]))
    }

    fn uuid(self, id: Option<Uuid>) -> Self {
        self.field(2950, id.as_ref().map(|id| [id.as_bytes().as_slice(), &[]]))
    }

    fn bigint(self, number: Option<i64>) -> Self {
        let bytes = number.map(i64::to_be_bytes);
        self.field(20, bytes.as_ref().map(|bytes| [bytes.as_slice(), &[]]))
    }

    fn boolean(self, yes: bool) -> Self {
        self.field(16, Some([&[u8::from(yes)], &[]]))
    }

    fn xid(self, number: i64) -> Self {
        self.field(5069, Some([&number.to_be_bytes(), &[]]))
    }

    fn instant(self, at: DateTime<Utc>) -> Self {
        self.field(1184, Some([&(at.timestamp_micros() - EPOCH).to_be_bytes(), &[]]))
    }

    fn json(self, text: Option<&str>) -> Self {
        self.field(3802, text.map(|text| [&[1_u8], text.as_bytes()]))
    }

    fn sha256(self) -> Hash {
        let mut hash = BEGINNING;
        hash.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        hash
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`hex`] wrote, when it is as many bytes as wanted.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_postgresql_sends() {
        // SELECT record_send(ROW('a'::text, 5::bigint, NULL::uuid, '{"b": 1}'::jsonb, '7'::xid8)) on PostgreSQL 15.
        let record = Record::new(5).text("a").bigint(Some(5)).uuid(None).json(Some("{\"b\": 1}")).xid(7);
        let sent = "000000050000001900000001610000001400000008000000000000000500000b86ffffffff00000eda00000009017b226222\
                    3a20317d000013cd000000080000000000000007";
        assert_eq!(hex(&record.0), sent);
    }

    #[test]
    fn where_one_field_ends_and_the_next_begins_matters() {
        let apart = |one: &str, two: &str| Record::new(2).text(one).text(two).sha256();
        assert_ne!(apart("ab", "c"), apart("a", "bc"));
        assert_ne!(Record::new(1).optional(None).sha256(), Record::new(1).text("").sha256());
    }

    #[test]
    fn hex_comes_back_and_nothing_else_does() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some([0, 255, 16]));
        for broken in ["", "0", "00ff1", "00ff1x", "00ff10ff", "é0f1"] {
            assert_eq!(unhex::<3>(broken), None, "{broken:?}");
        }
    }
}
