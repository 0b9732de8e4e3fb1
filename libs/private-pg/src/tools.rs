//! Finding PostgreSQL's programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::{Error, Result};

/// Look here and nowhere else, for a PostgreSQL in an unusual place.
const OVERRIDE: &str = "PRIVATE_PG_BIN";
const OLDEST: u32 = 15;
const NEEDED: [&str; 3] = ["initdb", "postgres", "psql"];
const INSTALL: &str =
    if cfg!(target_os = "macos") { "brew install postgresql@17" } else { "apt-get install -y postgresql" };

/// The first minor version of each major that has the fixes of November 2026.
const FLOORS: [(u32, u32); 4] = [(15, 19), (16, 15), (17, 11), (18, 6)];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tools {
    folder: PathBuf,
    major: u32,
    minor: u32,
}

impl Tools {
    /// The newest PostgreSQL, or the one of the major version that the data need.
    pub(crate) fn find(wanted: Option<(u32, &Path)>) -> Result<Self> {
        let found =
            candidates().into_iter().filter_map(|folder| Self::inspect(&folder)).filter(|tools| tools.major >= OLDEST);
        let Some((major, folder)) = wanted else {
            let newest = found.max_by_key(|tools| (tools.major, tools.minor));
            return newest.ok_or(Error::Missing { oldest: OLDEST, install: INSTALL });
        };
        found
            .filter(|tools| tools.major == major)
            .max_by_key(|tools| tools.minor)
            .ok_or_else(|| Error::MajorGone { folder: folder.to_owned(), major })
    }

    pub(crate) fn bin(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    pub(crate) fn warning(&self) -> Option<String> {
        let (major, minor) = (self.major, self.minor);
        let (_, floor) = FLOORS.into_iter().find(|(of, _)| *of == major)?;
        (minor < floor)
            .then(|| format!("PostgreSQL {major}.{minor} lacks known fixes; update it to {major}.{floor} or newer"))
    }

    /// Where the programs really are: a folder of the PATH may hold links to some of them only.
    fn inspect(folder: &Path) -> Option<Self> {
        let folder = fs::canonicalize(folder.join("postgres")).ok()?.parent()?.to_owned();
        if !NEEDED.iter().all(|program| folder.join(program).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let (major, minor) = version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, major, minor })
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → (15, 18); `18beta1` and `19devel` → (18, 0), (19, 0).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(2)?.splitn(2, '.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>()
    });
    let major = numbers.next()?.ok()?;
    let minor = numbers.next().and_then(std::result::Result::ok).unwrap_or(0);
    Some((major, minor))
}

/// Debian keeps the programs off the PATH, one folder a version; Homebrew likewise under its prefix.
fn candidates() -> Vec<PathBuf> {
    if let Some(only) = env::var_os(OVERRIDE) {
        return vec![PathBuf::from(only)];
    }
    let mut folders = children("/usr/lib/postgresql", "");
    folders.extend(children("/usr", "pgsql-"));
    for prefix in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
        folders.extend(children(prefix, "postgresql"));
    }
    for folder in &mut folders {
        folder.push("bin");
    }
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path));
    }
    folders
}

fn children(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(prefix);
    entries.flatten().filter(named).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, 18)));
        assert_eq!(version("postgres (PostgreSQL) 19devel\n"), Some((19, 0)));
        assert_eq!(version("nonsense"), None);
    }

    #[test]
    fn warns_below_the_floor_only() {
        let of = |major, minor| Tools { folder: PathBuf::new(), major, minor }.warning();
        assert!(of(15, 18).is_some_and(|text| text.contains("15.19")));
        assert_eq!(of(15, 19), None);
        assert_eq!(of(17, 12), None);
        assert_eq!(of(19, 0), None);
    }
}
