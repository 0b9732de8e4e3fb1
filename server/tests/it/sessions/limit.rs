//! Three sessions at a time: for a further one the person chooses which one ends, and none ends in silence.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testkit::Stage;
use tokio::task::JoinSet;

use super::{
    ANNA, BERT, Browser, PASSWORD, Pair, Program, SESSION, STEP, Scene, json_of, location, refusal, refused, text_of,
};

const OPEN: &str = "SELECT count(*) FROM socle.sessions WHERE account_id = $1 AND ended_at IS NULL";
const REPLACE: &str = "/auth/sessions/replace";

/// A sign-in that waits for the choice: its challenge.
async fn waiting(program: &Program, email: &str) -> Result<String> {
    let body = json_of(program.login(email).await?, 202).await?;
    ensure!(body["waitsFor"] == "sessionToEnd" && body["expiresIn"] == 300, "{body}");
    Ok(body["challengeToken"].as_str().context("no challenge")?.to_owned())
}

async fn choose(program: &Program, challenge: &str, session: &Value) -> Result<Response> {
    program.post(REPLACE, &json!({ "challengeToken": challenge, "endSessionId": session })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fourth_browser_is_asked_which_session_ends_and_that_one_ends() -> Result<()> {
    let scene = Scene::new().await?;
    let mut three = Vec::new();
    for _ in 0..3 {
        three.push(scene.signed_in(ANNA).await?);
        scene.stage.clock.advance(TimeDelta::seconds(1));
    }
    let mut fourth = scene.browser()?;
    let fields = [("email", ANNA), ("password", PASSWORD), ("next", "/trial/app?x=1")];
    let answer = fourth.post("/sign_in", &fields).await?;
    assert_eq!(location(&answer), "/trial/sign_in/sessions?next=%2Ftrial%2Fapp%3Fx%3D1");
    assert!(fourth.cookie(SESSION).is_empty(), "it got a session");
    // What waits opens nothing, and nothing has ended.
    assert!(!fourth.is_in().await?);
    assert_eq!(location(&fourth.get("/app").await?), "/trial/sign_in?next=%2Ftrial%2Fapp");
    assert_eq!(scene.figure(OPEN, scene.anna).await?, 3);

    let page = text_of(fourth.get("/sign_in/sessions?next=%2Ftrial%2Fapp%3Fx%3D1").await?, 200).await?;
    assert_eq!(page.matches("name=\"session\"").count(), 3, "{page}");
    assert!(page.contains("3 sessions sont déjà ouvertes") && page.contains("Firefox sur Windows"), "{page}");
    let second = three[1].sessions().await?;
    let second = second.iter().find(|session| session["current"] == true).context("none")?["id"].clone();
    let fields = [("session", second.as_str().context("no id")?), ("next", "/trial/app?x=1")];
    let answer = fourth.post("/sign_in/sessions", &fields).await?;
    assert_eq!(location(&answer), "/trial/app?x=1");
    assert!(fourth.is_in().await? && fourth.cookie(STEP).is_empty());
    let mut live = Vec::new();
    for browser in &mut three {
        live.push(browser.is_in().await?);
    }
    assert_eq!(live, [true, false, true]);
    assert_eq!(scene.figure(OPEN, scene.anna).await?, 3);
    // Going back and sending it again begins a new sign-in, and ends nothing.
    assert!(location(&fourth.left().post("/sign_in/sessions", &fields).await?).starts_with("/trial/sign_in?next="));
    assert_eq!(scene.figure(OPEN, scene.anna).await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn families_of_refresh_tokens_count_and_programs_choose_too() -> Result<()> {
    let scene = Scene::new().await?;
    let (program, mut browser) = (scene.program(), scene.signed_in(ANNA).await?);
    let (first, second) = (program.sign_in(ANNA).await?, program.sign_in(ANNA).await?);
    let challenge = waiting(&program, ANNA).await?;
    let list = json_of(program.call(Method::GET, REPLACE, &challenge).await?, 200).await?;
    let kinds: Vec<&Value> = list["data"].as_array().context("no data")?.iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "api").count(), 2, "{list}");
    let family = list["data"].as_array().context("no data")?.iter().find(|row| row["kind"] == "api").context("none")?;
    let pair = Pair::of(&json_of(choose(&program, &challenge, &family["id"]).await?, 200).await?)?;
    assert!(program.is_in(&pair.access).await? && browser.is_in().await?);
    let mut lives = Vec::new();
    for old in [&first, &second] {
        lives.push((program.is_in(&old.access).await?, program.refresh(&old.refresh).await?.status() == 200));
    }
    lives.sort_unstable();
    assert_eq!(lives, [(false, false), (true, true)], "exactly the chosen family ends");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_leaves_room_by_itself() -> Result<()> {
    let scene = Scene::new().await?;
    for _ in 0..3 {
        scene.signed_in(ANNA).await?;
    }
    // Idle browsers are no sessions any more.
    scene.stage.clock.advance(TimeDelta::hours(12));
    let mut browser = scene.signed_in(ANNA).await?;
    assert_eq!(browser.sessions().await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_own_session_can_be_chosen() -> Result<()> {
    let scene = Scene::new().await?;
    let (program, mut bert) = (scene.program(), scene.signed_in(BERT).await?);
    for _ in 0..3 {
        program.sign_in(ANNA).await?;
    }
    let challenge = waiting(&program, ANNA).await?;
    let berts = bert.sessions().await?[0]["id"].clone();
    for foreign in [berts, json!("019500a0-0000-7000-8000-000000000001")] {
        let answer = choose(&program, &challenge, &foreign).await?;
        assert_eq!(refusal(answer).await?, refused(404, "BIZ_NOT_FOUND"));
    }
    assert!(bert.is_in().await?);
    assert_eq!(scene.figure(OPEN, scene.anna).await?, 3, "a session ended, or was opened");
    // The question is still open.
    let list = json_of(program.call(Method::GET, REPLACE, &challenge).await?, 200).await?;
    assert_eq!(choose(&program, &challenge, &list["data"][0]["id"]).await?.status(), 200);
    for body in
        [json!({}), json!({ "challengeToken": challenge }), json!({ "endSessionId": "x", "challengeToken": "y" })]
    {
        assert_eq!(program.post(REPLACE, &body).await?.status(), 400, "{body}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_question_is_open_for_five_minutes_and_is_answered_once() -> Result<()> {
    let scene = Scene::new().await?;
    let program = scene.program();
    for _ in 0..3 {
        program.sign_in(ANNA).await?;
    }
    for (seconds, status) in [(299, 200), (300, 401)] {
        let challenge = waiting(&program, ANNA).await?;
        let list = json_of(program.call(Method::GET, REPLACE, &challenge).await?, 200).await?;
        scene.stage.clock.advance(TimeDelta::seconds(seconds));
        let session = &list["data"][0]["id"];
        assert_eq!(choose(&program, &challenge, session).await?.status(), status, "after {seconds} s");
        let again = choose(&program, &challenge, session).await?;
        assert_eq!(refusal(again).await?, refused(401, "AUTH_CHALLENGE"));
    }
    assert_eq!(refusal(program.call(Method::GET, REPLACE, "x").await?).await?, refused(401, "AUTH_CHALLENGE"));
    let mut late = scene.browser()?;
    assert!(location(&late.get("/sign_in/sessions?next=%2F").await?).starts_with("/trial/sign_in?next="));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_answers_at_once_one_enters_and_of_two_sign_ins_for_the_last_place_too() -> Result<()> {
    let scene = Scene::new().await?;
    let program = scene.program();
    for _ in 0..2 {
        program.sign_in(ANNA).await?;
    }
    let mut at_once = JoinSet::new();
    for _ in 0..4 {
        let program = program.clone();
        at_once.spawn(async move { Ok::<_, anyhow::Error>(program.login(ANNA).await?.status().as_u16()) });
    }
    let mut statuses: Vec<u16> = at_once.join_all().await.into_iter().collect::<Result<_>>()?;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 202, 202, 202]);
    assert_eq!(scene.figure(OPEN, scene.anna).await?, 3);

    let challenge = waiting(&program, ANNA).await?;
    let list = json_of(program.call(Method::GET, REPLACE, &challenge).await?, 200).await?;
    let mut at_once = JoinSet::new();
    for place in 0..3 {
        let (program, challenge, session) = (program.clone(), challenge.clone(), list["data"][place]["id"].clone());
        at_once.spawn(async move {
            Ok::<_, anyhow::Error>(choose(&program, &challenge, &session).await?.status().as_u16())
        });
    }
    let mut statuses: Vec<u16> = at_once.join_all().await.into_iter().collect::<Result<_>>()?;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401]);
    assert_eq!(scene.figure(OPEN, scene.anna).await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_realm_without_the_rule_lets_everybody_in() -> Result<()> {
    let stage = Stage::new().await?;
    stage.licence().await?;
    for _ in 0..5 {
        stage.sign_in("operator1@test.fr").await?;
    }
    let mut browser = Browser::new(&stage)?;
    browser.base = format!("{}/physiotraq", stage.url());
    let fields = [("email", "operator1@test.fr"), ("password", "une phrase de passe pour les tests")];
    assert_eq!(location(&browser.post("/sign_in", &fields).await?), "/physiotraq/app");
    assert_eq!(browser.sessions().await?.len(), 7);
    Ok(())
}
