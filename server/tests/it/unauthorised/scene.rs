//! A tenant with one of everything, and everybody who must not get at it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::{Value, json};
use socle::access::Action;
use socle::ids::TenantId;
use socle::jobs::{self, NewJob};
use socle::web::{Product, Route, Routes};
use testkit::trial::TENANT;
use testkit::{Licence, Stage};
use uuid::Uuid;

use super::calls::{Call, Told};
use super::footprint::{self, Footprint};
use crate::staff::{self, Member, PASSWORD};

/// A tenant of the trial product that is a stranger to the first.
const ELSEWHERE: TenantId = TenantId(Uuid::from_u128(0x7121_a200));

/// A product as it is mounted.
#[derive(Clone)]
pub struct Mounted {
    pub base: &'static str,
    pub routes: Vec<Route>,
    /// Operations of its API's document, where it has one.
    pub documented: Option<BTreeSet<String>>,
    roles: Vec<&'static str>,
    /// Role and action, where the policies allow it.
    allowed: BTreeSet<(&'static str, &'static str)>,
}

impl Mounted {
    fn new<P: Product>(product: &P, routes: &Routes<P>) -> Self {
        let declared = routes.declared().to_vec();
        let actions = declared.iter().filter_map(|route| match route.access {
            socle::web::Access::To(action) => Some(action),
            _ => None,
        });
        let actions: Vec<Action> = actions.collect();
        let may = |role: &'static str| {
            let allowed = actions.iter().filter(move |action| product.policies().role_allows(role, **action));
            allowed.map(move |action| (role, action.name)).collect::<Vec<_>>()
        };
        let allowed = product.roles().iter().flat_map(|role| may(role)).collect();
        let document = serde_json::to_value(product.api_document()).unwrap_or_default();
        let documented = Some(operations(&document)).filter(|operations| !operations.is_empty());
        Self { base: routes.base(), routes: declared, documented, roles: product.roles().to_vec(), allowed }
    }

    pub fn allowed(&self, role: &str, action: Action) -> bool {
        self.allowed.iter().any(|(one, name)| *one == role && *name == action.name)
    }
}

/// `GET /api/v1/devices` for each operation of a document.
pub fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let verbs = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(verb, _)| format!("{} {path}", verb.to_uppercase()))
    });
    verbs.collect()
}

/// Somebody who calls.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    pub name: &'static str,
    pub cookie: Option<String>,
    pub bearer: Option<String>,
    pub device: bool,
}

impl Caller {
    fn with(name: &'static str, cookie: &str) -> Self {
        Self { name, cookie: Some(cookie.to_owned()), ..Self::default() }
    }
}

/// The ids of one of each kind that a tenant has.
#[derive(Clone, Debug)]
pub struct Objects {
    pub all: Vec<Uuid>,
}

pub struct Scene {
    pub url: String,
    pub http: reqwest::Client,
    stage: Stage,
    first: Licence,
    second: Licence,
    /// Cookies by product and part.
    cookies: BTreeMap<(&'static str, &'static str), String>,
    objects: BTreeMap<&'static str, Objects>,
    /// Words of the first tenant that nobody else may read.
    marks: BTreeMap<&'static str, Vec<String>>,
    accounts: Vec<Uuid>,
    suspended: Vec<(&'static str, Uuid)>,
}

pub async fn scene() -> Result<Scene> {
    // What it awaits is too large for the stack of every test.
    Box::pin(furnished()).await
}

async fn furnished() -> Result<Scene> {
    let stage = Stage::new().await?;
    let (first, second) = (stage.licence().await?, stage.licence().await?);
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let accounts = vec![first.owner.account.0, first.operator.account.0];
    let mut scene = Scene {
        url: stage.url(),
        http,
        stage,
        first,
        second,
        cookies: BTreeMap::new(),
        objects: BTreeMap::new(),
        marks: BTreeMap::new(),
        accounts,
        suspended: Vec::new(),
    };
    scene.furnish_physiotraq().await?;
    scene.furnish_trial().await?;
    scene.furnish_platform().await?;
    scene.end_and_suspend().await?;
    scene.stage.product.monitor().save().await;
    Ok(scene)
}

impl Scene {
    /// A running treatment with an alert, an open invitation, two people.
    async fn furnish_physiotraq(&mut self) -> Result<()> {
        const BASE: &str = "/physiotraq";
        let (first, second) = (&self.first, &self.second);
        for device in [&first.device, &second.device] {
            device.post("/devices/heartbeat", &json!({ "battery_level": 90 })).await?;
            device.measure(self.stage.clock.now(), 37.0).await?;
            self.stage.product.monitor().save().await;
        }
        // The documents' examples are of the minute at which the clock starts.
        self.stage.clock.advance(TimeDelta::minutes(1));
        let fields = [("device", first.device.id.to_string()), ("patient_last_name", "Lovelace-Canari".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let started = first.operator.post("/physiotraq/app/treatments", &fields).await?;
        anyhow::ensure!(started.status() == 303, "start refused: {}", started.status());
        for celsius in [39.9, 40.2, 40.2] {
            self.stage.clock.advance(TimeDelta::seconds(20));
            first.device.measure(self.stage.clock.now(), celsius).await?;
        }
        let invited = [("email", "canari.invite@test.fr"), ("first_name", "Canari"), ("last_name", "Essai")];
        first.owner.post("/physiotraq/admin/team", &invited).await?;
        self.stage.product.monitor().save().await;
        let mut admin = self.stage.database.admin().await?;
        let query = "SELECT id FROM physiotraq.treatments WHERE license_id = $1
                     UNION ALL SELECT id FROM physiotraq.alerts WHERE license_id = $1
                     UNION ALL SELECT id FROM socle.invitations WHERE tenant_id = $1
                     UNION ALL SELECT id FROM socle.sessions WHERE tenant_id = $1
                     UNION ALL SELECT id FROM socle.mails WHERE tenant_id = $1";
        let mut all = vec![first.device.id.0, first.owner.account.0, first.operator.account.0, first.id.0];
        all.extend(sqlx::query_scalar::<_, Uuid>(query).bind(first.id.0).fetch_all(&mut admin).await?);
        anyhow::ensure!(all.len() >= 9, "one of each kind was to be there: {all:?}");
        let identifier = "SELECT session_identifier FROM physiotraq.treatments WHERE license_id = $1";
        let identifier: String = sqlx::query_scalar(identifier).bind(first.id.0).fetch_one(&mut admin).await?;
        let name: String = sqlx::query_scalar("SELECT name FROM physiotraq.devices WHERE id = $1")
            .bind(first.device.id.0)
            .fetch_one(&mut admin)
            .await?;
        let mut marks = vec![name, identifier, first.device.seeded.serial.clone(), "Lovelace-Canari".to_owned()];
        marks.extend(["canari.invite@test.fr", "owner1@test.fr", "operator1@test.fr", "Clinique 1"].map(String::from));
        marks.extend(all.iter().map(Uuid::to_string));
        for (part, cookie) in [
            ("admin", first.owner.cookie()),
            ("operator", first.operator.cookie()),
            ("stranger", second.owner.cookie()),
            ("strange operator", second.operator.cookie()),
        ] {
            self.cookies.insert((BASE, part), cookie.to_owned());
        }
        let url = format!("{}{BASE}", self.url);
        for (part, email) in [("due", "owner2@test.fr"), ("expired", "operator2@test.fr")] {
            self.cookies.insert((BASE, part), staff::session(&url, email).await?);
        }
        let vendor = self.stage.vendor().await?;
        self.cookies.insert((BASE, "vendor"), vendor.browser.cookie().to_owned());
        let third = self.stage.licence().await?;
        self.cookies.insert((BASE, "suspended"), third.owner.cookie().to_owned());
        self.suspended.push(("physiotraq", third.id.0));
        self.marks.insert(BASE, marks);
        self.objects.insert(BASE, Objects { all });
        Ok(())
    }

    /// A case that was opened in an emergency, waiting for its review; a member with a permission.
    async fn furnish_trial(&mut self) -> Result<()> {
        const BASE: &str = "/trial";
        let stage = &self.stage;
        let patient = Member::new(stage, TENANT, "canari.patient@test.fr", "PATIENT").await?;
        let ops = Member::new(stage, TENANT, "canari.ops@test.fr", "OPS").await?;
        let admin = Member::new(stage, TENANT, "canari.admin@test.fr", "COMPLIANCE_ADMIN").await?;
        let case = stage.trial.cases().add(TENANT, patient.account);
        let wish = json!({ "kind": "Case", "recordId": case, "reason": "Canari : patiente inconsciente." });
        let (status, opened) = ops.told(reqwest::Method::POST, "/api/v1/break-glass", Some(&wish)).await?;
        anyhow::ensure!(status == 201, "{opened}");
        let opening: Uuid = opened["id"].as_str().unwrap_or_default().parse()?;
        let all = vec![case, opening, patient.account.0, ops.account.0, admin.account.0];
        self.accounts.extend([patient.account.0, ops.account.0, admin.account.0]);
        let strangers = [
            ("stranger", Member::new(stage, ELSEWHERE, "admin@elsewhere.fr", "COMPLIANCE_ADMIN").await?),
            ("strange operator", Member::new(stage, ELSEWHERE, "ops@elsewhere.fr", "OPS").await?),
        ];
        for (part, member) in [("PATIENT", &patient), ("OPS", &ops), ("COMPLIANCE_ADMIN", &admin)] {
            self.cookies.insert((BASE, part), member.cookie().to_owned());
        }
        for (part, member) in &strangers {
            self.cookies.insert((BASE, *part), member.cookie().to_owned());
        }
        let third = TenantId(Uuid::from_u128(0x7121_a300));
        for (part, email) in [("due", "due@elsewhere.fr"), ("expired", "expired@elsewhere.fr")] {
            stage.trial.member(ELSEWHERE, (email, PASSWORD), "OPS").await?;
            self.cookies.insert((BASE, part), staff::session(&format!("{}{BASE}", self.url), email).await?);
        }
        let suspended = Member::new(stage, third, "suspended@third.fr", "OPS").await?;
        self.cookies.insert((BASE, "suspended"), suspended.cookie().to_owned());
        self.suspended.push(("trial", third.0));
        let mut marks: Vec<String> = all.iter().map(Uuid::to_string).collect();
        marks.extend(["canari.patient@", "canari.ops@", "canari.admin@", "patiente inconsciente"].map(String::from));
        self.marks.insert(BASE, marks);
        self.objects.insert(BASE, Objects { all });
        Ok(())
    }

    /// An operator, and a job that waits for long.
    async fn furnish_platform(&mut self) -> Result<()> {
        const BASE: &str = "/platform";
        let stage = &self.stage;
        let email = "olga@socle.test";
        let account = stage.platform.operator((email, PASSWORD.into()), ("Olga", "Canari")).await?;
        stage.platform.operator(("otto@socle.test", PASSWORD.into()), ("Otto", "Essai")).await?;
        let url = format!("{}{BASE}", self.url);
        for (part, email) in [("due", "otto@socle.test"), ("operator", email), ("expired", email)] {
            self.cookies.insert((BASE, part), staff::session(&url, email).await?);
        }
        staff::prove(stage, account).await?;
        let mut tx = stage.product.app().system("physiotraq", self.first.id).begin().await?;
        let later = NewJob::now("mail.send", jobs::NOTIFICATIONS, json!({})).at(stage.clock.now() + TimeDelta::days(9));
        let job = jobs::enqueue(&mut tx, later).await?;
        tx.commit().await?;
        self.accounts.push(account.0);
        let all = vec![account.0, job.map(|job| job.0).unwrap_or_default(), self.first.id.0];
        self.marks.insert(BASE, vec!["Olga Canari".to_owned(), email.to_owned()]);
        self.objects.insert(BASE, Objects { all });
        Ok(())
    }

    /// Sessions that are over, tenants that are suspended.
    async fn end_and_suspend(&self) -> Result<()> {
        let mut admin = self.stage.database.admin().await?;
        let now = self.stage.clock.now();
        let hash =
            |cookie: &str| socle::tokens::hash(cookie.split_once('=').map(|(_, token)| token).unwrap_or_default());
        for ((base, part), cookie) in &self.cookies {
            if *part == "expired" {
                let over = "UPDATE socle.sessions SET expires_at = $2 WHERE token_hash = $1";
                let done = sqlx::query(over).bind(hash(cookie)).bind(now).execute(&mut admin).await?;
                anyhow::ensure!(done.rows_affected() == 1, "{base}: no session to end");
            }
        }
        let suspend = "INSERT INTO socle.tenant_rules (tenant_id, realm, suspended_at, suspended_reason, updated_at)
             VALUES ($1, $2, $3, 'tried', $3)";
        for (realm, tenant) in &self.suspended {
            sqlx::query(suspend).bind(tenant).bind(realm).bind(now).execute(&mut admin).await?;
        }
        Ok(())
    }

    /// The three products, as they are mounted here.
    pub fn mounted(&self) -> Vec<Mounted> {
        let Stage { product, platform, trial, .. } = &self.stage;
        vec![
            Mounted::new(product, &product.clone().routes()),
            Mounted::new(platform, &platform.clone().routes()),
            Mounted::new(trial, &trial.clone().routes()),
        ]
    }

    pub fn objects(&self, mounted: &Mounted) -> Objects {
        self.objects[mounted.base].clone()
    }

    fn cookie(&self, mounted: &Mounted, part: &str) -> Option<String> {
        self.cookies
            .iter()
            .find(|((base, of), _)| *base == mounted.base && *of == part)
            .map(|(_, cookie)| cookie.clone())
    }

    /// Who has no session here.
    pub fn outsiders(&self, mounted: &Mounted) -> Vec<Caller> {
        let name = mounted.base.trim_start_matches('/');
        let other = self.cookies.iter().find(|((base, _), _)| *base != mounted.base).map(|(_, cookie)| cookie.as_str());
        let token = other.and_then(|cookie| cookie.split_once('=')).map(|(_, token)| token).unwrap_or_default();
        let device = self.second.device.seeded.credential.clone();
        let mut callers = vec![
            Caller { name: "anonymous", ..Caller::default() },
            Caller { name: "device", bearer: Some(device), device: mounted.base == "/physiotraq", ..Caller::default() },
            Caller::with("other-realm", &format!("__Host-{name}={token}")),
        ];
        callers.extend(self.cookie(mounted, "expired").map(|cookie| Caller::with("expired", &cookie)));
        callers.extend(self.cookie(mounted, "suspended").map(|cookie| Caller::with("suspended", &cookie)));
        callers
    }

    /// Somebody of each role of the first tenant.
    pub fn roles(&self, mounted: &Mounted) -> Vec<(String, Caller)> {
        let caller = |role: &&str| Some(((*role).to_owned(), Caller::with("wrong-role", &self.cookie(mounted, role)?)));
        if mounted.base == "/platform" {
            return Vec::new();
        }
        mounted.roles.iter().filter_map(caller).collect()
    }

    /// Somebody who must first choose a new password or set up a second factor.
    pub async fn due(&self, mounted: &Mounted) -> Result<Option<Caller>> {
        if mounted.base == "/physiotraq" {
            let force = "UPDATE socle.accounts SET force_password_change = true WHERE email = 'owner2@test.fr'";
            sqlx::query(force).execute(&mut self.stage.database.admin().await?).await?;
        }
        Ok(self.cookie(mounted, "due").map(|cookie| Caller::with("due", &cookie)))
    }

    /// People of another tenant.
    pub fn strangers(&self, mounted: &Mounted) -> Vec<Caller> {
        let parts = ["stranger", "strange operator"].into_iter();
        parts.filter_map(|part| Some(Caller::with("stranger", &self.cookie(mounted, part)?))).collect()
    }

    /// Who sees most of the first tenant.
    pub fn insider(&self, mounted: &Mounted) -> Caller {
        let parts = ["admin", "COMPLIANCE_ADMIN", "operator"];
        let cookie = parts.iter().find_map(|part| self.cookie(mounted, part)).unwrap_or_default();
        Caller::with("insider", &cookie)
    }

    /// Words of the first tenant in an answer, beyond what the request itself held.
    pub fn leaked(&self, mounted: &Mounted, call: &Call, told: &Told) -> Vec<String> {
        let holds = |mark: &&String| told.body.contains(mark.as_str()) || told.headers.contains(mark.as_str());
        self.marks[mounted.base].iter().filter(|mark| !call.sent(mark)).filter(holds).cloned().collect()
    }

    /// Everything that the first tenants and their people have.
    pub async fn footprint(&self) -> Result<Footprint> {
        let tenants = [self.first.id.0, TENANT.0];
        footprint::of(&mut self.stage.database.admin().await?, &tenants, &self.accounts).await
    }
}
