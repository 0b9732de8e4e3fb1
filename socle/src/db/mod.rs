//! The only doors to data. A [`Caller`] opens a [`Tx`]; nothing else begins a transaction; the pool stays in here.

mod caller;
mod door;
mod guard;
pub mod roles;
mod sql;
mod tx;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool, Postgres};

pub use caller::{Caller, Due, Machine, PROVED_FOR, Person, Trace, Who};
pub use door::Door;
pub use sql::ensure_months;
pub use tx::Tx;

use crate::{Error, Result};

/// How long a request waits for a connection before it is answered 503.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// The database as the running server may use it. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: PgPool,
    app: PgConnectOptions,
    ingest: PgConnectOptions,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("connections", &self.pool.size()).finish()
    }
}

impl Db {
    /// Connects as the app role and checks both roles.
    ///
    /// # Errors
    /// When the database cannot be reached, or when a role owns tables, is superuser or has BYPASSRLS: the server
    /// must not start with a role that row-level security does not bind.
    pub async fn connect(app: &SecretString, ingest: &SecretString, connections: u32) -> Result<Self, String> {
        let app = options(app)?;
        let ingest = options(ingest)?;
        let pool = PgPoolOptions::new()
            // One more for the listener, which keeps its connection.
            .max_connections(connections.saturating_add(1))
            .min_connections(1)
            .acquire_timeout(POOL_WAIT)
            .test_before_acquire(false)
            .connect_with(app.clone())
            .await
            .map_err(|e| format!("the database cannot be reached: {e}"))?;
        let db = Self { pool, app, ingest };
        db.refuse_unfit_roles().await?;
        Ok(db)
    }

    async fn refuse_unfit_roles(&self) -> Result<(), String> {
        let mut app = self.connection().await.map_err(|e| e.to_string())?;
        guard::refuse_unfit(&mut app).await?;
        let mut ingest = self.ingest.connect().await.map_err(|e| format!("the ingest role cannot sign in: {e}"))?;
        guard::refuse_unfit(&mut ingest).await
    }

    /// A connection without any tenant: row-level security shows it nothing; it is for the reviewed lookup functions
    /// that run before a tenant is known.
    ///
    /// # Errors
    /// 503 when no connection is free within two seconds.
    pub async fn door(&self) -> Result<Door> {
        Ok(Door::new(self.connection().await?))
    }

    /// A connection of its own for a writer lane, as the ingest role.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn ingest_connection(&self) -> sqlx::Result<PgConnection> {
        self.ingest.connect().await
    }

    /// A connection of its own as the app role: advisory locks belong to it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn line(&self) -> sqlx::Result<PgConnection> {
        self.app.connect().await
    }

    /// Hears NOTIFYs; connects again by itself.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn listener(&self) -> sqlx::Result<PgListener> {
        PgListener::connect_with(&self.pool).await
    }

    /// Whether the database answers, for `/health/ready`.
    ///
    /// # Errors
    /// 503 when it does not.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.connection().await?;
        sqlx::Connection::ping(&mut *connection).await.map_err(Error::from)
    }

    /// Connections of the pool: all, and those that nobody uses now.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// Closes the pool, at shutdown.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn connection(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        #[expect(clippy::disallowed_methods, reason = "the one place that takes connections from the pool")]
        self.pool.acquire().await
    }

    fn pool(&self) -> PgPool {
        self.pool.clone()
    }
}

fn options(url: &SecretString) -> Result<PgConnectOptions, String> {
    let options: PgConnectOptions =
        url.expose_secret().parse().map_err(|e| format!("the database URL cannot be read: {e}"))?;
    Ok(options.application_name("socle"))
}
