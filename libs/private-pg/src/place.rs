//! Where a cluster lives and whom it belongs to.
//!
//! As root the folder itself stays root's (secrets, configuration, log), only `pg/` inside it belongs to the account
//! that the server runs as: nothing that root writes can be redirected by that account.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io, path};

use crate::error::Doing;
use crate::{Error, Options, Result};

/// `sun_path` holds 104 bytes on macOS and 108 on Linux, the closing zero included.
const LONGEST_SOCKET: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
const SOCKET_FILE: &str = "/.s.PGSQL.65535";

/// The account that the server runs as, when that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) hash: u64,
    pub(crate) account: Option<Account>,
}

impl Place {
    /// Works the paths out; makes nothing.
    pub(crate) fn of(options: &Options) -> Result<Self> {
        check_name(&options.name)?;
        let checkout = checkout_path(&options.checkout)?;
        let hash = fnv1a(checkout.as_os_str().as_encoded_bytes());
        let folder = base()?.join(&options.name).join(format!("{hash:016x}"));
        let inside = folder.join("pg");
        let socket = if inside.as_os_str().len() + SOCKET_FILE.len() <= LONGEST_SOCKET {
            inside
        } else {
            PathBuf::from(format!("/tmp/{}-{hash:016x}", options.name))
        };
        Ok(Self { folder, socket, hash, account: None })
    }

    /// Makes the folders.
    pub(crate) fn prepare(options: &Options) -> Result<Self> {
        let mut place = Self::of(options)?;
        let root = rustix::process::geteuid().is_root();
        if let Some(parent) = place.folder.parent() {
            make_folder(parent, if root { 0o755 } else { 0o700 })?;
        }
        let mode = if root { 0o711 } else { 0o700 };
        make_folder(&place.folder, mode)?;
        // Again, for a folder that was made by a start that was killed before it could set the mode.
        fs::set_permissions(&place.folder, Permissions::from_mode(mode)).doing("set the mode of", &place.folder)?;
        make_folder(&place.secrets(), 0o700)?;
        if root {
            place.account = Some(place.choose_account()?);
        }
        place.make_own_folder(&place.pg())?;
        if place.socket != place.pg() {
            place.make_own_folder(&place.socket)?;
        }
        // For whoever wonders which checkout a folder belongs to.
        let note = place.folder.join("checkout");
        fs::write(&note, options.checkout.as_os_str().as_encoded_bytes()).doing("write", &note)?;
        Ok(place)
    }

    /// What belongs to the server: data, socket.
    pub(crate) fn pg(&self) -> PathBuf {
        self.folder.join("pg")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.pg().join("data")
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.folder.join("secrets")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.join("cluster.conf")
    }

    /// The major version that wrote the data, `None` when there are none yet.
    pub(crate) fn major(&self) -> Result<Option<(u32, &Path)>> {
        let file = self.data().join("PG_VERSION");
        match fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().parse().ok().map(|major| (major, self.folder.as_path()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing("read", &file),
        }
    }

    pub(crate) fn remembered_port(&self) -> Option<u16> {
        fs::read_to_string(self.folder.join("port")).ok()?.trim().parse().ok()
    }

    pub(crate) fn remember_port(&self, port: u16) -> Result<()> {
        if self.remembered_port() == Some(port) {
            return Ok(());
        }
        let file = self.folder.join("port");
        fs::write(&file, format!("{port}\n")).doing("write", &file)
    }

    /// A command that runs as the server's account, in a folder that it may enter, deaf to our own environment:
    /// `PGDATA`, `PGPORT`, `PGOPTIONS` or the language of a caller must not change what is made.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.pg()).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    pub(crate) fn give_to_account(&self, path: &Path) -> Result<()> {
        match self.account {
            Some(account) => chown(path, Some(account.uid), Some(account.gid)).doing("give away", path),
            None => Ok(()),
        }
    }

    /// The owner of the data if there are any, so that a `postgres` account that appears later changes nothing.
    fn choose_account(&self) -> Result<Account> {
        if let Ok(found) = fs::symlink_metadata(self.pg())
            && found.is_dir()
            && found.uid() != 0
        {
            return Ok(Account { uid: found.uid(), gid: found.gid() });
        }
        ["postgres", "nobody"].into_iter().find_map(account_named).ok_or(Error::NoAccount)
    }

    fn make_own_folder(&self, folder: &Path) -> Result<()> {
        let ours = self.account.map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid);
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => self.give_to_account(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(folder).doing("look at", folder)?;
                if !found.is_dir() {
                    return Err(Error::Socket(folder.to_owned()));
                }
                // A start that was killed between making the folder and giving it away left it to root.
                if found.uid() == 0 && self.account.is_some() {
                    return self.give_to_account(folder);
                }
                if found.uid() == ours { Ok(()) } else { Err(Error::Socket(folder.to_owned())) }
            }
            Err(error) => Err(error).doing("make", folder),
        }
    }
}

/// The account's numbers as the system knows them (files, LDAP, directory services).
fn account_named(name: &str) -> Option<Account> {
    let number = |flag: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok().filter(|id| *id != 0)
    };
    Some(Account { uid: number("-u")?, gid: number("-g")? })
}

/// Makes a folder with exactly this mode, whatever the umask; parents too.
fn make_folder(folder: &Path, mode: u32) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).doing("make", parent)?;
    }
    match DirBuilder::new().mode(mode).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error).doing("make", folder),
        _ => fs::set_permissions(folder, Permissions::from_mode(mode)).doing("set the mode of", folder),
    }
}

/// One checkout, one path: symbolic links are followed, a folder that does not exist keeps its name.
fn checkout_path(checkout: &Path) -> Result<PathBuf> {
    match checkout.canonicalize() {
        Ok(path) => Ok(path),
        Err(_) => path::absolute(checkout).doing("resolve", checkout),
    }
}

fn base() -> Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib"));
    }
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state"))).ok_or(Error::NoHome)
}

/// Refuses what could leave the folder or make the socket's path too long.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 32 || !name.chars().all(fits) {
        return Err(Error::Name(name.to_owned()));
    }
    Ok(())
}

/// FNV-1a: stable over versions of Rust, which the standard hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_the_published_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        for bad in ["", "..", "a/b", "A", "é", "x y", &"a".repeat(33)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        check_name("socle-2_b").unwrap();
    }
}
