//! A private PostgreSQL cluster for one checkout of a project: nothing to configure, nothing shared with the
//! machine's own PostgreSQL, safe to call from several processes at once. See the README for the folder's layout.

mod error;
mod initdb;
mod lock;
mod place;
mod postmaster;
mod secrets;
mod tools;
mod url;

use std::path::{Path, PathBuf};
use std::process::Child;

pub use error::Error;

use lock::{StartLock, UserLock};
use place::Place;
use postmaster::Running;
use tools::Tools;

/// The result of every fallible call.
pub type Result<T> = std::result::Result<T, Error>;

/// Which cluster is meant.
#[derive(Debug, Clone)]
pub struct Options {
    /// The project's short name: a folder name of lower-case letters, digits, `-` and `_`, at most 32 characters.
    pub name: String,
    /// The checkout that the cluster belongs to; two checkouts never share one.
    pub checkout: PathBuf,
}

/// What [`Cluster::status`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where the cluster lives (or would live).
    pub folder: PathBuf,
    /// The port of the running server, `None` when it is stopped.
    pub port: Option<u16>,
}

impl Status {
    /// Whether the server runs.
    #[must_use]
    pub fn running(&self) -> bool {
        self.port.is_some()
    }
}

/// A running cluster, held by this process: while the value lives, [`Cluster::stop_if_last`] of other processes
/// leaves the server alone. Dropping it is the same as [`Cluster::keep`].
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    tools: Tools,
    users: UserLock,
    port: u16,
    password: String,
    /// Present when this process started the server, which it must then reap.
    child: Option<Child>,
}

impl Cluster {
    /// Makes the cluster if there is none, starts it if it does not run, adopts it if it does.
    ///
    /// # Errors
    /// PostgreSQL is not installed, the folder cannot be written, or the server does not start (the error then
    /// carries the end of its log).
    pub fn ensure(options: &Options) -> Result<Self> {
        let place = Place::prepare(options)?;
        let start = StartLock::acquire(&place)?;
        let tools = Tools::find(place.major()?)?;
        let password = initdb::ensure(&place, &tools, &start)?;
        let (running, child) = match Running::find(&place) {
            Some(running) if running.ready => (running, None),
            _ => postmaster::start(&place, &tools)?,
        };
        place.remember_port(running.port)?;
        // Taken while the start lock is held, so that nobody can find "no user left" in between.
        let users = UserLock::shared(&place)?;
        Ok(Self { place, tools, users, port: running.port, password, child })
    }

    /// Says whether the cluster of these options runs, without touching it.
    ///
    /// # Errors
    /// The folder's place cannot be worked out (bad name, no home folder).
    pub fn status(options: &Options) -> Result<Status> {
        let place = Place::of(options)?;
        let port = Running::find(&place).map(|running| running.port);
        Ok(Status { folder: place.folder, port })
    }

    /// Stops the server unless another process (or another value in this one) still uses it. Says whether it stopped.
    ///
    /// # Errors
    /// The server does not stop within a minute.
    pub fn stop_if_last(mut self) -> Result<bool> {
        let _start = StartLock::acquire(&self.place)?;
        if !self.users.is_last()? {
            return Ok(false);
        }
        postmaster::stop(&self.place, self.child.as_mut())?;
        Ok(true)
    }

    /// Stops the server, whoever uses it: open connections are closed, their transactions rolled back.
    ///
    /// # Errors
    /// The server does not stop within a minute.
    pub fn stop(mut self) -> Result<()> {
        let _start = StartLock::acquire(&self.place)?;
        postmaster::stop(&self.place, self.child.as_mut())
    }

    /// Lets go of the cluster and leaves the server running.
    pub fn keep(self) {
        drop(self);
    }

    /// A URL for the superuser; only for making roles and databases.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        self.url(initdb::SUPERUSER, &self.password, database)
    }

    /// A URL for any role; user, password and database are percent-encoded.
    #[must_use]
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        url::postgres(self.port, user, password, database)
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that holds everything: data, log, secrets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// The folder of the Unix socket, for programs that take it as a host.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.place.socket
    }

    /// The server's log.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.place.log()
    }

    /// The path of one of PostgreSQL's programs of the server's own version: `psql`, `pgbench`, `pg_dump`…
    #[must_use]
    pub fn bin(&self, program: &str) -> PathBuf {
        self.tools.bin(program)
    }

    /// A random password kept under `name`: made by the first call, the same for ever after, file mode 0600.
    ///
    /// # Errors
    /// The name is not made of `a-z 0-9 - _`, or the file cannot be written.
    pub fn secret(&self, name: &str) -> Result<String> {
        secrets::get_or_make(&self.place, name)
    }

    /// A sentence for the log when the installed minor version lacks known security or corruption fixes.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.tools.warning()
    }
}
