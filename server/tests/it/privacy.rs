//! Personal rights: what somebody can do about their data, and what goes by itself.

mod consents;
mod erasure;
mod export;
mod retention;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use socle::web::Product;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::Stage;

/// What is to happen happens within this, on a machine under load too.
const SOON: Duration = Duration::from_secs(40);
const PASSWORD: &str = "une phrase de passe pour les tests";

/// Somebody's browser, or their program: a session cookie of one product.
struct Visitor {
    base: String,
    cookie: String,
    http: Client,
}

impl Visitor {
    /// Signs in at a product: `trial`, `physiotraq`, `platform`.
    async fn at(stage: &Stage, product: &str, email: &str) -> Result<Self> {
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        let mut visitor = Self { base: format!("{}/{product}", stage.url()), cookie: String::new(), http };
        let answer = visitor.post("/sign_in", &[("email", email), ("password", PASSWORD)]).await?;
        ensure!(answer.status() == 303, "sign-in refused: {}", answer.status());
        let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        let name = format!("__Host-{product}=");
        let pair = lines.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with(&name));
        visitor.cookie = pair.context("no session")?.to_owned();
        Ok(visitor)
    }

    async fn get(&self, path: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        Ok(request.header(COOKIE, &self.cookie).send().await?)
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(ACCEPT, "text/html").form(fields);
        Ok(request.header(COOKIE, &self.cookie).send().await?)
    }

    /// As a program: the status, and the JSON that came with it.
    async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let request = self.http.request(method, format!("{}{path}", self.base)).header(ACCEPT, "application/json");
        let request = request.header(COOKIE, &self.cookie);
        let answer = match body {
            Some(body) => request.json(&body).send().await?,
            None => request.send().await?,
        };
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
    }
}

/// One figure out of the database.
async fn count(admin: &mut PgConnection, query: &str) -> Result<i64> {
    Ok(sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(admin).await?)
}

/// Statements, as whoever looks after the database.
async fn run(admin: &mut PgConnection, statements: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(admin).await?;
    Ok(())
}

/// Waits until a query counts to something.
async fn until(admin: &mut PgConnection, query: &str, wanted: i64) -> Result<()> {
    let started = Instant::now();
    loop {
        let found = count(admin, query).await?;
        if found == wanted {
            return Ok(());
        }
        ensure!(started.elapsed() < SOON, "{query}: {found}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Lets a night come: sets the clock, and waits until a schedule's job of then is done.
async fn night(stage: &Stage, schedule: &str, at: DateTime<Utc>) -> Result<()> {
    let mut admin = stage.database.admin().await?;
    until(&mut admin, &format!("SELECT count(*) FROM socle.schedules WHERE name = '{schedule}'"), 1).await?;
    let done = format!(
        "SELECT count(*) FROM socle.jobs WHERE kind = '{schedule}' AND state = 'done'
         AND finished_at >= '{}'",
        at.to_rfc3339()
    );
    let before = count(&mut admin, &done).await?;
    stage.clock.set(at);
    until(&mut admin, &done, before + 1).await
}

/// Subject and text of every mail to somebody, newest first.
fn mails(stage: &Stage, to: &str) -> Vec<(String, String)> {
    let all = stage.product.app().mail.mailbox().expect("a mailbox").all();
    all.into_iter().filter(|kept| kept.to == to).map(|kept| (kept.letter.subject, kept.letter.text)).collect()
}

/// Waits for a mail with these words in its subject; its text.
async fn mailed(stage: &Stage, to: &str, subject: &str) -> Result<String> {
    let started = Instant::now();
    loop {
        if let Some((_, text)) = mails(stage, to).into_iter().find(|(title, _)| title.contains(subject)) {
            return Ok(text);
        }
        ensure!(started.elapsed() < SOON, "no mail {subject} to {to}: {:?}", mails(stage, to));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
