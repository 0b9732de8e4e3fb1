//! Rotation: every data key is wrapped anew by the current key-encryption key, in the registry and in the key store, while
//! servers go on reading and writing. No data key changes, so no field has to be sealed again.
//!
//! It can be killed at any step and run again. A tenant's key is one row, changed only if it is still wrapped as it was
//! read. A person's key is an object that names its key-encryption key itself, and a row: the row is held, the object
//! replaced, the row changed; after a crash in between the object opens all the same, and the next run finds the row.

mod sql;

use uuid::Uuid;

use super::service::Wrapped;
use super::{Subject, Vault, wrapped_for};
use crate::db::Caller;
use crate::{Error, Result, ids};

pub use sql::Rotation;
use sql::ToRewrap;

/// Keys read at once, and between two lines of progress.
const BATCH: i32 = 50;

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Keys wrapped anew by this run.
    pub rewrapped: i64,
    /// Keys that other key-encryption keys have wrapped still.
    pub remaining: i64,
    /// Keys that could not be unwrapped; they stay as they are, and the log names them.
    pub failed: i64,
}

/// Wraps every data key anew by the current key-encryption key, telling how far it is. The caller is the platform's.
///
/// # Errors
/// 409 while another rotation runs; 503 when the key service, the key store or the database goes away: run it again.
pub async fn rotate(vault: &Vault, caller: &Caller, mut tell: impl FnMut(&str, Progress)) -> Result<Progress> {
    let Some(line) = sql::only_one(caller.db()).await? else {
        let message = "Another rotation runs. See how far it is: socle admin keys status.";
        return Err(Error::conflict("BIZ_ROTATION_RUNS", message));
    };
    let kek = vault.service.current().await?;
    let id = ids::fresh(caller.now());
    let mut tx = caller.begin().await?;
    let mut progress = Progress { remaining: sql::remaining(&mut tx, &kek).await?, ..Progress::default() };
    sql::insert(&mut tx, (id, &kek), progress.remaining).await?;
    tx.commit().await?;
    tell(&kek, progress);
    let mut after = Uuid::nil();
    loop {
        let mut tx = caller.begin().await?;
        let keys = sql::to_rewrap(&mut tx, (&kek, after), BATCH).await?;
        drop(tx);
        let Some(last) = keys.last() else { break };
        after = last.id;
        for key in &keys {
            match rewrap(vault, caller, key).await {
                Ok(true) => progress.rewrapped += 1,
                // It was destroyed, or somebody else wrapped it anew.
                Ok(false) => {}
                Err(error) if all_is_there(vault, caller).await => {
                    tracing::error!(key = %key.id, %error, "a data key cannot be wrapped anew");
                    progress.failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
        note(caller, (id, &kek), &mut progress, false).await?;
        tell(&kek, progress);
    }
    note(caller, (id, &kek), &mut progress, true).await?;
    tell(&kek, progress);
    sql::done(line).await;
    Ok(progress)
}

/// Whether a failure is one key's own: key service, key store and database answer.
async fn all_is_there(vault: &Vault, caller: &Caller) -> bool {
    vault.service.current().await.is_ok()
        && vault.store.get(Uuid::nil()).await.is_ok()
        && caller.db().ping().await.is_ok()
}

/// Writes how far it is.
async fn note(caller: &Caller, (id, kek): (Uuid, &str), progress: &mut Progress, finished: bool) -> Result<()> {
    let mut tx = caller.begin().await?;
    progress.remaining = sql::remaining(&mut tx, kek).await?;
    sql::note(&mut tx, id, *progress, finished).await?;
    tx.commit().await
}

/// One key; false when there was nothing to do any more. The key service is asked while no transaction is open.
async fn rewrap(vault: &Vault, caller: &Caller, key: &ToRewrap) -> Result<bool> {
    let subject = Subject::of(&key.subject_kind, key.subject_id).ok_or_else(|| Error::internal("no such subject"))?;
    let before = match (&key.wrapped, subject) {
        (Some(bytes), Subject::Tenant(_)) => Wrapped { kek_id: key.kek_id.clone(), bytes: bytes.clone() },
        _ => match vault.store.get(key.id).await? {
            Some(wrapped) => wrapped,
            None => return lost(caller, key).await,
        },
    };
    let aad = wrapped_for(subject, &key.purpose, key.id);
    let plain = vault.service.unwrap_checked(&aad, &before, &key.check_value).await?;
    let anew = vault.service.wrap(&aad, &plain).await?;
    let mut tx = caller.begin().await?;
    if let Subject::Person(_) = subject {
        // Held until the commit: a destruction waits, and its job deletes what is written here.
        if !sql::hold(&mut tx, key.id).await? {
            return Ok(false);
        }
        vault.store.put(key.id, &anew).await?;
    }
    let bytes = matches!(subject, Subject::Tenant(_)).then_some(anew.bytes.as_slice());
    let done = sql::rewrap(&mut tx, key, (&anew.kek_id, bytes)).await?;
    tx.commit().await?;
    Ok(done)
}

/// A person's key without an object: destroyed meanwhile, or really lost.
async fn lost(caller: &Caller, key: &ToRewrap) -> Result<bool> {
    let mut tx = caller.begin().await?;
    if sql::hold(&mut tx, key.id).await? {
        return Err(Error::internal(format!("the key store has no key {}", key.id)));
    }
    Ok(false)
}

/// The last rotations, newest first.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn last(caller: &Caller) -> Result<Vec<Rotation>> {
    let mut tx = caller.begin().await?;
    sql::last(&mut tx).await
}
