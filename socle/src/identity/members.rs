//! Members of a tenant: who joins with which role, who leaves.

use super::{Realm, sql};
use crate::db::Tx;
use crate::ids::{AccountId, TenantId};
use crate::{Error, Result, audit};

/// Somebody about to join a tenant.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The account, which is also the key of the product's profile row.
    pub account: AccountId,
    /// The tenant.
    pub tenant: TenantId,
    /// Its name, as members choose between theirs.
    pub tenant_name: String,
    /// The role, as the product's policies spell it.
    pub role: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

/// Writes the membership, in a transaction of that tenant; the product writes its profile row in the same one.
///
/// # Errors
/// 409 when they are a member already, or the tenant has its one owner already.
pub async fn join(tx: &mut Tx, realm: &Realm, newcomer: &Newcomer) -> Result<()> {
    let new = sql::NewMembership {
        tenant: newcomer.tenant,
        account: newcomer.account,
        realm: realm.name,
        role: &newcomer.role,
        tenant_name: &newcomer.tenant_name,
    };
    sql::insert_membership(tx, new).await?;
    let details = serde_json::json!({ "role": newcomer.role });
    audit::record(tx, audit::Entry::done("member.joined", "Account", newcomer.account.0).with(details)).await
}

/// Gives a member of the transaction's tenant another role. Their sessions in it end, so that the new role begins with a new
/// session and what was opened in the old one is closed; the same role again changes nothing.
///
/// # Errors
/// 404 when they are no member, 409 `BIZ_ONE_ADMIN` when the tenant has its one owner already.
pub async fn change_role(tx: &mut Tx, account: AccountId, role: &str) -> Result<()> {
    let before = sql::role_of(tx, account).await?.ok_or_else(Error::not_found)?;
    if before == role {
        return Ok(());
    }
    sql::set_role(tx, account, role).await?;
    sql::end_sessions_in_tenant(tx, account).await?;
    let details = serde_json::json!({ "from": before, "to": role });
    audit::record(tx, audit::Entry::done("member.role_changed", "Account", account.0).with(details)).await
}

/// Ends a membership of the transaction's tenant and its sessions: they are refused from the next request on, live streams
/// end within five seconds, and a later invitation does not bring them back. What the person did keeps its name.
///
/// # Errors
/// 404 when they are no member.
pub async fn leave(tx: &mut Tx, account: AccountId) -> Result<()> {
    if !sql::end_membership(tx, account).await? {
        return Err(Error::not_found());
    }
    sql::end_sessions_in_tenant(tx, account).await?;
    audit::record(tx, audit::Entry::done("member.left", "Account", account.0)).await
}
