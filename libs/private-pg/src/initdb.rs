//! Making the data folder, once and whole.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Stdio;

use crate::error::Doing;
use crate::lock::StartLock;
use crate::place::Place;
use crate::tools::Tools;
use crate::{Error, Result, secrets};

pub(crate) const SUPERUSER: &str = "postgres";
const PASSWORD: &str = "superuser";

/// Index order by bytes (fast, the same on every system), upper and lower case by Unicode.
const LOCALE: [&str; 3] = [
    "--lc-collate=C",
    if cfg!(target_os = "macos") { "--lc-ctype=en_US.UTF-8" } else { "--lc-ctype=C.UTF-8" },
    "--lc-messages=C",
];

/// Runs initdb unless it was done, and gives the superuser's password.
///
/// The work happens in `data.new`, renamed to `data` when it is finished: a `data` folder is always a whole one, and
/// what a crash leaves behind is thrown away by the next start.
pub(crate) fn ensure(place: &Place, tools: &Tools, lock: &StartLock) -> Result<String> {
    let data = place.data();
    if data.exists() {
        let file = secrets::path(place, PASSWORD);
        if !file.exists() {
            return Err(Error::PasswordGone { folder: place.folder.clone(), file });
        }
        return secrets::get_or_make(place, PASSWORD);
    }
    let unfinished = place.pg().join("data.new");
    let password_file = place.pg().join("password");
    remove(&unfinished)?;
    remove(&password_file)?;
    let password = secrets::get_or_make(place, PASSWORD)?;
    secrets::write_new(&password_file, &password).doing("write", &password_file)?;
    place.give_to_account(&password_file)?;
    let made = run(place, tools, lock, &unfinished, &password_file);
    remove(&password_file)?;
    made?;
    fs::rename(&unfinished, &data).doing("rename", &unfinished)?;
    let parent = place.pg();
    File::open(&parent).and_then(|folder| folder.sync_all()).doing("sync", &parent)?;
    Ok(password)
}

fn run(place: &Place, tools: &Tools, lock: &StartLock, target: &Path, password_file: &Path) -> Result<()> {
    let program = tools.bin("initdb");
    let output = place
        .command(&program)
        .arg("--pgdata")
        .arg(target)
        .args(["--username", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"])
        .args(LOCALE)
        .arg("--pwfile")
        .arg(password_file)
        .stdin(lock.lend()?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .doing("run", &program)?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::Program { program, output: String::from_utf8_lossy(&said).trim().to_owned() })
}

fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).doing("remove", path),
        _ => Ok(()),
    }
}
