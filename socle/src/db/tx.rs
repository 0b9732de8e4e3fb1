//! The one begin of the whole program.

use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::{Caller, Who};
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
        Self::start(caller, statement).await
    }

    /// One consistent picture: reads only, at REPEATABLE READ, so that rows read late are those that were there at the first
    /// query. (BEGIN and its level are one statement; the context is set in the same round trip.)
    pub(super) async fn begin_snapshot(caller: Caller, account: AccountId) -> Result<Self> {
        let enter = format!("SELECT socle.enter(NULL, {})", literal(Some(account.0)));
        let statement = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {enter}");
        Self::start(caller, statement).await
    }

    async fn start(caller: Caller, statement: String) -> Result<Self> {
        let pool = caller.db().pool();
        #[expect(clippy::disallowed_methods, reason = "the one begin, in a task that a caller cannot cancel")]
        let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(statement)).await }).await;
        let inner = begun.map_err(|e| Error::internal(format!("begin: {e}")))??;
        Ok(Self { inner, caller })
    }

    /// Goes on in another tenant, in the same transaction: an account's own work over all its tenants (its export, its
    /// erasure). Row-level security shows that tenant's rows from here on.
    ///
    /// # Errors
    /// 500 when the transaction is not one of [`Who::Account`].
    pub(crate) async fn step_into(&mut self, tenant: Option<TenantId>) -> Result<()> {
        let Who::Account(account, _) = *self.caller.who() else {
            return Err(Error::internal("only an account's own transaction goes from tenant to tenant"));
        };
        super::sql::enter(&mut self.inner, tenant, account).await?;
        self.caller = self.caller.becoming(Who::Account(account, tenant));
        Ok(())
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
