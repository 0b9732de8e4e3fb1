//! Every query on second factors.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::db::{Db, Tx};
use crate::ids::{AccountId, SessionId};
use crate::{Error, Result, error};

/// An authenticator app as stored.
pub(super) struct StoredApp {
    pub id: Uuid,
    pub secret: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub paused_until: Option<DateTime<Utc>>,
}

/// The account's app, locked: of two codes at once the second waits. `confirmed`: the one that works, or the one being
/// set up.
pub(super) async fn app(tx: &mut Tx, account: AccountId, confirmed: bool) -> Result<Option<StoredApp>> {
    Ok(sqlx::query_as!(
        StoredApp,
        "SELECT id, secret, created_at, paused_until FROM socle.authenticator_apps
         WHERE account_id = $1 AND (confirmed_at IS NULL) <> $2 FOR UPDATE",
        account.0,
        confirmed
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub(super) async fn insert_app(tx: &mut Tx, id: Uuid, account: AccountId, secret: &[u8]) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.authenticator_apps (id, account_id, secret, created_at) VALUES ($1, $2, $3, $4)",
        id,
        account.0,
        secret,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes the app that works, or the one being set up; whether there was one.
pub(super) async fn delete_app(tx: &mut Tx, account: AccountId, confirmed: bool) -> Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM socle.authenticator_apps WHERE account_id = $1 AND (confirmed_at IS NULL) <> $2",
        account.0,
        confirmed
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// From now on the app works; the code it was confirmed by is taken.
pub(super) async fn confirm_app(tx: &mut Tx, id: Uuid, step: i64) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE socle.authenticator_apps SET confirmed_at = $2, last_step = $3 WHERE id = $1", id, now, step)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes the code of a step; false when it, or a later one, was taken before.
pub(super) async fn take_step(tx: &mut Tx, id: Uuid, step: i64) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE socle.authenticator_apps SET last_step = $2, failures = 0, paused_until = NULL
         WHERE id = $1 AND last_step < $2",
        id,
        step
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a wrong code; whether the app is paused by it.
pub(super) async fn count_wrong(tx: &mut Tx, id: Uuid, (most, until): (i32, DateTime<Utc>)) -> Result<bool> {
    let row = sqlx::query!(
        r#"UPDATE socle.authenticator_apps
           SET failures = CASE WHEN failures + 1 >= $2 THEN 0 ELSE failures + 1 END,
               paused_until = CASE WHEN failures + 1 >= $2 THEN $3::timestamptz END
           WHERE id = $1 RETURNING paused_until IS NOT NULL AS "paused!""#,
        id,
        most,
        until
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.paused)
}

/// What an account has.
pub(super) struct Held {
    pub app_since: Option<DateTime<Utc>>,
    pub recovery_codes: i64,
}

pub(super) async fn held(tx: &mut Tx, account: AccountId) -> Result<Held> {
    Ok(sqlx::query_as!(
        Held,
        r#"SELECT (SELECT confirmed_at FROM socle.authenticator_apps
                   WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS app_since,
                  (SELECT count(*) FROM socle.recovery_codes
                   WHERE account_id = $1 AND used_at IS NULL) AS "recovery_codes!""#,
        account.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Notes that the account has a second factor from now on; false when it had one already.
pub(super) async fn begin_factors(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.accounts SET second_factor_since = $2, updated_at = $2
         WHERE id = $1 AND second_factor_since IS NULL",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The account has no second factor any more, and no session that rests on one.
pub(super) async fn end_factors(tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE socle.accounts SET second_factor_since = NULL, updated_at = $2 WHERE id = $1", account.0, now)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "UPDATE socle.sessions SET second_factor_at = NULL WHERE account_id = $1 AND ended_at IS NULL",
        account.0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn delete_recovery_codes(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query!("DELETE FROM socle.recovery_codes WHERE account_id = $1", account.0).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn insert_recovery_code(tx: &mut Tx, (id, hash): (Uuid, &[u8]), account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO socle.recovery_codes (id, account_id, code_hash, created_at) VALUES ($1, $2, $3, $4)",
        id,
        account.0,
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a recovery code; false when there is none like it, or it was taken before.
pub(super) async fn take_recovery_code(tx: &mut Tx, account: AccountId, hash: &[u8]) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.recovery_codes SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL",
        account.0,
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A passkey as stored.
pub(super) struct StoredPasskey {
    pub id: Uuid,
    pub credential: Value,
    pub name: String,
    pub sign_count: i64,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

pub(super) async fn passkeys(tx: &mut Tx, account: AccountId) -> Result<Vec<StoredPasskey>> {
    Ok(sqlx::query_as!(
        StoredPasskey,
        "SELECT id, credential, name, sign_count, created_at, last_used_at FROM socle.passkeys
         WHERE account_id = $1 ORDER BY created_at, id LIMIT 100",
        account.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// One of the account's own passkeys, by its credential, locked.
pub(super) async fn passkey(tx: &mut Tx, account: AccountId, credential: &[u8]) -> Result<Option<StoredPasskey>> {
    Ok(sqlx::query_as!(
        StoredPasskey,
        "SELECT id, credential, name, sign_count, created_at, last_used_at FROM socle.passkeys
         WHERE account_id = $1 AND credential_id = $2 FOR UPDATE",
        account.0,
        credential
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A passkey about to be written.
pub(super) struct NewPasskey<'a> {
    pub id: Uuid,
    pub realm: &'a str,
    pub account: AccountId,
    pub credential_id: &'a [u8],
    pub credential: &'a Value,
    pub name: &'a str,
}

pub(super) async fn insert_passkey(tx: &mut Tx, new: NewPasskey<'_>) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO socle.passkeys (id, realm, account_id, credential_id, credential, name, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        new.realm,
        new.account.0,
        new.credential_id,
        new.credential,
        new.name,
        now
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|e| match error::broken_constraint(&e) {
        Some("passkeys_realm_credential_id_key") => {
            Error::conflict("BIZ_PASSKEY_EXISTS", "This passkey is registered already. Use another one.")
        }
        _ => e.into(),
    })
}

/// Notes that a passkey was used.
pub(super) async fn passkey_used(tx: &mut Tx, id: Uuid, (credential, count): (&Value, i64)) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.passkeys SET credential = $2, sign_count = $3, last_used_at = $4 WHERE id = $1",
        id,
        credential,
        count,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes one of the account's passkeys; whether there was one.
pub(super) async fn delete_passkey(tx: &mut Tx, account: AccountId, id: Uuid) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM socle.passkeys WHERE account_id = $1 AND id = $2", account.0, id)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn account_of_passkey(db: &Db, realm: &str, credential: &[u8]) -> Result<Option<AccountId>> {
    let mut door = db.door().await?;
    let row = sqlx::query!("SELECT socle.account_of_passkey($1, $2) AS account", realm, credential)
        .fetch_one(door.conn())
        .await?;
    Ok(row.account.map(AccountId))
}

/// What a signature will have to answer, kept before it is known whose it is.
pub(super) struct Ceremony<'a> {
    pub id: Uuid,
    pub realm: &'a str,
    pub secret_hash: &'a [u8],
    pub state: &'a Value,
    pub until: DateTime<Utc>,
}

pub(super) async fn keep_ceremony(db: &Db, new: Ceremony<'_>) -> Result<()> {
    let mut door = db.door().await?;
    sqlx::query!(
        r#"SELECT socle.keep_passkey_ceremony($1, $2, $3, $4, $5) AS "done: ()""#,
        new.id,
        new.realm,
        new.secret_hash,
        new.state,
        new.until
    )
    .fetch_one(door.conn())
    .await?;
    Ok(())
}

pub(super) async fn take_ceremony(db: &Db, realm: &str, hash: &[u8], now: DateTime<Utc>) -> Result<Option<Value>> {
    let mut door = db.door().await?;
    let row = sqlx::query!("SELECT socle.take_passkey_ceremony($1, $2, $3) AS state", realm, hash, now)
        .fetch_one(door.conn())
        .await?;
    Ok(row.state)
}

/// Whether a live session is a browser's.
pub(super) async fn is_browser(tx: &mut Tx, session: SessionId) -> Result<Option<bool>> {
    let row = sqlx::query!(
        r#"SELECT kind = 'browser' AS "browser!" FROM socle.sessions WHERE id = $1 AND ended_at IS NULL FOR UPDATE"#,
        session.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| r.browser))
}

/// Takes one of the answers that a session has; `None` when it has none left. The number says which.
pub(super) async fn take_answer(tx: &mut Tx, session: SessionId, most: i32) -> Result<Option<i32>> {
    let row = sqlx::query!(
        "UPDATE socle.sessions SET failed_proofs = failed_proofs + 1
         WHERE id = $1 AND ended_at IS NULL AND failed_proofs < $2 RETURNING failed_proofs",
        session.0,
        most
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| r.failed_proofs))
}
