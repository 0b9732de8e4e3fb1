//! Limits of sign-in and of the API, networks, suspended tenants, security events: over HTTP, on a clock that is set.

mod calls;
mod closing;
mod places;
mod security;
mod sign_in;
mod storm;
mod suspended;

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT, COOKIE, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use socle::clock::Clock;
use socle::config::Config;
use socle::ids::AccountId;
use testkit::{Stage, start_of_tests};

/// Everybody's password on the stage.
const PASSWORD: &str = "une phrase de passe pour les tests";
const SIGN_IN: &str = "/physiotraq/sign_in";
const HOME: &str = "/physiotraq/app";

/// A stage whose own machine is a proxy, so that a test says where it comes from.
async fn behind_a_proxy(change: impl FnOnce(&mut Config)) -> Result<Stage> {
    Stage::with(Clock::settable(start_of_tests()), |config| {
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        change(config);
    })
    .await
}

/// A client at an address, with the cookies it is given.
#[derive(Clone)]
struct At {
    base: String,
    address: String,
    cookies: String,
    http: Client,
}

impl At {
    fn new(stage: &Stage, address: &str) -> Result<Self> {
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { base: stage.url(), address: address.to_owned(), cookies: String::new(), http })
    }

    fn with(&self, cookies: &str) -> Self {
        Self { cookies: cookies.to_owned(), ..self.clone() }
    }

    /// The same client talking to another server.
    fn to(&self, stage: &Stage) -> Self {
        Self { base: stage.url(), ..self.clone() }
    }

    async fn get(&self, path: &str, accept: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base)).header(ACCEPT, accept);
        Ok(request.header("x-forwarded-for", &self.address).header(COOKIE, &self.cookies).send().await?)
    }

    async fn page(&self, path: &str) -> Result<Response> {
        self.get(path, "text/html").await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(ACCEPT, "text/html").form(fields);
        Ok(request.header("x-forwarded-for", &self.address).header(COOKIE, &self.cookies).send().await?)
    }

    async fn json(&self, path: &str, body: &Value) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        Ok(request.header("x-forwarded-for", &self.address).send().await?)
    }

    async fn bearer(&self, path: &str, token: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(token);
        Ok(request.header("x-forwarded-for", &self.address).send().await?)
    }

    /// Tries a password by the form.
    async fn tries(&self, email: &str, password: &str) -> Result<Response> {
        self.post(SIGN_IN, &[("email", email), ("password", password)]).await
    }

    /// Signs in by the form; the same client with its session.
    async fn signed_in(&self, email: &str) -> Result<Self> {
        let answer = self.tries(email, PASSWORD).await?;
        ensure!(answer.status() == 303, "{email} is not let in: {}", answer.status());
        Ok(self.with(&cookie(&answer, "__Host-physiotraq=")?))
    }

    /// Signs in as a program: access and refresh token.
    async fn tokens(&self, email: &str) -> Result<(String, String)> {
        let body = json!({ "email": email, "password": PASSWORD });
        let body: Value = self.json("/physiotraq/api/v1/auth/login", &body).await?.json().await?;
        let token = |name: &str| body[name].as_str().map(ToOwned::to_owned).with_context(|| format!("{body}"));
        Ok((token("accessToken")?, token("refreshToken")?))
    }
}

/// `name=value` of a cookie that an answer sets.
fn cookie(answer: &Response, opening: &str) -> Result<String> {
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pair = lines.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with(opening));
    Ok(pair.context("no such cookie")?.to_owned())
}

/// Status and code of a refusal.
async fn refusal(answer: Response) -> Result<(u16, String)> {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await?;
    Ok((status, body["error"]["code"].as_str().unwrap_or_default().to_owned()))
}

/// Seconds of `Retry-After`.
fn wait(answer: &Response) -> Option<u32> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// How many security events of a type there are.
async fn events(stage: &Stage, kind: &str) -> Result<i64> {
    let mut admin = stage.database.admin().await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM socle.security_events WHERE type = $1").bind(kind);
    Ok(count.fetch_one(&mut admin).await?)
}

/// An operator of the platform with a second factor, signed in.
async fn operator(stage: &Stage) -> Result<(AccountId, At)> {
    const EMAIL: &str = "olga@socle.test";
    let account = stage.platform.operator((EMAIL, PASSWORD.into()), ("Olga", "Essai")).await?;
    let at = At::new(stage, "127.0.0.1")?;
    let answer = at.post("/platform/sign_in", &[("email", EMAIL), ("password", PASSWORD)]).await?;
    let at = at.with(&cookie(&answer, "__Host-platform=")?);
    let mut admin = stage.database.admin().await?;
    for statement in [
        "UPDATE socle.accounts SET second_factor_since = $2 WHERE id = $1",
        "UPDATE socle.sessions SET second_factor_at = $2 WHERE account_id = $1",
    ] {
        sqlx::query(statement).bind(account.0).bind(stage.clock.now()).execute(&mut admin).await?;
    }
    Ok((account, at))
}
