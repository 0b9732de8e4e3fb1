//! Suspended accounts, operators who decide on them, and what is forgotten at night.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::Person;

use super::{Browser, OTHER, PASSWORD, Scene, text, token_in};
use crate::platform::Browser as Operator;

const MARIE: &str = "marie.durand@exemple.fr";
const ACCOUNTS: &str = "/platform/accounts";

/// An operator of the platform who has the second factor that the role needs.
async fn operator(scene: &mut Scene) -> Result<Operator> {
    let (account, operator) = Operator::of_an_operator(&scene.stage).await?;
    let proved = "second_factor_since = created_at";
    scene.execute(&format!("UPDATE socle.accounts SET {proved} WHERE id = '{account}'")).await?;
    let proved = "second_factor_at = created_at";
    scene.execute(&format!("UPDATE socle.sessions SET {proved} WHERE account_id = '{account}'")).await?;
    Ok(operator)
}

fn decision<'a>(email: &'a str, word: &'a str) -> [(&'static str, &'a str); 3] {
    [("realm", "trial"), ("email", email), ("word", word)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_suspends_an_account_at_once_and_lets_it_in_again() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let (_, tokens) = scene.login(MARIE, PASSWORD).await?;
    let reset = json!({ "email": MARIE });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/password/reset-request", &reset).await?.status(), 202);
    let token = token_in(&scene.mail(MARIE, "nouveau mot de passe").await?, "/trial/password/reset")?;
    let operator = operator(&mut scene).await?;
    let answer = operator.post(ACCOUNTS, &decision(" Marie.Durand@exemple.fr", "suspend")).await?;
    assert_eq!(Person::location(&answer), format!("{ACCOUNTS}?notice=suspended-account"));
    let program = Browser::program(&scene.stage, &tokens)?;
    assert!(!marie.is_in().await? && !program.is_in().await?);
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 401);
    let refresh = json!({ "refreshToken": tokens["refreshToken"] });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/refresh", &refresh).await?.status(), 401);
    let given = json!({ "token": token, "password": OTHER });
    let confirmed = scene.nobody()?.send("/trial/api/v1/auth/password/reset-confirm", &given).await?;
    assert_eq!(confirmed.status(), 422, "a link from before opens nothing");
    assert_eq!(operator.post(ACCOUNTS, &decision(MARIE, "suspend")).await?.status(), 404, "it is suspended already");
    assert_eq!(operator.post(ACCOUNTS, &decision(MARIE, "reactivate")).await?.status(), 303);
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200);
    assert!(!marie.is_in().await?, "sessions of before stay ended");
    let trail: Vec<(String, String)> = sqlx::query_as(
        "SELECT a.action, e.type FROM socle.audit_log a JOIN socle.security_events e ON e.created_at = a.occurred_at
           AND e.user_id = a.resource_id AND replace(lower(e.type), '_', '.') = a.action
         WHERE a.actor_kind = 'person' AND a.realm = 'platform' ORDER BY a.action",
    )
    .fetch_all(&mut scene.admin)
    .await?;
    let expected = [("account.reactivated", "ACCOUNT_REACTIVATED"), ("account.suspended", "ACCOUNT_SUSPENDED")];
    assert_eq!(trail, expected.map(|(action, kind)| (action.to_owned(), kind.to_owned())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_decides_and_no_operator_without_a_recent_proof_or_about_themselves() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let licence = scene.stage.licence().await?;
    assert_eq!(scene.nobody()?.post(ACCOUNTS, &decision(MARIE, "suspend")).await?.status(), 303);
    let answer = licence.owner.post(ACCOUNTS, &decision(MARIE, "suspend")).await?;
    assert!(Person::location(&answer).starts_with("/platform/sign_in"));
    let operator = operator(&mut scene).await?;
    let own = "SELECT email FROM socle.accounts WHERE realm = 'platform'";
    let own: String = sqlx::query_scalar(own).fetch_one(&mut scene.stage.database.admin().await?).await?;
    let own = [("realm", "platform"), ("email", own.as_str()), ("word", "suspend")];
    assert_eq!(operator.post(ACCOUNTS, &own).await?.status(), 409);
    for (email, word, status) in [("nobody@exemple.fr", "suspend", 404), (MARIE, "reactivate", 404), (MARIE, "x", 400)]
    {
        assert_eq!(operator.post(ACCOUNTS, &decision(email, word)).await?.status(), status, "{email} {word}");
    }
    scene.stage.clock.advance(TimeDelta::minutes(11));
    let late = operator.post(ACCOUNTS, &decision(MARIE, "suspend")).await?;
    assert!(late.status() == 403 || Person::location(&late).contains("reauthenticate"), "{}", late.status());
    assert_eq!(scene.status(MARIE).await?.as_deref(), Some("active"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_functions_do_nothing_outside_the_platforms_own_tenant() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let mut app = PgConnection::connect(scene.stage.database.app_url()).await?;
    for tenant in ["NULL".to_owned(), format!("'{}'", testkit::trial::TENANT)] {
        let statement = format!(
            "BEGIN; SELECT socle.enter({tenant}, NULL);
             SELECT socle.suspend_account('trial', '{MARIE}', '2026-11-21T10:00:00Z');
             SELECT socle.reactivate_account('trial', '{MARIE}', '2026-11-21T10:00:00Z'); COMMIT"
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut app).await?;
        assert_eq!(scene.status(MARIE).await?.as_deref(), Some("active"), "{tenant}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_operator_chooses_a_password_that_does() -> Result<()> {
    let scene = Scene::new().await?;
    for (password, code) in [("short", "TOO_SHORT"), ("password123", "TOO_COMMON"), ("kxqvzwjhpt1", "TOO_PERSONAL")] {
        let refused =
            scene.stage.platform.operator(("kxqvzwjhpt@socle.test", password.into()), ("Olga", "Essai")).await;
        let codes: Vec<String> = refused.unwrap_err().details.iter().map(|detail| detail.code.to_string()).collect();
        assert_eq!(codes, [code], "{password}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenges_and_tries_that_are_over_are_forgotten_at_night() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.member(MARIE).await?;
    let reset = json!({ "email": MARIE });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/password/reset-request", &reset).await?.status(), 202);
    scene.mail(MARIE, "nouveau mot de passe").await?;
    let marie = scene.signed_in(MARIE, PASSWORD).await?;
    let wrong = [("current", "wrong"), ("password", OTHER)];
    let (status, _) = text(marie.post("/trial/account/password", &wrong).await?).await?;
    assert_eq!(status, 422);
    let left = "SELECT (SELECT count(*) FROM socle.challenges) * 10 + (SELECT count(*) FROM socle.password_tries)";
    assert_eq!(scene.count(left).await?, 11);
    scene.stage.clock.advance(TimeDelta::hours(44));
    let started = std::time::Instant::now();
    while scene.count(left).await? != 0 {
        anyhow::ensure!(started.elapsed() < super::SOON, "the night did not come");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}
