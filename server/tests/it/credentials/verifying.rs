//! The address of a new account is proved.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;

use super::{PASSWORD, Scene, code_in, not, text, token_in};

const MARIE: &str = "marie.durand@exemple.fr";
const VERIFY: &str = "/trial/api/v1/auth/verify-email";
const PAGE: &str = "/trial/verify_email";

/// Somebody who waits for the verification.
async fn registered() -> Result<Scene> {
    registered_at(Scene::new().await?).await
}

async fn registered_at(mut scene: Scene) -> Result<Scene> {
    let given = json!({ "email": MARIE, "password": PASSWORD, "acceptTerms": true });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/register", &given).await?.status(), 202);
    scene.settled().await?;
    Ok(scene)
}

impl Scene {
    async fn try_code(&self, code: &str) -> Result<u16> {
        let answer = self.nobody()?.send(VERIFY, &json!({ "email": MARIE, "code": code })).await?;
        Ok(answer.status().as_u16())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_scanner_that_opens_the_link_uses_nothing_up() -> Result<()> {
    let mut scene = registered().await?;
    let token = token_in(&scene.mail(MARIE, "Confirmez").await?, PAGE)?;
    let nobody = scene.nobody()?;
    for _ in 0..3 {
        let (status, page) = text(nobody.get(&format!("{PAGE}?token={token}")).await?).await?;
        assert!(status == 200 && page.contains(&token) && page.contains("<button"), "{page}");
    }
    assert_eq!(scene.status(MARIE).await?.as_deref(), Some("pending_verification"));
    assert_eq!(nobody.post(PAGE, &[("token", &token)]).await?.status(), 303);
    assert_eq!(scene.status(MARIE).await?.as_deref(), Some("active"));
    assert_eq!(nobody.post(PAGE, &[("token", &token)]).await?.status(), 422, "a second time it is over");
    assert_eq!(nobody.get(&format!("{PAGE}?token={token}")).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_lives_15_minutes_and_a_link_24_hours() -> Result<()> {
    let mut scene = registered().await?;
    let mail = scene.mail(MARIE, "Confirmez").await?;
    scene.stage.clock.advance(TimeDelta::minutes(15) + TimeDelta::seconds(1));
    assert_eq!(scene.try_code(&code_in(&mail)?).await?, 422);
    scene.stage.clock.advance(TimeDelta::hours(23));
    let token = token_in(&mail, PAGE)?;
    assert_eq!(scene.nobody()?.get(&format!("{PAGE}?token={token}")).await?.status(), 200);
    scene.stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(scene.nobody()?.post(PAGE, &[("token", &token)]).await?.status(), 422);
    assert_eq!(scene.status(MARIE).await?.as_deref(), Some("pending_verification"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_wrong_codes_prove_nothing_and_leave_the_link_alone() -> Result<()> {
    // Who tries is counted by address too; here nobody is stopped by that.
    let mut scene = registered_at(Scene::with(|config| config.limits.auth_per_address = 2_000).await?).await?;
    let mail = scene.mail(MARIE, "Confirmez").await?;
    let code = code_in(&mail)?;
    let nobody = scene.nobody()?;
    for number in 0..1_000 {
        let guess = format!("{number:06}");
        if guess != code {
            let answer = nobody.send(VERIFY, &json!({ "email": MARIE, "code": guess })).await?;
            assert_eq!(answer.status(), 422, "{guess}");
        }
    }
    assert_eq!(scene.try_code(&code).await?, 422, "after five wrong ones the right one is over too");
    let token = token_in(&mail, PAGE)?;
    assert_eq!(nobody.post(PAGE, &[("token", &token)]).await?.status(), 303, "the link is not theirs to use up");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_with_the_right_code_one_proves_it() -> Result<()> {
    let mut scene = registered().await?;
    let code = code_in(&scene.mail(MARIE, "Confirmez").await?)?;
    let (a, b, c) = tokio::join!(scene.try_code(&code), scene.try_code(&code), scene.try_code(&code));
    let mut answered = [a?, b?, c?];
    answered.sort_unstable();
    assert_eq!(answered, [204, 422, 422]);
    assert_eq!(scene.count("SELECT count(*) FROM socle.audit_log WHERE action = 'account.verified'").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_of_one_address_proves_no_other() -> Result<()> {
    let mut scene = registered().await?;
    let given = json!({ "email": "paul@exemple.fr", "password": PASSWORD, "acceptTerms": true });
    assert_eq!(scene.nobody()?.send("/trial/api/v1/auth/register", &given).await?.status(), 202);
    let (own, other) = (scene.mail(MARIE, "Confirmez").await?, scene.mail("paul@exemple.fr", "Confirmez").await?);
    if code_in(&own)? != code_in(&other)? {
        assert_eq!(scene.try_code(&code_in(&other)?).await?, 422);
    }
    assert_eq!(scene.try_code(not(&code_in(&own)?)).await?, 422);
    assert_eq!(scene.try_code(&code_in(&own)?).await?, 204);
    assert_eq!(scene.status("paul@exemple.fr").await?.as_deref(), Some("pending_verification"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mail_is_sent_again_three_times_an_hour_and_a_new_code_ends_the_old_one() -> Result<()> {
    let mut scene = registered().await?;
    let first = code_in(&scene.mail(MARIE, "Confirmez").await?)?;
    for _ in 0..5 {
        let again = scene.nobody()?.send(&format!("{VERIFY}/resend"), &json!({ "email": MARIE })).await?;
        assert_eq!(again.status(), 202);
        scene.settled().await?;
    }
    let mails = scene.mails(MARIE).await?;
    assert_eq!(mails.len(), 3);
    let newest = code_in(&mails[0])?;
    if newest != first {
        assert_eq!(scene.try_code(&first).await?, 422);
    }
    scene.stage.clock.advance(TimeDelta::minutes(61));
    assert_eq!(scene.nobody()?.post(&format!("{PAGE}/resend"), &[("email", MARIE)]).await?.status(), 200);
    assert_eq!(scene.mails(MARIE).await?.len(), 4, "an hour later there is another");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_before_it_sends_it_again_to_who_has_the_password_only() -> Result<()> {
    let mut scene = registered().await?;
    assert_eq!(scene.login(MARIE, "not the password at all").await?.0, 401);
    assert_eq!(scene.mails(MARIE).await?.len(), 1, "a wrong password sends nothing");
    // Five refusals would close the door for a while, whatever the password.
    for _ in 0..3 {
        assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 401);
        scene.settled().await?;
    }
    assert_eq!(scene.mails(MARIE).await?.len(), 3, "three an hour, with the first");
    let code = code_in(&scene.mail(MARIE, "Confirmez").await?)?;
    assert_eq!(scene.try_code(&code).await?, 204);
    assert_eq!(scene.login(MARIE, PASSWORD).await?.0, 200);
    Ok(())
}
