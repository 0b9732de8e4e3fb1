//! The platform's own pages, for the people who run it: queues and dead jobs; in development the mailbox and the
//! components. Mounted like a product, at `/platform`; its one tenant is the platform itself, the nil UUID.

mod accounts;
mod holds;
mod jobs;
mod keys;
mod mailbox;
mod nightly;
mod security;
mod sql;
mod tenants;

use std::sync::Arc;

use axum::response::Response;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use uuid::Uuid;

use crate::access::{Action, Policies, break_glass};
use crate::db::{Machine, Trace, Tx, Who};
use crate::identity::members::{self, Newcomer};
use crate::identity::passwords::policy::Context;
use crate::identity::{self, Realm, Rules};
use crate::ids::{AccountId, TenantId};
use crate::jobs::Jobs;
use crate::privacy::erasure::{Fate, Outcome, Use};
use crate::web::{Access, Branding, Catalogue, Lang, Method, NavItem, Product, Routes, see_other};
use crate::{App, Caller, Result, audit, files, mail, privacy, sealed};

/// The platform's tenant.
pub const TENANT: TenantId = TenantId(Uuid::nil());

/// Use the platform's pages at all.
pub const USE_PLATFORM: Action = Action::new("UsePlatform", "Platform");
/// See queues and dead jobs.
pub const SEE_JOBS: Action = Action::new("SeeJobs", "Platform");
/// Try a dead job again, or drop it.
pub const DECIDE_JOBS: Action = Action::new("DecideJobs", "Platform");
/// See legal holds.
pub const SEE_HOLDS: Action = Action::new("SeeHolds", "Platform");
/// Place and lift legal holds.
pub const DECIDE_HOLDS: Action = Action::new("DecideHolds", "Platform");
/// Search the platform's own audit trail, and what belongs to no tenant.
pub const SEE_AUDIT: Action = Action::new("SeeAudit", "Platform");
/// See how many keys there are, rotations, and requests to destroy keys.
pub const SEE_KEYS: Action = Action::new("SeeKeys", "Platform");
/// Ask for the destruction of keys.
pub const REQUEST_KEY_DESTRUCTION: Action = Action::new("RequestKeyDestruction", "Platform");
/// Approve or refuse what another person has asked for.
pub const APPROVE_KEY_DESTRUCTION: Action = Action::new("ApproveKeyDestruction", "Platform");
/// See security events of every realm.
pub const SEE_SECURITY: Action = Action::new("SeeSecurity", "Platform");
/// See the tenants of every realm, suspend and resume them.
pub const MANAGE_TENANTS: Action = Action::new("ManageTenants", "Platform");
/// Suspend an account of any realm, or let it in again.
pub const DECIDE_ACCOUNTS: Action = Action::new("DecideAccounts", "Platform");
/// All of them, in the order of the printed matrix.
pub const ACTIONS: [Action; 12] = [
    USE_PLATFORM,
    SEE_JOBS,
    DECIDE_JOBS,
    SEE_HOLDS,
    DECIDE_HOLDS,
    SEE_AUDIT,
    SEE_KEYS,
    REQUEST_KEY_DESTRUCTION,
    APPROVE_KEY_DESTRUCTION,
    SEE_SECURITY,
    MANAGE_TENANTS,
    DECIDE_ACCOUNTS,
];
/// The roles.
pub const ROLES: [&str; 1] = ["operator"];

/// What becomes of an operator's name.
const NAME: Fate = Fate::anonymised("erasure-what-name");

static TEXTS: Catalogue = Catalogue::kernel();

/// Operators are staff: a second factor is mandatory.
const RULES: Rules = Rules { second_factor: &ROLES, ..Rules::PLAIN };

/// Operators read times of the place they work in.
const ZONE: Tz = chrono_tz::Europe::Paris;

fn time(at: &DateTime<Utc>) -> String {
    at.with_timezone(&ZONE).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

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
    let jobs = files::jobs(sealed::jobs(break_glass::jobs(jobs, products)), products);
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
        let routes = audit::routes(privacy::routes(routes), SEE_AUDIT, ("/audit", "/audit/export"));
        let routes = tenants::routes(security::routes(routes));
        accounts::routes(holds::routes(mailbox::routes(keys::routes(jobs::routes(routes)))))
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
        let entries = [
            ("/platform/jobs", "platform-jobs", "list"),
            ("/platform/tenants", "limits-tenants", "building-2"),
            ("/platform/accounts", "accounts-title", "users"),
            ("/platform/security", "limits-security", "shield-check"),
            ("/platform/holds", "holds-title", "shield-check"),
            ("/platform/keys", "keys-title", "key-round"),
            ("/platform/audit", "audit-title", "history"),
        ];
        let item = |(href, key, icon): (&str, &str, &'static str)| NavItem {
            href: href.to_owned(),
            label: TEXTS.text(lang, key),
            icon,
            current: path.starts_with(href),
        };
        entries.map(item).into()
    }

    async fn people(&self, tx: &mut Tx) -> Result<Vec<(Uuid, String)>> {
        sql::operators(tx).await
    }

    fn roles(&self) -> &'static [&'static str] {
        &ROLES
    }

    fn administrators(&self) -> &'static [&'static str] {
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

    async fn uses(&self, tx: &mut Tx, account: AccountId) -> Result<Vec<Use>> {
        if sql::others(tx, account).await? > 0 {
            return Ok(Vec::new());
        }
        Ok(vec![Use { place: BRANDING.name.to_owned(), code: "LAST_OPERATOR", text: "erasure-last-operator" }])
    }

    fn fates(&self) -> &'static [Fate] {
        &[NAME]
    }

    async fn erase(&self, tx: &mut Tx, account: AccountId) -> Result<Vec<Outcome>> {
        Ok(vec![Outcome { fate: NAME, rows: sql::empty_operator(tx, account).await? }])
    }
}
