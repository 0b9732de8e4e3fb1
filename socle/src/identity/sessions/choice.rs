//! A further session than the realm allows: the person says which one ends for it. None is ever ended in silence.

use serde_json::json;

use super::sql::{self, Listed};
use crate::db::Caller;
use crate::identity::entry::{self, Found, Step, Waits};
use crate::identity::{Realm, challenges, sql as accounts};
use crate::ids::SessionId;
use crate::{App, Error, Result, audit};

/// The sessions that a sign-in under way may be exchanged for.
///
/// # Errors
/// 401 `AUTH_CHALLENGE` when the sign-in is over, or waits for something else.
pub async fn offered(caller: &Caller, realm: &Realm, secret: &str) -> Result<Vec<Listed>> {
    let mut found = entry::find(caller, realm, secret, Waits::Choice).await?;
    sql::open(&mut found.tx, found.account).await
}

/// Ends the chosen session and goes on with the sign-in. Sessions are counted once more under the lock of the account:
/// when another sign-in has taken the place meanwhile, the question is asked again.
///
/// # Errors
/// 401 `AUTH_CHALLENGE` when the sign-in is over or was gone on with already, 404 when the session is none of theirs.
pub async fn replace(app: &App, caller: &Caller, realm: &Realm, secret: &str, chosen: SessionId) -> Result<Step> {
    let Found { mut tx, challenge, account, under_way } = entry::find(caller, realm, secret, Waits::Choice).await?;
    if !sql::is_theirs(&mut tx, account, chosen).await? {
        return Err(Error::not_found());
    }
    if accounts::end_session(&mut tx, chosen, caller.now()).await? {
        let entry = audit::Entry::done("session.ended", "Session", chosen.0);
        audit::record(&mut tx, entry.with(json!({ "for": "another" }))).await?;
    }
    // `find` holds it: nobody else can have used it since.
    challenges::use_up(&mut tx, challenge).await?;
    entry::admit(app, tx, realm, (account, under_way)).await
}
