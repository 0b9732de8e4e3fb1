//! The one begin of the whole program.

use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::Caller;
use crate::ids::{AccountId, TenantId};
use crate::{Error, Result};

/// A transaction of one caller. Dropped without [`Tx::commit`], everything it did is undone.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    caller: Caller,
}

impl Tx {
    /// BEGIN and the caller's context in one round trip.
    ///
    /// sqlx 0.9's begin is not cancel-safe (transact-rs/sqlx#4385): dropped half-way it hands the pool a connection
    /// inside an open transaction, with the tenant still set. A spawned task cannot be cancelled by its caller; a
    /// transaction that nobody claims any more is dropped there, and rolls back.
    pub(super) async fn begin(caller: Caller, tenant: Option<TenantId>, account: Option<AccountId>) -> Result<Self> {
        let statement =
            format!("BEGIN; SELECT socle.enter({}, {})", literal(tenant.map(|t| t.0)), literal(account.map(|a| a.0)));
        let pool = caller.db().pool();
        #[expect(clippy::disallowed_methods, reason = "the one begin, in a task that a caller cannot cancel")]
        let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(statement)).await }).await;
        let inner = begun.map_err(|e| Error::internal(format!("begin: {e}")))??;
        Ok(Self { inner, caller })
    }

    /// Makes everything done in this transaction durable.
    ///
    /// # Errors
    /// 503 when the connection was lost; whether the commit happened is then unknown.
    pub async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    /// The connection, for queries in an `sql.rs`.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Who opened it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Only UUIDs are ever written into the statement, so no value can carry SQL.
fn literal(id: Option<Uuid>) -> String {
    id.map_or_else(|| "NULL".to_owned(), |id| format!("'{id}'"))
}
