//! Somebody makes an account of their own.

use anyhow::Result;
use serde_json::{Value, json};

use super::{OTHER, PASSWORD, Scene, code_in, text};

const REGISTER: &str = "/trial/api/v1/auth/register";
const MARIE: &str = "marie.durand@exemple.fr";

fn body(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "acceptTerms": true })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_registers_proves_the_address_and_then_signs_in_as_what_the_product_says() -> Result<()> {
    let mut scene = Scene::new().await?;
    let nobody = scene.nobody()?;
    let page = text(nobody.get("/trial/register").await?).await?;
    assert!(page.0 == 200 && page.1.contains("autocomplete=\"new-password\""), "{page:?}");
    let fields = [("email", " Marie.Durand@Exemple.fr "), ("password", PASSWORD), ("acceptTerms", "on")];
    let (status, page) = text(nobody.post("/trial/register", &fields).await?).await?;
    assert!(status == 200 && page.contains("id=\"verify-sent\""), "{page}");
    scene.settled().await?;
    assert_eq!(scene.status(MARIE).await?.as_deref(), Some("pending_verification"));
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 401, "not before the address is proved");
    // Whoever tries it with the right password is sent the code anew.
    let mail = scene.mail(MARIE, "Confirmez votre adresse").await?;
    let verify = [("email", MARIE), ("code", &*code_in(&mail)?)];
    assert_eq!(nobody.post("/trial/verify_email", &verify).await?.status(), 303);
    assert!(scene.signed_in(MARIE, PASSWORD).await?.is_in().await?);
    let role: String = sqlx::query_scalar(
        "SELECT m.role FROM socle.memberships m JOIN socle.accounts a ON a.id = m.account_id WHERE a.email = $1",
    )
    .bind(MARIE)
    .fetch_one(&mut scene.admin)
    .await?;
    assert_eq!(role, "PATIENT");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_theirs_to_say_is_refused_and_nothing_is_made() -> Result<()> {
    let mut scene = Scene::new().await?;
    let nobody = scene.nobody()?;
    for field in ["role", "status", "tenantId", "permissions", "emailVerified", "id"] {
        let mut with = body(MARIE);
        with[field] = json!("COMPLIANCE_ADMIN");
        let (status, said) = text(nobody.send(REGISTER, &with).await?).await?;
        assert!(status == 400 && said.contains(field) && said.contains("UNKNOWN"), "{field}: {said}");
        let form = [("email", MARIE), ("password", PASSWORD), ("acceptTerms", "on"), (field, "ACTIVE")];
        assert_eq!(nobody.post("/trial/register", &form).await?.status(), 400, "{field}");
    }
    scene.settled().await?;
    assert_eq!(scene.status(MARIE).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_that_does_not_do_is_named_at_once() -> Result<()> {
    let mut scene = Scene::new().await?;
    let nobody = scene.nobody()?;
    let all = json!({ "email": "nobody", "password": "short", "acceptTerms": false, "phone": "12", "userName": "@" });
    let (status, said) = text(nobody.send(REGISTER, &all).await?).await?;
    let said: Value = serde_json::from_str(&said)?;
    let details = said["error"]["details"].as_array().cloned().unwrap_or_default();
    let mut fields: Vec<&str> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!((status, fields), (400, vec!["acceptTerms", "email", "password", "phone", "userName"]));
    let form = [("email", "nobody"), ("password", "short"), ("phone", "12"), ("userName", "@")];
    let (status, page) = text(nobody.post("/trial/register", &form).await?).await?;
    for field in ["email", "password", "phone", "userName", "acceptTerms"] {
        assert!(status == 400 && page.contains(&format!("href=\"#{field}\"")), "{field}: {page}");
    }
    scene.settled().await?;
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE realm = 'trial'").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_of_8_64_and_128_characters_are_taken_as_they_are_and_longer_ones_refused_not_cut() -> Result<()> {
    let mut scene = Scene::new().await?;
    let words = "velours trombone 41 glacier; nénuphar Où? tiroir wagon-lit 7 jujube kiosque étrier brume falaise ";
    let long = |characters: usize| words.chars().cycle().take(characters).collect::<String>();
    let taken = [" kT9vQz ".to_owned(), "🦊🌵🎻🚲🧊🍋🛶🪁".to_owned(), long(64), long(128)];
    for (number, password) in taken.iter().enumerate() {
        let email = format!("person{number}@exemple.fr");
        let mut given = body(&email);
        given["password"] = json!(password);
        assert_eq!(scene.nobody()?.send(REGISTER, &given).await?.status(), 202, "{password}");
        scene.settled().await?;
        scene.execute("UPDATE socle.accounts SET status = 'active'").await?;
        assert_eq!(scene.login(&email, password).await?.0, 200, "{password:?}");
        let cut: String = password.chars().take(password.chars().count() - 1).collect();
        for near in [password.trim(), cut.as_str()] {
            assert!(near == password || scene.login(&email, near).await?.0 == 401, "{near:?} for {password:?}");
        }
    }
    for (password, code) in [
        (long(129), "TOO_LONG"),
        (long(200), "TOO_LONG"),
        ("kT9 vQz".to_owned(), "TOO_SHORT"),
        ("password1".to_owned(), "TOO_COMMON"),
        ("kxqvzwjhpt1".to_owned(), "TOO_PERSONAL"),
    ] {
        let mut given = body("kxqvzwjhpt@exemple.fr");
        given["password"] = json!(password);
        let (status, said) = text(scene.nobody()?.send(REGISTER, &given).await?).await?;
        assert!(status == 400 && said.contains(code), "{password:?}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_of_a_taken_address_is_told_and_nothing_of_theirs_changes() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let row = "SELECT md5(string_agg(a::text, ',')) FROM socle.accounts a";
    let before: String = sqlx::query_scalar(row).fetch_one(&mut scene.admin).await?;
    for _ in 0..5 {
        let mut given = body(MARIE);
        given["password"] = json!(OTHER);
        assert_eq!(scene.nobody()?.send(REGISTER, &given).await?.status(), 202);
        scene.settled().await?;
    }
    let mails = scene.mails(MARIE).await?;
    assert_eq!(mails.len(), 3, "three an hour: {mails:?}");
    assert!(mails.iter().all(|mail| mail.letter.subject.contains("déjà un compte")), "{mails:?}");
    let after: String = sqlx::query_scalar(row).fetch_one(&mut scene.admin).await?;
    assert_eq!(before, after);
    assert_eq!(scene.login(MARIE, OTHER).await?.0, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_register_an_address_at_once_one_account_comes_to_be() -> Result<()> {
    let mut scene = Scene::new().await?;
    let nobody = scene.nobody()?;
    let given = body(MARIE);
    let send = || nobody.send(REGISTER, &given);
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    for answer in [a?, b?, c?, d?] {
        assert_eq!(answer.status(), 202);
    }
    scene.settled().await?;
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE realm = 'trial'").await?, 1);
    assert_eq!(scene.count("SELECT count(*) FROM socle.jobs WHERE state = 'dead'").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_registration_is_not_open_there_is_nothing() -> Result<()> {
    let scene = Scene::new().await?;
    let nobody = scene.nobody()?;
    for path in ["/physiotraq/register", "/physiotraq/verify_email", "/platform/register"] {
        assert_eq!(nobody.get(path).await?.status(), 404, "{path}");
        assert_eq!(nobody.post(path, &[("email", MARIE)]).await?.status(), 404, "{path}");
    }
    for path in ["/physiotraq/api/v1/auth/register", "/physiotraq/api/v1/auth/verify-email"] {
        assert_eq!(nobody.send(path, &body(MARIE)).await?.status(), 404, "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_address_nor_phone_nor_name_stands_in_the_clear_in_jobs_outbox_or_trail() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut given = body(MARIE);
    given["phone"] = json!("+33612345678");
    given["userName"] = json!("marie-jolie");
    assert_eq!(scene.nobody()?.send(REGISTER, &given).await?.status(), 202);
    scene.mail(MARIE, "Confirmez").await?;
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT j::text FROM socle.jobs j UNION ALL SELECT a::text FROM socle.audit_log a
         UNION ALL SELECT m::text FROM socle.mails m UNION ALL SELECT c::text FROM socle.challenges c
         UNION ALL SELECT e::text FROM socle.security_events e",
    )
    .fetch_all(&mut scene.admin)
    .await?;
    assert!(rows.iter().any(|row| row.contains("identity.register")), "{rows:?}");
    for secret in [MARIE, "612345678", "marie-jolie", "argon2"] {
        assert!(rows.iter().all(|row| !row.contains(secret)), "{secret} stands in the clear: {rows:?}");
    }
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE username = 'marie-jolie'").await?, 1);
    assert_eq!(scene.count("SELECT count(*) FROM socle.accounts WHERE phone_verified_at IS NOT NULL").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wanted_name_that_another_has_is_not_given_and_the_answer_does_not_say_so() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut answers = Vec::new();
    for email in ["first@exemple.fr", "later@exemple.fr"] {
        let mut given = body(email);
        given["userName"] = json!("Marie");
        answers.push(text(scene.nobody()?.send(REGISTER, &given).await?).await?);
        scene.settled().await?;
        scene.execute("UPDATE socle.accounts SET status = 'active'").await?;
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(scene.login("marie", PASSWORD).await?.0, 200, "by the name");
    assert_eq!(scene.login("later@exemple.fr", PASSWORD).await?.0, 200, "by the address");
    let named = "SELECT count(*) FROM socle.accounts WHERE username = 'marie' AND email = 'first@exemple.fr'";
    assert_eq!(scene.count(named).await?, 1);
    Ok(())
}
