//! A person in two licences: one session acts for one of them, and sees nothing of the other.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use physiotraq::licences::NewLicence;
use physiotraq::seed::{self, SeedPerson};
use reqwest::Response;
use serde_json::{Value, json};
use testkit::{Licence, Person, Stage};
use uuid::Uuid;

use crate::cookies::{self, Browser};
use crate::{answers, behind, crew};

/// Everybody's password on the stage.
const PASSWORD: &str = "une phrase de passe pour les tests";
const SIGN_IN: &str = "/physiotraq/sign_in";
const HOME: &str = "/physiotraq/app";
const MEMBERSHIPS: &str = "/physiotraq/memberships";
const ME: &str = "/physiotraq/api/v1/auth/me";

/// Two licences; the operator of the first is one of the second too, and its device there is assigned to them.
pub struct Both {
    /// The server.
    pub stage: Stage,
    /// `Clinique 1`, where they are Paul.
    pub first: Licence,
    /// `Clinique 2`, where they are Paula.
    pub second: Licence,
}

/// Makes somebody an operator of a further licence.
async fn join(stage: &Stage, licence: &Licence, name: &str, person: &Person) -> Result<()> {
    let new = NewLicence { id: licence.id, name, quantity: 20, time_zone: "Europe/Paris" };
    let member = SeedPerson { email: "", first_name: "Paula", last_name: "Essai", role: "operator" };
    Ok(seed::join(&stage.product, new, person.account, &member).await?)
}

impl Both {
    /// On a stage of its own; nobody has acted for the second licence yet.
    pub async fn new() -> Result<Self> {
        let stage = Stage::new().await?;
        let (first, second) = (stage.licence().await?, stage.licence().await?);
        join(&stage, &second, "Clinique 2", &first.operator).await?;
        crew::assign(&second, &second.device, &[&second.owner, &second.operator, &first.operator]).await?;
        stage.clock.advance(TimeDelta::minutes(1));
        Ok(Self { stage, first, second })
    }

    /// The operator's browser goes on in a licence; the answer to the form.
    async fn change(&self, to: &Licence) -> Result<Response> {
        let tenant = to.id.to_string();
        self.first.operator.post(MEMBERSHIPS, &[("tenant", tenant.as_str())]).await
    }

    /// The browser with the cookie that an answer sets.
    fn browser(&self, answer: &Response) -> Result<Browser> {
        Browser::with(&self.stage, &cookies::kept(answer, cookies::SESSION)?)
    }
}

/// The ids of a list's rows.
fn ids(list: &Value) -> Vec<&Value> {
    list["data"].as_array().unwrap().iter().map(|row| &row["id"]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_are_listed_and_the_present_one_is_not_offered() -> Result<()> {
    let both = Both::new().await?;
    both.stage.licence().await?;
    let page = answers::text(both.first.operator.get(MEMBERSHIPS).await?, 200).await?;
    assert!(page.contains("Clinique 1") && page.contains("Clinique 2") && !page.contains("Clinique 3"), "{page}");
    let offered = |licence: &Licence| page.contains(&format!("name=\"tenant\" value=\"{}\"", licence.id));
    assert!(offered(&both.second) && !offered(&both.first), "{page}");
    assert_eq!(page.matches("En cours").count(), 1);
    let me = answers::json(both.first.operator.get_json(ME).await?, 200).await?;
    let memberships = json!([
        { "tenantId": both.first.id, "tenantName": "Clinique 1", "role": "operator" },
        { "tenantId": both.second.id, "tenantName": "Clinique 2", "role": "operator" },
    ]);
    assert_eq!((&me["memberships"], &me["tenantId"]), (&memberships, &json!(both.first.id)));
    let stranger = both.stage.anybody().get(MEMBERSHIPS).await?;
    assert_eq!(Person::location(&stranger), format!("{SIGN_IN}?next=%2Fphysiotraq%2Fmemberships"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_gives_a_new_cookie_ends_the_old_one_and_shows_the_other_licence_only() -> Result<()> {
    let both = Both::new().await?;
    let Both { first, second, .. } = &both;
    crew::online(&first.device).await?;
    let treatment = first.operator.start(&first.device).await?;
    let answer = both.change(second).await?;
    assert_eq!((answer.status().as_u16(), Person::location(&answer)), (303, HOME.to_owned()));
    let there = both.browser(&answer)?;
    assert_eq!(first.operator.get(HOME).await?.status(), 303, "the cookie of before still opens a page");
    assert_eq!(first.operator.get_json(ME).await?.status(), 401);
    let me = answers::json(there.get(ME).await?, 200).await?;
    assert_eq!((&me["tenantId"], &me["name"]), (&json!(second.id), &json!("Paula Essai")));
    assert_eq!(me["accountId"], json!(first.operator.account));
    let devices = answers::json(there.get("/physiotraq/api/v1/devices").await?, 200).await?;
    assert_eq!(ids(&devices), [&json!(second.device.id)]);
    let treatments = answers::json(there.get("/physiotraq/api/v1/treatments").await?, 200).await?;
    assert_eq!(treatments["data"], json!([]));
    for gone in [
        format!("/physiotraq/api/v1/devices/{}", first.device.id),
        format!("/physiotraq/api/v1/treatments/{treatment}"),
        format!("/physiotraq/app/treatments/{treatment}"),
        format!("/physiotraq/app/monitor/{}", first.device.id),
        format!("/physiotraq/live?topic=device:{}", first.device.id),
    ] {
        assert_eq!(there.get(&gone).await?.status(), 404, "{gone}");
    }
    // And back again, to what was left there.
    let tenant = first.id.to_string();
    let back = there.post(MEMBERSHIPS, &[("tenant", tenant.as_str())]).await?;
    let here = both.browser(&back)?;
    assert_eq!(there.get(HOME).await?.status(), 303);
    let treatments = answers::json(here.get("/physiotraq/api/v1/treatments").await?, 200).await?;
    assert_eq!(ids(&treatments), [&json!(treatment)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_lands_in_the_licence_used_last() -> Result<()> {
    let both = Both::new().await?;
    let tenant = async || -> Result<Value> {
        let person = both.stage.sign_in("operator1@test.fr").await?;
        Ok(answers::json(person.get_json(ME).await?, 200).await?["tenantId"].clone())
    };
    assert_eq!(tenant().await?, json!(both.first.id));
    both.stage.clock.advance(TimeDelta::minutes(1));
    let there = both.browser(&both.change(&both.second).await?)?;
    assert_eq!(there.post("/physiotraq/sign_out", &[]).await?.status(), 303);
    both.stage.clock.advance(TimeDelta::minutes(1));
    assert_eq!(tenant().await?, json!(both.second.id));
    // A licence that one has left is no place to land in.
    let mut admin = both.stage.database.admin().await?;
    sqlx::query("UPDATE socle.memberships SET ended_at = created_at WHERE tenant_id = $1 AND account_id = $2")
        .bind(both.second.id.0)
        .bind(both.first.operator.account.0)
        .execute(&mut admin)
        .await?;
    assert_eq!(tenant().await?, json!(both.first.id));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_is_the_one_in_the_licence_of_the_session() -> Result<()> {
    let both = Both::new().await?;
    let third = both.stage.licence().await?;
    join(&both.stage, &both.second, "Clinique 2", &third.owner).await?;
    assert_eq!(third.owner.get("/physiotraq/admin/team").await?.status(), 200);
    let tenant = both.second.id.to_string();
    let answer = third.owner.post(MEMBERSHIPS, &[("tenant", tenant.as_str())]).await?;
    let there = both.browser(&answer)?;
    assert_eq!(there.get("/physiotraq/admin/team").await?.status(), 403);
    assert_eq!(there.get("/physiotraq/admin/treatments").await?.status(), 403);
    // No device is assigned to them there.
    let devices = answers::json(there.get("/physiotraq/api/v1/devices").await?, 200).await?;
    assert_eq!(devices["data"], json!([]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_licence_of_others_is_refused_and_the_session_stays_what_it_was() -> Result<()> {
    let both = Both::new().await?;
    let third = both.stage.licence().await?;
    let mut admin = both.stage.database.admin().await?;
    let sessions = "SELECT count(*) FROM socle.sessions WHERE account_id = $1 AND ended_at IS NULL";
    for (tenant, status) in [
        (third.id.to_string(), 422),
        (Uuid::nil().to_string(), 422),
        (Uuid::from_u128(1).to_string(), 422),
        ("x".to_owned(), 400),
        (String::new(), 400),
    ] {
        let answer = both.first.operator.post(MEMBERSHIPS, &[("tenant", tenant.as_str())]).await?;
        assert!(cookies::lines(&answer).is_empty(), "{tenant:?} gave a cookie");
        assert_eq!(answer.status(), status, "{tenant:?}");
    }
    assert_eq!(both.first.operator.post(MEMBERSHIPS, &[]).await?.status(), 400);
    let me = answers::json(both.first.operator.get_json(ME).await?, 200).await?;
    assert_eq!(me["tenantId"], json!(both.first.id));
    assert_eq!(behind::figure(&mut admin, sessions, both.first.operator.account.0).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_again_in_the_same_browser_works_and_gives_a_session_of_its_own() -> Result<()> {
    let both = Both::new().await?;
    for email in ["operator1@test.fr", "owner2@test.fr"] {
        let fields = [("email", email), ("password", PASSWORD)];
        let answer = both.first.operator.post(SIGN_IN, &fields).await?;
        ensure!(answer.status() == 303, "{email}: {}", answer.status());
        let me = answers::json(both.browser(&answer)?.get(ME).await?, 200).await?;
        assert_eq!(me["email"], email);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_level_security_shows_a_session_its_own_licence_alone() -> Result<()> {
    let both = Both::new().await?;
    let Both { stage, first, second } = &both;
    crew::online(&second.device).await?;
    second.operator.start(&second.device).await?;
    second.device.measure(stage.clock.now(), 37.0).await?;
    let caller = seed::operator(&stage.product, first.id, first.operator.account);
    let mut tx = caller.begin().await?;
    // Both queries see through the same eyes: what is there of one's own proves that the zeros are not blindness.
    for (own, foreign) in [
        (
            "SELECT count(*) FROM physiotraq.users WHERE license_id = $1",
            "SELECT count(*) FROM physiotraq.users WHERE license_id <> $1",
        ),
        (
            "SELECT count(*) FROM physiotraq.devices WHERE license_id = $1",
            "SELECT count(*) FROM physiotraq.devices WHERE license_id <> $1",
        ),
        (
            "SELECT count(*) FROM physiotraq.device_assignments WHERE license_id = $1",
            "SELECT count(*) FROM physiotraq.device_assignments WHERE license_id <> $1",
        ),
        (
            "SELECT count(*) FROM socle.audit_log WHERE tenant_id = $1",
            "SELECT count(*) FROM socle.audit_log WHERE tenant_id IS DISTINCT FROM $1",
        ),
    ] {
        let count = sqlx::query_scalar::<_, i64>(own).bind(first.id.0).fetch_one(tx.conn()).await?;
        assert!(count > 0, "{own}");
        let count = sqlx::query_scalar::<_, i64>(foreign).bind(first.id.0).fetch_one(tx.conn()).await?;
        assert_eq!(count, 0, "{foreign}");
    }
    let treatments = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM physiotraq.treatments");
    assert_eq!(treatments.fetch_one(tx.conn()).await?, 0);
    // One's own memberships are what one chooses between; nobody else's of the other licence is seen.
    let members = "SELECT account_id FROM socle.memberships WHERE tenant_id = $1";
    let members = sqlx::query_scalar::<_, Uuid>(members).bind(second.id.0).fetch_all(tx.conn()).await?;
    assert_eq!(members, [first.operator.account.0]);
    Ok(())
}
