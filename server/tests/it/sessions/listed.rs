//! The list of one's own sessions, and what ends them.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use super::{ANNA, BERT, IPHONE, SESSION, Scene, json_of, location, refusal, refused, text_of};

const NOBODYS: &str = "/me/sessions/019500a0-0000-7000-8000-000000000001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_sees_and_ends_nothing() -> Result<()> {
    let scene = Scene::new().await?;
    let mut stranger = scene.browser()?;
    for path in ["/account", "/account/sessions", "/account/devices"] {
        assert!(location(&stranger.get(path).await?).starts_with("/trial/sign_in?next="), "{path}");
    }
    for (method, path) in [
        (Method::GET, "/me/sessions"),
        (Method::DELETE, "/me/sessions"),
        (Method::DELETE, NOBODYS),
        (Method::GET, "/me/known_devices"),
        (Method::DELETE, "/me/known_devices/019500a0-0000-7000-8000-000000000001"),
    ] {
        let answer = stranger.call(method.clone(), path).await?;
        assert_eq!(refusal(answer).await?, refused(401, "AUTH_REQUIRED"), "{method} {path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_says_device_place_and_times_of_the_own_sessions_and_marks_the_one_that_asks() -> Result<()> {
    let scene = Scene::new().await?;
    let begun = scene.stage.clock.now();
    let mut office = scene.signed_in(ANNA).await?;
    let mut phone = scene.browser()?.called(IPHONE);
    phone.sign_in(ANNA).await?;
    scene.signed_in(BERT).await?;
    scene.stage.clock.advance(TimeDelta::minutes(6));
    let sessions = office.sessions().await?;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let here = sessions.iter().find(|session| session["current"] == true).context("none is marked")?;
    let there = sessions.iter().find(|session| session["current"] == false).context("all are marked")?;
    assert_eq!((&here["device"], &there["device"]), (&json!("Firefox sur Windows"), &json!("Safari sur iPhone")));
    assert_eq!((&here["kind"], &here["ipAddress"]), (&json!("browser"), &json!("127.0.0.1")));
    assert_eq!((&here["createdAt"], &there["lastSeenAt"]), (&json!(begun), &json!(begun)));
    assert_eq!(here["lastSeenAt"], json!(scene.stage.clock.now()), "this very request is a use");
    assert_eq!(here["expiresAt"], json!(begun + TimeDelta::days(7)));

    let page = office.get("/account/sessions").await?;
    assert_eq!(page.headers()["cache-control"], "no-store");
    let page = text_of(page, 200).await?;
    for said in ["Firefox sur Windows", "Safari sur iPhone", "127.0.0.1", "(Europe/Paris)"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert_eq!(page.matches("Cette session<").count(), 1);
    assert_eq!(page.matches("/end\"").count(), 1, "only the other one is offered to be ended");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_ended_is_refused_on_its_next_request_and_no_other() -> Result<()> {
    let scene = Scene::new().await?;
    let (mut here, mut there) = (scene.signed_in(ANNA).await?, scene.signed_in(ANNA).await?);
    let pair = scene.program().sign_in(ANNA).await?;
    for session in here.sessions().await?.iter().filter(|session| session["current"] == false) {
        let id = session["id"].as_str().context("no id")?;
        if session["kind"] == "browser" {
            let answer = here.post(&format!("/account/sessions/{id}/end"), &[]).await?;
            assert_eq!(location(&answer), "/trial/account/sessions?notice=session-ended");
        } else {
            assert_eq!(here.call(Method::DELETE, &format!("/me/sessions/{id}")).await?.status(), 204);
        }
        // It is gone: a second end finds nothing.
        let again = here.call(Method::DELETE, &format!("/me/sessions/{id}")).await?;
        assert_eq!(refusal(again).await?, refused(404, "BIZ_NOT_FOUND"));
    }
    assert!(here.is_in().await? && !there.is_in().await? && !scene.program().is_in(&pair.access).await?);
    let answer = scene.program().refresh(&pair.refresh).await?;
    assert_eq!(refusal(answer).await?, refused(401, "AUTH_REFRESH"));
    let ended = "SELECT count(*) FROM socle.audit_log WHERE actor_id = $1 AND action = 'session.ended'";
    assert_eq!(scene.figure(ended, scene.anna).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_session_is_not_there() -> Result<()> {
    let scene = Scene::new().await?;
    let (mut anna, mut bert) = (scene.signed_in(ANNA).await?, scene.signed_in(BERT).await?);
    let berts = bert.sessions().await?[0]["id"].as_str().context("no id")?.to_owned();
    let answer = anna.call(Method::DELETE, &format!("/me/sessions/{berts}")).await?;
    assert_eq!(refusal(answer).await?, refused(404, "BIZ_NOT_FOUND"));
    assert_eq!(anna.post(&format!("/account/sessions/{berts}/end"), &[]).await?.status(), 404);
    assert_eq!(refusal(anna.call(Method::DELETE, NOBODYS).await?).await?, refused(404, "BIZ_NOT_FOUND"));
    assert_eq!(anna.call(Method::DELETE, "/me/sessions").await?.status(), 204);
    assert!(bert.is_in().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_others_end_and_the_one_that_asks_stays() -> Result<()> {
    let scene = Scene::new().await?;
    let (mut here, mut there) = (scene.signed_in(ANNA).await?, scene.signed_in(ANNA).await?);
    let pair = scene.program().sign_in(ANNA).await?;
    let answer = here.post("/account/sessions/end_others", &[]).await?;
    assert_eq!(location(&answer), "/trial/account/sessions?notice=sessions-ended");
    assert!(here.is_in().await? && !there.is_in().await? && !scene.program().is_in(&pair.access).await?);
    let page = text_of(here.get("/account/sessions?notice=sessions-ended").await?, 200).await?;
    assert!(page.contains("Toutes les autres sessions sont terminées.") && !page.contains("end_others"), "{page}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_another_wants_a_proof_of_the_last_ten_minutes_and_signing_out_does_not() -> Result<()> {
    let scene = Scene::new().await?;
    let (mut here, mut there) = (scene.signed_in(ANNA).await?, scene.signed_in(ANNA).await?);
    scene.stage.clock.advance(TimeDelta::minutes(10));
    let ids = here.sessions().await?;
    let id = |current: bool| {
        let found = ids.iter().find(|session| session["current"] == current);
        format!("/me/sessions/{}", found.unwrap()["id"].as_str().unwrap())
    };
    assert_eq!(here.call(Method::DELETE, "/me/sessions").await?.status(), 204, "ten minutes are not over yet");
    assert!(!there.is_in().await?);
    there.sign_in(ANNA).await?;
    scene.stage.clock.advance(TimeDelta::seconds(1));
    for path in ["/me/sessions".to_owned(), id(false)] {
        let answer = here.call(Method::DELETE, &path).await?;
        assert_eq!(refusal(answer).await?, refused(403, "AUTH_STEP_UP"), "{path}");
    }
    assert!(there.is_in().await?);
    let answer = here.call(Method::DELETE, &id(true)).await?;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["clear-site-data"]),
        (204, &"\"cache\", \"storage\"".parse()?)
    );
    assert!(here.cookie(SESSION).is_empty(), "the cookie stays in the browser");
    assert!(!here.is_in().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_leaves_nothing_in_the_browser_on_the_page_and_by_json() -> Result<()> {
    let scene = Scene::new().await?;
    let mut by_page = scene.signed_in(ANNA).await?;
    let mut by_json = scene.signed_in(ANNA).await?;
    let page = by_page.post("/sign_out", &[]).await?;
    let json = by_json.call(Method::POST, "/auth/logout").await?;
    assert_eq!((page.status().as_u16(), json.status().as_u16()), (303, 204));
    for (answer, browser) in [(page, &mut by_page), (json, &mut by_json)] {
        assert_eq!(answer.headers()["clear-site-data"], "\"cache\", \"storage\"");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert!(browser.cookie(SESSION).is_empty() && !browser.is_in().await?);
        assert!(browser.device().is_some(), "the device stays known");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_owes_a_second_factor_may_still_look_after_their_sessions_and_sign_out() -> Result<()> {
    let scene = Scene::new().await?;
    scene.change("UPDATE socle.memberships SET role = 'OPS' WHERE account_id = $1", scene.anna).await?;
    let mut browser = scene.signed_in(ANNA).await?;
    assert_eq!(location(&browser.get("/app").await?), "/trial/account/factors");
    assert_eq!(browser.sessions().await?.len(), 1);
    let pair = scene.program().sign_in(ANNA).await?;
    let list = json_of(scene.program().call(Method::GET, "/me/sessions", &pair.access).await?, 200).await?;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(scene.program().call(Method::POST, "/auth/logout", &pair.access).await?.status(), 204);
    assert!(!scene.program().is_in(&pair.access).await?);
    Ok(())
}
