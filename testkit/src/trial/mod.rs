//! A product of the tests' own, with every rule that a realm may have: registration is open, staff need a second factor,
//! three sessions, passwords that expire, user names, granular permissions. What no built product asks of its accounts
//! yet is proved on it. It has no table: its members are the kernel's, its cases are held in memory.

mod cases;
mod members;

use std::sync::Arc;

use socle::access::{Action, Policies, break_glass};
use socle::db::{Machine, Tx, Who};
use socle::identity::members::{self as kernel, Newcomer, Permissions};
use socle::identity::{self, Realm, Registration, Rules};
use socle::ids::{AccountId, TenantId};
use socle::privacy::consents::{self, Text};
use socle::web::{Access, Branding, Catalogue, Lang, Method, NavItem, Product, Routes};
use socle::{App, Caller, Result, privacy};
use uuid::Uuid;

pub use cases::Cases;

/// The one organisation people register with.
pub const TENANT: TenantId = TenantId(Uuid::from_u128(0x7121_a100));

/// Use the product at all.
pub const USE: Action = Action::new("Use", "Organisation");
/// Export its records: a granular permission of staff.
pub const EXPORT: Action = Action::new("Export", "Organisation");
/// See a case: one's own; through broken glass any.
pub const SEE_CASE: Action = Action::new("SeeCase", "Case");
/// Change a case: broken glass does not open this.
pub const CHANGE_CASE: Action = Action::new("ChangeCase", "Case");
/// Read the note of a case: never opened.
pub const SEE_NOTE: Action = Action::new("SeeNote", "Note");
/// Break the glass of a case.
pub const BREAK_GLASS: Action = Action::new("BreakGlass", "Organisation");
/// Review who did.
pub const REVIEW_GLASS: Action = Action::new("ReviewGlass", "Organisation");
/// Give members roles and permissions, and take them out.
pub const MANAGE_MEMBERS: Action = Action::new("ManageMembers", "Organisation");
/// All actions.
pub const ACTIONS: [Action; 8] =
    [USE, EXPORT, SEE_CASE, CHANGE_CASE, SEE_NOTE, BREAK_GLASS, REVIEW_GLASS, MANAGE_MEMBERS];
/// Its one granular permission.
pub const EXPORT_RECORDS: &str = "records:export";
/// What may be opened in an emergency: cases, never their notes.
pub static GLASS: break_glass::Rules = break_glass::Rules { ask: BREAK_GLASS, review: REVIEW_GLASS, kinds: &["Case"] };
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
    cases: Cases,
}

impl Trial {
    /// Over the shared parts.
    ///
    /// # Errors
    /// When a policy does not fit the schema.
    pub fn new(app: App) -> Result<Self, String> {
        let policies = Policies::load(include_str!("schema.cedarschema"), include_str!("trial.cedar"), &ACTIONS)?;
        Ok(Self { app, policies: Arc::new(policies), cases: Cases::default() })
    }

    /// Its routes: what the kernel gives every product, and a page and an export to try them on.
    #[must_use]
    pub fn routes(self) -> Routes<Self> {
        let routes = identity::api::routes(identity::pages::routes(Routes::new(self)));
        let routes = privacy::routes(routes).api(Method::Post, "/api/v1/moods", Access::To(USE), record_mood);
        let routes = routes.page(Method::Get, "/app", Access::To(USE), async || "inside");
        let routes = routes.api(Method::Get, "/api/v1/export", Access::To(EXPORT), async || "exported");
        members::routes(cases::routes(break_glass::routes(routes, &GLASS)))
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
        kernel::join(&mut tx, realm, &newcomer).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// The cases, for a look inside.
    #[must_use]
    pub fn cases(&self) -> &Cases {
        &self.cases
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

    fn administrators(&self) -> &'static [&'static str] {
        &["COMPLIANCE_ADMIN"]
    }

    fn permissions(&self) -> Option<Permissions> {
        Some(Permissions { names: &[EXPORT_RECORDS], set_by: MANAGE_MEMBERS })
    }

    fn break_glass(&self) -> Option<&'static break_glass::Rules> {
        Some(&GLASS)
    }

    async fn glass_broken(&self, tx: &mut Tx, opening: &break_glass::Opening) -> Result<bool> {
        Ok(self.cases.log(tx.caller().tenant(), opening))
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
