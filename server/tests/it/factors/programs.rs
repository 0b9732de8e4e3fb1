//! The second step for programs, and what a challenge token is not good for.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, PATIENT, STEP, Visitor, enrolled, stage};
use testkit::{PASSWORD, Stage, trial};

/// JSON with a bearer token, when there is one.
async fn call(stage: &Stage, (method, path): (Method, &str), token: Option<&str>, body: &Value) -> Result<Answer> {
    let visitor = Visitor::new(stage)?;
    let mut request = visitor.request(method, &format!("/api/v1/auth{path}")).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    super::answered(request.send().await?).await
}

async fn post(stage: &Stage, path: &str, token: Option<&str>, body: &Value) -> Result<Answer> {
    call(stage, (Method::POST, path), token, body).await
}

async fn login(stage: &Stage, email: &str) -> Result<Value> {
    post(stage, "/login", None, &json!({ "email": email, "password": PASSWORD })).await?.json()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_enrols_signs_in_by_two_steps_and_gives_the_factor_up() -> Result<()> {
    let stage = stage().await?;
    let first = login(&stage, PATIENT).await?;
    let token = text(&first["accessToken"]);
    let begun = post(&stage, "/mfa/setup", Some(token), &json!({})).await?.json()?;
    let app = super::totp::App::of(text(&begun["secret"]), "", "")?;
    assert!(text(&begun["otpauthUrl"]).contains(&format!("secret={}", app.secret())));
    let wrong = post(&stage, "/mfa/enable", Some(token), &json!({ "code": "12345" })).await?;
    assert_eq!((wrong.status, wrong.code()?.as_str()), (400, "VAL_FIELDS"));
    let enabled = post(&stage, "/mfa/enable", Some(token), &json!({ "code": app.code(stage.clock.now()) })).await?;
    let enabled = enabled.json()?;
    assert_eq!(enabled["recoveryCodes"].as_array().map(Vec::len), Some(10));
    let going_on = text(&enabled["tokens"]["accessToken"]);
    assert_eq!(call(&stage, (Method::GET, "/me"), Some(token), &json!({})).await?.status, 401, "the old session");
    assert_eq!(call(&stage, (Method::GET, "/me"), Some(going_on), &json!({})).await?.status, 200);
    assert_eq!(post(&stage, "/refresh", None, &json!({ "refreshToken": first["refreshToken"] })).await?.status, 401);

    stage.clock.advance(super::NEXT_CODE);
    let waits = login(&stage, PATIENT).await?;
    assert_eq!((text(&waits["waitsFor"]), waits["accessToken"].is_null()), ("secondFactor", true));
    let challenge = text(&waits["challengeToken"]);
    for answer in [json!({}), json!({ "code": "123456", "recoveryCode": "7XK2-9QPA-M4TE" })] {
        let mut body = answer;
        body["challengeToken"] = json!(challenge);
        assert_eq!(post(&stage, "/mfa/verify", None, &body).await?.status, 400, "one answer, not {body}");
    }
    let body = json!({ "challengeToken": challenge, "code": app.code(stage.clock.now()) });
    let tokens = post(&stage, "/mfa/verify", None, &body).await?;
    assert_eq!((tokens.status, text(&tokens.json()?["tokenType"])), (200, "Bearer"));
    let again = post(&stage, "/mfa/verify", None, &body).await?;
    assert_eq!((again.status, again.code()?.as_str()), (401, "AUTH_CHALLENGE"), "a challenge is met once");
    let tokens = tokens.json()?;
    let token = text(&tokens["accessToken"]);
    let factors = call(&stage, (Method::GET, "/mfa"), Some(token), &json!({})).await?.json()?;
    assert!(factors["appSince"].is_string() && factors["recoveryCodesLeft"] == 10 && factors["required"] == false);
    assert_eq!(post(&stage, "/mfa/disable", Some(token), &json!({})).await?.status, 204);
    assert_eq!(post(&stage, "/mfa/disable", Some(token), &json!({})).await?.status, 404);
    assert_eq!(post(&stage, "/mfa/recovery-codes", Some(token), &json!({})).await?.code()?, "BIZ_NO_FACTOR");
    assert!(login(&stage, PATIENT).await?["accessToken"].is_string(), "the password alone is enough again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_token_is_no_access_token_and_the_other_way_round() -> Result<()> {
    let stage = stage().await?;
    let before = login(&stage, super::STAFF).await?;
    let (mut visitor, telephone, _) = enrolled(&stage, PATIENT).await?;
    let challenge = login(&stage, PATIENT).await?;
    let challenge = text(&challenge["challengeToken"]);
    assert_eq!(call(&stage, (Method::GET, "/me"), Some(challenge), &json!({})).await?.status, 401);
    assert_eq!(post(&stage, "/refresh", None, &json!({ "refreshToken": challenge })).await?.status, 401);
    let code = telephone.code(stage.clock.now());
    for no_challenge in
        [text(&before["accessToken"]), text(&before["refreshToken"]), &visitor.cookie(super::SESSION), ""]
    {
        let refused =
            post(&stage, "/mfa/verify", None, &json!({ "challengeToken": no_challenge, "code": code })).await?;
        assert_eq!((refused.status, refused.code()?.as_str()), (401, "AUTH_CHALLENGE"));
    }
    // A program's challenge opens no browser's session, and a browser's no program's: each would get the other's secret.
    visitor.cookies.clear();
    visitor.cookies.insert(STEP.to_owned(), challenge.to_owned());
    assert_eq!(visitor.code(&code).await?.status, 401);
    visitor.password(PATIENT).await?;
    let browsers = visitor.cookie(STEP);
    let refused = post(&stage, "/mfa/verify", None, &json!({ "challengeToken": browsers, "code": code })).await?;
    assert_eq!(refused.code()?, "AUTH_CHALLENGE");
    assert_eq!(visitor.code(&code).await?.status, 303, "and neither used the code up");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_that_waits_for_something_else_is_refused() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, codes) = enrolled(&stage, PATIENT).await?;
    for code in &codes[..2] {
        let challenge = login(&stage, PATIENT).await?;
        let body = json!({ "challengeToken": challenge["challengeToken"], "recoveryCode": code });
        assert_eq!(post(&stage, "/mfa/verify", None, &body).await?.status, 200);
    }
    // There are three sessions, as many as the trial allows: after the factor a choice is asked for.
    let challenge = login(&stage, PATIENT).await?;
    let code = telephone.code(stage.clock.now());
    let body = json!({ "challengeToken": challenge["challengeToken"], "code": code });
    let choice = post(&stage, "/mfa/verify", None, &body).await?;
    assert_eq!((choice.status, text(&choice.json()?["waitsFor"])), (202, "sessionToEnd"));
    stage.clock.advance(super::NEXT_CODE);
    let code = telephone.code(stage.clock.now());
    let body = json!({ "challengeToken": choice.json()?["challengeToken"], "code": code });
    assert_eq!(post(&stage, "/mfa/verify", None, &body).await?.code()?, "AUTH_CHALLENGE");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_under_way_is_over_after_five_minutes_or_five_wrong_answers() -> Result<()> {
    let stage = stage().await?;
    let (_, telephone, _) = enrolled(&stage, PATIENT).await?;
    let challenge = login(&stage, PATIENT).await?;
    stage.clock.advance(chrono::TimeDelta::minutes(5));
    let code = telephone.code(stage.clock.now());
    let late = json!({ "challengeToken": challenge["challengeToken"], "code": code });
    assert_eq!(post(&stage, "/mfa/verify", None, &late).await?.code()?, "AUTH_CHALLENGE");
    let challenge = login(&stage, PATIENT).await?;
    let wrong = json!({ "challengeToken": challenge["challengeToken"], "recoveryCode": "0000-0000-0000" });
    let mut refusals = Vec::new();
    for _ in 0..6 {
        refusals.push(post(&stage, "/mfa/verify", None, &wrong).await?.code()?);
    }
    let factor = "AUTH_FACTOR";
    assert_eq!(refusals, [factor, factor, factor, factor, "AUTH_CHALLENGE", "AUTH_CHALLENGE"]);
    let right = json!({ "challengeToken": challenge["challengeToken"], "code": code });
    assert_eq!(post(&stage, "/mfa/verify", None, &right).await?.code()?, "AUTH_CHALLENGE");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_up_gives_a_program_new_tokens_and_a_browser_a_new_cookie() -> Result<()> {
    let stage = stage().await?;
    let tokens = login(&stage, PATIENT).await?;
    let old = text(&tokens["accessToken"]);
    stage.clock.advance(chrono::TimeDelta::minutes(11));
    assert_eq!(post(&stage, "/mfa/setup", Some(old), &json!({})).await?.code()?, "AUTH_STEP_UP");
    let both = json!({ "password": PASSWORD, "code": "123456" });
    assert_eq!(post(&stage, "/reauthenticate", Some(old), &both).await?.status, 400);
    let wrong = post(&stage, "/reauthenticate", Some(old), &json!({ "password": "something else" })).await?;
    assert_eq!((wrong.status, wrong.code()?.as_str()), (401, "AUTH_PASSWORD"));
    let proved = post(&stage, "/reauthenticate", Some(old), &json!({ "password": PASSWORD })).await?.json()?;
    let new = text(&proved["accessToken"]);
    assert_eq!(call(&stage, (Method::GET, "/me"), Some(old), &json!({})).await?.status, 401);
    assert_eq!(post(&stage, "/mfa/setup", Some(new), &json!({})).await?.status, 200);
    let mut browser = Visitor::new(&stage)?;
    browser.password(PATIENT).await?;
    let cookie = browser.cookie(super::SESSION);
    let request = browser.request(Method::POST, "/api/v1/auth/reauthenticate").json(&json!({ "password": PASSWORD }));
    assert_eq!(browser.send(request).await?.status, 204);
    assert!(browser.cookie(super::SESSION) != cookie && browser.inside().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_realm_of_a_challenge_is_its_own() -> Result<()> {
    let stage = stage().await?;
    stage.trial.member(trial::TENANT, ("both@test.fr", PASSWORD), "PATIENT").await?;
    let (_, telephone, _) = enrolled(&stage, "both@test.fr").await?;
    let challenge = login(&stage, "both@test.fr").await?;
    let body = json!({ "challengeToken": challenge["challengeToken"], "code": telephone.code(stage.clock.now()) });
    let elsewhere = reqwest::Client::new().post(format!("{}/physiotraq/api/v1/auth/mfa/verify", stage.url()));
    assert_eq!(elsewhere.json(&body).send().await?.status(), 401);
    assert_eq!(post(&stage, "/mfa/verify", None, &body).await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_the_staff_enrols_before_anything_else_and_keeps_its_last_factor() -> Result<()> {
    let stage = stage().await?;
    let tokens = login(&stage, super::STAFF).await?;
    let token = text(&tokens["accessToken"]);
    let me = call(&stage, (Method::GET, "/me"), Some(token), &json!({})).await?;
    assert_eq!((me.status, me.code()?.as_str()), (403, "AUTH_SECOND_FACTOR_DUE"));
    assert_eq!(post(&stage, "/mfa/recovery-codes", Some(token), &json!({})).await?.code()?, "BIZ_NO_FACTOR");
    let begun = post(&stage, "/mfa/setup", Some(token), &json!({})).await?.json()?;
    let app = super::totp::App::of(text(&begun["secret"]), "", "")?;
    let code = json!({ "code": app.code(stage.clock.now()) });
    let enabled = post(&stage, "/mfa/enable", Some(token), &code).await?.json()?;
    let token = text(&enabled["tokens"]["accessToken"]);
    assert_eq!(call(&stage, (Method::GET, "/me"), Some(token), &json!({})).await?.status, 200);
    let kept = post(&stage, "/mfa/disable", Some(token), &json!({})).await?;
    assert_eq!((kept.status, kept.code()?.as_str()), (409, "BIZ_LAST_FACTOR"));
    let renewed = post(&stage, "/mfa/recovery-codes", Some(token), &json!({})).await?.json()?;
    assert_eq!(renewed["recoveryCodes"].as_array().map(Vec::len), Some(10));
    assert_ne!(renewed["recoveryCodes"], enabled["recoveryCodes"]);
    Ok(())
}
