//! What ends sessions ends them everywhere: cookie, bearer token, token cookie and refresh token on the very next
//! request, live streams within five seconds, on both of two servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use physiotraq::devices::DeviceId;
use reqwest::header::{ACCEPT, COOKIE};
use reqwest::{Response, redirect};
use serde_json::{Value, json};
use socle::Caller;
use socle::db::{Trace, Who};
use socle::identity::{actions, members};
use socle::web::Product;
use testkit::{Licence, Stage};
use tokio::time::timeout;

use super::{Pair, json_of, refusal};

/// A right that ended ends its streams within this.
const CUT_WITHIN: Duration = Duration::from_secs(5);
const PASSWORD: &str = "une phrase de passe pour les tests";

/// A live stream of a device.
pub(super) struct Stream {
    answer: Response,
    read: String,
}

impl Stream {
    pub(super) async fn open(server: &str, cookie: &str, device: DeviceId) -> Result<Self> {
        let url = format!("{server}/physiotraq/live?topic=device:{device}");
        let answer = reqwest::Client::new().get(url).header(COOKIE, cookie).send().await?;
        ensure!(answer.status() == 200, "the stream answered {}", answer.status());
        Ok(Self { answer, read: String::new() })
    }

    /// Reads until it has ended; its last word.
    async fn ended(mut self) -> Result<String> {
        while let Some(bytes) = self.answer.chunk().await? {
            self.read.push_str(&String::from_utf8_lossy(&bytes));
        }
        let last = self.read.rsplit("event: end\ndata: ").next().unwrap_or_default();
        Ok(serde_json::from_str::<Value>(last.trim())?["reason"].as_str().context("no reason")?.to_owned())
    }
}

/// Everything one person can hold, and their streams on both servers.
struct Held {
    why: &'static str,
    licence: Licence,
    bearer: Pair,
    cookies: String,
    streams: [Stream; 2],
}

struct Servers {
    first: Stage,
    second: Stage,
}

impl Servers {
    async fn new() -> Result<Self> {
        let first = Stage::new().await?;
        let second = Stage::over(Arc::clone(&first.database), first.clock.clone(), |_| {}).await?;
        Ok(Self { first, second })
    }

    fn urls(&self) -> [String; 2] {
        [self.first.url(), self.second.url()]
    }

    async fn login(&self, number: usize, delivery: &str) -> Result<Response> {
        let body = json!({ "email": format!("operator{number}@test.fr"), "password": PASSWORD, "delivery": delivery });
        let url = format!("{}/physiotraq/api/v1/auth/login", self.first.url());
        Ok(reqwest::Client::new().post(url).json(&body).send().await?)
    }

    /// A licence whose operator is signed in in every way.
    async fn hold(&self, why: &'static str, number: usize) -> Result<Held> {
        let licence = self.first.licence().await?;
        let bearer = Pair::of(&json_of(self.login(number, "bearer").await?, 200).await?)?;
        let answer = self.login(number, "cookies").await?;
        let lines = answer.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        let pairs: Vec<&str> =
            lines.filter_map(|line| line.split(';').next()).filter(|pair| !pair.ends_with('=')).collect();
        let (cookie, device) = (licence.operator.cookie(), licence.device.id);
        let [first, second] = self.urls();
        let streams = [Stream::open(&first, cookie, device).await?, Stream::open(&second, cookie, device).await?];
        Ok(Held { why, bearer, cookies: pairs.join("; "), streams, licence })
    }

    /// The way somebody's administrators act.
    fn licence(&self, held: &Held) -> Caller {
        self.first.product.app().system("physiotraq", held.licence.id)
    }

    fn account(&self, held: &Held) -> Caller {
        let who = Who::Account(held.licence.operator.account, None);
        self.first.product.app().nobody("physiotraq", Trace::default()).becoming(who)
    }

    async fn change(&self, statement: &'static str, id: uuid::Uuid) -> Result<()> {
        let mut admin = self.first.database.admin().await?;
        sqlx::query(statement).bind(id).bind(self.first.clock.now()).execute(&mut admin).await?;
        Ok(())
    }
}

impl Held {
    /// What a GET of the API answers to each of them, on a server: cookie, bearer, token cookie.
    async fn answers(&self, server: &str) -> Result<[u16; 3]> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build()?;
        let get = || http.get(format!("{server}/physiotraq/api/v1/auth/me")).header(ACCEPT, "application/json");
        let cookie = get().header(COOKIE, self.licence.operator.cookie()).send().await?.status().as_u16();
        let bearer = get().bearer_auth(&self.bearer.access).send().await?.status().as_u16();
        let delivered = get().header(COOKIE, &self.cookies).send().await?.status().as_u16();
        Ok([cookie, bearer, delivered])
    }

    /// What a refresh answers, by body and by cookie.
    async fn refreshes(&self, server: &str) -> Result<[String; 2]> {
        let http = reqwest::Client::new();
        let post = || http.post(format!("{server}/physiotraq/api/v1/auth/refresh"));
        let by_body = post().json(&json!({ "refreshToken": self.bearer.refresh })).send().await?;
        let by_cookie = post().header(COOKIE, &self.cookies).json(&json!({})).send().await?;
        Ok([refusal(by_body).await?.1, refusal(by_cookie).await?.1])
    }

    async fn sign_out_of_all(&self, server: &str) -> Result<()> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build()?;
        let page = http.post(format!("{server}/physiotraq/sign_out")).header(COOKIE, self.licence.operator.cookie());
        let logout = || http.post(format!("{server}/physiotraq/api/v1/auth/logout"));
        ensure!(page.send().await?.status() == 303);
        ensure!(logout().bearer_auth(&self.bearer.access).send().await?.status() == 204);
        ensure!(logout().header(COOKIE, &self.cookies).send().await?.status() == 204);
        Ok(())
    }
}

/// The causes, each on a licence of its own; what they do is done on the first server.
const CAUSES: [&str; 6] = ["sign-out", "new password", "suspended account", "left", "another role", "suspended tenant"];

async fn happen(servers: &Servers, held: &Held) -> Result<()> {
    let account = held.licence.operator.account;
    match held.why {
        "sign-out" => held.sign_out_of_all(&servers.first.url()).await?,
        "new password" => {
            let mut tx = servers.account(held).begin().await?;
            actions::end_all_sessions(&mut tx, account, None).await?;
            tx.commit().await?;
        }
        "left" => {
            let mut tx = servers.licence(held).begin().await?;
            members::leave(&servers.first.product, &mut tx, account).await?;
            tx.commit().await?;
        }
        "another role" => {
            // The one owner steps back for them: in one transaction there is exactly one.
            let mut tx = servers.licence(held).begin().await?;
            let hands = (held.licence.owner.account, account);
            members::hand_over(&servers.first.product, &mut tx, hands, "operator").await?;
            tx.commit().await?;
        }
        "suspended account" => {
            servers
                .change("UPDATE socle.accounts SET status = 'suspended', updated_at = $2 WHERE id = $1", account.0)
                .await?;
        }
        _ => {
            let statement =
                "INSERT INTO socle.tenant_rules (tenant_id, realm, suspended_at, suspended_reason, updated_at)
                             VALUES ($1, 'physiotraq', $2, 'tried', $2)";
            servers.change(statement, held.licence.id.0).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_ends_a_session_is_true_of_the_next_request_and_of_streams_within_five_seconds() -> Result<()> {
    let servers = Servers::new().await?;
    let mut all = Vec::new();
    for (number, why) in (1..).zip(CAUSES) {
        let held = servers.hold(why, number).await?;
        for server in servers.urls() {
            assert_eq!(held.answers(&server).await?, [200; 3], "{why}: before");
        }
        all.push(held);
    }
    let mut streams = Vec::new();
    for held in all {
        happen(&servers, &held).await?;
        let since = Instant::now();
        for server in servers.urls() {
            assert_eq!(held.answers(&server).await?, [401; 3], "{}: {server}", held.why);
        }
        // A suspended account or tenant gets no access token; all others have no session to refresh.
        let expected = if held.why.starts_with("suspended") { "AUTH_REQUIRED" } else { "AUTH_REFRESH" };
        for server in servers.urls() {
            assert_eq!(held.refreshes(&server).await?, [expected; 2], "{}: {server}", held.why);
        }
        for stream in held.streams {
            let left = CUT_WITHIN.saturating_sub(since.elapsed());
            streams.push((held.why, tokio::spawn(timeout(left, stream.ended()))));
        }
        assert_eq!(
            held.licence.owner.get("/physiotraq/app").await?.status().as_u16(),
            owner_after(held.why),
            "{}",
            held.why
        );
    }
    for (why, stream) in streams {
        let reason = stream.await?.with_context(|| format!("{why}: the stream goes on"))??;
        assert_eq!(reason, "signed_out", "{why}");
    }
    Ok(())
}

/// The owner of the same licence is not touched, unless it is about them too.
fn owner_after(why: &str) -> u16 {
    if ["another role", "suspended tenant"].contains(&why) { 303 } else { 200 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_suspended_comes_back_with_its_sessions_and_what_was_ended_does_not() -> Result<()> {
    let servers = Servers::new().await?;
    let held = servers.hold("suspended account", 1).await?;
    let account = held.licence.operator.account;
    let [here, there] = servers.urls();
    happen(&servers, &held).await?;
    assert_eq!(held.answers(&there).await?, [401; 3]);
    servers.change("UPDATE socle.accounts SET status = 'active', updated_at = $2 WHERE id = $1", account.0).await?;
    assert_eq!(held.answers(&there).await?, [200; 3]);
    let mut tx = servers.licence(&held).begin().await?;
    members::leave(&servers.first.product, &mut tx, account).await?;
    tx.commit().await?;
    servers
        .change("UPDATE socle.memberships SET ended_at = NULL, updated_at = $2 WHERE account_id = $1", account.0)
        .await?;
    for server in [here, there] {
        assert_eq!(held.answers(&server).await?, [401; 3], "an ended session came back with the membership");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_changed_for_members_only_and_there_is_never_a_second_owner() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    let caller = stage.product.app().system("physiotraq", licence.id);
    let mut tx = caller.begin().await?;
    let second = members::set_role(&stage.product, &mut tx, licence.operator.account, "admin").await.unwrap_err();
    assert_eq!((second.status.as_u16(), second.code.as_ref()), (409, "BIZ_ONE_ADMIN"));
    drop(tx);
    let mut tx = caller.begin().await?;
    let foreign = members::set_role(&stage.product, &mut tx, other.operator.account, "operator").await.unwrap_err();
    assert_eq!(foreign.status, 404);
    members::set_role(&stage.product, &mut tx, licence.operator.account, "operator").await?;
    tx.commit().await?;
    assert_eq!(licence.operator.get("/physiotraq/app").await?.status(), 200, "the same role ended a session");

    let mut tx = caller.begin().await?;
    let hands = (licence.owner.account, licence.operator.account);
    members::hand_over(&stage.product, &mut tx, hands, "operator").await?;
    tx.commit().await?;
    let before = licence.operator.cookie().to_owned();
    let again = stage.sign_in("operator1@test.fr").await?;
    assert!(again.cookie() != before, "the new role goes on with the old session");
    assert_eq!(again.get("/physiotraq/admin/team").await?.status(), 200);
    let mut admin = stage.database.admin().await?;
    let audited = "SELECT details FROM socle.audit_log WHERE action = 'member.role_set' AND resource_id = $1";
    let details: Value = sqlx::query_scalar(audited).bind(licence.operator.account.0).fetch_one(&mut admin).await?;
    assert_eq!(details, json!({ "before": "operator", "after": "admin", "ended": [] }));
    assert_eq!(other.operator.get("/physiotraq/app").await?.status(), 200);
    Ok(())
}
