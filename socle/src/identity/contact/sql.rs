//! Every query on addresses, phones and user names.

use super::phone::Stored;
use crate::Result;
use crate::db::Tx;
use crate::ids::AccountId;

/// Whether the address was free.
pub(super) async fn take_email(tx: &mut Tx, account: AccountId, email: &str) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!(r#"SELECT socle.take_email($1, $2, $3) AS "taken!""#, account.0, email, now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.taken)
}

/// Whether the name was free.
pub(super) async fn take_username(tx: &mut Tx, account: AccountId, name: &str) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!(r#"SELECT socle.take_username($1, $2, $3) AS "taken!""#, account.0, name, now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.taken)
}

/// Whether nobody else had verified the number.
pub(super) async fn take_phone(tx: &mut Tx, account: AccountId, phone: &Stored) -> Result<bool> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        r#"SELECT socle.take_phone($1, $2, $3, $4) AS "taken!""#,
        account.0,
        phone.sealed,
        phone.index,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.taken)
}

pub(super) async fn remove_phone(tx: &mut Tx, account: AccountId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE socle.accounts SET phone = NULL, phone_index = NULL, phone_verified_at = NULL, updated_at = $2
         WHERE id = $1",
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
