//! Text messages by Twilio's API, to a stand-in that speaks it; and what a text says and does not say.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::json;
use socle::config::{Environment, MailTransport, SmsTransport};
use testkit::twilio::{ACCOUNT, TOKEN, Text, Twilio};

use super::{Browser, PASSWORD, QUIET, SOON, Scene, text};
use crate::sources;

const MARIE: &str = "marie.durand@exemple.fr";
const PHONE: &str = "+33612345678";
const ASK: &str = "/trial/api/v1/auth/phone";

/// A server that texts through the stand-in, with this token, and somebody signed in.
async fn scene(twilio: &Twilio, token: &'static str) -> Result<(Scene, Browser)> {
    let url = twilio.url().to_owned();
    let scene = Scene::with(move |config| {
        config.sms.transport = SmsTransport::Twilio;
        config.sms.url = url;
        config.sms.account_sid = Some(ACCOUNT.into());
        config.sms.auth_token = Some(token.into());
        config.sms.from = Some("+33700000000".to_owned());
    })
    .await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    Ok((scene, marie))
}

impl Scene {
    /// Waits until the one text message stands so: status, attempts, last word.
    async fn stands(&mut self, wanted: (&str, i32, Option<&str>)) -> Result<()> {
        let started = Instant::now();
        loop {
            let row: (String, i32, Option<String>) =
                sqlx::query_as("SELECT status, attempts, error FROM socle.mails WHERE channel = 'sms'")
                    .fetch_one(&mut self.admin)
                    .await?;
            if (row.0.as_str(), row.1, row.2.as_deref()) == wanted {
                return Ok(());
            }
            ensure!(started.elapsed() < SOON, "{row:?} instead of {wanted:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_goes_out_as_twilio_expects_it() -> Result<()> {
    let twilio = Twilio::start().await?;
    let (mut scene, marie) = scene(&twilio, TOKEN).await?;
    assert_eq!(marie.send(ASK, &json!({ "phone": PHONE })).await?.status(), 202);
    scene.stands(("sent", 1, None)).await?;
    let taken = twilio.taken();
    let [Text { to, from, body }] = taken.as_slice() else { anyhow::bail!("{taken:?}") };
    assert_eq!((to.as_str(), from.as_str()), (PHONE, "+33700000000"));
    let code: String = body.chars().filter(char::is_ascii_digit).take(6).collect();
    let confirm = format!("{ASK}/confirm");
    assert_eq!(marie.send(&confirm, &json!({ "code": code })).await?.status(), 204, "{body}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_tried_again_and_what_does_not_is_given_up() -> Result<()> {
    let twilio = Twilio::start().await?;
    let (mut scene, marie) = scene(&twilio, TOKEN).await?;
    twilio.refuse(429, 20_429);
    twilio.refuse(503, 20_503);
    assert_eq!(marie.send(ASK, &json!({ "phone": PHONE })).await?.status(), 202);
    scene.stands(("queued", 1, Some("refused: 429 (20429)"))).await?;
    scene.stage.clock.advance(TimeDelta::seconds(10));
    scene.stands(("queued", 2, Some("refused: 503 (20503)"))).await?;
    scene.stage.clock.advance(TimeDelta::seconds(20));
    scene.stands(("sent", 3, None)).await?;
    assert_eq!(twilio.taken().len(), 1);
    scene.execute("DELETE FROM socle.mails WHERE channel = 'sms'").await?;
    twilio.refuse(400, 21_211);
    assert_eq!(marie.send(ASK, &json!({ "phone": "+33600000000" })).await?.status(), 202);
    scene.stands(("failed", 1, Some("refused: 400 (21211)"))).await?;
    scene.settled().await?;
    scene.stage.clock.advance(TimeDelta::hours(1));
    tokio::time::sleep(QUIET).await;
    scene.stands(("failed", 1, Some("refused: 400 (21211)"))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_can_be_put_right() -> Result<()> {
    let twilio = Twilio::start().await?;
    let (mut scene, marie) = scene(&twilio, "another token").await?;
    assert_eq!(marie.send(ASK, &json!({ "phone": PHONE })).await?.status(), 202);
    scene.stands(("queued", 1, Some("refused: 401 (20003)"))).await?;
    assert!(twilio.taken().is_empty());
    let kept: String =
        sqlx::query_scalar("SELECT string_agg(j::text, ' ') FROM socle.jobs j").fetch_one(&mut scene.admin).await?;
    for secret in [PHONE, ACCOUNT, "another token"] {
        assert!(!kept.contains(secret), "{secret}: {kept}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_but_its_code_goes_to_a_number_before_it_is_proved() -> Result<()> {
    let twilio = Twilio::start().await?;
    let (mut scene, marie) = scene(&twilio, TOKEN).await?;
    let mut given = json!({ "email": "paul@exemple.fr", "password": PASSWORD, "acceptTerms": true });
    given["phone"] = json!("+33611111111");
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/register", &given).await?.status(), 202);
    scene.settled().await?;
    assert!(twilio.taken().is_empty(), "a number that was typed gets nothing");
    let new = json!({ "email": "marie@ailleurs.fr" });
    for (prove, texts) in [(false, 1), (true, 3)] {
        assert_eq!(marie.send(ASK, &json!({ "phone": PHONE })).await?.status(), 202);
        scene.settled().await?;
        if prove {
            let code: String = twilio.taken()[1].body.chars().filter(char::is_ascii_digit).take(6).collect();
            assert_eq!(marie.send(&format!("{ASK}/confirm"), &json!({ "code": code })).await?.status(), 204);
        }
        assert_eq!(marie.send("/trial/api/v1/auth/email", &new).await?.status(), if prove { 400 } else { 202 });
        if !prove {
            let code = super::code_in(&scene.mail("marie@ailleurs.fr", "nouvelle adresse").await?)?;
            assert_eq!(marie.send("/trial/api/v1/auth/email/confirm", &json!({ "code": code })).await?.status(), 204);
        } else {
            assert_eq!(marie.send("/trial/api/v1/auth/email", &json!({ "email": MARIE })).await?.status(), 202);
            let code = super::code_in(&scene.mail(MARIE, "nouvelle adresse").await?)?;
            assert_eq!(marie.send("/trial/api/v1/auth/email/confirm", &json!({ "code": code })).await?.status(), 204);
        }
        scene.settled().await?;
        assert_eq!(twilio.taken().len(), texts, "{:?}", twilio.taken());
    }
    assert!(twilio.taken()[2].body.contains("a été changée"), "{:?}", twilio.taken());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_without_a_service_refuses_what_needs_one_and_nothing_else() -> Result<()> {
    let scene = Scene::with(|config| {
        config.environment = Environment::Production;
        config.mail.transport = MailTransport::Smtp;
        config.mail.smtp_url = Some("smtp://127.0.0.1:1".into());
    })
    .await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let (status, said) = text(marie.send(ASK, &json!({ "phone": PHONE })).await?).await?;
    assert!(status == 422 && said.contains("BIZ_NO_SMS"), "{said}");
    let (status, page) = text(marie.get("/trial/account/contact").await?).await?;
    assert!(status == 200 && page.contains("n’envoie pas de SMS") && !page.contains("name=\"phone\""), "{page}");
    Ok(())
}

#[test]
fn no_text_message_says_what_the_service_is_for() {
    let mut texts = 0;
    for language in ["fr", "en"] {
        for file in sources::files(&format!("socle/locales/{language}"), ".ftl") {
            for line in sources::read(&file).lines().filter(|line| line.starts_with("sms-")) {
                texts += 1;
                let said = line.split_once(" = ").unwrap().1.to_lowercase();
                for word in [
                    "$product",
                    "sant",
                    "health",
                    "patient",
                    "trait",
                    "treat",
                    "soin",
                    "care",
                    "médic",
                    "medic",
                    "clini",
                    "température",
                    "temperature",
                    "diagnos",
                    "séance",
                ] {
                    assert!(!said.contains(word), "{file}: {line}");
                }
                assert!(said.chars().count() < 160, "one message: {line}");
            }
        }
    }
    assert_eq!(texts, 4);
}
