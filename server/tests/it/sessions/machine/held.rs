//! What people and programs hold, and each step as it is really taken: over HTTP, or in the tables where no page is.

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::COOKIE;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use socle::db::Who;
use socle::identity::entry::{self, Found, Step as Entered, UnderWay, Waits};
use socle::identity::{challenges, members};
use socle::ids::{AccountId, SessionId, TenantId};
use socle::web::Product;
use sqlx::PgConnection;
use testkit::{Stage, start_of_tests, trial};
use uuid::Uuid;

use super::Step;
use super::model::{End, Person, Refreshed, World};
use crate::sessions::{Browser, PASSWORD, Pair, Program, SESSION, STEP, acting, json_of, location, refusal};

const ROLES: [&str; 3] = ["PATIENT", "OPS", "COMPLIANCE_ADMIN"];

/// What was given out for one session.
struct Held {
    id: Uuid,
    cookie: Option<String>,
    /// Each with the instant at which it is over.
    access: Vec<(String, DateTime<Utc>)>,
    /// In the order of the family; what was never answered is not known.
    refresh: Vec<Option<String>>,
}

pub struct Story<'a> {
    stage: &'a Stage,
    admin: PgConnection,
    program: Program,
    people: Vec<(AccountId, String)>,
    tenants: [TenantId; 2],
    world: World,
    held: Vec<Held>,
    /// How often a door has opened, and how often it has not.
    pub knocks: [usize; 2],
}

/// What a sign-in gave.
enum Got {
    Cookie(String),
    Pair(Pair),
    /// From the kernel itself: no access token yet.
    Refresh(String),
}

impl<'a> Story<'a> {
    pub async fn begin(stage: &'a Stage, number: usize) -> Result<Self> {
        stage.clock.set(start_of_tests());
        let now = stage.clock.now();
        let tenants = [TenantId::fresh(now), TenantId::fresh(now)];
        let mut people = Vec::new();
        for name in ["anna", "bert"] {
            let email = format!("{name}{number}@test.fr");
            let account = stage.trial.member(tenants[0], (&email, PASSWORD), ROLES[0]).await?;
            let mut tx = acting(stage, Who::System(tenants[1])).begin().await?;
            let newcomer = members::Newcomer {
                account,
                tenant: tenants[1],
                tenant_name: "Second".to_owned(),
                role: ROLES[0].to_owned(),
                first_name: String::new(),
                last_name: String::new(),
            };
            members::join(&mut tx, &trial::BRANDING.realm, &newcomer).await?;
            tx.commit().await?;
            people.push((account, email));
        }
        let person = Person { active: true, factor: false, roles: [0, 0] };
        let world = World { now, people: vec![person.clone(), person], suspended: [false; 2], sessions: Vec::new() };
        let admin = stage.database.admin().await?;
        Ok(Self {
            stage,
            admin,
            program: Program::new(stage),
            people,
            tenants,
            world,
            held: Vec::new(),
            knocks: [0; 2],
        })
    }

    pub async fn take(&mut self, step: &Step) -> Result<()> {
        let given = self.held.len().max(1);
        let any = |number: &usize| number % given;
        match step {
            Step::SignIn { person, browser } => self.sign_in(*person, *browser).await,
            Step::Pass { minutes } => {
                // Partitions of the audit trail are made for so long.
                if self.world.now < start_of_tests() + TimeDelta::days(30) {
                    self.stage.clock.advance(TimeDelta::minutes(*minutes));
                    self.world.now = self.stage.clock.now();
                }
                Ok(())
            }
            Step::Factor { person, on } => self.factor(*person, *on).await,
            Step::Role { person, tenant, role } => self.role(*person, *tenant, *role).await,
            Step::Active { person, on } => self.active(*person, *on).await,
            Step::Suspended { tenant, on } => self.suspended(*tenant, *on).await,
            _ if self.held.is_empty() => Ok(()),
            Step::Refresh { token } => self.refresh_any(*token).await,
            Step::ChangeTenant { session } => self.change_tenant(any(session)).await,
            Step::SignOut { session } => self.sign_out(any(session)).await,
            Step::End { by, target } => self.end(any(by), Some(any(target))).await,
            Step::EndOthers { by } => self.end(any(by), None).await,
        }
    }

    async fn sign_in(&mut self, person: usize, browser: bool) -> Result<()> {
        if self.world.suspended.contains(&true) {
            // Which organisation is offered then is the sign-in's matter, not the sessions'.
            return Ok(());
        }
        let email = self.people[person].1.clone();
        if !self.world.people[person].active {
            let answer = self.program.login(&email).await?;
            ensure!(refusal(answer).await? == (401, "AUTH_CREDENTIALS".to_owned()), "a suspended account signed in");
            return Ok(());
        }
        let got = self.enter(person, &email, browser).await?;
        let (hashed, by) = match &got {
            Got::Cookie(cookie) => (cookie, "SELECT id FROM socle.sessions WHERE token_hash = sha256($1)"),
            Got::Pair(Pair { refresh, .. }) | Got::Refresh(refresh) => {
                (refresh, "SELECT session_id FROM socle.refresh_tokens WHERE token_hash = sha256($1)")
            }
        };
        let id: Uuid = sqlx::query_scalar(by).bind(hashed.as_bytes()).fetch_one(&mut self.admin).await?;
        let tenant = self.tenant_of(id).await?;
        self.world.open(person, tenant, browser);
        let until = self.world.now + TimeDelta::minutes(15);
        let (cookie, access, refresh) = match got {
            Got::Cookie(cookie) => (Some(cookie), Vec::new(), Vec::new()),
            Got::Pair(pair) => (None, vec![(pair.access, until)], vec![Some(pair.refresh)]),
            Got::Refresh(refresh) => (None, Vec::new(), vec![Some(refresh)]),
        };
        self.held.push(Held { id, cookie, access, refresh });
        Ok(())
    }

    async fn tenant_of(&mut self, session: Uuid) -> Result<usize> {
        let statement = "SELECT tenant_id FROM socle.sessions WHERE id = $1";
        let tenant: Uuid = sqlx::query_scalar(statement).bind(session).fetch_one(&mut self.admin).await?;
        Ok(usize::from(tenant == self.tenants[1].0))
    }

    /// Address and password; the second factor when there is one; the choice when there is no place.
    async fn enter(&mut self, person: usize, email: &str, browser: bool) -> Result<Got> {
        let mut client = Browser::new(self.stage)?;
        let (mut got, mut secret) = if browser {
            let to = location(&client.sign_in(email).await?);
            let got = (to == "/trial/app").then(|| Got::Cookie(client.cookie(SESSION).to_owned()));
            (got, client.cookie(STEP).to_owned())
        } else {
            let answer = self.program.login(email).await?;
            let status = answer.status().as_u16();
            let body = json_of(answer, status).await?;
            let got = if status == 200 { Some(Got::Pair(Pair::of(&body)?)) } else { None };
            (got, body["challengeToken"].as_str().unwrap_or_default().to_owned())
        };
        if self.world.people[person].factor {
            ensure!(got.is_none(), "no second factor was asked for");
            (got, secret) = self.give_factor(&secret, browser).await?;
        }
        let Some(taken) = self.world.full(person) else { return got.context("there was a place") };
        ensure!(got.is_none(), "a fourth session was opened");
        self.world.sessions[taken].ended = true;
        self.choose(&secret, self.held[taken].id, browser).await
    }

    /// As the page of the second factor does it.
    async fn give_factor(&self, secret: &str, browser: bool) -> Result<(Option<Got>, String)> {
        let (app, realm, nobody) = (self.stage.trial.app(), &trial::BRANDING.realm, acting(self.stage, Who::Nobody));
        let Found { mut tx, challenge, account, under_way } =
            entry::find(&nobody, realm, secret, Waits::SecondFactor).await?;
        challenges::use_up(&mut tx, challenge).await?;
        let under_way = UnderWay { second_factor_at: Some(self.world.now), ..under_way };
        Ok(match entry::admit(app, tx, realm, (account, under_way)).await? {
            Entered::In(opened) if browser => (Some(Got::Cookie(opened.token)), String::new()),
            Entered::In(opened) => (Some(Got::Refresh(opened.token)), String::new()),
            Entered::TooManySessions(secret) => (None, secret),
            Entered::SecondFactor(_) => bail!("the second factor is asked for twice"),
        })
    }

    async fn choose(&self, secret: &str, session: Uuid, browser: bool) -> Result<Got> {
        if browser {
            let mut client = Browser::new(self.stage)?;
            client.jar.insert(STEP.to_owned(), secret.to_owned());
            let answer = client.post("/sign_in/sessions", &[("session", &session.to_string())]).await?;
            ensure!(location(&answer) == "/trial/app", "the choice led to {}", location(&answer));
            return Ok(Got::Cookie(client.cookie(SESSION).to_owned()));
        }
        let body = json!({ "challengeToken": secret, "endSessionId": session });
        Ok(Got::Pair(Pair::of(&json_of(self.program.post("/auth/sessions/replace", &body).await?, 200).await?)?))
    }

    async fn refresh_any(&mut self, token: usize) -> Result<()> {
        let known: Vec<(usize, usize)> = self.refresh_tokens();
        match known.get(token % known.len().max(1)) {
            Some((at, place)) => self.refresh(*at, *place).await,
            None => Ok(()),
        }
    }

    fn refresh_tokens(&self) -> Vec<(usize, usize)> {
        let of = |(at, held): (usize, &Held)| {
            let known = held.refresh.iter().enumerate().filter(|(_, token)| token.is_some());
            known.map(move |(place, _)| (at, place)).collect::<Vec<_>>()
        };
        self.held.iter().enumerate().flat_map(of).collect()
    }

    async fn refresh(&mut self, at: usize, place: usize) -> Result<()> {
        let token = self.held[at].refresh[place].clone().context("not known")?;
        let expected = self.world.refresh(at, place);
        let answer = self.program.refresh(&token).await?;
        let code = match expected {
            Refreshed::Next(next) => {
                let pair = Pair::of(&json_of(answer, 200).await?)?;
                let until = self.world.now + TimeDelta::minutes(15);
                let held = &mut self.held[at];
                held.refresh.resize(held.refresh.len().max(next + 1), None);
                ensure!(held.refresh[next].as_ref().is_none_or(|known| *known == pair.refresh), "a second branch");
                held.refresh[next] = Some(pair.refresh);
                held.access.push((pair.access, until));
                return Ok(());
            }
            Refreshed::Refused => "AUTH_REQUIRED",
            Refreshed::Unknown => "AUTH_REFRESH",
            Refreshed::Reused => "AUTH_REFRESH_REUSED",
        };
        let refused = refusal(answer).await?;
        ensure!(refused == (401, code.to_owned()), "token {place} of session {at}: {refused:?} instead of {code}");
        Ok(())
    }

    /// At last, every refresh token in the order it was given: the old ones are the thief's.
    pub async fn refresh_all(&mut self) -> Result<()> {
        for (at, place) in self.refresh_tokens() {
            self.refresh(at, place).await?;
            self.try_all().await?;
        }
        Ok(())
    }

    fn browser(&self, at: usize) -> Result<Option<Browser>> {
        let Some(cookie) = &self.held[at].cookie else { return Ok(None) };
        let mut browser = Browser::new(self.stage)?;
        browser.jar.insert(SESSION.to_owned(), cookie.clone());
        Ok(Some(browser))
    }

    async fn change_tenant(&mut self, at: usize) -> Result<()> {
        let Some(mut browser) = self.browser(at)? else { return Ok(()) };
        let other = self.tenants[1 - self.world.sessions[at].tenant].to_string();
        let answer = browser.post("/memberships", &[("tenant", &other)]).await?;
        let went = location(&answer) == "/trial/app";
        ensure!(went == self.world.change_tenant(at), "{} to {}", answer.status(), location(&answer));
        if went {
            let cookie = browser.cookie(SESSION).to_owned();
            let by = "SELECT id FROM socle.sessions WHERE token_hash = sha256($1)";
            let id = sqlx::query_scalar(by).bind(cookie.as_bytes()).fetch_one(&mut self.admin).await?;
            self.held.push(Held { id, cookie: Some(cookie), access: Vec::new(), refresh: Vec::new() });
        }
        Ok(())
    }

    async fn sign_out(&mut self, at: usize) -> Result<()> {
        let opens = self.world.opens(at);
        if let Some(mut browser) = self.browser(at)? {
            ensure!(browser.post("/sign_out", &[]).await?.status() == 303);
            self.world.sessions[at].ended |= opens;
        } else if let Some((access, until)) = self.held[at].access.last() {
            let opens = opens && self.world.now < *until;
            let status = self.program.call(Method::POST, "/auth/logout", access).await?.status();
            ensure!(status == if opens { 204 } else { 401 }, "signing out answered {status}");
            self.world.sessions[at].ended |= opens;
        }
        Ok(())
    }

    /// One session asks for the end of another, or of all others.
    async fn end(&mut self, by: usize, target: Option<usize>) -> Result<()> {
        let path = match target {
            Some(target) => format!("/me/sessions/{}", self.held[target].id),
            None => "/me/sessions".to_owned(),
        };
        let answer = if let Some(mut browser) = self.browser(by)? {
            browser.call(Method::DELETE, &path).await?
        } else {
            let live = self.held[by].access.last().filter(|(_, until)| self.world.now < *until);
            let Some((access, _)) = live else { return Ok(()) };
            self.program.call(Method::DELETE, &path, access).await?
        };
        let expected = match target {
            Some(target) => self.world.end(by, target),
            None => self.world.end_others(by),
        };
        let status = match expected {
            End::Done => 204,
            End::NobodyAsks => 401,
            End::ProveAgain => 403,
            End::NotThere => 404,
        };
        ensure!(answer.status() == status, "{} instead of {expected:?}", answer.status());
        Ok(())
    }

    async fn factor(&mut self, person: usize, on: bool) -> Result<()> {
        let statement = "UPDATE socle.accounts SET second_factor_since = $2 WHERE id = $1";
        let since = on.then_some(self.world.now);
        sqlx::query(statement).bind(self.people[person].0.0).bind(since).execute(&mut self.admin).await?;
        self.world.people[person].factor = on;
        Ok(())
    }

    async fn active(&mut self, person: usize, on: bool) -> Result<()> {
        let statement = "UPDATE socle.accounts SET status = $2 WHERE id = $1";
        let status = if on { "active" } else { "suspended" };
        sqlx::query(statement).bind(self.people[person].0.0).bind(status).execute(&mut self.admin).await?;
        self.world.people[person].active = on;
        Ok(())
    }

    async fn suspended(&mut self, tenant: usize, on: bool) -> Result<()> {
        let statement = "INSERT INTO socle.tenant_rules (tenant_id, realm, suspended_at, suspended_reason, updated_at)
                         VALUES ($1, 'trial', $2::timestamptz, CASE WHEN $2 IS NOT NULL THEN 'tried' END, $3)
                         ON CONFLICT (tenant_id) DO UPDATE
                         SET suspended_at = excluded.suspended_at, suspended_reason = excluded.suspended_reason";
        let (at, now) = (on.then_some(self.world.now), self.world.now);
        sqlx::query(statement).bind(self.tenants[tenant].0).bind(at).bind(now).execute(&mut self.admin).await?;
        self.world.suspended[tenant] = on;
        Ok(())
    }

    async fn role(&mut self, person: usize, tenant: usize, role: usize) -> Result<()> {
        let mut tx = acting(self.stage, Who::System(self.tenants[tenant])).begin().await?;
        let told = members::set_role(&self.stage.trial, &mut tx, self.people[person].0, ROLES[role]).await;
        if !self.world.change_role(person, tenant, role) {
            let refused = told.err().context("the last administrator gave the role away")?;
            assert_eq!(refused.code, "BIZ_LAST_ADMINISTRATOR");
            return Ok(());
        }
        told?;
        tx.commit().await?;
        Ok(())
    }

    /// Every cookie and every access token ever given, at its door.
    pub async fn try_all(&mut self) -> Result<()> {
        let url = format!("{}/me/sessions", self.program.base);
        for at in 0..self.held.len() {
            let opens = self.world.opens(at);
            let mut used = false;
            if let Some(cookie) = &self.held[at].cookie {
                let request = self.program.http.get(&url).header(COOKIE, format!("{SESSION}={cookie}"));
                used |= self.knock(at, request.send().await?, opens).await?;
            }
            for (access, until) in &self.held[at].access {
                let request = self.program.http.get(&url).bearer_auth(access);
                used |= self.knock(at, request.send().await?, opens && self.world.now < *until).await?;
            }
            self.knocks[usize::from(!used)] += 1;
            if used {
                self.world.used(at);
            }
        }
        Ok(())
    }

    /// Whether the door opened, which must be as expected; and then it is this session that is in.
    async fn knock(&self, at: usize, answer: Response, expected: bool) -> Result<bool> {
        let (status, id) = (answer.status().as_u16(), SessionId(self.held[at].id));
        ensure!(status == if expected { 200 } else { 401 }, "session {at} ({id}): {status}, and not open: {expected}");
        if expected {
            let list: Value = answer.json().await?;
            let current = list["data"].as_array().and_then(|rows| rows.iter().find(|row| row["current"] == true));
            ensure!(current.is_some_and(|row| row["id"] == json!(id)), "session {at} is taken for another: {list}");
        }
        Ok(expected)
    }
}
