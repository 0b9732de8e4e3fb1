//! Every query on tries of passwords.

use chrono::{DateTime, Utc};

use crate::db::Tx;
use crate::ids::{AccountId, SessionId};
use crate::{Error, Result, ids};

/// Counts a try; how many there were since an instant, this one included.
pub(super) async fn count_try(tx: &mut Tx, account: AccountId, since: DateTime<Utc>) -> Result<i64> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.password_tries (id, account_id, created_at) VALUES ($1, $2, $3)",
        ids::fresh(now),
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        r#"SELECT count(*) AS "n!" FROM socle.password_tries WHERE account_id = $1 AND created_at > $2"#,
        account.0,
        since
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.n)
}

pub(super) async fn forget_tries_of(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query!("DELETE FROM socle.password_tries WHERE account_id = $1", account.0).execute(tx.conn()).await?;
    Ok(())
}

/// The kind of a live session.
pub(super) async fn is_browser(tx: &mut Tx, session: SessionId) -> Result<bool> {
    let row = sqlx::query!(
        r#"SELECT kind = 'browser' AS "browser!" FROM socle.sessions WHERE id = $1 AND ended_at IS NULL"#,
        session.0
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|r| r.browser).ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))
}
