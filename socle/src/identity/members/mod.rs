//! Members of a tenant: who joins with which role, what they may on top of it, who leaves.

mod sql;

use serde_json::json;

use super::{Realm, sql as identity};
use crate::access::{Action, Resource};
use crate::db::{Db, Tx};
use crate::error::Detail;
use crate::ids::{AccountId, TenantId};
use crate::web::Product;
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

/// Writes the membership, in a transaction of that tenant; the product writes its profile row in the same one. Somebody
/// who had left comes back without the permissions of before.
///
/// # Errors
/// 409 when they are a member already, or the tenant has its one owner already.
pub async fn join(tx: &mut Tx, realm: &Realm, newcomer: &Newcomer) -> Result<()> {
    let new = identity::NewMembership {
        tenant: newcomer.tenant,
        account: newcomer.account,
        realm: realm.name,
        role: &newcomer.role,
        tenant_name: &newcomer.tenant_name,
    };
    identity::insert_membership(tx, new).await?;
    let details = json!({ "role": newcomer.role });
    audit::record(tx, audit::Entry::done("member.joined", "Account", newcomer.account.0).with(details)).await
}

/// Ends a membership of the transaction's tenant and its sessions: they are refused from the next request on, live streams
/// end within five seconds, and a later invitation does not bring them back. What the person did keeps its name.
///
/// # Errors
/// 404 when they are no member, 409 with what would be left behind when they are the last administrator.
pub async fn leave<P: Product>(product: &P, tx: &mut Tx, account: AccountId) -> Result<()> {
    keep_an_administrator(product, tx, account).await?;
    if !identity::end_membership(tx, account).await? {
        return Err(Error::not_found());
    }
    identity::end_sessions_in_tenant(tx, account).await?;
    audit::record(tx, audit::Entry::done("member.left", "Account", account.0)).await
}

/// Gives a member another role. Their permissions were given on top of the old one and end with it; so do their sessions:
/// a session never outlives the role it was opened with.
///
/// # Errors
/// 403 for one's own role, 400 for a role the product does not have, 404 when they are no member, 409 with what would be
/// left behind when they are the last administrator.
pub async fn set_role<P: Product>(product: &P, tx: &mut Tx, account: AccountId, role: &str) -> Result<()> {
    refuse_oneself(tx, account)?;
    if !product.roles().contains(&role) {
        return Err(Error::invalid(vec![Detail::new("role", "UNKNOWN", "There is no such role.")]));
    }
    if !product.administrators().contains(&role) {
        keep_an_administrator(product, tx, account).await?;
    }
    give_role(tx, account, role).await
}

/// Hands an administrator's role over: `from` takes the role `left`, and `to` the one that `from` had. Where a tenant has
/// exactly one owner, this is the only way to another.
///
/// # Errors
/// 400 for a role the product does not have, 404 when one of them is no member.
pub async fn hand_over<P: Product>(
    product: &P,
    tx: &mut Tx,
    (from, to): (AccountId, AccountId),
    left: &str,
) -> Result<()> {
    if !product.roles().contains(&left) {
        return Err(Error::invalid(vec![Detail::new("role", "UNKNOWN", "There is no such role.")]));
    }
    let handed = sql::lock(tx, from).await?.ok_or_else(Error::not_found)?;
    give_role(tx, from, left).await?;
    give_role(tx, to, &handed.role).await
}

/// The same role again changes nothing.
async fn give_role(tx: &mut Tx, account: AccountId, role: &str) -> Result<()> {
    let before = sql::lock(tx, account).await?.ok_or_else(Error::not_found)?;
    if before.role == role {
        return Ok(());
    }
    sql::set(tx, account, (role, &[])).await?;
    identity::end_sessions_in_tenant(tx, account).await?;
    let details = json!({ "before": before.role, "after": role, "ended": before.permissions });
    audit::record(tx, audit::Entry::done("member.role_set", "Account", account.0).with(details)).await
}

/// Granular permissions on top of roles, as a product declares them.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    /// Their names, as the policies spell them: `records:export`.
    pub names: &'static [&'static str],
    /// Who may set them: an action on the tenant.
    pub set_by: Action,
}

/// Sets what a member may on top of the role; it counts from their next request on.
///
/// # Errors
/// 403 when the caller may not, or for oneself: nobody raises themselves; 400 naming each permission that the product
/// does not declare; 404 when they are no member.
pub async fn set_permissions<P: Product>(
    product: &P,
    tx: &mut Tx,
    account: AccountId,
    wanted: &[String],
) -> Result<()> {
    let declared = product.permissions().ok_or_else(Error::not_found)?;
    let caller = tx.caller().clone();
    let person = caller.person()?;
    if !product.policies().allows(person, declared.set_by, &Resource::of(person.tenant.0)) {
        return Err(Error::forbidden());
    }
    refuse_oneself(tx, account)?;
    let unknown = wanted.iter().filter(|name| !declared.names.contains(&name.as_str()));
    let fault = |name: &String| {
        let name: String = name.chars().take(60).collect();
        Detail::new("permissions", "UNKNOWN", format!("{name:?} is no permission; there are {:?}.", declared.names))
    };
    let faults: Vec<Detail> = unknown.take(20).map(fault).collect();
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    // In the order of declaration, each once.
    let chosen = declared.names.iter().filter(|name| wanted.iter().any(|one| one == **name));
    let after: Vec<String> = chosen.map(|name| (*name).to_owned()).collect();
    let before = sql::lock(tx, account).await?.ok_or_else(Error::not_found)?;
    sql::set(tx, account, (&before.role, &after)).await?;
    let details = json!({ "before": before.permissions, "after": after });
    audit::record(tx, audit::Entry::done("member.permissions_set", "Account", account.0).with(details)).await
}

fn refuse_oneself(tx: &Tx, account: AccountId) -> Result<()> {
    if tx.caller().person().is_ok_and(|person| person.account == account) {
        return Err(Error { code: "AUTHZ_ONESELF".into(), ..Error::forbidden() });
    }
    Ok(())
}

/// Refuses to take the last holder of an administrator's role out of it: nobody could let anybody in again. Of two who
/// leave at the same time the second waits for the first, and stays.
async fn keep_an_administrator<P: Product>(product: &P, tx: &mut Tx, account: AccountId) -> Result<()> {
    let roles: Vec<String> = product.administrators().iter().map(|role| (*role).to_owned()).collect();
    if roles.is_empty() || sql::holders(tx, &roles).await? != [account] {
        return Ok(());
    }
    let left = sql::left_behind(tx, account).await?;
    let uses = [("members", left.members), ("invitations", left.invitations)];
    let detail = |(what, count): (&'static str, i64)| {
        Detail::new(what, "IN_USE", format!("{count} {what} would have no administrator."))
    };
    let message = "This is the last administrator. Make somebody else one first.";
    Err(Error { details: uses.map(detail).to_vec(), ..Error::conflict("BIZ_LAST_ADMINISTRATOR", message) })
}

/// Refuses to start with a role taken away that somebody holds or is invited to: they could do nothing, and nobody would
/// know why.
///
/// # Errors
/// A sentence that lists the uses.
pub async fn refuse_retired_roles(db: &Db, realm: &str, roles: &[&str]) -> Result<(), String> {
    let used = sql::roles_in_use(db, realm).await.map_err(|e| format!("roles of {realm}: {e}"))?;
    let retired = used.into_iter().filter(|used| !roles.contains(&used.role.as_str()));
    let uses: Vec<String> = retired
        .map(|used| format!("{} ({} members, {} open invitations)", used.role, used.members, used.invitations))
        .collect();
    if uses.is_empty() {
        return Ok(());
    }
    Err(format!("{realm} has no such role any more, and it is still in use: {}", uses.join(", ")))
}
