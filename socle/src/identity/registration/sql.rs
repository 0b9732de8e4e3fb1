//! Every query on registrations.

use crate::Result;
use crate::db::Tx;
use crate::identity::contact::phone::Stored;
use crate::ids::AccountId;

pub(super) async fn set_unverified_phone(tx: &mut Tx, account: AccountId, phone: &Stored) -> Result<()> {
    sqlx::query!(
        "UPDATE socle.accounts SET phone = $2, phone_index = $3, phone_verified_at = NULL WHERE id = $1",
        account.0,
        phone.sealed,
        phone.index
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
