//! The journal of erasures, outside the database: one object per erasure with the account's id, its realm and the instant;
//! no name. A restored database is older than the journal, and [`replay`] does again what it does not know of.
//!
//! The journal is written by the same job after the commit, and what a crash left out by the next one: an entry for an
//! erasure that never was would erase somebody who lives. So it may lag behind a crash, and never runs ahead.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::{Deserialize, Serialize};

use super::execute::{Order, execute};
use super::sql;
use crate::db::{Caller, Trace};
use crate::ids::AccountId;
use crate::privacy::products::Products;
use crate::{App, Error, Result};

/// Entries compared with the database at once.
const AT_ONCE: usize = 1_000;

/// An erasure that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose.
    pub account: AccountId,
    /// In which realm.
    pub realm: String,
    /// When.
    pub at: DateTime<Utc>,
}

fn store(app: &App) -> Result<LocalFileSystem> {
    let folder = app.config.erasure_journal();
    let unusable = |e: String| Error::internal(format!("privacy.erasure_journal {}: {e}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(|e| unusable(e.to_string()))?;
    LocalFileSystem::new_with_prefix(&folder).map(|store| store.with_fsync(true)).map_err(|e| unusable(e.to_string()))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the journal of erasures: {error}"))
}

async fn write(app: &App, entry: &Entry) -> Result<()> {
    let path = Path::from(format!("{}/{}.json", entry.realm, entry.account));
    let text = serde_json::to_vec(entry).map_err(failed)?;
    match store(app)?.put_opts(&path, PutPayload::from(text), PutMode::Create.into()).await {
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Writes down what was done and is not written down yet.
pub(super) async fn catch_up(products: &Products, caller: &Caller) -> Result<()> {
    loop {
        let page = sql::unjournaled(caller.db(), 100).await?;
        if page.is_empty() {
            return Ok(());
        }
        for done in page {
            let hooks = products.of(&done.realm).ok_or_else(|| failed(format!("{} is not mounted", done.realm)))?;
            let entry = Entry { account: done.account, realm: done.realm, at: done.at };
            write(hooks.app(), &entry).await?;
            let nobody = hooks.app().nobody(hooks.branding().realm.name, Trace::default());
            let mut tx = nobody.begin_as_account(done.account, None).await?;
            sql::journaled(&mut tx, done.id).await?;
            tx.commit().await?;
        }
    }
}

async fn entries(app: &App) -> Result<Vec<Entry>> {
    let store = store(app)?;
    let mut found = Vec::new();
    let mut objects = store.list(None);
    while let Some(object) = objects.try_next().await.map_err(failed)? {
        let text = store.get(&object.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
        found.push(serde_json::from_slice(&text).map_err(|e| failed(format!("{}: {e}", object.location)))?);
    }
    Ok(found)
}

/// Erasures of the journal that this database does not know: it was restored from before them.
///
/// # Errors
/// When the journal cannot be read or the database cannot be reached.
pub async fn missing(app: &App) -> Result<Vec<Entry>> {
    let all = entries(app).await?;
    let mut alive = HashSet::new();
    for some in all.chunks(AT_ONCE) {
        let accounts: Vec<_> = some.iter().map(|entry| entry.account.0).collect();
        alive.extend(sql::not_erased(&app.db, &accounts).await?);
    }
    Ok(all.into_iter().filter(|entry| alive.contains(&entry.account.0)).collect())
}

/// Does again what the journal knows and the database does not; how many. Run twice, the second finds nothing.
///
/// # Errors
/// When the journal cannot be read, a product of it is not mounted, or the database cannot be reached; what was done stays
/// done.
pub async fn replay(app: &App, products: &Products) -> Result<usize> {
    let mut done = 0;
    for entry in missing(app).await? {
        let hooks = products.of(&entry.realm).ok_or_else(|| failed(format!("{} is not mounted", entry.realm)))?;
        if Box::pin(execute(hooks, entry.account, Order::Again)).await? {
            done += 1;
        }
    }
    Ok(done)
}
