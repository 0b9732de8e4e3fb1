//! Proving once more who one is: when it is asked for, the way back, and how many tries there are.

use anyhow::Result;
use chrono::TimeDelta;

use super::{PATIENT, SESSION, Visitor, enrolled, events, stage};
use testkit::PASSWORD;

const LATER: TimeDelta = TimeDelta::minutes(11);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensitive_page_asks_for_the_password_and_leads_back() -> Result<()> {
    let stage = stage().await?;
    let mut patient = Visitor::new(&stage)?;
    patient.password(PATIENT).await?;
    stage.clock.advance(LATER);
    let asked = patient.get("/account/factors/app").await?;
    assert_eq!(
        (asked.status, asked.location.as_str()),
        (303, "/trial/reauthenticate?next=%2Ftrial%2Faccount%2Ffactors%2Fapp")
    );
    let page = patient.get("/reauthenticate?next=%2Ftrial%2Faccount%2Ffactors").await?;
    assert!(page.status == 200 && page.body.contains("name=\"password\"") && !page.body.contains("name=\"code\""));
    let before = patient.cookie(SESSION);
    for (next, landing) in [
        ("/trial/account/factors", "/trial/account/factors"),
        ("https://evil.example/trial/", "/trial/app"),
        ("//evil.example/trial/app", "/trial/app"),
        ("/platform/jobs", "/trial/app"),
    ] {
        let proved = patient.post("/reauthenticate", &[("password", PASSWORD), ("next", next)]).await?;
        assert_eq!((proved.status, proved.location.as_str()), (303, landing), "{next}");
    }
    assert!(patient.cookie(SESSION) != before, "a new id");
    assert_eq!(patient.post("/account/factors/app", &[]).await?.location, "/trial/account/factors/app");
    patient.cookies.insert(SESSION.to_owned(), before);
    assert!(!patient.inside().await?, "the old id lives on");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_leads_back_to_its_own_page_and_to_no_other_host() -> Result<()> {
    let stage = stage().await?;
    let mut patient = Visitor::new(&stage)?;
    patient.password(PATIENT).await?;
    stage.clock.advance(LATER);
    let back = |next: &str| format!("/trial/reauthenticate?next={next}");
    for (host, page, next) in [
        ("clinic.test", "/trial/account/factors?a=b", "%2Ftrial%2Faccount%2Ffactors%3Fa%3Db"),
        ("evil.example", "/trial/account/factors", ""),
        ("clinic.test.evil.example", "/trial/account/factors", ""),
    ] {
        let asked = patient.post_from("/account/factors/app", (host, page)).await?;
        assert_eq!((asked.status, asked.location), (303, back(next)), "{host}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_second_factor_is_asked_for_it() -> Result<()> {
    let stage = stage().await?;
    let (mut patient, telephone, _) = enrolled(&stage, PATIENT).await?;
    stage.clock.advance(LATER);
    let removed = patient.post("/account/factors/app/remove", &[]).await?;
    assert!(removed.status == 303 && removed.location.starts_with("/trial/reauthenticate"), "{}", removed.location);
    let page = patient.get("/reauthenticate").await?.body;
    assert!(page.contains("name=\"code\"") && page.contains("name=\"recovery_code\""), "{page}");
    assert!(!page.contains("name=\"password\""));
    let refused = patient.post("/reauthenticate", &[("password", PASSWORD)]).await?;
    assert_eq!(refused.status, 400, "the password is no answer");
    let code = telephone.code(stage.clock.now());
    assert_eq!(patient.post("/reauthenticate", &[("code", &code)]).await?.status, 303);
    let removed = patient.post("/account/factors/app/remove", &[]).await?;
    assert_eq!(removed.location, "/trial/account/factors?notice=factor-removed");
    // Without a factor the password is what is asked for again.
    stage.clock.advance(LATER);
    assert!(patient.get("/reauthenticate").await?.body.contains("name=\"password\""));
    patient.post("/reauthenticate", &[("password", PASSWORD)]).await?;
    assert_eq!(patient.post("/account/factors/app", &[]).await?.location, "/trial/account/factors/app");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_no_second_factor_where_one_is_wanted() -> Result<()> {
    let stage = stage().await?;
    let (mut patient, _, _) = enrolled(&stage, PATIENT).await?;
    stage.clock.advance(LATER);
    let body = serde_json::json!({ "password": PASSWORD });
    let request = patient.request(reqwest::Method::POST, "/api/v1/auth/reauthenticate").json(&body);
    assert_eq!(patient.send(request).await?.status, 204);
    let removed = patient.post("/account/factors/app/remove", &[]).await?;
    assert!(removed.location.starts_with("/trial/reauthenticate"), "{}", removed.location);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fifth_wrong_answer_ends_the_session_also_under_many_at_once() -> Result<()> {
    let stage = stage().await?;
    let mut patient = Visitor::new(&stage)?;
    patient.password(PATIENT).await?;
    for attempt in 1..=4 {
        let refused = patient.post("/reauthenticate", &[("password", "wrong")]).await?;
        assert!(refused.status == 401 && refused.body.contains("id=\"password-error\""), "{attempt}");
        assert!(patient.inside().await?, "{attempt}");
    }
    let fifth = patient.post("/reauthenticate", &[("password", "wrong")]).await?;
    assert!(fifth.status == 401 && fifth.body.contains("id=\"sign-in-error\""), "{}", fifth.body);
    assert_eq!(patient.cookie(SESSION), "");
    assert_eq!(events(&stage, "STEP_UP_FAILED").await?, 5);

    let mut patient = Visitor::new(&stage)?;
    patient.password(PATIENT).await?;
    let guesses = (0..12).map(|_| {
        let mut twin = patient.twin();
        tokio::spawn(async move { twin.post("/reauthenticate", &[("password", "wrong")]).await })
    });
    for guess in guesses.collect::<Vec<_>>() {
        // Later ones find the session ended: at the gate, or behind it.
        assert!([401, 303].contains(&guess.await??.status));
    }
    assert!(!patient.inside().await?);
    assert_eq!(events(&stage, "STEP_UP_FAILED").await?, 10, "no more than five were looked at");
    Ok(())
}
