//! A product of the tests' own, with every rule that a realm may have: registration is open, staff need a second factor,
//! three sessions, passwords that expire, user names, granular permissions. What no built product asks of its accounts
//! yet is proved on it. It has no table: its members are the kernel's.

use std::sync::Arc;

use socle::access::{Action, Policies};
use socle::db::{Machine, Tx, Who};
use socle::identity::members::{self, Newcomer};
use socle::identity::{self, Realm, Registration, Rules};
use socle::ids::{AccountId, TenantId};
use socle::privacy::consents::{self, Text};
use socle::web::{Access, Branding, Catalogue, Lang, Method, NavItem, Product, Routes};
use socle::{App, Caller, Result, privacy};
use uuid::Uuid;

/// The one organisation people register with.
pub const TENANT: TenantId = TenantId(Uuid::from_u128(0x7121_a100));

/// Use the product at all.
pub const USE: Action = Action::new("Use", "Organisation");
/// Export its records: a granular permission of staff.
pub const EXPORT: Action = Action::new("Export", "Organisation");
/// All actions.
pub const ACTIONS: [Action; 2] = [USE, EXPORT];
/// Its roles; all but the first are staff.
pub const ROLES: [&str; 3] = ["PATIENT", "OPS", "COMPLIANCE_ADMIN"];
const STAFF: [&str; 2] = ["OPS", "COMPLIANCE_ADMIN"];

fluent_templates::static_loader! {
    static OWN = {
        locales: "./locales",
        fallback_language: "fr",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static TEXTS: Catalogue = Catalogue::new(&OWN);

/// Needed to record how somebody feels.
pub const HEALTH_DATA: Text = Text {
    kind: "HEALTH_DATA",
    version: "1.2.0",
    title: "trial-health-title",
    body: "trial-health-text",
    stops: Some("trial-health-stops"),
};
/// What is asked for (specs/axtech.md, Consent).
pub const CONSENTS: [Text; 3] = [
    HEALTH_DATA,
    Text {
        kind: "MARKETING",
        version: "1.0.0",
        title: "trial-marketing-title",
        body: "trial-marketing-text",
        stops: Some("trial-marketing-stops"),
    },
    Text {
        kind: "TERMS_OF_SERVICE",
        version: "2.0.0",
        title: "trial-terms-title",
        body: "trial-terms-text",
        stops: None,
    },
];

/// Names and place.
pub static BRANDING: Branding = Branding {
    base: "/trial",
    name: "Trial",
    theme: "platform",
    home: "/app",
    realm: Realm {
        name: "trial",
        cookie: "__Host-trial",
        signed_in: "SELECT (live).*, name, profile FROM socle.member_signed_in('trial', $1, $2, $3)",
        rules: Rules {
            second_factor: &STAFF,
            registration: Registration::Open,
            sessions: Some(3),
            password_days: Some(90),
            user_names: true,
        },
    },
    texts: &TEXTS,
};

/// The product. Cheap to clone.
#[derive(Clone)]
pub struct Trial {
    app: App,
    policies: Arc<Policies>,
}

impl Trial {
    /// Over the shared parts.
    ///
    /// # Errors
    /// When a policy does not fit the schema.
    pub fn new(app: App) -> Result<Self, String> {
        let policies = Policies::load(include_str!("schema.cedarschema"), include_str!("trial.cedar"), &ACTIONS)?;
        Ok(Self { app, policies: Arc::new(policies) })
    }

    /// Its routes: what the kernel gives every product, and a page and an export to try them on.
    #[must_use]
    pub fn routes(self) -> Routes<Self> {
        let routes = identity::api::routes(identity::pages::routes(Routes::new(self)));
        let routes = privacy::routes(routes).api(Method::Post, "/api/v1/moods", Access::To(USE), record_mood);
        routes.page(Method::Get, "/app", Access::To(USE), async || "inside").api(
            Method::Get,
            "/api/v1/export",
            Access::To(EXPORT),
            async || "exported",
        )
    }

    /// Somebody with an account, a role and a password, in the one organisation or another.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn member(&self, tenant: TenantId, (email, password): (&str, &str), role: &str) -> Result<AccountId> {
        let realm = &BRANDING.realm;
        let nobody = self.app.nobody(realm.name, Default::default());
        let credentials = (email, password.into());
        let account = identity::actions::create_account(&nobody, &self.app.passwords, realm, credentials).await?;
        let newcomer = Newcomer {
            account,
            tenant,
            tenant_name: "Organisation".to_owned(),
            role: role.to_owned(),
            first_name: String::new(),
            last_name: String::new(),
        };
        let mut tx = nobody.becoming(Who::System(tenant)).begin().await?;
        members::join(&mut tx, realm, &newcomer).await?;
        tx.commit().await?;
        Ok(account)
    }
}

/// Something that needs a consent, asked for beside the effect.
async fn record_mood(caller: Caller) -> Result<&'static str> {
    let account = caller.person()?.account;
    let mut tx = caller.begin().await?;
    consents::require(&mut tx, account, &HEALTH_DATA).await?;
    tx.commit().await?;
    Ok("recorded")
}

impl Product for Trial {
    fn app(&self) -> &App {
        &self.app
    }

    fn branding(&self) -> &'static Branding {
        &BRANDING
    }

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn nav(&self, _: &Caller, _: Lang, _: &str) -> Vec<NavItem> {
        Vec::new()
    }

    fn roles(&self) -> &'static [&'static str] {
        &ROLES
    }

    fn role_label(&self, role: &str, _: Lang) -> String {
        role.to_owned()
    }

    async fn device(&self, _: &str) -> Result<Option<Machine>> {
        Ok(None)
    }

    async fn joined(&self, _: &mut Tx, _: &Newcomer) -> Result<()> {
        Ok(())
    }

    fn consents(&self) -> &'static [Text] {
        &CONSENTS
    }

    fn place(&self, _: AccountId) -> Option<(TenantId, String, &'static str)> {
        Some((TENANT, "Organisation".to_owned(), "PATIENT"))
    }
}
