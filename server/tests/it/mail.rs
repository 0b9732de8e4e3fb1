//! Mails over real SMTP, to a mail server of the test's own: one for each invitation, whatever the server does.

mod catcher;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use physiotraq::licences::NewLicence;
use physiotraq::seed::{self, SeedPerson};
use serde_json::{Value, json};
use socle::clock::Clock;
use socle::config::MailTransport;
use socle::ids::TenantId;
use socle::jobs::JobId;
use testkit::{Person, Stage, start_of_tests};
use uuid::Uuid;

use crate::jobs::SOON;
use crate::platform::Browser;
use catcher::Catcher;

const OWNER: &str = "zoe@test.fr";
const PASSWORD: &str = "une phrase de passe pour les courriels";
const INVITED: &str = "anais@test.fr";
/// Where links in mails lead.
const PUBLIC: &str = "https://socle.test";
/// Between the first attempt and the second.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// A server whose mails go to a mail server.
async fn stage(smtp_url: String) -> Result<Stage> {
    Stage::with(Clock::settable(start_of_tests()), move |config| {
        config.mail.transport = MailTransport::Smtp;
        config.mail.smtp_url = Some(smtp_url.into());
        config.mail.from = "Socle <bonjour@socle.test>".to_owned();
        config.http.public_url = Some(format!("{PUBLIC}/"));
    })
    .await
}

/// The owner of a new licence, signed in.
async fn owner(stage: &Stage, licence: &str, first_name: &str) -> Result<Person> {
    let id = TenantId::fresh(stage.clock.now());
    let new = NewLicence { id, name: licence, quantity: 5, time_zone: "Europe/Paris" };
    let team = [SeedPerson { email: OWNER, first_name, last_name: "Lefèvre", role: "admin" }];
    seed::licence(&stage.product, new, PASSWORD, &team).await?;
    Person::sign_in(stage.url(), OWNER, PASSWORD).await
}

async fn invite(owner: &Person, email: &str, first_name: &str) -> Result<()> {
    let fields = [("email", email), ("first_name", first_name), ("last_name", "Essai")];
    let answer = owner.post("/physiotraq/admin/team", &fields).await?;
    ensure!(answer.status() == 303, "the invitation was refused: {}", answer.status());
    Ok(())
}

/// What became of the one mail and of its job.
#[derive(Debug, PartialEq)]
struct Fate {
    status: String,
    attempts: i32,
    error: Option<String>,
    job: String,
    sent: bool,
}

impl Fate {
    fn new((status, attempts): (&str, i32), error: Option<&str>, job: &str) -> Self {
        let error = error.map(ToOwned::to_owned);
        Self { status: status.to_owned(), attempts, error, job: job.to_owned(), sent: status == "sent" }
    }

    async fn of(stage: &Stage) -> Result<Self> {
        let row: (String, i32, Option<String>, String, bool) = sqlx::query_as(
            "SELECT m.status, m.attempts, m.error, j.state, m.sent_at IS NOT NULL
             FROM socle.mails m JOIN socle.jobs j ON j.kind = 'mail.send' AND j.payload ->> 'mail' = m.id::text",
        )
        .fetch_one(&mut stage.database.admin().await?)
        .await?;
        let (status, attempts, error, job, sent) = row;
        Ok(Self { status, attempts, error, job, sent })
    }

    /// Waits until this is what became of it.
    async fn comes(&self, stage: &Stage) -> Result<()> {
        let started = Instant::now();
        loop {
            let fate = Self::of(stage).await?;
            if fate == *self {
                return Ok(());
            }
            ensure!(started.elapsed() < SOON, "{fate:?} instead of {self:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A part of a mail as text.
fn part<'a>(mail: &'a Value, name: &str) -> &'a str {
    mail[name].as_str().unwrap_or_default()
}

/// The path of the link in a mail, which is the same in both of its parts.
fn link(mail: &Value) -> Result<String> {
    let (_, rest) = part(mail, "text").split_once(PUBLIC).context("no link in the text")?;
    let path = rest.split_whitespace().next().unwrap_or_default().to_owned();
    ensure!(part(mail, "html").contains(&format!("href=\"{PUBLIC}{path}\"")), "no link in the HTML: {mail}");
    Ok(path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_arrives_once_as_text_and_as_html_in_french() -> Result<()> {
    let mut catcher = Catcher::start(0, &[]).await?;
    let stage = stage(catcher.url()).await?;
    let owner = owner(&stage, "Clinique de l’Étoile", "Zoé").await?;
    invite(&owner, INVITED, "Anaïs").await?;
    let mail = catcher.next().await?;
    assert_eq!(mail["from"], "bonjour@socle.test");
    assert_eq!(mail["to"], json!([INVITED]));
    assert_eq!(mail["sender"], json!({ "name": "Socle", "address": "bonjour@socle.test" }));
    assert_eq!(mail["date"], "2026-11-21T10:00:00.000Z");
    assert_eq!(mail["type"], "multipart/alternative");
    assert_eq!(mail["subject"], "Clinique de l’Étoile vous invite sur physiotraq");
    let (text, html) = (part(&mail, "text"), part(&mail, "html"));
    for said in ["Bonjour Anaïs,", "Zoé Lefèvre vous invite à rejoindre Clinique de l’Étoile", "À bientôt,"] {
        assert!(text.contains(said) && html.contains(said), "{said}: {mail}");
    }
    assert!(text.contains("Accepter l’invitation :") && html.contains(">Accepter l’invitation</a>"), "{mail}");
    assert!(!text.contains('<') && html.contains("<html lang=\"fr\">"), "{mail}");
    let path = link(&mail)?;
    assert!(path.starts_with("/physiotraq/invitation?token="), "{path}");
    assert_eq!(stage.anybody().get(&path).await?.status(), 200, "the link leads to the invitation");
    Fate::new(("sent", 1), None, "done").comes(&stage).await?;
    catcher.is_silent().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_reads_english_invites_in_english() -> Result<()> {
    let mut catcher = Catcher::start(0, &[]).await?;
    let stage = stage(catcher.url()).await?;
    let owner = owner(&stage, "Clinique de l’Étoile", "Zoé").await?;
    assert_eq!(owner.post("/physiotraq/language", &[("lang", "en")]).await?.status(), 303);
    invite(&owner, INVITED, "").await?;
    let mail = catcher.next().await?;
    assert_eq!(mail["subject"], "Clinique de l’Étoile invites you to physiotraq");
    let (text, html) = (part(&mail, "text"), part(&mail, "html"));
    for said in ["Hello,", "Zoé Lefèvre invites you to join Clinique de l’Étoile", "See you soon,"] {
        assert!(text.contains(said) && html.contains(said), "{said}: {mail}");
    }
    assert!(html.contains("<html lang=\"en\">") && html.contains(">Accept the invitation</a>"), "{mail}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_put_off_is_sent_again_and_arrives_once() -> Result<()> {
    let mut catcher = Catcher::start(0, &[("FAIL_FIRST", "1")]).await?;
    let stage = stage(catcher.url()).await?;
    invite(&owner(&stage, "Clinique", "Zoé").await?, INVITED, "Anaïs").await?;
    Fate::new(("queued", 1), Some("refused: 451"), "waiting").comes(&stage).await?;
    catcher.is_silent().await?;
    stage.clock.advance(PAUSE);
    assert_eq!(catcher.next().await?["to"], json!([INVITED]));
    Fate::new(("sent", 2), None, "done").comes(&stage).await?;
    catcher.is_silent().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_for_good_is_seen_by_an_operator_who_can_send_it_after_all() -> Result<()> {
    let mut catcher = Catcher::start(0, &[("REJECT", "1")]).await?;
    let stage = stage(catcher.url()).await?;
    invite(&owner(&stage, "Clinique", "Zoé").await?, INVITED, "Anaïs").await?;
    Fate::new(("failed", 1), Some("refused: 550"), "dead").comes(&stage).await?;
    stage.clock.advance(TimeDelta::hours(1));
    catcher.is_silent().await?;

    let (_, operator) = Browser::of_an_operator(&stage).await?;
    let page = operator.get("/platform/jobs").await?.text().await?;
    assert!(page.contains("mail.send") && page.contains("refused: 550"), "{page}");
    assert!(
        !page.contains(INVITED) && !page.contains("Anaïs"),
        "whom it was for is not the operator's business: {page}"
    );
    // The address was put right at the other end.
    let dead = sqlx::query_scalar::<_, Uuid>("SELECT id FROM socle.jobs WHERE state = 'dead'");
    let dead = JobId(dead.fetch_one(&mut stage.database.admin().await?).await?);
    assert_eq!(operator.decide(dead, "retry").await?.status(), 303);
    assert_eq!(catcher.next().await?["to"], json!([INVITED]));
    Fate::new(("sent", 2), None, "done").comes(&stage).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_mail_server_is_away_mails_wait_and_then_they_arrive() -> Result<()> {
    let away = Catcher::start(0, &[]).await?;
    let stage = stage(away.url()).await?;
    let port = away.stop().await?;
    invite(&owner(&stage, "Clinique", "Zoé").await?, INVITED, "Anaïs").await?;
    Fate::new(("queued", 1), Some("the mail server cannot be reached"), "waiting").comes(&stage).await?;
    let mut back = Catcher::start(port, &[]).await?;
    stage.clock.advance(PAUSE);
    assert_eq!(back.next().await?["to"], json!([INVITED]));
    Fate::new(("sent", 2), None, "done").comes(&stage).await?;
    back.is_silent().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_address_nor_name_nor_link_can_be_read_in_the_outbox() -> Result<()> {
    let mut catcher = Catcher::start(0, &[]).await?;
    let stage = stage(catcher.url()).await?;
    invite(&owner(&stage, "Clinique", "Zoé").await?, INVITED, "Anaïs").await?;
    let path = link(&catcher.next().await?)?;
    let (_, token) = path.split_once("token=").context("no token")?;
    assert!(token.len() > 30, "{token}");
    let mut admin = stage.database.admin().await?;
    let content: Vec<u8> = sqlx::query_scalar("SELECT content FROM socle.mails").fetch_one(&mut admin).await?;
    for secret in [INVITED, "Anaïs", "Lefèvre", token, "/physiotraq/invitation"] {
        let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "the sealed content holds {secret}");
    }
    let clear: Vec<String> = sqlx::query_scalar(
        "SELECT j::text FROM socle.jobs j UNION ALL SELECT a::text FROM socle.audit_log a
         UNION ALL SELECT (m.id, m.template, m.language, m.status, m.error)::text FROM socle.mails m",
    )
    .fetch_all(&mut admin)
    .await?;
    assert!(clear.iter().any(|row| row.contains("mail.send")), "{clear:?}");
    for secret in [INVITED, "Anaïs", token] {
        assert!(clear.iter().all(|row| !row.contains(secret)), "{secret}: {clear:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_text_in_the_html_part_and_add_no_header() -> Result<()> {
    let mut catcher = Catcher::start(0, &[]).await?;
    let stage = stage(catcher.url()).await?;
    let licence = "<b>Clinique</b> & Cie\r\nBcc: eve@test.fr\r\n\r\nlost";
    let owner = owner(&stage, licence, "<script>alert(1)</script>\r\nBcc: eve@test.fr\r\n").await?;
    invite(&owner, INVITED, "<img src=x>\r\nBcc: eve@test.fr").await?;
    let mail = catcher.next().await?;
    assert_eq!(mail["to"], json!([INVITED]), "nobody else was written to");
    let names: Vec<String> = (mail["headers"].as_array().context("no headers")?.iter())
        .map(|line| line.as_str().unwrap_or_default().split(':').next().unwrap_or_default().to_lowercase())
        .collect();
    for (name, times) in [("bcc", 0), ("subject", 1), ("to", 1), ("from", 1), ("content-type", 1)] {
        assert_eq!(names.iter().filter(|header| *header == name).count(), times, "{name}: {mail}");
    }
    assert_eq!(mail["type"], "multipart/alternative", "{mail}");
    let (text, html) = (part(&mail, "text"), part(&mail, "html"));
    assert!(text.contains("<b>Clinique</b> & Cie") && text.contains("Bonjour <img src=x>"), "{mail}");
    assert!(html.contains("&#60;b&#62;Clinique&#60;/b&#62; &#38; Cie"), "{mail}");
    for tag in ["<b>", "<script", "<img"] {
        assert!(!html.contains(tag), "{tag}: {mail}");
    }
    link(&mail)?;
    Ok(())
}
