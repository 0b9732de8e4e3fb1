//! Sealed fields: AES-256-GCM under a data key of the tenant, itself wrapped by a key-encryption key that lives
//! outside the database. A ciphertext is bound to table, column, row, tenant and key: moved anywhere else it does
//! not open.

mod sql;
mod vault;

pub use vault::{Field, TenantKeys, Vault};
