//! The two locks of a cluster, both `flock`: the system lets go of them when their holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::error::Doing;
use crate::place::Place;
use crate::{Error, Result};

const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(20);

/// Held by whoever is making, starting or stopping the cluster.
#[derive(Debug)]
pub(crate) struct StartLock {
    file: File,
    path: PathBuf,
}

impl StartLock {
    pub(crate) fn acquire(place: &Place) -> Result<Self> {
        let path = place.folder.join("start.lock");
        let file = open(&path)?;
        let until = Instant::now() + PATIENCE;
        while !try_exclusive(&file).doing("lock", &path)? {
            if Instant::now() >= until {
                return Err(Error::Busy { file: path, seconds: PATIENCE.as_secs() });
            }
            thread::sleep(POLL);
        }
        Ok(Self { file, path })
    }

    /// The same lock as a child's standard input: it then stays locked until both are gone, so that a child that
    /// outlives us (initdb after a kill -9 of its parent) still keeps the others away.
    pub(crate) fn lend(&self) -> Result<Stdio> {
        Ok(Stdio::from(self.file.try_clone().doing("share", &self.path)?))
    }
}

/// Held, shared, by every user of the running cluster.
#[derive(Debug)]
pub(crate) struct UserLock {
    file: File,
    path: PathBuf,
}

impl UserLock {
    pub(crate) fn shared(place: &Place) -> Result<Self> {
        let path = place.folder.join("users.lock");
        let file = open(&path)?;
        file.lock_shared().doing("lock", &path)?;
        Ok(Self { file, path })
    }

    /// Gives our share up and says whether nobody else has one. Only meaningful while the start lock is held:
    /// new users take their share under it.
    pub(crate) fn is_last(&self) -> Result<bool> {
        self.file.unlock().doing("unlock", &self.path)?;
        try_exclusive(&self.file).doing("lock", &self.path)
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).doing("open", path)
}

fn try_exclusive(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
