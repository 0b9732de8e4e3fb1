//! Programs that sign in for tokens: what they get, how long it is taken, and what ends it at once.

mod delivered;
mod families;
mod forged;

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use socle::web::Product;
use testkit::{Licence, Stage};

use crate::answers;
use crate::cookies::{self, Browser};
use crate::memberships::Both;

/// Everybody's password on the stage.
const PASSWORD: &str = "une phrase de passe pour les tests";
const OPERATOR: &str = "operator1@test.fr";
const OWNER: &str = "owner1@test.fr";
const HOME: &str = "/physiotraq/app";

/// What a program holds.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    /// Of an answer that hands it out.
    async fn of(answer: Response) -> Result<Self> {
        let body = answers::json(answer, 200).await?;
        ensure!(body["tokenType"] == "Bearer" && body["expiresIn"] == 900, "{body}");
        let token = |name: &str| body[name].as_str().map(ToOwned::to_owned).with_context(|| format!("no {name}"));
        Ok(Self { access: token("accessToken")?, refresh: token("refreshToken")? })
    }
}

/// A program without a browser, below `/physiotraq/api/v1`.
#[derive(Clone)]
struct Api {
    base: String,
    http: Client,
}

impl Api {
    fn of(stage: &Stage) -> Self {
        Self { base: format!("{}/physiotraq/api/v1", stage.url()), http: Client::new() }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        Ok(self.http.post(format!("{}{path}", self.base)).json(body).send().await?)
    }

    async fn get(&self, path: &str, bearer: &str) -> Result<Response> {
        Ok(self.http.get(format!("{}{path}", self.base)).bearer_auth(bearer).send().await?)
    }

    async fn sign_in(&self, email: &str) -> Result<Pair> {
        Pair::of(self.post("/auth/login", &json!({ "email": email, "password": PASSWORD })).await?).await
    }

    async fn refresh(&self, token: &str) -> Result<Response> {
        self.post("/auth/refresh", &json!({ "refreshToken": token })).await
    }

    async fn sign_out(&self, bearer: &str) -> Result<Response> {
        Ok(self.http.post(format!("{}/auth/logout", self.base)).bearer_auth(bearer).send().await?)
    }

    /// Whether a bearer token is somebody's; the refusal must be the one of an unknown person.
    async fn knows(&self, bearer: &str) -> Result<bool> {
        let answer = self.get("/auth/me", bearer).await?;
        if answer.status() == 200 {
            return Ok(true);
        }
        let refused = answers::refusal(answer).await?;
        ensure!(refused == no("AUTH_REQUIRED"), "{refused:?}");
        Ok(false)
    }
}

/// A refusal with 401.
fn no(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

/// A stage with a licence, and a program.
async fn scene() -> Result<(Stage, Licence, Api)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let api = Api::of(&stage);
    Ok((stage, licence, api))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_gets_a_pair_that_says_who_it_is_and_opens_the_api() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let pair = api.sign_in(" Operator1@Test.fr ").await?;
    let me = answers::json(api.get("/auth/me", &pair.access).await?, 200).await?;
    let membership = json!({ "tenantId": licence.id, "tenantName": "Clinique 1", "role": "operator" });
    assert_eq!(
        me,
        json!({
            "accountId": licence.operator.account, "email": OPERATOR, "name": "Paul Essai", "language": "fr",
            "tenantId": licence.id, "role": "operator", "memberships": [membership],
        })
    );
    let devices = answers::json(api.get("/devices", &pair.access).await?, 200).await?;
    assert_eq!(devices["data"][0]["id"], json!(licence.device.id));
    let claims = stage.product.app().access_tokens.verify(&pair.access, "physiotraq", stage.clock.now()).unwrap();
    assert_eq!(
        (claims.sub, claims.role.as_str(), claims.email.as_str()),
        (licence.operator.account, "operator", OPERATOR)
    );
    assert_eq!((claims.iat, claims.exp - claims.iat), (stage.clock.now().timestamp(), 900));
    let may = |action: &str| claims.permissions.iter().any(|permission| permission == action);
    assert!(may("UseApp") && !may("ManageTeam"), "{:?}", claims.permissions);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_get_in_is_not_told_why() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let second = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    for (statement, account) in [
        ("UPDATE socle.accounts SET status = 'suspended' WHERE id = $1", licence.operator.account.0),
        ("UPDATE socle.memberships SET ended_at = created_at WHERE account_id = $1", second.operator.account.0),
    ] {
        sqlx::query(statement).bind(account).execute(&mut admin).await?;
    }
    let mut messages = Vec::new();
    for (email, password) in [
        (OWNER, "not the password"),
        (OWNER, ""),
        ("nobody@test.fr", PASSWORD),
        (OPERATOR, PASSWORD),
        ("operator2@test.fr", PASSWORD),
    ] {
        let answer = api.post("/auth/login", &json!({ "email": email, "password": password })).await?;
        assert!(cookies::lines(&answer).is_empty(), "{email}");
        let mut body = answers::json(answer, 401).await?;
        assert_eq!(body["error"]["code"], "AUTH_CREDENTIALS", "{email}");
        body["error"]["requestId"] = Value::Null;
        messages.push(body);
    }
    assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
    let refused = "SELECT count(*) FROM socle.audit_log WHERE action = 'session.refused' AND outcome = 'refused'";
    assert_eq!(sqlx::query_scalar::<_, i64>(refused).fetch_one(&mut admin).await?, 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_is_over_after_fifteen_minutes_and_a_refresh_gives_the_next_pair() -> Result<()> {
    let (stage, _licence, api) = scene().await?;
    let first = api.sign_in(OPERATOR).await?;
    stage.clock.advance(TimeDelta::seconds(899));
    assert!(api.knows(&first.access).await?);
    stage.clock.advance(TimeDelta::seconds(1));
    assert!(!api.knows(&first.access).await?);
    let second = Pair::of(api.refresh(&first.refresh).await?).await?;
    assert!(second.access != first.access && second.refresh != first.refresh);
    assert!(api.knows(&second.access).await?);
    assert!(!api.knows(&first.access).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_is_over_seven_days_after_it_was_given() -> Result<()> {
    let (stage, _licence, api) = scene().await?;
    let first = api.sign_in(OPERATOR).await?;
    stage.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    let second = Pair::of(api.refresh(&first.refresh).await?).await?;
    stage.clock.advance(TimeDelta::days(7));
    assert_eq!(answers::refusal(api.refresh(&second.refresh).await?).await?, no("AUTH_REFRESH"));
    // Nor does the lost answer come back then.
    assert_eq!(answers::refusal(api.refresh(&first.refresh).await?).await?, no("AUTH_REFRESH"));
    assert!(!api.knows(&second.access).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_this_session_at_once_and_no_other() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let (pair, other) = (api.sign_in(OPERATOR).await?, api.sign_in(OPERATOR).await?);
    stage.clock.advance(TimeDelta::seconds(1));
    let next = Pair::of(api.refresh(&pair.refresh).await?).await?;
    assert_eq!(api.sign_out(&pair.access).await?.status(), 204);
    for token in [&pair.access, &next.access] {
        assert!(!api.knows(token).await?);
    }
    for token in [&pair.refresh, &next.refresh] {
        assert_eq!(answers::refusal(api.refresh(token).await?).await?, no("AUTH_REFRESH"));
    }
    assert_eq!(answers::refusal(api.sign_out(&pair.access).await?).await?, no("AUTH_REQUIRED"));
    assert!(api.knows(&other.access).await?);
    assert_eq!(licence.operator.get(HOME).await?.status(), 200, "the browser's session was ended");
    // And the other way round.
    assert_eq!(licence.operator.post("/physiotraq/sign_out", &[]).await?.status(), 303);
    assert!(api.knows(&other.access).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_in_the_database_is_refused_although_the_token_says_otherwise() -> Result<()> {
    for statement in [
        "UPDATE socle.accounts SET status = 'suspended' WHERE id = $1",
        "UPDATE socle.memberships SET ended_at = created_at WHERE account_id = $1",
        "UPDATE socle.sessions SET ended_at = created_at WHERE account_id = $1",
    ] {
        let (stage, licence, api) = scene().await?;
        let (pair, colleague) = (api.sign_in(OPERATOR).await?, api.sign_in(OWNER).await?);
        let mut admin = stage.database.admin().await?;
        sqlx::query(statement).bind(licence.operator.account.0).execute(&mut admin).await?;
        assert!(!api.knows(&pair.access).await?, "{statement}");
        assert_eq!(answers::refusal(api.refresh(&pair.refresh).await?).await?.0, 401, "{statement}");
        assert!(api.knows(&colleague.access).await?, "{statement}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_counts_as_it_is_now_and_not_as_the_token_says() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let pair = api.sign_in(OWNER).await?;
    let team = format!("{}/physiotraq/admin/team", stage.url());
    let look = async || Client::new().get(&team).bearer_auth(&pair.access).send().await;
    assert_eq!(look().await?.status(), 200);
    let mut admin = stage.database.admin().await?;
    sqlx::query("UPDATE socle.memberships SET role = 'operator' WHERE account_id = $1")
        .bind(licence.owner.account.0)
        .execute(&mut admin)
        .await?;
    assert_eq!(look().await?.status(), 403);
    let me = answers::json(api.get("/auth/me", &pair.access).await?, 200).await?;
    assert_eq!((&me["role"], &me["memberships"][0]["role"]), (&json!("operator"), &json!("operator")));
    let now = stage.clock.now();
    let claims = stage.product.app().access_tokens.verify(&pair.access, "physiotraq", now).unwrap();
    assert_eq!(claims.role, "admin", "the token was to say otherwise");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_an_access_token_is_nobody() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let pair = api.sign_in(OPERATOR).await?;
    let cookie = licence.operator.cookie();
    let value = cookie.split_once('=').unwrap().1;
    let credential = licence.device.seeded.credential.as_str();
    for token in [pair.refresh.as_str(), credential, value, "x", "a.b.c", "", "null"] {
        assert!(!api.knows(token).await?, "{token:?}");
    }
    for token in [pair.access.as_str(), credential, value, "x", ""] {
        assert_eq!(answers::refusal(api.refresh(token).await?).await?, no("AUTH_REFRESH"), "{token:?}");
    }
    let heartbeat = stage.url() + "/physiotraq/api/v1/devices/heartbeat";
    let answer = Client::new().post(heartbeat).bearer_auth(&pair.access).json(&json!({})).send().await?;
    assert_eq!(answers::refusal(answer).await?, no("AUTH_DEVICE"));
    // Who says who they are means it: the cookie beside it does not step in.
    let request = Client::new().get(format!("{}/physiotraq/api/v1/auth/me", stage.url())).bearer_auth("x");
    assert_eq!(answers::refusal(request.header("cookie", cookie).send().await?).await?, no("AUTH_REQUIRED"));
    // And a token in the place of the browser's cookie is none.
    let browser = Browser::with(&stage, &format!("{}={}", cookies::SESSION, pair.access))?;
    assert_eq!(browser.get(HOME).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_two_licences_names_the_one_to_act_for() -> Result<()> {
    let both = Both::new().await?;
    let third = both.stage.licence().await?;
    let api = Api::of(&both.stage);
    let body = |tenant: Value| json!({ "email": OPERATOR, "password": PASSWORD, "tenantId": tenant });
    for licence in [&both.second, &both.first, &both.second] {
        let pair = Pair::of(api.post("/auth/login", &body(json!(licence.id))).await?).await?;
        let me = answers::json(api.get("/auth/me", &pair.access).await?, 200).await?;
        assert_eq!(me["tenantId"], json!(licence.id));
        let devices = answers::json(api.get("/devices", &pair.access).await?, 200).await?;
        let devices: Vec<&Value> = devices["data"].as_array().unwrap().iter().map(|device| &device["id"]).collect();
        assert_eq!(devices, [&json!(licence.device.id)]);
        both.stage.clock.advance(TimeDelta::seconds(1));
    }
    let pair = Pair::of(api.post("/auth/login", &body(Value::Null)).await?).await?;
    let me = answers::json(api.get("/auth/me", &pair.access).await?, 200).await?;
    assert_eq!(me["tenantId"], json!(both.second.id), "the one used last");
    for foreign in [json!(third.id), json!("00000000-0000-0000-0000-000000000000")] {
        let refused = answers::refusal(api.post("/auth/login", &body(foreign)).await?).await?;
        assert_eq!(refused, (422, "BIZ_NOT_A_MEMBER".to_owned()));
    }
    let refused = answers::refusal(api.post("/auth/login", &body(json!("x"))).await?).await?;
    assert_eq!(refused, (400, "VAL_MALFORMED".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_sign_in_is_refused_with_the_envelope() -> Result<()> {
    let (_stage, _licence, api) = scene().await?;
    let login = json!({ "email": OWNER, "password": PASSWORD });
    let with = |name: &str, value: Value| {
        let mut body = login.clone();
        body[name] = value;
        body.to_string().into_bytes()
    };
    let mut bodies = vec![
        ("/auth/login", with("remember", json!(true))),
        ("/auth/login", with("role", json!("admin"))),
        ("/auth/login", with("tenant_id", Value::Null)),
        ("/auth/login", with("delivery", json!("header"))),
        ("/auth/login", with("password", json!(["a"]))),
        ("/auth/login", with("email", json!("owner1\0@test.fr"))),
        ("/auth/login", with("email", json!("  "))),
        ("/auth/login", b"email=owner1%40test.fr".to_vec()),
        ("/auth/refresh", br#"{"refreshToken":5}"#.to_vec()),
        ("/auth/refresh", br#"{"refresh_token":"x"}"#.to_vec()),
        ("/auth/refresh", br#"["x"]"#.to_vec()),
        ("/auth/refresh", br#""x""#.to_vec()),
    ];
    for seed in 0..40_u64 {
        let noise = (0..64).map(|place| families::chance(seed * 64 + place).to_le_bytes()[0]).collect::<Vec<u8>>();
        // Half of them look like an object at first.
        let body = if seed % 2 == 0 { noise } else { [&b"{\"email\":\""[..], noise.as_slice()].concat() };
        bodies.push((["/auth/login", "/auth/refresh"][usize::from(seed % 4 < 2)], body));
    }
    bodies.extend(["/auth/login", "/auth/refresh"].map(|path| (path, Vec::new())));
    for (path, body) in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = api.http.post(format!("{}{path}", api.base)).body(body).send().await?;
        assert_eq!(answers::refusal(answer).await?.0, 400, "{path}: {shown:?}");
    }
    let missing = answers::json(api.post("/auth/login", &json!({})).await?, 400).await?;
    assert_eq!(missing["error"]["details"][0]["field"], "email", "{missing}");
    Ok(())
}
