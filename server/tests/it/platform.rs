//! The operators' pages: who gets in, what they see, what they decide, and what is not there in production.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use physiotraq::seed;
use reqwest::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::json;
use socle::clock::Clock;
use socle::config::{Environment, MailTransport};
use socle::ids::AccountId;
use socle::jobs::{Failure, JobId, NewJob, Outcome};
use socle::web::Product;
use sqlx::PgConnection;
use testkit::{Database, Person, Stage, start_of_tests};
use uuid::Uuid;

use crate::jobs::{QUEUE, Row, SOON, system, until, write};

/// A browser with a cookie of the test's choice; HTML, no redirect followed.
pub struct Browser {
    base: String,
    cookie: String,
    http: Client,
}

impl Browser {
    fn with(stage: &Stage, cookie: String) -> Result<Self> {
        let http = Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { base: stage.url(), cookie, http })
    }

    /// An operator, made as the command line makes the first one, and signed in by both steps.
    pub async fn of_an_operator(stage: &Stage) -> Result<(AccountId, Self)> {
        let operator = stage.operator().await?;
        Ok((operator.account, Self::with(stage, operator.browser.cookie().to_owned())?))
    }

    pub async fn get(&self, path: &str) -> Result<Response> {
        let request = self.http.get(format!("{}{path}", self.base));
        Ok(request.header(ACCEPT, "text/html").header(COOKIE, &self.cookie).send().await?)
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base)).form(fields);
        Ok(request.header(ACCEPT, "text/html").header(COOKIE, &self.cookie).send().await?)
    }

    /// An operator's word on a job.
    pub async fn decide(&self, job: JobId, word: &str) -> Result<Response> {
        self.post(&format!("/platform/jobs/{job}"), &[("word", word)]).await
    }
}

/// A server on which jobs of the kind `test.sick` are given up until the switch is on.
async fn stage(cured: Arc<AtomicBool>) -> Result<Stage> {
    let (database, clock) = (Arc::new(Database::fresh().await?), Clock::settable(start_of_tests()));
    Stage::working(
        database,
        clock,
        |_| {},
        move |jobs| {
            jobs.queue(QUEUE).on("test.sick", move |_, _| {
                let cured = cured.load(Ordering::SeqCst);
                async move { if cured { Outcome::Ok(()) } else { Err(Failure::GiveUp("no <luck> today".to_owned())) } }
            })
        },
    )
    .await
}

fn sick() -> NewJob {
    NewJob::now("test.sick", QUEUE, json!({}))
}

/// What the audit trail says of a job: action, kind and id of who did it, tenant.
type Trail = (String, String, Option<Uuid>, Option<Uuid>);

async fn audited(admin: &mut PgConnection, job: JobId) -> Result<Vec<Trail>> {
    let rows = sqlx::query_as::<_, Trail>(
        "SELECT action, actor_kind, actor_id, tenant_id FROM socle.audit_log
         WHERE realm = 'platform' AND resource_type = 'Job' AND resource_id = $1 ORDER BY number",
    );
    Ok(rows.bind(job.0).fetch_all(admin).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_what_waits_and_what_is_dead_and_decides() -> Result<()> {
    let cured = Arc::new(AtomicBool::new(false));
    let stage = stage(Arc::clone(&cured)).await?;
    let licence = stage.licence().await?;
    let caller = system(&stage, licence.id);
    let mut admin = stage.database.admin().await?;
    let (again, gone) = (write(&caller, sick()).await?, write(&caller, sick()).await?);
    let waiting = write(&caller, sick().at(stage.clock.now() + TimeDelta::days(1))).await?;
    until(&mut admin, again, ("dead", 1)).await?;
    until(&mut admin, gone, ("dead", 1)).await?;

    let (account, operator) = Browser::of_an_operator(&stage).await?;
    let page = operator.get("/platform/jobs").await?;
    assert_eq!(page.status(), 200);
    let page = page.text().await?;
    let tenant = licence.id.to_string();
    for said in
        [QUEUE.name, "En attente", "test.sick", "2 tâches abandonnées", tenant.as_str(), "no &#60;luck&#62; today"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    for (job, shown) in [(again, true), (gone, true), (waiting, false)] {
        assert_eq!(page.contains(&format!("action=\"/platform/jobs/{job}\"")), shown, "only dead jobs are decided on");
    }

    cured.store(true, Ordering::SeqCst);
    let answer = operator.decide(again, "retry").await?;
    assert_eq!((answer.status().as_u16(), &*Person::location(&answer)), (303, "/platform/jobs?notice=job-retried"));
    until(&mut admin, again, ("done", 1)).await?;
    let answer = operator.decide(gone, "drop").await?;
    assert_eq!((answer.status().as_u16(), &*Person::location(&answer)), (303, "/platform/jobs?notice=job-dropped"));
    assert!(Row::of(&mut admin, gone).await.is_err(), "it is gone");
    for (job, action) in [(again, "job.retried"), (gone, "job.dropped")] {
        let by = (action.to_owned(), "person".to_owned(), Some(account.0), Some(Uuid::nil()));
        assert_eq!(audited(&mut admin, job).await?, [by]);
    }
    let page = operator.get("/platform/jobs?notice=job-dropped").await?.text().await?;
    assert!(page.contains("Aucune tâche abandonnée") && page.contains("La tâche est supprimée."), "{page}");

    for (job, word, status) in
        [(again, "retry", 404_u16), (gone, "drop", 404), (waiting, "drop", 404), (again, "x", 400)]
    {
        assert_eq!(operator.decide(job, word).await?.status(), status, "{word}: only a dead job is decided on");
    }
    assert_eq!(Row::of(&mut admin, waiting).await?.state, "waiting");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_job_whose_like_waits_already_is_not_tried_again_beside_it() -> Result<()> {
    let stage = stage(Arc::default()).await?;
    let caller = system(&stage, stage.licence().await?.id);
    let mut admin = stage.database.admin().await?;
    let dead = write(&caller, sick().once("reminder")).await?;
    until(&mut admin, dead, ("dead", 1)).await?;
    write(&caller, sick().once("reminder").at(stage.clock.now() + TimeDelta::days(1))).await?;
    let (_, operator) = Browser::of_an_operator(&stage).await?;
    assert_eq!(operator.decide(dead, "retry").await?.status(), 409);
    assert_eq!(Row::of(&mut admin, dead).await?.state, "dead");
    assert!(audited(&mut admin, dead).await?.is_empty(), "nothing was done");
    assert_eq!(operator.decide(dead, "drop").await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_gets_in_and_an_operator_gets_into_no_licence() -> Result<()> {
    let stage = stage(Arc::default()).await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let job = write(&system(&stage, licence.id), sick()).await?;
    until(&mut admin, job, ("dead", 1)).await?;
    let owner = licence.owner.cookie();
    let (_, token) = owner.split_once('=').context("no cookie")?;
    let strangers = [
        Browser::with(&stage, String::new())?,
        Browser::with(&stage, owner.to_owned())?,
        // The token under the other name: it opens a session of another realm.
        Browser::with(&stage, format!("__Host-platform={token}"))?,
    ];
    for stranger in &strangers {
        let answer = stranger.get("/platform/jobs").await?;
        assert_eq!(answer.status(), 303);
        assert!(Person::location(&answer).starts_with("/platform/sign_in"), "{}", Person::location(&answer));
        for word in ["retry", "drop"] {
            let answer = stranger.decide(job, word).await?;
            assert!(Person::location(&answer).starts_with("/platform/sign_in"), "{}", answer.status());
        }
    }
    let credentials = [("email", "owner1@test.fr"), ("password", "une phrase de passe pour les tests")];
    assert_eq!(strangers[0].post("/platform/sign_in", &credentials).await?.status(), 401, "another realm's account");
    assert_eq!(Row::of(&mut admin, job).await?.state, "dead");
    assert!(audited(&mut admin, job).await?.is_empty());

    let (_, operator) = Browser::of_an_operator(&stage).await?;
    let (_, token) = operator.cookie.split_once('=').context("no cookie")?;
    let disguised = Browser::with(&stage, format!("__Host-physiotraq={token}"))?;
    for browser in [&operator, &disguised] {
        let answer = browser.get("/physiotraq/app").await?;
        assert!(Person::location(&answer).starts_with("/physiotraq/sign_in"), "{}", answer.status());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_sees_the_jobs_of_no_other_licence() -> Result<()> {
    let stage = stage(Arc::default()).await?;
    let (own, other) = (stage.licence().await?, stage.licence().await?);
    for licence in [&own, &other] {
        write(&system(&stage, licence.id), sick().at(stage.clock.now() + TimeDelta::days(1))).await?;
    }
    let mut tx = seed::owner(&stage.product, own.id, own.owner.account).begin().await?;
    let jobs = sqlx::query_scalar::<_, Option<Uuid>>("SELECT tenant_id FROM socle.jobs").fetch_all(tx.conn()).await?;
    assert_eq!(jobs, [Some(own.id.0)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_development_a_mailbox_shows_what_would_have_been_sent() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let invited = [("email", "anais@test.fr"), ("first_name", "Anaïs"), ("last_name", "Essai")];
    assert_eq!(licence.owner.post("/physiotraq/admin/team", &invited).await?.status(), 303);
    let mailbox = stage.product.app().mail.mailbox().context("no mailbox")?.clone();
    let started = Instant::now();
    while mailbox.all().is_empty() {
        ensure!(started.elapsed() < SOON, "no mail came");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let list = stage.anybody().get("/platform/dev/mail").await?.text().await?;
    for said in ["anais@test.fr", "Clinique 1 vous invite", "href=\"/platform/dev/mail/1\""] {
        assert!(list.contains(said), "{said}: {list}");
    }
    let shown = stage.anybody().get("/platform/dev/mail/1").await?.text().await?;
    assert!(shown.contains("Bonjour Anaïs,") && shown.contains("/physiotraq/invitation?token="), "{shown}");
    assert!(shown.contains("href=\"/platform/dev/mail/1/html\""), "{shown}");
    let html = stage.anybody().get("/platform/dev/mail/1/html").await?;
    assert_eq!(html.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let csp = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
    assert_eq!(html.headers()[CONTENT_SECURITY_POLICY], csp, "a letter brings its own styles, and runs nothing");
    let html = html.text().await?;
    assert!(html.starts_with("<!doctype html>") && html.contains("style=\""), "{html}");
    let short = stage.anybody().get("/dev/mail").await?;
    assert_eq!((short.status().as_u16(), Person::location(&short).as_str()), (303, "/platform/dev/mail"));
    for nothing in ["/platform/dev/mail/2", "/platform/dev/mail/2/html"] {
        assert_eq!(stage.anybody().get(nothing).await?.status(), 404, "{nothing}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_production_there_is_neither_mailbox_nor_gallery() -> Result<()> {
    let production = Stage::with(Clock::settable(start_of_tests()), |config| {
        config.environment = Environment::Production;
        config.mail.transport = MailTransport::Smtp;
        config.mail.smtp_url = Some("smtp://127.0.0.1:1".into());
    });
    let production = production.await?;
    let (_, operator) = Browser::of_an_operator(&production).await?;
    for path in ["/dev/mail", "/dev/mail/1", "/dev/mail/1/html", "/dev/components"] {
        assert_eq!(production.anybody().get(path).await?.status(), 404, "{path}");
        let path = format!("/platform{path}");
        assert_eq!(production.anybody().get(&path).await?.status(), 404, "{path}");
        assert_eq!(operator.get(&path).await?.status(), 404, "{path}, for an operator too");
    }
    assert_eq!(operator.get("/platform/jobs").await?.status(), 200);
    Ok(())
}
