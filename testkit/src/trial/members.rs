//! What an administrator does to members: permissions, roles, the end.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use socle::access::Resource;
use socle::identity::members;
use socle::ids::AccountId;
use socle::web::{Access, JsonFields, Method, Path, Product, Routes};
use socle::{Caller, Error, Result, Tx};

use super::{MANAGE_MEMBERS, Trial, USE};

pub(super) fn routes(routes: Routes<Trial>) -> Routes<Trial> {
    routes
        // Open to everybody at the door: the action itself refuses who may not.
        .api(Method::Put, "/api/v1/members/{id}/permissions", Access::To(USE), permissions)
        .api(Method::Put, "/api/v1/members/{id}/role", Access::To(MANAGE_MEMBERS), role)
        .api(Method::Delete, "/api/v1/members/{id}", Access::To(MANAGE_MEMBERS), leave)
}

async fn begin(product: &Trial, caller: &Caller) -> Result<Tx> {
    let person = caller.person()?;
    if !product.policies().allows(person, MANAGE_MEMBERS, &Resource::of(person.tenant.0)) {
        return Err(Error::forbidden());
    }
    caller.begin().await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    permissions: Vec<String>,
}

async fn permissions(
    State(product): State<Trial>,
    caller: Caller,
    Path(id): Path<AccountId>,
    JsonFields(wanted): JsonFields<Wanted>,
) -> Result<StatusCode> {
    let mut tx = caller.begin().await?;
    members::set_permissions(&product, &mut tx, id, &wanted.permissions).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    role: String,
}

async fn role(
    State(product): State<Trial>,
    caller: Caller,
    Path(id): Path<AccountId>,
    JsonFields(wanted): JsonFields<Role>,
) -> Result<StatusCode> {
    let mut tx = begin(&product, &caller).await?;
    members::set_role(&product, &mut tx, id, &wanted.role).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn leave(State(product): State<Trial>, caller: Caller, Path(id): Path<AccountId>) -> Result<StatusCode> {
    let mut tx = begin(&product, &caller).await?;
    members::leave(&product, &mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
