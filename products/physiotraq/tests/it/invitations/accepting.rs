//! Accepting an invitation: a new account with names and password, or a further membership of one that is there.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use testkit::Person;

use super::{INVITATION, NADIA, PASSWORD, SECRET, Scene, TEAM, acceptance};
use crate::answers;
use crate::cookies::{self, Browser};

const HOME: &str = "/physiotraq/app";
const ME: &str = "/physiotraq/api/v1/auth/me";
const NADIAS_ACCOUNTS: &str = "SELECT count(*) FROM socle.accounts WHERE email = 'nadia@test.fr'";
const NADIAS_SESSIONS: &str = "SELECT count(*) FROM socle.sessions s JOIN socle.accounts a ON a.id = s.account_id
                               WHERE a.email = 'nadia@test.fr'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_accepts_is_signed_in_as_an_operator_of_the_licence_and_the_trail_says_so() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.stage.clock.advance(TimeDelta::minutes(1));
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let answer = scene.accept(&secret, SECRET).await?;
    assert_eq!((answer.status().as_u16(), Person::location(&answer)), (303, HOME.to_owned()));
    let statement = "SELECT action FROM socle.audit_log WHERE tenant_id = $1 AND occurred_at = $2 AND outcome = 'done'
                     ORDER BY action";
    let actions = sqlx::query_scalar::<_, String>(statement).bind(scene.licence.id.0).bind(scene.stage.clock.now());
    assert_eq!(
        actions.fetch_all(&mut scene.admin).await?,
        [
            "account.created",
            "device.known",
            "invitation.accepted",
            "invitation.sent",
            "mail.queued",
            "member.joined",
            "session.opened"
        ]
    );
    let nadia = Browser::with(&scene.stage, &cookies::kept(&answer, cookies::SESSION)?)?;
    let home = answers::text(nadia.get(HOME).await?, 200).await?;
    assert!(home.contains("Nadia Benali") && home.contains("Opérateur"), "{home}");
    let me = answers::json(nadia.get(ME).await?, 200).await?;
    assert_eq!((&me["role"], &me["tenantId"]), (&json!("operator"), &json!(scene.licence.id)));
    assert_eq!(nadia.get(TEAM).await?.status(), 403);
    let team = answers::text(scene.licence.owner.get(TEAM).await?, 200).await?;
    assert!(team.contains("Nadia Benali") && !team.contains("en attente"), "{team}");
    Person::sign_in(scene.stage.url(), NADIA, SECRET).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_has_8_to_128_characters_and_is_taken_as_it_is() -> Result<()> {
    let mut scene = Scene::new().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let before = scene.trace().await?;
    for password in ["1234567".to_owned(), "é".repeat(7), "é".repeat(129), String::new()] {
        let page = answers::text(scene.accept(&secret, &password).await?, 400).await?;
        for words in ["href=\"#password\"", "id=\"password-error\"", "8 à 128 caractères", "value=\"Benali\""] {
            assert!(page.contains(words), "{words} is missing in {page}");
        }
    }
    assert_eq!(scene.trace().await?, before);
    let about = "what is soon guessed, and what is made of the address or the house";
    for (password, said) in
        [("password1", "se devine trop vite"), ("nadia@test.fr", "Prenez"), ("physiotraq1", "Prenez")]
    {
        let page = answers::text(scene.accept(&secret, password).await?, 400).await?;
        assert!(page.contains("id=\"password-error\"") && page.contains(said), "{about}: {password}: {page}");
    }
    assert_eq!(scene.trace().await?, before);
    // Eight characters, blanks at both ends among them: nothing is cut off.
    let short = " kT9vQz ";
    assert_eq!(scene.accept(&secret, short).await?.status(), 303);
    assert!(Person::sign_in(scene.stage.url(), NADIA, short.trim()).await.is_err());
    Person::sign_in(scene.stage.url(), NADIA, short).await?;
    let words = "velours trombone glacier nénuphar tiroir wagon jujube kiosque étrier brume falaise ";
    let long: String = words.chars().cycle().take(128).collect();
    let secret = scene.invited(&scene.licence.owner, "zoe@test.fr", 1).await?;
    assert_eq!(scene.accept(&secret, &long).await?.status(), 303);
    assert!(Person::sign_in(scene.stage.url(), "zoe@test.fr", &long[..long.len() - 1]).await.is_err());
    Person::sign_in(scene.stage.url(), "zoe@test.fr", &long).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_joins_without_a_name() -> Result<()> {
    let mut scene = Scene::new().await?;
    let new = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let second = scene.stage.licence().await?;
    let known = scene.invited(&second.owner, "operator1@test.fr", 1).await?;
    let before = scene.trace().await?;
    let long = "n".repeat(81);
    for (secret, password) in [(&new, SECRET), (&known, PASSWORD)] {
        for name in ["", "  ", "a\0b", long.as_str()] {
            let fields =
                [("token", secret.as_str()), ("first_name", name), ("last_name", name), ("password", password)];
            let page = answers::text(scene.stage.anybody().post(INVITATION, &fields).await?, 400).await?;
            for field in ["first_name", "last_name"] {
                assert!(page.contains(&format!("href=\"#{field}\"")), "{name:?}: {field} is not named in {page}");
            }
        }
    }
    assert_eq!(scene.trace().await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_accept_at_once_one_wins() -> Result<()> {
    let mut scene = Scene::new().await?;
    let secret = scene.invited(&scene.licence.owner, NADIA, 1).await?;
    let (one, other) = tokio::join!(scene.accept(&secret, SECRET), scene.accept(&secret, SECRET));
    let mut answered = [one?.status().as_u16(), other?.status().as_u16()];
    answered.sort_unstable();
    assert!(matches!(answered, [303, 404 | 409]), "{answered:?}");
    assert_eq!(scene.count(NADIAS_ACCOUNTS).await?, 1);
    assert_eq!(scene.count(NADIAS_SESSIONS).await?, 1);
    // The same for somebody who has an account.
    let second = scene.stage.licence().await?;
    let secret = scene.invited(&second.owner, NADIA, 2).await?;
    let (one, other) = tokio::join!(scene.accept(&secret, SECRET), scene.accept(&secret, SECRET));
    let mut answered = [one?.status().as_u16(), other?.status().as_u16()];
    answered.sort_unstable();
    assert!(matches!(answered, [303, 404 | 409]), "{answered:?}");
    assert_eq!(scene.count(NADIAS_SESSIONS).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_an_account_proves_it_by_its_password_and_gets_a_second_licence() -> Result<()> {
    let mut scene = Scene::new().await?;
    let second = scene.stage.licence().await?;
    let secret = scene.invited(&second.owner, "operator1@test.fr", 1).await?;
    let page = answers::text(scene.look(&secret).await?, 200).await?;
    assert!(page.contains("current-password") && !page.contains("new-password"), "{page}");
    let before = scene.trace().await?;
    let louder = PASSWORD.to_uppercase();
    for wrong in [SECRET, "", louder.as_str()] {
        let refused = scene.accept(&secret, wrong).await?;
        assert!(cookies::lines(&refused).is_empty(), "{wrong:?} got a cookie");
        assert!(answers::text(refused, 401).await?.contains("id=\"invitation-error\""));
    }
    assert_eq!(scene.trace().await?, before);
    assert_eq!(scene.count("SELECT count(*) FROM socle.audit_log WHERE action = 'session.refused'").await?, 3);
    // In the browser in which they work for the first licence.
    let answer = scene.licence.operator.post(INVITATION, &acceptance(&secret, PASSWORD)).await?;
    assert_eq!(answer.status(), 303);
    let there = Browser::with(&scene.stage, &cookies::kept(&answer, cookies::SESSION)?)?;
    let me = answers::json(there.get(ME).await?, 200).await?;
    assert_eq!((&me["tenantId"], &me["name"]), (&json!(second.id), &json!("Nadia Benali")));
    assert_eq!(me["memberships"].as_array().map(Vec::len), Some(2), "{me}");
    let page = answers::text(there.get("/physiotraq/memberships").await?, 200).await?;
    assert!(page.contains("Clinique 1") && page.contains("Clinique 2"), "{page}");
    let me = answers::json(scene.licence.operator.get_json(ME).await?, 200).await?;
    assert_eq!((&me["tenantId"], &me["name"]), (&json!(scene.licence.id), &json!("Paul Essai")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_an_account_cannot_be_guessed_at_its_invitation() -> Result<()> {
    let scene = Scene::new().await?;
    let second = scene.stage.licence().await?;
    let secret = scene.invited(&second.owner, "operator1@test.fr", 1).await?;
    for _ in 0..5 {
        assert_eq!(scene.accept(&secret, "not it").await?.status(), 401);
    }
    let refused = scene.accept(&secret, PASSWORD).await?;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(cookies::lines(&refused).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_account_accepts_nothing() -> Result<()> {
    let mut scene = Scene::new().await?;
    let second = scene.stage.licence().await?;
    let secret = scene.invited(&second.owner, "operator1@test.fr", 1).await?;
    sqlx::query("UPDATE socle.accounts SET status = 'suspended' WHERE email = 'operator1@test.fr'")
        .execute(&mut scene.admin)
        .await?;
    let before = scene.trace().await?;
    assert_eq!(scene.accept(&secret, PASSWORD).await?.status(), 401);
    assert_eq!(scene.trace().await?, before);
    Ok(())
}
