//! People of the trial product as its rules want them: signed in with a second factor that was just proved.

use anyhow::{Context, Result};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;
use socle::ids::{AccountId, TenantId};
use testkit::Stage;

/// The password of everybody here.
pub const PASSWORD: &str = "une phrase de passe pour les tests";

/// Somebody with two sessions of browsers.
#[derive(Clone)]
pub struct Member {
    pub account: AccountId,
    pub email: String,
    base: String,
    cookies: [String; 2],
    http: Client,
}

impl Member {
    /// A member of a tenant of the trial product; the second factor was proved now.
    pub async fn new(stage: &Stage, tenant: TenantId, email: &str, role: &str) -> Result<Self> {
        let account = stage.trial.member(tenant, (email, PASSWORD), role).await?;
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        let base = format!("{}/trial", stage.url());
        let cookies = [session(&base, email).await?, session(&base, email).await?];
        let member = Self { account, email: email.to_owned(), base, cookies, http };
        member.proves_again(stage).await?;
        Ok(member)
    }

    /// The cookie of the first session.
    pub fn cookie(&self) -> &str {
        &self.cookies[0]
    }

    /// Proves the second factor now, in both sessions.
    pub async fn proves_again(&self, stage: &Stage) -> Result<()> {
        prove(stage, self.account).await
    }

    /// The same person in the other session.
    pub fn elsewhere(&self) -> Self {
        let [one, other] = self.cookies.clone();
        Self { cookies: [other, one], ..self.clone() }
    }

    /// Asks as a program, at a path below the product.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response> {
        let request = self.http.request(method, format!("{}{path}", self.base)).header(COOKIE, &self.cookies[0]);
        let request = request.header(ACCEPT, "application/json");
        Ok(match body {
            Some(body) => request.json(body).send().await?,
            None => request.send().await?,
        })
    }

    /// The status of a GET as a program.
    pub async fn status(&self, path: &str) -> Result<u16> {
        Ok(self.ask(Method::GET, path, None).await?.status().as_u16())
    }

    /// Status and body of a request as a program; no body is `null`.
    pub async fn told(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let answer = self.ask(method, path, body).await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// A page, in a language.
    pub async fn page(&self, path: &str, language: &str) -> Result<(u16, String)> {
        let request = self.http.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookies[0]);
        let answer = request.header(ACCEPT, "text/html").header("accept-language", language).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// A form.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(COOKIE, &self.cookies[0]);
        Ok(request.header(ACCEPT, "text/html").header("accept-language", "en").form(fields).send().await?)
    }
}

/// The second factor is proved now, in every session of an account.
pub async fn prove(stage: &Stage, account: AccountId) -> Result<()> {
    let mut admin = stage.database.admin().await?;
    let since = "UPDATE socle.accounts SET second_factor_since = coalesce(second_factor_since, $2) WHERE id = $1";
    let sessions = "UPDATE socle.sessions SET second_factor_at = $2, authenticated_at = $2 WHERE account_id = $1";
    for statement in [since, sessions] {
        sqlx::query(statement).bind(account.0).bind(stage.clock.now()).execute(&mut admin).await?;
    }
    Ok(())
}

/// The cookie of a sign-in by the form of the product at an address.
pub async fn session(base: &str, email: &str) -> Result<String> {
    let http = Client::builder().redirect(redirect::Policy::none()).build()?;
    let answer = http.post(format!("{base}/sign_in")).form(&[("email", email), ("password", PASSWORD)]).send().await?;
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.filter_map(|line| line.split(';').next());
    let name = format!("__Host-{}=", base.rsplit('/').next().unwrap_or_default());
    let cookie = pairs.find(|pair| pair.starts_with(&name));
    cookie.map(ToOwned::to_owned).with_context(|| format!("{email} was to sign in: {}", answer.status()))
}

/// Waits until a figure in the database is this one.
pub async fn eventually(stage: &Stage, expected: i64, query: &'static str) -> Result<()> {
    let mut admin = stage.database.admin().await?;
    let mut last = 0;
    for _ in 0..200 {
        last = sqlx::query_scalar(query).fetch_one(&mut admin).await?;
        if last == expected {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("{query}: {last}, and {expected} was to come")
}
