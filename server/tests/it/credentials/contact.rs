//! A new address, a phone, a user name.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use testkit::Person;

use super::{PASSWORD, Scene, code_in, not, text, token_in};

const MARIE: &str = "marie.durand@exemple.fr";
const NEW: &str = "marie@ailleurs.fr";
const PAUL: &str = "paul@exemple.fr";
const PAGE: &str = "/trial/account/contact";
const LINK: &str = "/trial/confirm_email";
const PHONE: &str = "+33612345678";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_address_is_told_and_stays_until_the_new_one_is_proved() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let answer = marie.post(&format!("{PAGE}/email"), &[("email", " Marie@Ailleurs.fr ")]).await?;
    assert_eq!(Person::location(&answer), format!("{PAGE}?notice=email-asked"));
    let warned = scene.mail(MARIE, "changement d’adresse").await?;
    assert!(warned.letter.text.contains("changez votre mot de passe"), "it says what to do: {}", warned.letter.text);
    assert!(!warned.letter.text.contains(NEW), "and not where to: {}", warned.letter.text);
    let code = code_in(&scene.mail(NEW, "nouvelle adresse").await?)?;
    assert_eq!((scene.login(MARIE, PASSWORD).await?.0, scene.login(NEW, PASSWORD).await?.0), (200, 401));
    let confirm = format!("{PAGE}/email/confirm");
    let (status, page) = text(marie.post(&confirm, &[("emailCode", not(&code))]).await?).await?;
    assert!(status == 422 && page.contains("id=\"emailCode-error\""), "{page}");
    assert_eq!(marie.post(&confirm, &[("emailCode", &code)]).await?.status(), 303);
    assert_eq!((scene.login(MARIE, PASSWORD).await?.0, scene.login(NEW, PASSWORD).await?.0), (401, 200));
    assert!(marie.is_in().await?);
    scene.mail(MARIE, "a été changée").await?;
    assert_eq!(marie.post(&confirm, &[("emailCode", &code)]).await?.status(), 422, "a second time it is over");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_confirms_by_a_button_whosever_browser_it_is_and_voids_what_went_to_the_old_address() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    scene.member(PAUL).await?;
    let asked = json!({ "email": MARIE });
    let reset = "/trial/api/v1/auth/password/reset-request";
    assert_eq!(scene.nobody()?.send(reset, &asked).await?.status(), 202);
    let reset = token_in(&scene.mail(MARIE, "nouveau mot de passe").await?, "/trial/password/reset")?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    assert_eq!(marie.send("/trial/api/v1/auth/email", &json!({ "email": NEW })).await?.status(), 202);
    let token = token_in(&scene.mail(NEW, "nouvelle adresse").await?, LINK)?;
    for _ in 0..3 {
        assert_eq!(scene.nobody()?.get(&format!("{LINK}?token={token}")).await?.status(), 200);
    }
    assert_eq!(scene.login(NEW, PASSWORD).await?.0, 401, "looking changes nothing");
    let paul = scene.signed_in(PAUL, PASSWORD).await?;
    assert_eq!(paul.post(LINK, &[("token", &token)]).await?.status(), 303);
    assert_eq!((scene.login(NEW, PASSWORD).await?.0, scene.login(PAUL, PASSWORD).await?.0), (200, 200));
    assert_eq!(paul.post(LINK, &[("token", &token)]).await?.status(), 422);
    assert_eq!(scene.nobody()?.get(&format!("/trial/password/reset?token={reset}")).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_address_is_not_told_from_a_free_one_but_to_its_owner() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    scene.member(PAUL).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let mut answers = Vec::new();
    for wanted in [NEW, PAUL] {
        answers.push(text(marie.send("/trial/api/v1/auth/email", &json!({ "email": wanted })).await?).await?);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 202);
    let code = code_in(&scene.mail(PAUL, "nouvelle adresse").await?)?;
    let confirmed = marie.send("/trial/api/v1/auth/email/confirm", &json!({ "code": code })).await?;
    assert_eq!(confirmed.status(), 409, "who reads Paul's mail may know");
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200);
    assert_eq!(scene.login(PAUL, PASSWORD).await?.0, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_wants_a_recent_proof_and_is_bounded() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    for number in 0..3 {
        let wanted = json!({ "email": format!("marie{number}@ailleurs.fr") });
        assert_eq!(marie.send("/trial/api/v1/auth/email", &wanted).await?.status(), 202);
    }
    assert_eq!(marie.send("/trial/api/v1/auth/email", &json!({ "email": NEW })).await?.status(), 429);
    assert!(scene.mails(NEW).await?.is_empty());
    scene.stage.clock.advance(TimeDelta::minutes(11));
    for (path, body) in [("email", json!({ "email": NEW })), ("phone", json!({ "phone": PHONE }))] {
        let (status, said) = text(marie.send(&format!("/trial/api/v1/auth/{path}"), &body).await?).await?;
        assert!(status == 403 && said.contains("AUTH_STEP_UP"), "{path}: {said}");
    }
    for (form, field) in [("user_name", "userName"), ("phone/remove", "x")] {
        let led = marie.post(&format!("{PAGE}/{form}"), &[(field, "marie")]).await?;
        assert!(Person::location(&led).starts_with("/trial/reauthenticate"), "{form}: {}", led.status());
    }
    assert_eq!(scene.nobody()?.get(PAGE).await?.status(), 303, "a stranger is led to the sign-in");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_proved_by_its_code_and_cannot_be_read_in_the_database() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    assert_eq!(marie.post(&format!("{PAGE}/phone"), &[("phone", "06 12 34 56 78")]).await?.status(), 400);
    assert_eq!(marie.post(&format!("{PAGE}/phone"), &[("phone", "+33 6 12 34 56 78")]).await?.status(), 303);
    let texts = scene.mails(PHONE).await?;
    assert!(texts.len() == 1 && texts[0].is_text(), "{texts:?}");
    let code = code_in(&texts[0])?;
    assert!(text(marie.get(PAGE).await?).await?.1.contains("name=\"phoneCode\""));
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE phone IS NOT NULL").await?, 0, "not before");
    assert_eq!(marie.post(&format!("{PAGE}/phone/confirm"), &[("phoneCode", &code)]).await?.status(), 303);
    let page = text(marie.get(PAGE).await?).await?.1;
    assert!(page.contains(PHONE) && page.contains("Vérifié"), "{page}");
    let raw: Vec<u8> = sqlx::query_scalar("SELECT phone || phone_index FROM socle.accounts WHERE email = $1")
        .bind(MARIE)
        .fetch_one(&mut scene.admin)
        .await?;
    assert!(raw.len() > 40 && !raw.windows(5).any(|window| window == b"12345"));
    let shown = scene.stage.anybody().get(&format!("/platform/dev/mail/{}", texts[0].number)).await?.text().await?;
    assert!(shown.contains(&code) && shown.contains("rien n’est parti"), "the mailbox says that it stands in: {shown}");
    let html = format!("/platform/dev/mail/{}/html", texts[0].number);
    assert_eq!(scene.stage.anybody().get(&html).await?.status(), 404);
    assert_eq!(marie.post(&format!("{PAGE}/phone/remove"), &[]).await?.status(), 303);
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE phone IS NOT NULL").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_number_belongs_to_one_account_and_five_wrong_codes_end_it() -> Result<()> {
    let mut scene = Scene::new().await?;
    for email in [MARIE, PAUL] {
        scene.member(email).await?;
    }
    let (marie, paul) = (scene.signed_in(MARIE, PASSWORD).await?, scene.signed_in(PAUL, PASSWORD).await?);
    let (ask, confirm) = ("/trial/api/v1/auth/phone", "/trial/api/v1/auth/phone/confirm");
    let number = json!({ "phone": PHONE });
    assert_eq!(marie.send(ask, &number).await?.status(), 202);
    let code = code_in(&scene.mails(PHONE).await?[0])?;
    for _ in 0..5 {
        assert_eq!(marie.send(confirm, &json!({ "code": not(&code) })).await?.status(), 422);
    }
    assert_eq!(marie.send(confirm, &json!({ "code": code })).await?.status(), 422, "over");
    assert_eq!(marie.send(ask, &number).await?.status(), 202);
    let code = code_in(&scene.mails(PHONE).await?[0])?;
    let body = json!({ "code": code });
    let (one, two) = tokio::join!(marie.send(confirm, &body), marie.send(confirm, &body));
    let mut answered = [one?.status().as_u16(), two?.status().as_u16()];
    answered.sort_unstable();
    assert_eq!(answered, [204, 422]);
    assert_eq!(paul.send(ask, &number).await?.status(), 202, "Paul is not told whose it is");
    let code = code_in(&scene.mails(PHONE).await?[0])?;
    assert_eq!(paul.send(confirm, &json!({ "code": code })).await?.status(), 409);
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE phone_verified_at IS NOT NULL").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_name_signs_in_and_whether_one_is_taken_is_said_by_mail_alone() -> Result<()> {
    let mut scene = Scene::new().await?;
    for email in [MARIE, PAUL] {
        scene.member(email).await?;
    }
    let (marie, paul) = (scene.signed_in(MARIE, PASSWORD).await?, scene.signed_in(PAUL, PASSWORD).await?);
    let ask = format!("{PAGE}/user_name");
    let first = marie.post(&ask, &[("userName", "Marie.D")]).await?;
    let second = paul.post(&ask, &[("userName", "marie.d")]).await?;
    assert_eq!((first.status(), Person::location(&first)), (second.status(), Person::location(&second)));
    scene.mail(MARIE, "Votre nom d’utilisateur").await?;
    scene.mail(PAUL, "n’est pas libre").await?;
    assert_eq!(scene.login("MARIE.D", PASSWORD).await?.0, 200);
    let page = text(scene.nobody()?.get("/trial/sign_in").await?).await?.1;
    assert!(page.contains("id=\"email\" name=\"email\" type=\"text\""), "{page}");
    for name in ["paul@exemple.fr", "ab", "no good"] {
        assert_eq!(marie.post(&ask, &[("userName", name)]).await?.status(), 400, "{name}");
    }
    for name in ["paul.a", "paul.b"] {
        assert_eq!(paul.post(&ask, &[("userName", name)]).await?.status(), 303);
    }
    assert_eq!(paul.post(&ask, &[("userName", "paul.c")]).await?.status(), 429, "nobody goes through a list");
    let licence = scene.stage.licence().await?;
    let none = licence.owner.post("/physiotraq/account/contact/user_name", &[("userName", "owner")]).await?;
    assert_eq!(none.status(), 404, "this realm has none");
    Ok(())
}
