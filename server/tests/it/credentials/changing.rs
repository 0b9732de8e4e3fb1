//! Somebody changes their own password, because they want to or because they must.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use socle::db::Who;
use socle::identity::accounts;
use socle::web::Product;
use testkit::{Person, trial};

use super::{Browser, OTHER, PASSWORD, Scene, elsewhere, text};

const MARIE: &str = "marie.durand@exemple.fr";
const PAGE: &str = "/trial/account/password";
const CHANGE: &str = "/trial/api/v1/auth/password/change";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_goes_on_under_a_new_id_and_the_others_end() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let other = scene.signed_in(MARIE, PASSWORD).await?;
    let (_, tokens) = scene.login(MARIE, PASSWORD).await?;
    let here = scene.signed_in(MARIE, PASSWORD).await?;
    let (status, page) = text(here.get(PAGE).await?).await?;
    assert!(status == 200 && page.contains("current-password") && page.contains("new-password"), "{page}");
    let answer = here.post(PAGE, &[("current", PASSWORD), ("password", OTHER)]).await?;
    assert_eq!((answer.status().as_u16(), &*Person::location(&answer)), (303, "/trial/app?notice=password-changed"));
    let new = Browser::after(&scene.stage, &answer)?;
    assert_ne!(new.cookies, here.cookies);
    assert!(new.is_in().await?);
    for ended in [&here, &other, &Browser::program(&scene.stage, &tokens)?] {
        assert!(!ended.is_in().await?);
    }
    assert_eq!((scene.login(MARIE, PASSWORD).await?.0, scene.login(MARIE, OTHER).await?.0), (401, 200));
    scene.mail(MARIE, "a été changé").await?;
    assert_eq!(scene.count("SELECT count(*) FROM socle.security_events WHERE type = 'PASSWORD_CHANGED'").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_gets_new_tokens_and_its_old_family_is_dead() -> Result<()> {
    let scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let (_, tokens) = scene.login(MARIE, PASSWORD).await?;
    let program = Browser::program(&scene.stage, &tokens)?;
    let answer = program.send(CHANGE, &json!({ "currentPassword": PASSWORD, "password": OTHER })).await?;
    assert_eq!(answer.status(), 200);
    let next = Browser::program(&scene.stage, &answer.json().await?)?;
    assert!(next.is_in().await? && !program.is_in().await?);
    let old = json!({ "refreshToken": tokens["refreshToken"] });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/refresh", &old).await?.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_present_password_or_with_one_that_does_not_do_nothing_changes() -> Result<()> {
    let scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    for (current, password, status, said) in [
        ("wrong", OTHER, 422, "id=\"current-error\""),
        (PASSWORD, PASSWORD, 400, "id=\"password-error\""),
        (PASSWORD, "kT9 vQz", 400, "trop court"),
        (PASSWORD, "password1", 400, "se devine trop vite"),
    ] {
        let (answered, page) = text(marie.post(PAGE, &[("current", current), ("password", password)]).await?).await?;
        assert!(answered == status && page.contains(said), "{password}: {answered} {page}");
    }
    assert!(marie.is_in().await?);
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200);
    let stranger = scene.nobody()?.send(CHANGE, &json!({ "currentPassword": PASSWORD, "password": OTHER })).await?;
    assert_eq!(stranger.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_an_open_session_tries_five_passwords_also_at_once_and_no_more() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let (_, tokens) = scene.login(MARIE, PASSWORD).await?;
    let marie = Browser::program(&scene.stage, &tokens)?;
    let wrong = json!({ "currentPassword": "not the password", "password": OTHER });
    let send = || marie.send(CHANGE, &wrong);
    let (a, b, c, d, e, f, g, h) = tokio::join!(send(), send(), send(), send(), send(), send(), send(), send());
    let mut answered = [a?, b?, c?, d?, e?, f?, g?, h?].map(|answer| answer.status().as_u16());
    answered.sort_unstable();
    assert_eq!(answered, [401, 401, 401, 401, 401, 429, 429, 429]);
    let right = json!({ "currentPassword": PASSWORD, "password": OTHER });
    let refused = marie.send(CHANGE, &right).await?;
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200, "signing in is not bounded by it");
    scene.stage.clock.advance(TimeDelta::minutes(16));
    // The access token is over by now: a new sign-in.
    let (_, tokens) = scene.login(MARIE, PASSWORD).await?;
    assert_eq!(Browser::program(&scene.stage, &tokens)?.send(CHANGE, &right).await?.status(), 200);
    assert_eq!(scene.count("SELECT count(*) FROM socle.password_tries").await?, 0, "the right one ends the count");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_of_90_days_must_be_changed_before_anything_else() -> Result<()> {
    let mut scene = Scene::new().await?;
    // The nightly work that makes partitions ahead has no time to come round between two looks at the clock.
    scene.execute("SELECT socle.ensure_months('2026-11-01', '2027-06-01')").await?;
    scene.member(MARIE).await?;
    scene.stage.clock.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    assert!(scene.signed_in(MARIE, PASSWORD).await?.is_in().await?);
    scene.stage.clock.advance(TimeDelta::seconds(1));
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let answer = marie.get("/trial/app").await?;
    assert_eq!((answer.status().as_u16(), &*Person::location(&answer)), (303, PAGE));
    assert_eq!(marie.get("/trial/api/v1/auth/me").await?.status(), 403);
    let (status, page) = text(marie.get(PAGE).await?).await?;
    assert!(status == 200 && page.contains("trop ancien"), "{page}");
    let same = marie.post(PAGE, &[("current", PASSWORD), ("password", PASSWORD)]).await?;
    assert_eq!(same.status(), 400, "the old one once more is no change");
    let answer = marie.post(PAGE, &[("current", PASSWORD), ("password", OTHER)]).await?;
    let marie = Browser::after(&scene.stage, &answer)?;
    assert!(marie.is_in().await?);
    scene.stage.clock.advance(TimeDelta::days(90));
    let marie = scene.signed_in(MARIE, OTHER).await?;
    assert!(!marie.is_in().await?, "and again 90 days later");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_responsible_makes_people_choose_and_sees_and_sets_nothing() -> Result<()> {
    let mut scene = Scene::new().await?;
    let account = scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let system = |tenant| {
        let nobody = scene.stage.trial.app().nobody("trial", Default::default());
        nobody.becoming(Who::System(tenant))
    };
    let mut tx = system(elsewhere(&scene)).begin().await?;
    let refused = accounts::force_password_change(&mut tx, account).await;
    assert_eq!(refused.unwrap_err().status, 404, "not of another tenant's member");
    drop(tx);
    let mut tx = system(trial::TENANT).begin().await?;
    accounts::force_password_change(&mut tx, account).await?;
    tx.commit().await?;
    assert_eq!(Person::location(&marie.get("/trial/app").await?), PAGE);
    let answer = marie.post(PAGE, &[("current", PASSWORD), ("password", OTHER)]).await?;
    assert!(Browser::after(&scene.stage, &answer)?.is_in().await?);
    let trail = "SELECT count(*) FROM socle.audit_log WHERE action = 'password.change_forced'";
    assert_eq!(scene.count(trail).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_at_once_one_is_made() -> Result<()> {
    let scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let (one, two) = ([("current", PASSWORD), ("password", OTHER)], "onze cigognes sur le toit");
    let other = [("current", PASSWORD), ("password", two)];
    let (first, second) = tokio::join!(marie.post(PAGE, &one), marie.post(PAGE, &other));
    let made = [first?.status() == 303, second?.status() == 303];
    let opens = [scene.login(MARIE, OTHER).await?.0 == 200, scene.login(MARIE, two).await?.0 == 200];
    assert_eq!(opens.iter().filter(|opens| **opens).count(), 1, "{opens:?}");
    assert!(opens.iter().zip(made).all(|(opens, made)| !opens || made), "{opens:?} {made:?}");
    Ok(())
}
