//! The key store: persons' wrapped keys, one object each, in a folder that all servers share and that no dump of a
//! database holds. An object is there whole or not at all, and survives a crash once it was written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use uuid::Uuid;

use super::crypt;
use super::service::Wrapped;
use crate::{Error, Result};

/// A folder on another machine may hang: nobody waits longer for it.
const LIMIT: Duration = Duration::from_secs(2);

/// A folder of wrapped keys.
pub struct KeyStore {
    files: LocalFileSystem,
    folder: PathBuf,
}

/// An object says itself which KEK wrapped it: whatever the registry says while keys are wrapped anew, it opens.
#[derive(Serialize, Deserialize)]
struct Object {
    kek: String,
    wrapped: String,
}

impl KeyStore {
    /// The store in a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or is not to be written to.
    pub fn open(folder: &Path) -> Result<Self, String> {
        use std::os::unix::fs::DirBuilderExt;
        let said = |e: String| format!("sealed.key_store {}: {e}", folder.display());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| said(e.to_string()))?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(|e| said(e.to_string()))?.with_fsync(true);
        Ok(Self { files, folder: folder.to_path_buf() })
    }

    /// Writes a key, or another wrapping of it.
    pub(super) async fn put(&self, key: Uuid, wrapped: &Wrapped) -> Result<()> {
        let object = Object { kek: wrapped.kek_id.clone(), wrapped: crypt::hex(&wrapped.bytes) };
        let object = serde_json::to_vec(&object).map_err(|e| Error::internal(format!("key store: {e}")))?;
        bounded(self.files.put(&name(key), object.into())).await.map(drop)
    }

    /// A key as it was last written.
    pub(super) async fn get(&self, key: Uuid) -> Result<Option<Wrapped>> {
        let read = async {
            match self.files.get(&name(key)).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let Some(object) = bounded(read).await? else { return Ok(None) };
        let broken = || Error::keys_unavailable(format!("the object of key {key} cannot be read"));
        let object: Object = serde_json::from_slice(&object).map_err(|_| broken())?;
        Ok(Some(Wrapped { kek_id: object.kek, bytes: crypt::unhex(&object.wrapped).ok_or_else(broken)? }))
    }

    /// Deletes keys for good; what is not there is deleted already.
    pub(super) async fn delete(&self, keys: &[Uuid]) -> Result<()> {
        for key in keys {
            let deleted = async {
                match self.files.delete(&name(*key)).await {
                    Err(object_store::Error::NotFound { .. }) => Ok(()),
                    other => other,
                }
            };
            bounded(deleted).await?;
        }
        // A deletion is in the folder: without this a crash could bring an object back.
        let folder = self.folder.clone();
        let synced = tokio::task::spawn_blocking(move || std::fs::File::open(folder)?.sync_all()).await;
        let synced = synced.map_err(|e| Error::internal(format!("key store: {e}")))?;
        synced.map_err(|e| Error::keys_unavailable(format!("key store: {e}")))
    }

    /// Every key that has an object.
    pub(super) async fn list(&self) -> Result<Vec<Uuid>> {
        let all = self.files.list(None).map_ok(|object| key_of(&object.location));
        let all: Vec<Option<Uuid>> = all.try_collect().await.map_err(|error| away(&error))?;
        Ok(all.into_iter().flatten().collect())
    }
}

fn name(key: Uuid) -> Name {
    Name::from(format!("{key}.json"))
}

fn key_of(name: &Name) -> Option<Uuid> {
    name.as_ref().strip_suffix(".json")?.parse().ok()
}

fn away(error: &object_store::Error) -> Error {
    Error::keys_unavailable(format!("key store: {error}"))
}

async fn bounded<T>(work: impl Future<Output = object_store::Result<T>>) -> Result<T> {
    match timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|error| away(&error)),
        Err(_) => Err(Error::keys_unavailable("the key store does not answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(kek: &str) -> Wrapped {
        Wrapped { kek_id: kek.to_owned(), bytes: vec![1, 2, 255] }
    }

    #[tokio::test]
    async fn an_object_is_written_replaced_listed_and_deleted() {
        let folder = std::env::temp_dir().join(format!("socle-key-store-{}", std::process::id()));
        let store = KeyStore::open(&folder).unwrap();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(store.get(one).await.unwrap(), None);
        store.put(one, &wrapped("a")).await.unwrap();
        store.put(two, &wrapped("a")).await.unwrap();
        store.put(one, &wrapped("b")).await.unwrap();
        assert_eq!(store.get(one).await.unwrap(), Some(wrapped("b")));
        // Another server over the same folder, and a file that is none of ours.
        std::fs::write(folder.join("notes.txt"), "x").unwrap();
        let other = KeyStore::open(&folder).unwrap();
        let mut listed = other.list().await.unwrap();
        listed.sort();
        assert_eq!(listed, [one, two]);
        other.delete(&[one, Uuid::from_u128(3)]).await.unwrap();
        other.delete(&[one]).await.unwrap();
        assert_eq!(store.get(one).await.unwrap(), None);
        std::fs::write(folder.join(format!("{two}.json")), "{\"kek\":\"a\",\"wrap").unwrap();
        assert_eq!(store.get(two).await.unwrap_err().code, crate::error::KEYS_UNAVAILABLE);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
