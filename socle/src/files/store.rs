//! Where contents lie: a folder, or a bucket that speaks S3. An object is named by realm, kind and id, is written once and
//! never changed; it is there when it is whole, and not before.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use secrecy::ExposeSecret;

use super::FileId;
use crate::{Error, Result, config};

/// S3 takes parts of at least 5 MiB, save the last.
const PART: usize = 5 * 1024 * 1024;
/// Parts of one upload on their way at once: what bounds its memory.
const PARTS_AT_ONCE: usize = 2;
/// A piece of an upload in the folder that nobody has finished within a day never will be.
const STALE: Duration = Duration::from_secs(24 * 3_600);

/// A bucket answers a connection within this,
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// and a content may take this long: whoever fetches it sets the pace.
const CONTENT_WITHIN: Duration = Duration::from_secs(600);

/// Where one content lies.
#[derive(Clone, Debug)]
pub(super) struct Place(Path);

impl Place {
    pub(super) fn of(realm: &str, kind: &str, id: FileId) -> Self {
        Self(Path::from_iter([realm, kind, &id.to_string()]))
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub(super) struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The folder, when it is one.
    folder: Option<PathBuf>,
}

impl Store {
    pub(super) fn open(settings: &config::Files) -> Result<Self, String> {
        match &settings.s3_bucket {
            Some(bucket) => bucket_of(settings, bucket),
            None => {
                let usual = || std::env::temp_dir().join("socle-files");
                folder(settings.folder.clone().unwrap_or_else(usual))
            }
        }
    }

    /// Begins an object. It is not there before [`Writing::finish`].
    pub(super) async fn begin(&self, place: &Place) -> Result<Writing> {
        let upload = self.objects.put_multipart(&place.0).await.map_err(|error| out_of_reach(&error))?;
        Ok(Writing(WriteMultipart::new_with_chunk_size(upload, PART)))
    }

    /// A content, or one part of it.
    pub(super) async fn read(
        &self,
        place: &Place,
        part: Option<std::ops::Range<u64>>,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.objects.get_opts(&place.0, options).await.map_err(|error| out_of_reach(&error))?;
        Ok(found.into_stream().map(|piece| piece.map_err(std::io::Error::other)).boxed())
    }

    /// Takes a content away; one that is not there is gone already.
    pub(super) async fn delete(&self, place: &Place) -> Result<()> {
        match self.objects.delete(&place.0).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(out_of_reach(&error)),
        }
    }

    /// Takes away pieces of uploads that a server which died left in the folder. (In a bucket its own lifecycle rule for
    /// unfinished multipart uploads does that.)
    pub(super) async fn sweep_pieces(&self) -> Result<u64> {
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        let swept = tokio::task::spawn_blocking(move || sweep(&folder, 0)).await;
        swept
            .map_err(|error| Error::internal(format!("sweep: {error}")))?
            .map_err(|error| Error::internal(format!("files.folder cannot be swept: {error}")))
    }
}

/// An object on its way.
pub(super) struct Writing(WriteMultipart);

impl Writing {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.0.wait_for_capacity(PARTS_AT_ONCE).await.map_err(|error| out_of_reach(&error))?;
        self.0.put(bytes);
        Ok(())
    }

    /// On the disk, or acknowledged by the bucket, when this returns.
    pub(super) async fn finish(self) -> Result<()> {
        self.0.finish().await.map(|_| ()).map_err(|error| out_of_reach(&error))
    }

    /// Nothing of it stays.
    pub(super) async fn abort(self) {
        if let Err(error) = self.0.abort().await {
            tracing::warn!(%error, "an unfinished upload could not be taken back; the sweep will");
        }
    }
}

/// What is written is on the disk before it is there.
fn folder(path: PathBuf) -> Result<Store, String> {
    let fault = |error: &dyn std::fmt::Display| format!("files.folder {}: {error}", path.display());
    std::fs::create_dir_all(&path).map_err(|error| fault(&error))?;
    let store = LocalFileSystem::new_with_prefix(&path).map_err(|error| fault(&error))?;
    Ok(Store { objects: Arc::new(store.with_fsync(true)), folder: Some(path) })
}

fn bucket_of(settings: &config::Files, bucket: &str) -> Result<Store, String> {
    let builder = AmazonS3Builder::new().with_bucket_name(bucket).with_region(&settings.s3_region);
    // Objects go one by one: not every store that speaks S3 can delete many at once.
    let mut builder = builder.with_disable_bulk_delete(true).with_retry(retries());
    let mut options = ClientOptions::new().with_timeout(CONTENT_WITHIN).with_connect_timeout(CONNECTED_WITHIN);
    if let Some(endpoint) = &settings.s3_endpoint {
        builder = builder.with_endpoint(endpoint);
        // Between us and a store on the same network; refused in production by the settings' own check.
        options = options.with_allow_http(endpoint.starts_with("http://"));
    }
    builder = builder.with_client_options(options);
    if let (Some(id), Some(secret)) = (&settings.s3_access_key_id, &settings.s3_secret_access_key) {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
    }
    let store = builder.build().map_err(|error| format!("files.s3_bucket {bucket}: {error}"))?;
    Ok(Store { objects: Arc::new(store), folder: None })
}

/// Who waits for a file is told to come back, rather than left waiting for as long as the library would try.
fn retries() -> RetryConfig {
    RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(10), ..RetryConfig::default() }
}

/// Realm, kind, file: no deeper.
const DEPTH: usize = 2;

fn sweep(folder: &FilePath, depth: usize) -> std::io::Result<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the file system's own times, which know no other clock"
    )]
    let now = SystemTime::now();
    let mut swept = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEPTH {
            swept += sweep(&entry.path(), depth + 1)?;
        } else if kind.is_file() && is_piece(&entry.file_name().to_string_lossy()) {
            let age = entry.metadata()?.modified().ok().and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age > STALE) {
                std::fs::remove_file(entry.path())?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

/// How the library names what is not published yet: `name#1`.
fn is_piece(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// 503: what is stored may be there again in a moment. A content that its row promises and the store has not is our fault.
fn out_of_reach(error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::internal(format!("a file's content is not there: {error}")),
        other => Error { cause: Some(format!("file store: {other}")), ..Error::unavailable(5) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_published_is_a_piece() {
        assert!(is_piece("0196-abc#1") && is_piece("x#27"));
        assert!(!is_piece("0196-abc") && !is_piece("x#") && !is_piece("x#1a"));
    }
}
