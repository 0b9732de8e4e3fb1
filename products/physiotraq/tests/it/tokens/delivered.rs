//! Tokens delivered as cookies: no script sees them, pages and API take them, and no other site makes use of them.

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::Response;
use serde_json::{Value, json};
use testkit::Stage;

use super::{HOME, OPERATOR, PASSWORD, no, scene};
use crate::answers;
use crate::cookies::{self, Browser};

const ACCESS: &str = "__Host-physiotraq-access";
const REFRESH: &str = "__Host-physiotraq-refresh";
const AUTH: &str = "/physiotraq/api/v1/auth";
const ME: &str = "/physiotraq/api/v1/auth/me";

/// The cookies of an answer, as a browser sends them back: access, refresh.
fn delivered(answer: &Response) -> Result<[String; 2]> {
    Ok([cookies::kept(answer, ACCESS)?, cookies::kept(answer, REFRESH)?])
}

/// Signs in and asks for cookies, in a browser that has these already.
async fn sign_in(stage: &Stage, browser: &str) -> Result<Response> {
    let body = json!({ "email": OPERATOR, "password": PASSWORD, "delivery": "cookies" });
    Browser::with(stage, browser)?.send(&format!("{AUTH}/login"), &body, None).await
}

/// A browser with both cookies.
fn browser(stage: &Stage, [access, refresh]: &[String; 2]) -> Result<Browser> {
    Browser::with(stage, &format!("{access}; {refresh}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_are_out_of_reach_of_scripts_and_the_body_holds_no_token() -> Result<()> {
    let (stage, licence, api) = scene().await?;
    let answer = sign_in(&stage, "").await?;
    let lines = cookies::lines(&answer);
    // The two, and the end of a browser session that may have been somebody else's.
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("__Host-physiotraq=;") && line.contains("Max-Age=0")),
        "{lines:?}"
    );
    for (name, seconds) in [(ACCESS, 900), (REFRESH, 604_800)] {
        let line = lines.iter().find(|line| line.starts_with(&format!("{name}="))).unwrap();
        let age = format!("; Max-Age={seconds}");
        for flag in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", age.as_str()] {
            assert!(line.contains(flag), "{flag} is missing in {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    let tokens = delivered(&answer)?;
    let body = answers::json(answer, 200).await?;
    let nothing = json!({ "accessToken": null, "refreshToken": null, "tokenType": "Cookie", "expiresIn": 900 });
    assert_eq!(body, nothing);
    let access = Browser::with(&stage, &tokens[0])?;
    let home = answers::text(access.get(HOME).await?, 200).await?;
    assert!(home.contains("Paul Essai"), "{home}");
    let me = answers::json(access.get(ME).await?, 200).await?;
    assert_eq!(me["accountId"], json!(licence.operator.account));
    assert_eq!(Browser::with(&stage, &tokens[1])?.get(ME).await?.status(), 401, "the refresh token opens the API");
    // Without being asked for, nothing is put into cookies.
    let asked = api.post("/auth/login", &json!({ "email": OPERATOR, "password": PASSWORD })).await?;
    assert!(cookies::lines(&asked).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_changes_nothing_with_them() -> Result<()> {
    let (stage, _licence, _api) = scene().await?;
    let tokens = delivered(&sign_in(&stage, "").await?)?;
    let browser = browser(&stage, &tokens)?;
    for origin in ["https://evil.example", "null", "http://127.0.0.1"] {
        for path in ["/physiotraq/api/v1/auth/logout", "/physiotraq/api/v1/auth/refresh", "/physiotraq/sign_out"] {
            let answer = browser.send(path, &json!({}), Some(origin)).await?;
            assert!(cookies::lines(&answer).is_empty(), "{path} from {origin}");
            assert_eq!(answers::refusal(answer).await?, (403, "AUTHZ_ORIGIN".to_owned()), "{path} from {origin}");
        }
    }
    assert_eq!(browser.get(ME).await?.status(), 200);
    let own = stage.url();
    let answer = browser.send(&format!("{AUTH}/refresh"), &json!({}), Some(&own)).await?;
    assert_eq!(answer.status(), 200, "the site itself is refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_by_cookie_answers_with_cookies() -> Result<()> {
    let (stage, _licence, _api) = scene().await?;
    let refresh = format!("{AUTH}/refresh");
    let first = delivered(&sign_in(&stage, "").await?)?;
    stage.clock.advance(TimeDelta::minutes(15));
    assert_eq!(browser(&stage, &first)?.get(ME).await?.status(), 401);
    let answer = browser(&stage, &first)?.send(&refresh, &json!({}), None).await?;
    let second = delivered(&answer)?;
    assert_eq!(answers::json(answer, 200).await?["refreshToken"], Value::Null);
    assert!(second[0] != first[0] && second[1] != first[1]);
    assert_eq!(browser(&stage, &second)?.get(ME).await?.status(), 200);
    let nothing = Browser::with(&stage, &second[0])?.send(&refresh, &json!({}), None).await?;
    assert_eq!(answers::refusal(nothing).await?, no("AUTH_REFRESH"), "there is no refresh token");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_cookie_used_again_ends_the_session_although_the_access_cookie_is_still_good() -> Result<()> {
    let (stage, _licence, _api) = scene().await?;
    let refresh = format!("{AUTH}/refresh");
    let first = delivered(&sign_in(&stage, "").await?)?;
    let second = delivered(&browser(&stage, &first)?.send(&refresh, &json!({}), None).await?)?;
    let third = delivered(&browser(&stage, &second)?.send(&refresh, &json!({}), None).await?)?;
    let thief = browser(&stage, &[third[0].clone(), first[1].clone()])?;
    let answer = thief.send(&refresh, &json!({}), None).await?;
    assert_eq!(answers::refusal(answer).await?, no("AUTH_REFRESH_REUSED"));
    assert_eq!(browser(&stage, &third)?.get(ME).await?.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_takes_the_cookies_back_and_ends_the_session() -> Result<()> {
    let (stage, licence, _api) = scene().await?;
    let tokens = delivered(&sign_in(&stage, "").await?)?;
    let signed_in = browser(&stage, &tokens)?;
    let answer = signed_in.send(&format!("{AUTH}/logout"), &json!({}), None).await?;
    assert_eq!(answer.status(), 204);
    let lines = cookies::lines(&answer);
    for name in [ACCESS, REFRESH] {
        let begin = format!("{name}=;");
        assert!(lines.iter().any(|line| line.starts_with(&begin) && line.contains("; Max-Age=0")), "{name}: {lines:?}");
    }
    assert_eq!(signed_in.get(ME).await?.status(), 401);
    assert_eq!(licence.operator.get(HOME).await?.status(), 200, "the browser's session was ended");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_on_a_page_is_let_in_again_by_the_form() -> Result<()> {
    let (stage, _licence, _api) = scene().await?;
    let tokens = delivered(&sign_in(&stage, "").await?)?;
    let left = browser(&stage, &tokens)?.post("/physiotraq/sign_out", &[]).await?;
    assert_eq!(left.status(), 303);
    // What stays in the browser: what the answer did not take back.
    let lines = cookies::lines(&left);
    let taken = |token: &&String| lines.iter().any(|line| token.split('=').next() == line.split('=').next());
    let stays: Vec<&str> = tokens.iter().filter(|token| !taken(token)).map(String::as_str).collect();
    let fields = [("email", OPERATOR), ("password", PASSWORD)];
    let back = Browser::with(&stage, &stays.join("; "))?.post("/physiotraq/sign_in", &fields).await?;
    assert_eq!(back.status(), 303);
    let session = cookies::kept(&back, cookies::SESSION)?;
    let all = [stays, vec![session.as_str()]].concat().join("; ");
    assert_eq!(Browser::with(&stage, &all)?.get(HOME).await?.status(), 200, "led to the sign-in again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_again_over_cookies_that_are_still_good_works() -> Result<()> {
    let (stage, _licence, _api) = scene().await?;
    let first = delivered(&sign_in(&stage, "").await?)?;
    let answer = sign_in(&stage, &first.join("; ")).await?;
    let second = delivered(&answer)?;
    assert_eq!(answer.status(), 200);
    assert_eq!(browser(&stage, &second)?.get(ME).await?.status(), 200);
    Ok(())
}
