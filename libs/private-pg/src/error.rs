//! What can go wrong, in words that say what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Why a cluster could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable PostgreSQL on this machine.
    #[error("PostgreSQL {oldest} or newer was not found on this machine. Install it with: {install}")]
    Missing {
        /// The oldest major version that will do.
        oldest: u32,
        /// The command for this system.
        install: &'static str,
    },
    /// The data were written by a major version that is gone.
    #[error(
        "the data in {} were written by PostgreSQL {major}, which is not installed any more. \
         Install that version again, or delete the folder (and all its data) to start anew", folder.display()
    )]
    MajorGone {
        /// The cluster's folder.
        folder: PathBuf,
        /// The version that wrote it.
        major: u32,
    },
    /// Data without the superuser's password.
    #[error(
        "{} holds data but {} is missing, so nobody can sign in. \
         Restore that file, or delete the folder (and all its data) to start anew", folder.display(), file.display()
    )]
    PasswordGone {
        /// The cluster's folder.
        folder: PathBuf,
        /// The missing file.
        file: PathBuf,
    },
    /// A name that cannot be a file name.
    #[error("{0:?} is not a usable name: 1 to 32 characters out of a-z, 0-9, - and _")]
    Name(String),
    /// Nowhere to keep the folder.
    #[error("neither XDG_STATE_HOME nor HOME is set to an absolute path, so there is no place for the database")]
    NoHome,
    /// Root without any account to run PostgreSQL as.
    #[error("PostgreSQL refuses to run as root and there is neither a `postgres` nor a `nobody` account")]
    NoAccount,
    /// Somebody else has been starting or stopping this cluster for too long.
    #[error("another process has held {} for {seconds} s; is it stuck?", file.display())]
    Busy {
        /// The lock.
        file: PathBuf,
        /// How long we waited.
        seconds: u64,
    },
    /// The socket's folder belongs to somebody else.
    #[error("{} is not a folder of our own; remove it", .0.display())]
    Socket(PathBuf),
    /// A program of PostgreSQL's failed.
    #[error("{} failed:\n{output}", program.display())]
    Program {
        /// Which one.
        program: PathBuf,
        /// What it said.
        output: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL did not start; the end of {} says:\n{tail}", log.display())]
    NotStarted {
        /// The whole log.
        log: PathBuf,
        /// Its end.
        tail: String,
    },
    /// The server did not go down.
    #[error("PostgreSQL (process {pid}) did not stop within {seconds} s")]
    NotStopped {
        /// The postmaster.
        pid: i32,
        /// How long we waited.
        seconds: u64,
    },
    /// No free port.
    #[error("no free TCP port on 127.0.0.1 between {first} and {last}")]
    NoPort {
        /// The first that was tried.
        first: u16,
        /// The last that was tried.
        last: u16,
    },
    /// The system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was wanted.
        action: &'static str,
        /// Of what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Adds to an I/O error what was being done, and to which file.
pub(crate) trait Doing<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}
