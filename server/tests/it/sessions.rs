//! Sessions: which are open, what ends them, how many there may be, which devices are known, and that nothing else is
//! taken for one. Tried on the product of the tests' own, whose realm has every rule.

mod account;
mod devices;
mod limit;
mod listed;
mod machine;
mod purposes;
mod refresh;
mod revocation;
mod time;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE, USER_AGENT};
use reqwest::{Method, Response, redirect};
use serde_json::{Value, json};
use socle::Caller;
use socle::db::{Trace, Who};
use socle::ids::{AccountId, TenantId};
use socle::web::Product;
use testkit::{Stage, trial};

const PASSWORD: &str = "une phrase de passe pour les sessions";
const ANNA: &str = "anna@test.fr";
const BERT: &str = "bert@test.fr";
const SESSION: &str = "__Host-trial";
const STEP: &str = "__Host-trial-step";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1";

/// A browser that keeps its cookies, below a product's base; it follows no redirect.
#[derive(Clone)]
struct Browser {
    base: String,
    agent: &'static str,
    jar: BTreeMap<String, String>,
    http: reqwest::Client,
}

impl Browser {
    fn new(stage: &Stage) -> Result<Self> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { base: format!("{}/trial", stage.url()), agent: FIREFOX, jar: BTreeMap::new(), http })
    }

    fn called(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    /// The same browser without its session.
    fn left(mut self) -> Self {
        self.jar.remove(SESSION);
        self
    }

    fn cookie(&self, name: &str) -> &str {
        self.jar.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The cookie of a known device, name and value; of the only one.
    fn device(&self) -> Option<(String, String)> {
        let mut devices = self.jar.iter().filter(|(name, _)| name.starts_with("__Host-trial-device-"));
        devices.next().map(|(name, value)| (name.clone(), value.clone()))
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Result<Response> {
        let cookies: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(USER_AGENT, self.agent).header(COOKIE, cookies.join("; "));
        let answer = request.send().await?;
        for line in answer.headers().get_all(SET_COOKIE) {
            let pair = line.to_str()?.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("no cookie")?;
            match value {
                "" => self.jar.remove(name),
                value => self.jar.insert(name.to_owned(), value.to_owned()),
            };
        }
        Ok(answer)
    }

    async fn get(&mut self, path: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base)).header(ACCEPT, "text/html");
        self.send(request).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).header(ACCEPT, "text/html").form(fields);
        self.send(request).await
    }

    /// A call of the API, below `/api/v1`.
    async fn call(&mut self, method: Method, path: &str) -> Result<Response> {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        self.send(request).await
    }

    async fn sign_in(&mut self, email: &str) -> Result<Response> {
        self.post("/sign_in", &[("email", email), ("password", PASSWORD)]).await
    }

    /// Whether it is signed in.
    async fn is_in(&mut self) -> Result<bool> {
        let status = self.call(Method::GET, "/me/sessions").await?.status();
        ensure!(status == 200 || status == 401, "{status}");
        Ok(status == 200)
    }

    /// The open sessions.
    async fn sessions(&mut self) -> Result<Vec<Value>> {
        let list = json_of(self.call(Method::GET, "/me/sessions").await?, 200).await?;
        Ok(list["data"].as_array().context("no data")?.clone())
    }
}

/// What a program holds.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    fn of(body: &Value) -> Result<Self> {
        let token = |name: &str| body[name].as_str().map(ToOwned::to_owned).with_context(|| format!("{name}: {body}"));
        Ok(Self { access: token("accessToken")?, refresh: token("refreshToken")? })
    }
}

/// A program, below a product's `/api/v1`.
#[derive(Clone)]
struct Program {
    base: String,
    http: reqwest::Client,
}

impl Program {
    fn new(stage: &Stage) -> Self {
        Self { base: format!("{}/trial/api/v1", stage.url()), http: reqwest::Client::new() }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        Ok(self.http.post(format!("{}{path}", self.base)).json(body).send().await?)
    }

    async fn call(&self, method: Method, path: &str, bearer: &str) -> Result<Response> {
        Ok(self.http.request(method, format!("{}{path}", self.base)).bearer_auth(bearer).send().await?)
    }

    async fn login(&self, email: &str) -> Result<Response> {
        self.post("/auth/login", &json!({ "email": email, "password": PASSWORD })).await
    }

    async fn sign_in(&self, email: &str) -> Result<Pair> {
        Pair::of(&json_of(self.login(email).await?, 200).await?)
    }

    async fn refresh(&self, token: &str) -> Result<Response> {
        self.post("/auth/refresh", &json!({ "refreshToken": token })).await
    }

    async fn is_in(&self, bearer: &str) -> Result<bool> {
        let status = self.call(Method::GET, "/me/sessions", bearer).await?.status();
        ensure!(status == 200 || status == 401, "{status}");
        Ok(status == 200)
    }
}

/// Two people of the one organisation.
struct Scene {
    stage: Stage,
    anna: AccountId,
    bert: AccountId,
}

impl Scene {
    async fn new() -> Result<Self> {
        let stage = Stage::new().await?;
        let anna = stage.trial.member(trial::TENANT, (ANNA, PASSWORD), "PATIENT").await?;
        let bert = stage.trial.member(trial::TENANT, (BERT, PASSWORD), "PATIENT").await?;
        Ok(Self { stage, anna, bert })
    }

    fn browser(&self) -> Result<Browser> {
        Browser::new(&self.stage)
    }

    fn program(&self) -> Program {
        Program::new(&self.stage)
    }

    /// A browser that has just signed in.
    async fn signed_in(&self, email: &str) -> Result<Browser> {
        let mut browser = self.browser()?;
        let answer = browser.sign_in(email).await?;
        ensure!(location(&answer) == "/trial/app", "{} to {}", answer.status(), location(&answer));
        Ok(browser)
    }

    fn acting(&self, who: Who) -> Caller {
        acting(&self.stage, who)
    }

    /// One figure about an account.
    async fn figure(&self, statement: &'static str, account: AccountId) -> Result<i64> {
        let mut admin = self.stage.database.admin().await?;
        Ok(sqlx::query_scalar::<_, i64>(statement).bind(account.0).fetch_one(&mut admin).await?)
    }

    /// A change of an account's rows, behind the scenes.
    async fn change(&self, statement: &'static str, account: AccountId) -> Result<()> {
        let mut admin = self.stage.database.admin().await?;
        sqlx::query(statement).bind(account.0).execute(&mut admin).await?;
        Ok(())
    }

    async fn has_factor(&self, account: AccountId) -> Result<()> {
        let mut admin = self.stage.database.admin().await?;
        let statement = "UPDATE socle.accounts SET second_factor_since = $2 WHERE id = $1";
        sqlx::query(statement).bind(account.0).bind(self.stage.clock.now()).execute(&mut admin).await?;
        Ok(())
    }
}

/// Somebody of the trial's realm, without a request.
fn acting(stage: &Stage, who: Who) -> Caller {
    stage.trial.app().nobody("trial", Trace::default()).becoming(who)
}

/// The organisation itself: what its administrators do.
fn organisation(tenant: TenantId) -> Who {
    Who::System(tenant)
}

fn location(answer: &Response) -> String {
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    location.unwrap_or_default().to_owned()
}

async fn text_of(answer: Response, status: u16) -> Result<String> {
    let answered = answer.status().as_u16();
    let text = answer.text().await?;
    ensure!(answered == status, "{answered} instead of {status}: {text:.400}");
    Ok(text)
}

async fn json_of(answer: Response, status: u16) -> Result<Value> {
    Ok(serde_json::from_str(&text_of(answer, status).await?)?)
}

/// Status and code of a refusal.
async fn refusal(answer: Response) -> Result<(u16, String)> {
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_str(&answer.text().await?)?;
    Ok((status, body["error"]["code"].as_str().context("no code")?.to_owned()))
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
