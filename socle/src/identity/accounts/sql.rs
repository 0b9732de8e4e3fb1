//! Every query on an account's own row, and on its standing.

use chrono::{DateTime, Utc};

use super::{About, Status};
use crate::Result;
use crate::db::Tx;
use crate::ids::AccountId;
use crate::web::Lang;

pub(super) async fn about(tx: &mut Tx, account: AccountId) -> Result<Option<About>> {
    let row = sqlx::query!(
        r#"SELECT email, username, language, status, password_hash, phone,
                  phone_verified_at IS NOT NULL AS "phone_verified!"
           FROM socle.accounts WHERE id = $1"#,
        account.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| About {
        email: r.email,
        user_name: r.username,
        language: Lang::parse(&r.language).unwrap_or(Lang::Fr),
        status: match r.status.as_str() {
            "pending_verification" => Status::Pending,
            "active" => Status::Active,
            _ => Status::Closed,
        },
        password_hash: r.password_hash,
        phone: r.phone,
        phone_verified: r.phone_verified,
    }))
}

pub(super) async fn set_password(
    tx: &mut Tx,
    account: AccountId,
    hash: &str,
    expires: Option<DateTime<Utc>>,
) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.accounts SET password_hash = $2, password_changed_at = $3, password_expires_at = $4,
                force_password_change = false, updated_at = $3
         WHERE id = $1",
        account.0,
        hash,
        now,
        expires
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether it waited to be verified.
pub(super) async fn activate(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let now = tx.caller().now();
    let done = sqlx::query!(
        "UPDATE socle.accounts SET status = 'active', email_verified_at = $2, updated_at = $2
         WHERE id = $1 AND status = 'pending_verification'",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn force_password_change(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!(r#"SELECT socle.force_password_change($1, $2) IS TRUE AS "done!""#, account.0, now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.done)
}

pub(super) async fn suspend(tx: &mut Tx, (realm, email): (&str, &str)) -> Result<Option<AccountId>> {
    let now = tx.caller().now();
    let row = sqlx::query!("SELECT socle.suspend_account($1, $2, $3) AS account", realm, email.trim(), now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.account.map(AccountId))
}

pub(super) async fn reactivate(tx: &mut Tx, (realm, email): (&str, &str)) -> Result<Option<AccountId>> {
    let now = tx.caller().now();
    let row = sqlx::query!("SELECT socle.reactivate_account($1, $2, $3) AS account", realm, email.trim(), now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.account.map(AccountId))
}
