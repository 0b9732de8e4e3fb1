//! What can be done with files: one function per verb.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt};
use serde_json::json;

use super::jobs::{SCAN, SWEEP};
use super::model::{content_type, plain_name};
use super::store::{Place, Writing};
use super::{File, FileId, Kind, State, sql};
use crate::db::{Caller, Tx};
use crate::jobs::{self as queues, MAINTENANCE, NewJob};
use crate::{App, Error, Result, audit};

/// An upload is to be completed within this; the sweep waits longer, so that the two never meet.
pub(super) const COMPLETED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// Bytes that a content is recognised by.
const BEGINNING: usize = 4_096;

/// An upload that is in the store, and nobody's file yet.
#[derive(Clone, Debug)]
pub struct Received {
    /// The file's id.
    pub id: FileId,
    /// Found in its content.
    pub content_type: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Of its content.
    pub sha256: [u8; 32],
    pub(super) kind: &'static Kind,
    place: Place,
}

impl Received {
    /// The SHA-256 in hexadecimal digits.
    #[must_use]
    pub fn checksum(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Streams an upload into the store. It is a file once [`complete`] has been called in a transaction of the same tenant,
/// within the hour.
///
/// # Errors
/// 413 when it is longer than its kind allows; 400 when it is empty or cut off; 422 `VAL_CONTENT` when its content is not
/// one that the kind accepts; 503 when database or store are out of reach. Nothing of it stays then.
pub async fn receive<S, E>(
    app: &App,
    caller: &Caller,
    (kind, name): (&'static Kind, &str),
    content: S,
) -> Result<Received>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::fmt::Display,
{
    let tenant = caller.tenant().ok_or_else(|| Error::internal("a file without a tenant"))?;
    let id = FileId::fresh(caller.now());
    let mut tx = caller.begin().await?;
    sql::begin(&mut tx, id, tenant, (kind, &plain_name(name))).await?;
    tx.commit().await?;
    let place = Place::of(caller.realm(), kind.name, id);
    let mut writing = app.files.store.begin(&place).await?;
    match pour(&mut writing, kind, content).await {
        Ok(poured) => {
            writing.finish().await?;
            Ok(Received {
                id,
                content_type: poured.content_type,
                bytes: poured.bytes,
                sha256: poured.sha256,
                kind,
                place,
            })
        }
        Err(error) => {
            writing.abort().await;
            Err(error)
        }
    }
}

struct Poured {
    content_type: &'static str,
    bytes: u64,
    sha256: [u8; 32],
}

async fn pour<S, E>(writing: &mut Writing, kind: &Kind, content: S) -> Result<Poured>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::fmt::Display,
{
    let mut content = std::pin::pin!(content);
    let (mut bytes, mut hash, mut beginning) = (0_u64, Context::new(&SHA256), Vec::new());
    while let Some(piece) = content.next().await {
        let piece =
            piece.map_err(|error| Error::malformed(format!("The upload was cut off: {error}. Send it again.")))?;
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > kind.most_bytes {
            return Err(too_large(kind));
        }
        hash.update(&piece);
        let missing = BEGINNING.saturating_sub(beginning.len());
        beginning.extend(piece.iter().take(missing));
        writing.write(piece).await?;
    }
    if bytes == 0 {
        return Err(Error::malformed("The file is empty. Choose another."));
    }
    let found = content_type(&beginning);
    if !kind.accepts.contains(&found) {
        let message = format!(
            "The file is of the kind {found}, which is not accepted here. Accepted: {}.",
            kind.accepts.join(", ")
        );
        return Err(Error::unprocessable("VAL_CONTENT", message));
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.finish().as_ref());
    Ok(Poured { content_type: found, bytes, sha256 })
}

fn too_large(kind: &Kind) -> Error {
    let message = format!("The file is larger than {} MiB.", kind.most_bytes.div_ceil(1024 * 1024));
    Error { message: message.into(), ..Error::too_large() }
}

/// Makes an upload a file, in the transaction of what it belongs to, with its audit row. A kind that is to be scanned is
/// not usable yet: the scanner is asked once the transaction has committed.
///
/// # Errors
/// 409 `BIZ_UPLOAD_OVER` when it was received too long ago.
pub async fn complete(app: &App, tx: &mut Tx, received: &Received) -> Result<()> {
    let begun_after = tx.caller().now() - COMPLETED_WITHIN;
    if !sql::complete(tx, received, begun_after).await? {
        return Err(Error::conflict("BIZ_UPLOAD_OVER", "The upload was left waiting for too long. Send it again."));
    }
    if received.kind.scanned && app.files.scanner.is_some() {
        let job = NewJob::now(SCAN, MAINTENANCE, json!({ "file": received.id })).once(received.id.to_string());
        queues::enqueue(tx, job).await?;
    }
    let details = json!({ "kind": received.kind.name, "bytes": received.bytes, "sha256": received.checksum() });
    audit::record(tx, audit::Entry::done("file.uploaded", "File", received.id.0).with(details)).await
}

/// Takes back an upload that will not be completed: its content goes at once, its row with the next sweep.
pub async fn discard(app: &App, received: &Received) {
    if let Err(error) = app.files.store.delete(&received.place).await {
        tracing::warn!(%error, "a discarded upload is left to the sweep");
    }
}

/// A file of the transaction's tenant that may be used.
///
/// # Errors
/// 404 when there is none; 409 `BIZ_FILE_PENDING` while the scanner has not looked at it, 409 `BIZ_FILE_REFUSED` when it
/// found something.
pub async fn find(tx: &mut Tx, id: FileId) -> Result<File> {
    let file = sql::find(tx, id).await?;
    match file.state {
        State::Clean => Ok(file),
        State::Pending => {
            Err(Error::conflict("BIZ_FILE_PENDING", "The file has not been checked for viruses yet. Try again later."))
        }
        State::Refused => {
            Err(Error::conflict("BIZ_FILE_REFUSED", "The virus scanner refused this file; its content is gone."))
        }
    }
}

/// Removes a file of the transaction's tenant: nobody sees it once the transaction has committed, and its content goes
/// right after.
///
/// # Errors
/// 404 when there is none.
pub async fn remove(tx: &mut Tx, id: FileId) -> Result<()> {
    if !sql::remove(tx, id).await? {
        return Err(Error::not_found());
    }
    queues::enqueue(tx, NewJob::now(SWEEP, MAINTENANCE, json!({})).once(id.to_string())).await?;
    audit::record(tx, audit::Entry::done("file.removed", "File", id.0)).await
}
