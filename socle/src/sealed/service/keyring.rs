//! KEKs of settings or of a file: one current, the others for unwrapping only.
//!
//! A file holds one KEK a line, 64 hexadecimal digits, the current one first. It is read again before a data key is
//! wrapped and when a KEK is not known, so that running servers follow a rotation.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest;

use super::super::crypt::{self, Key};
use super::{Trouble, Wrapped};

/// A keyring.
pub struct Keyring {
    file: Option<PathBuf>,
    keks: RwLock<Arc<[Kek]>>,
}

struct Kek {
    /// A fingerprint, which tells nothing of the key.
    id: String,
    key: Key,
}

impl Kek {
    fn new(key: Key) -> Self {
        let fingerprint = digest::digest(&digest::SHA256, key.as_ref());
        Self { id: crypt::hex(fingerprint.as_ref().get(..6).unwrap_or_default()), key }
    }
}

impl Keyring {
    /// KEKs as hexadecimal digits, the current one first; spaces, commas or line ends between them.
    ///
    /// # Errors
    /// When there is none, or one is not 64 hexadecimal digits.
    pub fn fixed(keks: &str) -> Result<Self, String> {
        Ok(Self { file: None, keks: RwLock::new(read(keks)?) })
    }

    /// KEKs in a file.
    ///
    /// # Errors
    /// When it cannot be read, holds none, or one is not 64 hexadecimal digits.
    pub fn file(file: PathBuf) -> Result<Self, String> {
        let keks = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let keks = read(&keks).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(Self { file: Some(file), keks: RwLock::new(keks) })
    }

    /// Puts a new KEK at the head of a file, which is made when it is not there: written beside it, then renamed, so
    /// that no reader ever sees half of it. Its id.
    ///
    /// # Errors
    /// When the file cannot be written, or what it holds cannot be read.
    pub fn add(file: &Path) -> Result<String, String> {
        let said = |e: std::io::Error| format!("{}: {e}", file.display());
        let before = if file.exists() { std::fs::read_to_string(file).map_err(said)? } else { String::new() };
        if !before.trim().is_empty() {
            read(&before)?;
        }
        let kek = Kek::new(crypt::fresh().map_err(|e| e.to_string())?);
        let beside = file.with_extension("new");
        let mut written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .map_err(said)?;
        written.write_all(format!("{}\n{before}", crypt::hex(kek.key.as_ref())).as_bytes()).map_err(said)?;
        written.sync_all().map_err(said)?;
        std::fs::rename(&beside, file).map_err(said)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(said)?;
        Ok(kek.id)
    }

    pub(super) async fn wrap(&self, aad: &[u8], key: &Key) -> Result<Wrapped, Trouble> {
        let keks = self.latest().await?;
        let kek = keks.first().ok_or_else(none)?;
        let bytes = crypt::seal(&kek.key, aad, key.as_ref()).map_err(|e| Trouble::Wrong(e.to_string()))?;
        Ok(Wrapped { kek_id: kek.id.clone(), bytes })
    }

    pub(super) async fn unwrap(&self, aad: &[u8], wrapped: &Wrapped) -> Result<Key, Trouble> {
        let mut keks = self.known();
        if !keks.iter().any(|kek| kek.id == wrapped.kek_id) {
            keks = self.latest().await?;
        }
        let kek = keks.iter().find(|kek| kek.id == wrapped.kek_id);
        let kek = kek.ok_or_else(|| Trouble::Wrong(format!("there is no key-encryption key {}", wrapped.kek_id)))?;
        let key = crypt::open(&kek.key, aad, &wrapped.bytes).and_then(|plain| crypt::key_of(&plain));
        key.ok_or_else(|| Trouble::Wrong(format!("a data key does not open with the key-encryption key {}", kek.id)))
    }

    pub(super) async fn current(&self) -> Result<String, Trouble> {
        Ok(self.latest().await?.first().ok_or_else(none)?.id.clone())
    }

    pub(super) async fn list(&self) -> Result<Vec<String>, Trouble> {
        Ok(self.latest().await?.iter().map(|kek| kek.id.clone()).collect())
    }

    fn known(&self) -> Arc<[Kek]> {
        Arc::clone(&self.keks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The KEKs as the file has them now.
    async fn latest(&self) -> Result<Arc<[Kek]>, Trouble> {
        let Some(file) = &self.file else { return Ok(self.known()) };
        let text =
            tokio::fs::read_to_string(file).await.map_err(|e| Trouble::Away(format!("{}: {e}", file.display())))?;
        let keks = read(&text).map_err(|e| Trouble::Wrong(format!("{}: {e}", file.display())))?;
        *self.keks.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keks);
        Ok(keks)
    }
}

fn none() -> Trouble {
    Trouble::Wrong("there is no key-encryption key".to_owned())
}

fn read(text: &str) -> Result<Arc<[Kek]>, String> {
    let words = text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty());
    let kek = |word: &str| crypt::unhex(word).and_then(|bytes| crypt::key_of(&bytes)).map(Kek::new);
    let keks: Option<Vec<Kek>> = words.map(kek).collect();
    match keks {
        Some(keks) if !keks.is_empty() => Ok(keks.into()),
        _ => Err("a key-encryption key must be 64 hexadecimal digits".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyService;
    use super::*;

    fn hex(byte: u8) -> String {
        crypt::hex(&[byte; 32])
    }

    fn key() -> Key {
        crypt::key_of(&[42; 32]).unwrap()
    }

    #[tokio::test]
    async fn the_first_key_wraps_and_every_key_unwraps() {
        let before = KeyService::Keyring(Keyring::fixed(&hex(1)).unwrap());
        let wrapped = before.wrap(b"a", &key()).await.unwrap();
        let after = KeyService::Keyring(Keyring::fixed(&format!("{}, {}", hex(2), hex(1))).unwrap());
        assert_eq!(after.unwrap(b"a", &wrapped).await.unwrap(), key());
        assert!(
            matches!(after.unwrap(b"b", &wrapped).await, Err(Trouble::Wrong(_))),
            "it was wrapped for something else"
        );
        let new = after.wrap(b"a", &key()).await.unwrap();
        assert_eq!(new.kek_id, after.current().await.unwrap());
        assert_ne!(new.kek_id, wrapped.kek_id);
        assert_eq!(after.list().await.unwrap(), [new.kek_id.clone(), wrapped.kek_id]);
        assert!(matches!(before.unwrap(b"a", &new).await, Err(Trouble::Wrong(_))), "the old keyring has no such key");
    }

    #[tokio::test]
    async fn a_running_server_follows_its_file() {
        let folder = std::env::temp_dir().join("socle-keyring-tests");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.hex", std::process::id()));
        let first = Keyring::add(&file).unwrap();
        let keyring = Keyring::file(file.clone()).unwrap();
        assert_eq!(keyring.current().await.unwrap(), first);
        let other = Keyring::file(file.clone()).unwrap();
        let second = Keyring::add(&file).unwrap();
        let wrapped = other.wrap(b"a", &key()).await.unwrap();
        assert_eq!(wrapped.kek_id, second, "a new key is wrapped by the new KEK at once");
        assert_eq!(keyring.unwrap(b"a", &wrapped).await.unwrap(), key(), "an unknown KEK is looked up in the file");
        assert_eq!(keyring.list().await.unwrap(), [second, first]);
        std::fs::write(&file, "what is this").unwrap();
        assert!(matches!(keyring.wrap(b"a", &key()).await, Err(Trouble::Wrong(_))));
        assert_eq!(keyring.unwrap(b"a", &wrapped).await.unwrap(), key(), "what is known is still known");
        assert!(Keyring::add(&file).is_err(), "a file that is no keyring is left alone");
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(keyring.wrap(b"a", &key()).await, Err(Trouble::Away(_))));
    }

    #[test]
    fn anything_but_64_digits_is_refused() {
        for wrong in ["", " \n", "abc", &hex(1)[..62], &format!("{} x", hex(1)), &format!("{}00", hex(1))] {
            assert!(Keyring::fixed(wrong).is_err(), "{wrong:?}");
        }
    }
}
