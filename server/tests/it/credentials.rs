//! What somebody signs in with: how an account comes to be, how its password, address, phone and name are chosen, changed
//! and had back, and what nobody can find out from outside.

mod changing;
mod contact;
mod forgotten;
mod oracle;
mod registering;
mod standing;
mod texts;
mod verifying;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use socle::clock::Clock;
use socle::config::Config;
use socle::ids::{AccountId, TenantId};
use socle::mail::Kept;
use socle::web::Product;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Stage, start_of_tests, trial};

use crate::jobs::SOON;

/// A worker looks once a second: what has not happened within this does not happen.
const QUIET: Duration = Duration::from_millis(1_600);
/// A password that does.
const PASSWORD: &str = "trois vélos bleus sous la pluie";
/// Another one.
const OTHER: &str = "neuf lanternes au bord du canal";
/// The trial product's session.
const SESSION: &str = "__Host-trial";

/// A server, its mailbox and a look behind the scenes.
struct Scene {
    stage: Stage,
    admin: PgConnection,
}

impl Scene {
    async fn new() -> Result<Self> {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Result<Self> {
        let stage = Stage::with(Clock::settable(start_of_tests()), change).await?;
        let admin = stage.database.admin().await?;
        Ok(Self { stage, admin })
    }

    /// Somebody with a verified account of the trial product.
    async fn member(&self, email: &str) -> Result<AccountId> {
        Ok(self.stage.trial.member(trial::TENANT, (email, PASSWORD), "PATIENT").await?)
    }

    fn nobody(&self) -> Result<Browser> {
        Browser::new(&self.stage, String::new())
    }

    /// Signed in to the trial product by the form.
    async fn signed_in(&self, name: &str, password: &str) -> Result<Browser> {
        let answer = self.nobody()?.post("/trial/sign_in", &[("email", name), ("password", password)]).await?;
        Browser::after(&self.stage, &answer)
    }

    /// Signs in as a program: status and tokens.
    async fn login(&self, email: &str, password: &str) -> Result<(u16, Value)> {
        let answer =
            self.nobody()?.send("/trial/api/v1/auth/login", &json!({ "email": email, "password": password })).await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// Waits until every job is done.
    async fn settled(&mut self) -> Result<()> {
        let started = Instant::now();
        while self.count("SELECT count(*) FROM socle.jobs WHERE state IN ('waiting', 'running')").await? > 0 {
            ensure!(started.elapsed() < SOON, "jobs are still under way");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What was sent to an address or number, newest first, once all is settled.
    async fn mails(&mut self, to: &str) -> Result<Vec<Kept>> {
        self.settled().await?;
        let mailbox = self.stage.trial.app().mail.mailbox().context("no mailbox")?;
        Ok(mailbox.to(to))
    }

    /// The newest of them, which has these words in its subject.
    async fn mail(&mut self, to: &str, subject: &str) -> Result<Kept> {
        let mails = self.mails(to).await?;
        let found = mails.iter().find(|mail| mail.letter.subject.contains(subject)).cloned();
        found.with_context(|| format!("{to} got no {subject:?}: {mails:?}"))
    }

    async fn count(&mut self, statement: &str) -> Result<i64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&mut self.admin).await?)
    }

    async fn execute(&mut self, statement: &str) -> Result<()> {
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut self.admin).await?;
        Ok(())
    }

    async fn status(&mut self, email: &str) -> Result<Option<String>> {
        let status = sqlx::query_scalar("SELECT status FROM socle.accounts WHERE realm = 'trial' AND email = $1");
        Ok(status.bind(email).fetch_optional(&mut self.admin).await?)
    }
}

/// The six digits of a message.
fn code_in(mail: &Kept) -> Result<String> {
    let words = mail.letter.text.split(|c: char| !c.is_ascii_digit());
    words.into_iter().find(|word| word.len() == 6).map(ToOwned::to_owned).context("no code")
}

/// The secret of the link to a path.
fn token_in(mail: &Kept, path: &str) -> Result<String> {
    let (_, rest) = mail.letter.text.split_once(&format!("{path}?token=")).with_context(|| mail.letter.text.clone())?;
    Ok(rest.split_whitespace().next().unwrap_or_default().to_owned())
}

/// A six-digit code that is not this one.
fn not(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

/// A browser, or a program, with cookies of the test's choice; no redirect followed.
struct Browser {
    base: String,
    cookies: String,
    bearer: Option<String>,
    http: Client,
}

impl Browser {
    fn new(stage: &Stage, cookies: String) -> Result<Self> {
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { base: stage.url(), cookies, bearer: None, http })
    }

    /// With the session that an answer has opened.
    fn after(stage: &Stage, answer: &Response) -> Result<Self> {
        let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.filter_map(|line| line.split(';').next());
        let cookie = pairs.find(|pair| pair.strip_prefix(SESSION).is_some_and(|rest| rest.len() > 10));
        Self::new(stage, cookie.with_context(|| format!("no session: {}", answer.status()))?.to_owned())
    }

    /// A program with an access token.
    fn program(stage: &Stage, tokens: &Value) -> Result<Self> {
        let token = tokens["accessToken"].as_str().context("no access token")?.to_owned();
        Ok(Self { bearer: Some(token), ..Self::new(stage, String::new())? })
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let request = request.header(COOKIE, &self.cookies);
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn get(&self, path: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        Ok(self.signed(request).send().await?)
    }

    /// A form.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(ACCEPT, "text/html").form(fields);
        Ok(self.signed(request).send().await?)
    }

    /// JSON.
    async fn send(&self, path: &str, body: &Value) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        Ok(self.signed(request).send().await?)
    }

    /// Whether it is let into the product.
    async fn is_in(&self) -> Result<bool> {
        Ok(self.get("/trial/app").await?.status() == 200)
    }
}

/// Status and text of an answer.
async fn text(answer: Response) -> Result<(u16, String)> {
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// A tenant of a test's own.
fn elsewhere(scene: &Scene) -> TenantId {
    TenantId::fresh(scene.stage.clock.now())
}
