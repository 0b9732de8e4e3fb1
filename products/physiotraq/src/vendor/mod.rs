//! The vendor of the thermometers: people who publish firmware and see no licence. Their tenant is a fixed one, of no
//! customer; they come from the command line, and a second factor is mandatory for them as for operators.

mod sql;

use secrecy::SecretString;
use socle::db::{Trace, Tx, Who};
use socle::identity::members::{self, Newcomer};
use socle::identity::passwords::policy::Context;
use socle::ids::{AccountId, TenantId};
use socle::{App, Caller, Result, identity};
use uuid::Uuid;

use crate::BRANDING;
use crate::people::Member;

/// The vendor's tenant; the tables know it too.
pub const TENANT: TenantId = TenantId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0f1a_9e00));

/// The role.
pub const ROLE: &str = "vendor";

/// What the vendor's tenant is called.
const NAME: &str = "CoreTraq";

/// Makes one of the vendor's people.
///
/// # Errors
/// 400 when the password does not do, 409 when the address is taken.
pub async fn person(
    app: &App,
    (email, password): (&str, SecretString),
    (first_name, last_name): (&str, &str),
) -> Result<AccountId> {
    let nobody = app.nobody(BRANDING.realm.name, Trace::default());
    let context = Context::of(&BRANDING).and(email).and(first_name).and(last_name);
    let hash = app.passwords.choose("password", password, context).await?;
    let account = identity::actions::create_account_with(&nobody, &BRANDING.realm, (email, &hash)).await?;
    let newcomer = Newcomer {
        account,
        tenant: TENANT,
        tenant_name: NAME.to_owned(),
        role: ROLE.to_owned(),
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
    };
    let mut tx = nobody.becoming(Who::System(TENANT)).begin().await?;
    members::join(&mut tx, &BRANDING.realm, &newcomer).await?;
    joined(&mut tx, &newcomer).await?;
    tx.commit().await?;
    Ok(account)
}

/// Whether the caller is one of them.
#[must_use]
pub fn is_vendor(caller: &Caller) -> bool {
    caller.person().is_ok_and(|person| person.role == ROLE)
}

/// Writes the row of somebody who joins.
pub(crate) async fn joined(tx: &mut Tx, newcomer: &Newcomer) -> Result<()> {
    sql::insert(tx, newcomer).await
}

/// All of them, by name; nobody in a licence's transaction.
pub(crate) async fn people(tx: &mut Tx) -> Result<Vec<Member>> {
    sql::people(tx).await
}

/// First name, last name and since when, for somebody's export.
pub(crate) async fn profile(tx: &mut Tx, account: AccountId) -> Result<Option<sql::Profile>> {
    sql::profile(tx, account).await
}

/// Takes a name away; how many rows.
pub(crate) async fn empty_profile(tx: &mut Tx, account: AccountId) -> Result<i64> {
    sql::empty_profile(tx, account).await
}
