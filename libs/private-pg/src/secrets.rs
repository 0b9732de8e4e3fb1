//! Random passwords, each made once and kept in a file that only we can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::Doing;
use crate::place::{self, Place};

/// 192 bits, as hexadecimal: safe in a URL, a shell and a SQL literal.
const BYTES: usize = 24;

pub(crate) fn path(place: &Place, name: &str) -> PathBuf {
    place.secrets().join(name)
}

pub(crate) fn get_or_make(place: &Place, name: &str) -> Result<String> {
    place::check_name(name)?;
    let path = path(place, name);
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(place, name, &path),
        found => found.doing("read", &path),
    }
}

/// Writes aside, then links into place: the file appears whole, and of two processes the first one wins.
fn make(place: &Place, name: &str, path: &Path) -> Result<String> {
    let secret = random(BYTES)?;
    let aside = place.secrets().join(format!(".{name}-{}", random(8)?));
    write_new(&aside, &secret).doing("write", &aside)?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside).doing("remove", &aside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error).doing("write", path),
        _ => read(path).doing("read", path),
    }
}

/// Never follows a link and never overwrites.
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

fn random(bytes: usize) -> Result<String> {
    let source = Path::new("/dev/urandom");
    let mut buffer = vec![0_u8; bytes];
    File::open(source).and_then(|mut file| file.read_exact(&mut buffer)).doing("read", source)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}
