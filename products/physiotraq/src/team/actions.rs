//! Invite, send again, take back, rename, assign, remove: one function per verb.

use serde_json::json;
use socle::access::Resource;
use socle::db::Tx;
use socle::identity::invitations::{self, InvitationId, Invite};
use socle::identity::members;
use socle::ids::AccountId;
use socle::web::Lang;
use socle::{Caller, Error, Result, audit};
use uuid::Uuid;

use super::{model, sql};
use crate::{Physiotraq, roles};

/// A transaction of somebody who may manage the team of their own licence.
///
/// # Errors
/// 403 for anybody but its owner.
pub(crate) async fn begin(product: &Physiotraq, caller: &Caller) -> Result<Tx> {
    let person = caller.person()?;
    if !product.policies.allows(person, roles::MANAGE_TEAM, &Resource::of(person.tenant.0)) {
        return Err(Error::forbidden());
    }
    caller.begin().await
}

/// Who is invited, and to which devices.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Where the mail goes.
    pub email: String,
    /// Prefilled.
    pub first_name: String,
    /// Prefilled.
    pub last_name: String,
    /// Devices that they are assigned to once they accept.
    pub devices: Vec<Uuid>,
}

/// Invites a field user.
///
/// # Errors
/// 400 with the fields when address or names do not do; 409 when they are a member already, or when somebody else invites
/// the address at the same moment.
pub async fn invite(product: &Physiotraq, caller: &Caller, wanted: Wanted) -> Result<InvitationId> {
    let mut tx = begin(product, caller).await?;
    let person = caller.person()?;
    let language = Lang::parse(&person.language).unwrap_or(Lang::Fr);
    let Wanted { email, first_name, last_name, devices } = wanted;
    let new = Invite { email, role: "operator", first_name, last_name, language };
    let id = invitations::invite(product, &mut tx, new).await?;
    sql::bring(&mut tx, person.tenant, id, &devices).await?;
    tx.commit().await?;
    Ok(id)
}

/// Sends an invitation again, with a new link; it brings what it brought.
///
/// # Errors
/// 404 when it is not pending.
pub async fn resend(product: &Physiotraq, caller: &Caller, id: InvitationId) -> Result<InvitationId> {
    let mut tx = begin(product, caller).await?;
    let again = invitations::resend(product, &mut tx, id).await?;
    sql::pass_on(&mut tx, (id, again)).await?;
    tx.commit().await?;
    Ok(again)
}

/// Takes an invitation back.
///
/// # Errors
/// 404 when it is not pending.
pub async fn cancel(product: &Physiotraq, caller: &Caller, id: InvitationId) -> Result<()> {
    let mut tx = begin(product, caller).await?;
    invitations::revoke(&mut tx, id).await?;
    sql::bring_nothing(&mut tx, id).await?;
    tx.commit().await
}

/// Gives a member another name in the licence.
///
/// # Errors
/// 400 with the fields when a name does not do, 404 when they are no member.
pub async fn rename(product: &Physiotraq, caller: &Caller, id: AccountId, (first, last): (&str, &str)) -> Result<()> {
    let mut tx = begin(product, caller).await?;
    sql::find(&mut tx, id).await?;
    let (first, last) = model::names(first, last).map_err(Error::invalid)?;
    sql::rename(&mut tx, id, (&first, &last)).await?;
    audit::record(&mut tx, audit::Entry::done("member.renamed", "Account", id.0)).await?;
    tx.commit().await
}

/// Makes the devices of a member exactly these. What is taken away loses its live stream within five seconds.
///
/// # Errors
/// 404 when they are no member.
pub async fn assign(product: &Physiotraq, caller: &Caller, id: AccountId, devices: &[Uuid]) -> Result<()> {
    let mut tx = begin(product, caller).await?;
    sql::find(&mut tx, id).await?;
    sql::assign(&mut tx, caller.person()?.tenant, id, devices).await?;
    let details = json!({ "devices": devices.len() });
    audit::record(&mut tx, audit::Entry::done("member.assigned", "Account", id.0).with(details)).await?;
    tx.commit().await
}

/// Takes a member out of the licence and off its devices. What they did keeps their name.
///
/// # Errors
/// 404 when they are no member, 409 for the owner.
pub async fn remove(product: &Physiotraq, caller: &Caller, id: AccountId) -> Result<()> {
    let mut tx = begin(product, caller).await?;
    if sql::find(&mut tx, id).await?.role == "admin" {
        let message = "The owner cannot leave; transfer the ownership first.";
        return Err(Error::conflict("BIZ_OWNER", message));
    }
    sql::unassign(&mut tx, id).await?;
    members::leave(product, &mut tx, id).await?;
    tx.commit().await
}
