//! The platform's own pages, for the people who run it: queues and dead jobs; in development the mailbox and the
//! components. Mounted like a product, at `/platform`; its one tenant is the platform itself, the nil UUID.

mod accounts;
mod jobs;
mod mailbox;
mod nightly;
mod sql;

use std::sync::Arc;

use axum::response::Response;
use secrecy::SecretString;
use uuid::Uuid;

use crate::access::{Action, Policies};
use crate::db::{Machine, Trace, Tx, Who};
use crate::identity::members::{self, Newcomer};
use crate::identity::passwords::policy::Context;
use crate::identity::{self, Realm, Rules};
use crate::ids::{AccountId, TenantId};
use crate::jobs::Jobs;
use crate::web::{Access, Branding, Catalogue, Lang, Method, NavItem, Product, Routes, see_other};
use crate::{App, Caller, Result, mail};

/// The platform's tenant.
pub const TENANT: TenantId = TenantId(Uuid::nil());

/// Use the platform's pages at all.
pub const USE_PLATFORM: Action = Action::new("UsePlatform", "Platform");
/// See queues and dead jobs.
pub const SEE_JOBS: Action = Action::new("SeeJobs", "Platform");
/// Try a dead job again, or drop it.
pub const DECIDE_JOBS: Action = Action::new("DecideJobs", "Platform");
/// Suspend an account of any realm, or let it in again.
pub const DECIDE_ACCOUNTS: Action = Action::new("DecideAccounts", "Platform");
/// All of them, in the order of the printed matrix.
pub const ACTIONS: [Action; 4] = [USE_PLATFORM, SEE_JOBS, DECIDE_JOBS, DECIDE_ACCOUNTS];
/// The roles.
pub const ROLES: [&str; 1] = ["operator"];

static TEXTS: Catalogue = Catalogue::kernel();

/// Operators are staff: a second factor is mandatory.
const RULES: Rules = Rules { second_factor: &ROLES, ..Rules::PLAIN };

/// Names and place.
pub static BRANDING: Branding = Branding {
    base: "/platform",
    name: "Socle",
    theme: "platform",
    home: "/jobs",
    realm: Realm { name: "platform", cookie: "__Host-platform", signed_in: sql::SIGNED_IN, rules: RULES },
    texts: &TEXTS,
};

/// The policies, checked in strict mode.
///
/// # Errors
/// When a policy does not fit the schema.
pub fn policies() -> Result<Policies, String> {
    Policies::load(include_str!("policies/schema.cedarschema"), include_str!("policies/platform.cedar"), &ACTIONS)
}

/// The work that every server does for these products: mails, what is asked for addresses, and what comes round by itself. Products add theirs.
#[must_use]
pub fn work(products: &[&'static Branding]) -> Jobs {
    let jobs = mail::jobs(nightly::jobs(Jobs::new(products)), products);
    identity::jobs(jobs, products)
}

/// The platform as a product. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    app: App,
    policies: Arc<Policies>,
}

impl Platform {
    /// Over the shared parts.
    ///
    /// # Errors
    /// When a policy does not fit the schema.
    pub fn new(app: App) -> Result<Self, String> {
        Ok(Self { app, policies: Arc::new(policies()?) })
    }

    /// Its routes.
    #[must_use]
    pub fn routes(self) -> Routes<Self> {
        let routes = identity::pages::routes(Routes::new(self));
        let routes = routes.page(Method::Get, "/", Access::Public, front);
        let routes = crate::web::dev::routes(routes);
        mailbox::routes(accounts::routes(jobs::routes(routes)))
    }

    /// Makes an operator: the first one comes from the command line.
    ///
    /// # Errors
    /// 400 when the password does not do, 409 when the address is taken.
    pub async fn operator(
        &self,
        (email, password): (&str, SecretString),
        (first_name, last_name): (&str, &str),
    ) -> Result<AccountId> {
        let nobody = self.app.nobody(BRANDING.realm.name, Trace::default());
        let context = Context::of(&BRANDING).and(email).and(first_name).and(last_name);
        let hash = self.app.passwords.choose("password", password, context).await?;
        let account = identity::actions::create_account_with(&nobody, &BRANDING.realm, (email, &hash)).await?;
        let newcomer = Newcomer {
            account,
            tenant: TENANT,
            tenant_name: BRANDING.name.to_owned(),
            role: "operator".to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
        };
        let mut tx = nobody.becoming(Who::System(TENANT)).begin().await?;
        members::join(&mut tx, &BRANDING.realm, &newcomer).await?;
        self.joined(&mut tx, &newcomer).await?;
        tx.commit().await?;
        Ok(account)
    }
}

async fn front(caller: Caller) -> Response {
    see_other(if caller.person().is_ok() { "/platform/jobs" } else { "/platform/sign_in" })
}

impl Product for Platform {
    fn app(&self) -> &App {
        &self.app
    }

    fn branding(&self) -> &'static Branding {
        &BRANDING
    }

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn nav(&self, _: &Caller, lang: Lang, path: &str) -> Vec<NavItem> {
        let item = |href: &str, key, icon| NavItem {
            href: href.to_owned(),
            label: TEXTS.text(lang, key),
            icon,
            current: path.starts_with(href),
        };
        vec![item("/platform/jobs", "platform-jobs", "list"), item("/platform/accounts", "accounts-title", "users")]
    }

    fn roles(&self) -> &'static [&'static str] {
        &ROLES
    }

    fn role_label(&self, _: &str, lang: Lang) -> String {
        TEXTS.text(lang, "platform-operator")
    }

    async fn device(&self, _: &str) -> Result<Option<Machine>> {
        Ok(None)
    }

    async fn joined(&self, tx: &mut Tx, newcomer: &Newcomer) -> Result<()> {
        sql::insert_operator(tx, newcomer).await
    }
}
