//! What every product is given: database, clock, passwords, vault, live hub, assets, settings.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Caller, Db, Trace, Who};
use crate::identity::Passwords;
use crate::ids::TenantId;
use crate::live::Hub;
use crate::sealed::Vault;
use crate::web::Assets;

/// The shared parts of the running server. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The only door to data.
    pub db: Db,
    /// The one clock.
    pub clock: Clock,
    /// Settings.
    pub config: Arc<Config>,
    /// The password queue.
    pub passwords: Passwords,
    /// Sealed fields.
    pub vault: Arc<Vault>,
    /// Live topics of this process.
    pub live: Hub,
    /// Built web files.
    pub assets: Assets,
}

impl App {
    /// A caller for the platform itself, acting for one tenant of a realm.
    #[must_use]
    pub fn system(&self, realm: &'static str, tenant: TenantId) -> Caller {
        Caller::system(self.db.clone(), self.clock.clone(), realm, tenant)
    }

    /// A caller without identity, for a request.
    #[must_use]
    pub fn nobody(&self, realm: &'static str, trace: Trace) -> Caller {
        Caller::new(self.db.clone(), self.clock.clone(), realm, Who::Nobody, trace)
    }
}
