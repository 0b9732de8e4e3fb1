//! Sessions as their owner sees them: which are open, end one, end all others; and the choice when there are as many as
//! the realm allows (specs/axtech.md §2.4). Browsers and families of refresh tokens count alike.
//!
//! An end is a row that says so: the next request reads it, whichever server it reaches; live streams look again every
//! three seconds.

pub(crate) mod api;
mod choice;
pub(super) mod pages;
mod sql;

pub use choice::{offered, replace};
pub use sql::Listed;

use super::devices::DeviceId;
use super::{actions, sql as accounts};
use crate::db::{Caller, Tx};
use crate::ids::{AccountId, SessionId};
use crate::{Error, Result, audit};

/// The open sessions of the caller, the one used last first.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn list(caller: &Caller) -> Result<Vec<Listed>> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    sql::open(&mut tx, account).await
}

/// Ends an open session of the caller: their own present one, or, when they have lately proved who they are, another
/// (ASVS 5.0, 7.5.2). Returns whether it was the present one.
///
/// # Errors
/// 404 when it is none of theirs or has ended already, 403 `AUTH_STEP_UP` when they have not proved it lately.
pub async fn end(caller: &Caller, session: SessionId) -> Result<bool> {
    let person = caller.person()?;
    let present = person.session == session;
    if !present {
        person.proved_lately(caller.now())?;
    }
    let mut tx = caller.begin().await?;
    if !accounts::end_session(&mut tx, session, caller.now()).await? {
        return Err(Error::not_found());
    }
    audit::record(&mut tx, audit::Entry::done("session.ended", "Session", session.0)).await?;
    tx.commit().await?;
    Ok(present)
}

/// Ends every session of the caller but the present one.
///
/// # Errors
/// 403 `AUTH_STEP_UP` when they have not lately proved who they are.
pub async fn end_others(caller: &Caller) -> Result<()> {
    let person = caller.person()?;
    person.proved_lately(caller.now())?;
    let mut tx = caller.begin().await?;
    actions::end_all_sessions(&mut tx, person.account, Some(person.session)).await?;
    tx.commit().await
}

/// Ends the sessions that were opened on a known device.
pub(super) async fn end_on_device(tx: &mut Tx, account: AccountId, device: DeviceId) -> Result<()> {
    sql::end_on_device(tx, account, device).await
}
