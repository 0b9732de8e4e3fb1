//! A forgotten password: one link, one use, one hour.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use testkit::Person;

use super::{Browser, OTHER, PASSWORD, Scene, text, token_in};

const MARIE: &str = "marie.durand@exemple.fr";
const PAUL: &str = "paul@exemple.fr";
const RESET: &str = "/trial/password/reset";
const REQUEST: &str = "/trial/api/v1/auth/password/reset-request";
const CONFIRM: &str = "/trial/api/v1/auth/password/reset-confirm";
const SUBJECT: &str = "nouveau mot de passe";

impl Scene {
    /// The secret of a link that was asked for just now.
    async fn link(&mut self, email: &str) -> Result<String> {
        assert_eq!(self.nobody()?.send(REQUEST, &json!({ "email": email })).await?.status(), 202);
        token_in(&self.mail(email, SUBJECT).await?, RESET)
    }

    async fn reset(&self, token: &str, password: &str) -> Result<u16> {
        let fields = [("token", token), ("password", password)];
        Ok(self.nobody()?.post(RESET, &fields).await?.status().as_u16())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_sets_a_password_once_and_ends_every_session_and_family() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let before = scene.signed_in(MARIE, PASSWORD).await?;
    let (_, tokens) = scene.login(MARIE, PASSWORD).await?;
    let program = Browser::program(&scene.stage, &tokens)?;
    let token = scene.link(MARIE).await?;
    assert!(before.is_in().await? && program.is_in().await?, "asking alone ends nothing");
    let answer = scene.nobody()?.post(RESET, &[("token", &token), ("password", OTHER)]).await?;
    assert_eq!((answer.status().as_u16(), Person::location(&answer)), (303, "/trial/app".to_owned()));
    assert!(Browser::after(&scene.stage, &answer)?.is_in().await?, "who had the link is signed in");
    assert!(!before.is_in().await? && !program.is_in().await?);
    let refreshed = json!({ "refreshToken": tokens["refreshToken"] });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/refresh", &refreshed).await?.status(), 401);
    assert_eq!(scene.reset(&token, "onze cigognes sur le toit").await?, 404, "a second time it is over");
    assert_eq!((scene.login(MARIE, PASSWORD).await?.0, scene.login(MARIE, OTHER).await?.0), (401, 200));
    scene.mail(MARIE, "a été changé").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_scanner_that_opens_the_link_uses_nothing_up() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let token = scene.link(MARIE).await?;
    for _ in 0..3 {
        let (status, page) = text(scene.nobody()?.get(&format!("{RESET}?token={token}")).await?).await?;
        assert!(status == 200 && page.contains(&token) && page.contains("new-password"), "{page}");
    }
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200);
    assert_eq!(scene.reset(&token, OTHER).await?, 303);
    assert_eq!(scene.nobody()?.get(&format!("{RESET}?token={token}")).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_over_after_an_hour_and_after_a_newer_one() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let (first, second) = (scene.link(MARIE).await?, scene.link(MARIE).await?);
    assert_ne!(first, second);
    assert_eq!(scene.reset(&first, OTHER).await?, 404, "only the newest works");
    scene.stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(scene.reset(&second, OTHER).await?, 404);
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_void_after_the_password_was_changed_otherwise() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let token = scene.link(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let change = [("current", PASSWORD), ("password", OTHER)];
    assert_eq!(marie.post("/trial/account/password", &change).await?.status(), 303);
    assert_eq!(scene.reset(&token, "onze cigognes sur le toit").await?, 404);
    assert_eq!(scene.login(MARIE, OTHER).await?.0, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_somebody_elses_session_it_is_the_links_account_that_changes() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    scene.member(PAUL).await?;
    let token = scene.link(MARIE).await?;
    let paul = scene.signed_in(PAUL, PASSWORD).await?;
    let answer = paul.post(RESET, &[("token", &token), ("password", OTHER)]).await?;
    assert_eq!(answer.status(), 303);
    assert_eq!(scene.login(PAUL, PASSWORD).await?.0, 200, "Paul's is untouched");
    assert!(paul.is_in().await?, "and so is his session");
    assert_eq!(scene.login(MARIE, OTHER).await?.0, 200);
    // The secret of one purpose, and of one realm, opens nothing else.
    let token = scene.link(MARIE).await?;
    assert_eq!(scene.nobody()?.post("/trial/verify_email", &[("token", &token)]).await?.status(), 422);
    assert_eq!(scene.nobody()?.get(&format!("/physiotraq/password/reset?token={token}")).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_with_one_link_one_wins() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let token = scene.link(MARIE).await?;
    let passwords = [OTHER, "onze cigognes sur le toit", "sept parapluies au vestiaire"];
    let (a, b, c) = tokio::join!(
        scene.reset(&token, passwords[0]),
        scene.reset(&token, passwords[1]),
        scene.reset(&token, passwords[2])
    );
    let answered = [a?, b?, c?];
    assert_eq!(answered.iter().filter(|status| **status == 303).count(), 1, "{answered:?}");
    for (status, password) in answered.into_iter().zip(passwords) {
        assert_eq!(scene.login(MARIE, password).await?.0, if status == 303 { 200 } else { 401 }, "{password}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_does_not_do_leaves_the_link_open() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let token = scene.link(MARIE).await?;
    for (password, code) in [("short", "TOO_SHORT"), ("password1", "TOO_COMMON"), (PASSWORD, "UNCHANGED")] {
        let given = json!({ "token": token, "password": password });
        let (status, said) = text(scene.nobody()?.send(CONFIRM, &given).await?).await?;
        assert!(status == 400 && said.contains(code), "{password}: {said}");
        assert_eq!(scene.reset(&token, password).await?, 400, "{password}");
    }
    let given = json!({ "token": token, "password": OTHER });
    let (status, said) = text(scene.nobody()?.send(CONFIRM, &given).await?).await?;
    assert!(status == 200 && said.contains("refreshToken"), "{said}");
    assert_eq!(scene.nobody()?.send(CONFIRM, &given).await?.status(), 422);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_factor_is_still_asked_for() -> Result<()> {
    let mut scene = Scene::new().await?;
    let account = scene.member(MARIE).await?;
    scene
        .execute(&format!("UPDATE socle.accounts SET second_factor_since = created_at WHERE id = '{account}'"))
        .await?;
    let token = scene.link(MARIE).await?;
    let answer = scene.nobody()?.post(RESET, &[("token", &token), ("password", OTHER)]).await?;
    assert!(Person::location(&answer).starts_with("/trial/sign_in/second_factor"), "{}", Person::location(&answer));
    assert!(Browser::after(&scene.stage, &answer).is_err() || !Browser::after(&scene.stage, &answer)?.is_in().await?);
    let given = json!({ "token": scene.link(MARIE).await?, "password": "onze cigognes sur le toit" });
    let (status, said) = text(scene.nobody()?.send(CONFIRM, &given).await?).await?;
    assert!(status == 202 && said.contains("secondFactor") && !said.contains("accessToken"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_mails_an_hour_and_none_to_who_cannot_sign_in() -> Result<()> {
    let mut scene = Scene::new().await?;
    for (email, status) in [(MARIE, "active"), (PAUL, "suspended"), ("gone@exemple.fr", "deleted")] {
        let account = scene.member(email).await?;
        scene.execute(&format!("UPDATE socle.accounts SET status = '{status}' WHERE id = '{account}'")).await?;
    }
    for _ in 0..5 {
        for email in [MARIE, PAUL, "gone@exemple.fr", "nobody@exemple.fr"] {
            let answer = scene.nobody()?.post("/trial/password/forgot", &[("email", email)]).await?;
            assert_eq!(answer.status(), 200);
        }
        scene.settled().await?;
    }
    assert_eq!(scene.mails(MARIE).await?.len(), 3);
    for email in [PAUL, "gone@exemple.fr", "nobody@exemple.fr"] {
        assert!(scene.mails(email).await?.is_empty(), "{email}");
    }
    scene.stage.clock.advance(TimeDelta::minutes(61));
    scene.link(MARIE).await?;
    assert_eq!(scene.mails(MARIE).await?.len(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_the_verification_is_sent_that_instead() -> Result<()> {
    let mut scene = Scene::new().await?;
    let given = json!({ "email": MARIE, "password": PASSWORD, "acceptTerms": true });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/register", &given).await?.status(), 202);
    scene.settled().await?;
    assert_eq!(scene.nobody()?.send(REQUEST, &json!({ "email": MARIE })).await?.status(), 202);
    let mails = scene.mails(MARIE).await?;
    assert!(mails.len() == 2 && mails.iter().all(|mail| mail.letter.subject.contains("Confirmez")), "{mails:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_for_an_owner_of_physiotraq_too_in_their_language() -> Result<()> {
    let mut scene = Scene::new().await?;
    let licence = scene.stage.licence().await?;
    assert_eq!(licence.owner.post("/physiotraq/language", &[("lang", "en")]).await?.status(), 303);
    let asked = [("email", "owner1@test.fr")];
    assert_eq!(scene.nobody()?.post("/physiotraq/password/forgot", &asked).await?.status(), 200);
    let token = token_in(&scene.mail("owner1@test.fr", "Choose a new password").await?, "/physiotraq/password/reset")?;
    let fields = [("token", &*token), ("password", OTHER)];
    assert_eq!(scene.nobody()?.post("/physiotraq/password/reset", &fields).await?.status(), 303);
    Person::sign_in(scene.stage.url(), "owner1@test.fr", OTHER).await?;
    assert_eq!(licence.owner.get("/physiotraq/app").await?.status(), 303, "the session before it has ended");
    Ok(())
}
