//! Second factors, over HTTP as browsers and programs see them, on the trial product: its staff must have one, its
//! patients may.

mod apps;
mod authenticator;
mod browser;
mod passkeys;
mod programs;
mod pyotp;
mod recovery;
mod staff;
mod step_up;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{ACCEPT, COOKIE, HOST, REFERER, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::Value;
use socle::clock::Clock;
use socle::identity::factors::totp;
use testkit::{PASSWORD, Person, Stage, start_of_tests, trial};

/// Where everybody of these tests lives.
const PATIENT: &str = "patient@test.fr";
const STAFF: &str = "staff@test.fr";
const STEP: &str = "__Host-trial-step";
const SESSION: &str = "__Host-trial";
/// As far apart as the codes of an app are.
const NEXT_CODE: TimeDelta = TimeDelta::seconds(30);

/// A stage with a patient and somebody of the staff.
async fn stage() -> Result<Stage> {
    let stage = Stage::with(Clock::settable(start_of_tests()), |config| {
        config.http.public_url = Some("https://clinic.test".to_owned());
    });
    let stage = stage.await?;
    for (email, role) in [(PATIENT, "PATIENT"), (STAFF, "OPS")] {
        stage.trial.member(trial::TENANT, (email, PASSWORD), role).await?;
    }
    Ok(stage)
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    location: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("{} {}", self.status, self.body))
    }

    /// The code of an error for programs.
    fn code(&self) -> Result<String> {
        Ok(self.json()?["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// A browser that keeps its cookies and follows no redirect.
struct Visitor {
    base: String,
    cookies: BTreeMap<String, String>,
    http: Client,
}

impl Visitor {
    fn new(stage: &Stage) -> Result<Self> {
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { base: stage.url(), cookies: BTreeMap::new(), http })
    }

    /// Another tab.
    fn twin(&self) -> Self {
        Self { base: self.base.clone(), cookies: self.cookies.clone(), http: self.http.clone() }
    }

    fn cookie(&self, name: &str) -> String {
        self.cookies.get(name).cloned().unwrap_or_default()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.http.request(method, format!("{}/trial{path}", self.base)).header(COOKIE, jar.join("; "))
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Answer> {
        let answer = request.send().await?;
        let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        for (name, value) in lines.filter_map(|line| line.split(';').next()).filter_map(|pair| pair.split_once('=')) {
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answered(answer).await
    }

    async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path).header(ACCEPT, "text/html")).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        self.send(self.request(Method::POST, path).header(ACCEPT, "text/html").form(fields)).await
    }

    /// A form on a page of another host or of this one, as the `Referer` says.
    async fn post_from(&mut self, path: &str, (host, page): (&str, &str)) -> Result<Answer> {
        let request = self.request(Method::POST, path).header(ACCEPT, "text/html").header(HOST, "clinic.test");
        self.send(request.header(REFERER, format!("https://{host}{page}")).form(&[("a", "b")])).await
    }

    /// What a script sends.
    async fn ask(&mut self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::POST, path).header(ACCEPT, "application/json")).await
    }

    /// The first step.
    async fn password(&mut self, email: &str) -> Result<Answer> {
        self.post("/sign_in", &[("email", email), ("password", PASSWORD)]).await
    }

    /// The second step, by a code of the app.
    async fn code(&mut self, code: &str) -> Result<Answer> {
        self.post("/sign_in/second_factor", &[("code", code)]).await
    }

    /// Whether somebody is signed in.
    async fn inside(&mut self) -> Result<bool> {
        Ok(self.get("/account/factors").await?.status == 200)
    }
}

async fn answered(answer: Response) -> Result<Answer> {
    let (status, location) = (answer.status().as_u16(), Person::location(&answer));
    Ok(Answer { status, location, body: answer.text().await? })
}

/// An authenticator app on somebody's telephone.
struct Telephone(totp::App);

impl Telephone {
    fn code(&self, at: DateTime<Utc>) -> String {
        self.0.code(at)
    }

    /// A code that is none of this moment's.
    fn wrong(&self, at: DateTime<Utc>) -> String {
        let right: Vec<String> = [-1, 0, 1].iter().map(|step| self.code(at + NEXT_CODE * *step)).collect();
        let mut codes = (0..4).map(|digit| format!("{digit}{digit}{digit}{digit}{digit}{digit}"));
        codes.find(|code| !right.contains(code)).unwrap_or_default()
    }
}

/// The `otpauth` address on the page that sets an app up.
fn otpauth(page: &str) -> Result<String> {
    let (_, rest) = page.split_once("href=\"otpauth://").context("no otpauth address")?;
    let address = rest.split('"').next().unwrap_or_default();
    Ok(format!("otpauth://{}", address.replace("&#38;", "&").replace("&amp;", "&")))
}

fn secret_of(otpauth: &str) -> Result<String> {
    let (_, rest) = otpauth.split_once("secret=").context("no secret")?;
    Ok(rest.split('&').next().unwrap_or_default().to_owned())
}

/// The recovery codes on the page that shows them.
fn codes_of(page: &str) -> Vec<String> {
    let list =
        page.split("id=\"recovery-codes\"").nth(1).and_then(|rest| rest.split("</ul>").next()).unwrap_or_default();
    let codes = list.split("<code class=\"figures\">").skip(1).filter_map(|rest| rest.split('<').next());
    codes.map(ToOwned::to_owned).collect()
}

/// Signs somebody in who has no second factor yet, and sets an app up for them.
async fn enrolled(stage: &Stage, email: &str) -> Result<(Visitor, Telephone, Vec<String>)> {
    let mut visitor = Visitor::new(stage)?;
    visitor.password(email).await?;
    visitor.post("/account/factors/app", &[]).await?;
    let secret = secret_of(&otpauth(&visitor.get("/account/factors/app").await?.body)?)?;
    let telephone = Telephone(totp::App::of(&secret, "", "")?);
    let code = telephone.code(stage.clock.now());
    let shown = visitor.post("/account/factors/app/confirm", &[("code", &code)]).await?;
    ensure!(shown.status == 200, "{} {}", shown.status, shown.body);
    stage.clock.advance(NEXT_CODE);
    Ok((visitor, telephone, codes_of(&shown.body)))
}

/// How many security events of a kind there are.
async fn events(stage: &Stage, kind: &str) -> Result<i64> {
    let count = sqlx::query_scalar("SELECT count(*) FROM socle.security_events WHERE type = $1").bind(kind);
    Ok(count.fetch_one(&mut stage.database.admin().await?).await?)
}
