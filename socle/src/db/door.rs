//! A connection for the lookups that must run before a tenant is known.

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};

/// A connection outside any transaction and without a tenant. Row-level security shows it no row; only the
/// SECURITY DEFINER functions listed in `docs/definer-functions.txt` answer it.
pub struct Door(PoolConnection<Postgres>);

impl Door {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self(connection)
    }

    /// The connection, for queries in an `sql.rs`.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
