//! What every product is given: database, clock, passwords, vault, live hub, assets, settings.

use std::sync::Arc;

use crate::audit::Trail;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Caller, Db, Trace, Who};
use crate::files::Files;
use crate::identity::refresh::Successors;
use crate::identity::{AccessTokens, Passwords};
use crate::ids::TenantId;
use crate::limits::Limits;
use crate::live::Hub;
use crate::mail::Outlet;
use crate::peers::Bus;
use crate::sealed::{Custody, Vault};
use crate::security::Watch;
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
    /// Access tokens of API clients.
    pub access_tokens: AccessTokens,
    /// Their refresh tokens.
    pub successors: Successors,
    /// The key of typed codes' hashes.
    pub code_key: Arc<[u8; 32]>,
    /// The audit trail's signing key, anchors and count of refusals.
    pub audit: Trail,
    /// Limits of attempts, requests and calls.
    pub limits: Limits,
    /// What is noticed of callers, and where addresses are.
    pub watch: Arc<Watch>,
    /// Live topics of this process.
    pub live: Hub,
    /// What server processes tell each other.
    pub bus: Bus,
    /// The way out for mails.
    pub mail: Outlet,
    /// Uploads and what became of them.
    pub files: Files,
    /// Built web files.
    pub assets: Assets,
}

impl App {
    /// The shared parts over a database.
    ///
    /// # Errors
    /// A sentence that says which part cannot be made and why.
    pub async fn new(
        db: Db,
        clock: Clock,
        config: Config,
        (custody, assets): (Custody, Assets),
    ) -> Result<Self, String> {
        let bus = Bus::open(&db).await.map_err(|e| format!("LISTEN: {e}"))?;
        let vault = Vault::open(custody, &db, &clock).await.map_err(|e| format!("sealed fields: {e}"))?;
        Ok(Self {
            passwords: Passwords::new().map_err(|e| e.to_string())?,
            access_tokens: AccessTokens::new(&vault.derive("access tokens")),
            successors: Successors::new(&vault.derive("refresh tokens")),
            code_key: Arc::new(vault.derive("codes")),
            limits: Limits::new(&vault.derive("limits")),
            watch: Arc::new(Watch::new(&config.geo)?),
            mail: Outlet::new(&config)?,
            files: Files::open(&config.files, &vault.derive("links to files"))?,
            audit: Trail::open(&config.audit, &vault)?,
            vault: Arc::new(vault),
            live: Hub::default(),
            config: Arc::new(config),
            db,
            clock,
            bus,
            assets,
        })
    }

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
