//! Sealed fields: AES-256-GCM under a data key of the tenant or of the person. A ciphertext is bound to table, column,
//! row, subject and key: moved anywhere else it does not open.
//!
//! Three places hold what opens a field, and none of them suffices: the database has the ciphertexts and the registry of
//! data keys, with tenants' keys wrapped; the key store has persons' keys, wrapped; the key service has the
//! key-encryption keys, and alone can unwrap. Destroying a person's key takes it out of the key store: then no backup of
//! the database opens what was theirs (docs/decisions/0020-keys.md).

mod cache;
mod columns;
mod crypt;
mod custody;
pub mod destruction;
mod keys;
mod refusals;
mod registry;
pub mod rotation;
mod service;
mod sql;
mod store;
mod vault;

use uuid::Uuid;

pub use columns::SealedColumns;
pub use custody::Custody;
pub use keys::{DataKeys, Field, PersonKeys, TenantKeys};
pub use registry::{Compared, jobs};
pub use service::{KeyService, Keyring, Transit, Trouble};
pub use sql::Count;
pub use store::KeyStore;
pub use vault::Vault;

use crate::ids::{AccountId, TenantId};

/// Whose data keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A tenant's.
    Tenant(TenantId),
    /// A person's, whatever the tenant.
    Person(AccountId),
}

impl Subject {
    /// `tenant` or `person`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::Person(_) => "person",
        }
    }

    /// The tenant's or the account's id.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Tenant(tenant) => tenant.0,
            Self::Person(account) => account.0,
        }
    }

    /// From a kind and an id; `None` for another kind.
    #[must_use]
    pub fn of(kind: &str, id: Uuid) -> Option<Self> {
        match kind {
            "tenant" => Some(Self::Tenant(TenantId(id))),
            "person" => Some(Self::Person(AccountId(id))),
            _ => None,
        }
    }
}

/// What a data key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    /// Sealing fields.
    Seal,
    /// Blind indexes.
    Index,
    /// The platform's own: secrets are derived from it.
    Root,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Index => "index",
            Self::Root => "root",
        }
    }
}

/// What a data key is wrapped for: it unwraps as this key of this subject alone.
fn wrapped_for(subject: Subject, purpose: &str, key: Uuid) -> Vec<u8> {
    let parts = ["data-key", subject.kind(), &subject.id().to_string(), purpose, &key.to_string()];
    parts.join("\u{1f}").into_bytes()
}
