//! Cases, held in memory: enough to try the rights on one record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use socle::access::break_glass::{self, Opening};
use socle::access::{Action, Resource};
use socle::ids::{AccountId, TenantId};
use socle::web::{Access, Method, Path, Routes};
use socle::{Caller, Error, Result};
use uuid::Uuid;

use super::{CHANGE_CASE, SEE_CASE, SEE_NOTE, Trial, USE};

pub(super) fn routes(routes: Routes<Trial>) -> Routes<Trial> {
    routes
        .page(Method::Get, "/cases/{id}", Access::To(USE), show)
        .page(Method::Post, "/cases/{id}", Access::To(USE), change)
        .page(Method::Get, "/cases/{id}/note", Access::To(USE), note)
}

/// A case.
#[derive(Clone, Debug)]
struct Case {
    tenant: TenantId,
    owner: AccountId,
    /// Whoever opened it in an emergency.
    log: Vec<AccountId>,
}

/// All cases of a server.
#[derive(Clone, Debug, Default)]
pub struct Cases(Arc<Mutex<HashMap<Uuid, Case>>>);

impl Cases {
    /// A case of somebody.
    #[must_use]
    pub fn add(&self, tenant: TenantId, owner: AccountId) -> Uuid {
        let mut all = self.all();
        let id = Uuid::from_u128(0xca5e_0000 + all.len() as u128);
        all.insert(id, Case { tenant, owner, log: Vec::new() });
        id
    }

    /// Who opened it in an emergency.
    #[must_use]
    pub fn log_of(&self, id: Uuid) -> Vec<AccountId> {
        self.all().get(&id).map(|case| case.log.clone()).unwrap_or_default()
    }

    pub(super) fn log(&self, tenant: Option<TenantId>, opening: &Opening) -> bool {
        let mut all = self.all();
        let Some(case) = all.get_mut(&opening.record).filter(|case| Some(case.tenant) == tenant) else { return false };
        case.log.push(opening.account);
        true
    }

    fn of(&self, caller: &Caller, id: Uuid) -> Result<Case> {
        let case = self.all().get(&id).filter(|case| Some(case.tenant) == caller.tenant()).cloned();
        case.ok_or_else(Error::not_found)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Case>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn decided(product: &Trial, caller: &Caller, id: Uuid, (see, action): (Action, Action)) -> Result<()> {
    let case = product.cases.of(caller, id)?;
    let resource = Resource::of(case.tenant.0).owned_by(case.owner.0);
    let mut tx = caller.begin().await?;
    break_glass::require(product, &mut tx, (see, action), (id, resource)).await?;
    tx.commit().await
}

async fn show(State(product): State<Trial>, caller: Caller, Path(id): Path<Uuid>) -> Result<String> {
    decided(&product, &caller, id, (SEE_CASE, SEE_CASE)).await?;
    Ok(format!("case {id}"))
}

async fn change(State(product): State<Trial>, caller: Caller, Path(id): Path<Uuid>) -> Result<String> {
    decided(&product, &caller, id, (SEE_CASE, CHANGE_CASE)).await?;
    Ok(format!("changed {id}"))
}

async fn note(State(product): State<Trial>, caller: Caller, Path(id): Path<Uuid>) -> Result<String> {
    decided(&product, &caller, id, (SEE_NOTE, SEE_NOTE)).await?;
    Ok(format!("note of {id}"))
}
