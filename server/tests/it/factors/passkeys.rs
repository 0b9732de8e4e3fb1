//! Passkeys: registered, a second factor, a sign-in of their own; copies, strangers' and stale signatures are refused.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use socle::clock::Clock;
use socle::privacy::retention;
use socle::web::Product;
use testkit::{PASSWORD, Stage, start_of_tests, trial};

use super::authenticator::Authenticator;
use super::{Answer, PATIENT, SESSION, STAFF, Visitor, codes_of, events, stage};

const HERE: &str = "https://clinic.test";

/// Registers a key for somebody who has just signed in.
async fn register(visitor: &mut Visitor, key: &mut Authenticator, name: &str) -> Result<Answer> {
    let options = visitor.ask("/account/factors/passkeys/options").await?.json()?;
    let credential = key.create(&options).to_string();
    visitor.post("/account/factors/passkeys", &[("name", name), ("credential", &credential)]).await
}

/// Somebody with a passkey and no other factor.
async fn owner(stage: &Stage, email: &str) -> Result<(Visitor, Authenticator)> {
    let (mut visitor, mut key) = (Visitor::new(stage)?, Authenticator::at(HERE));
    visitor.password(email).await?;
    let shown = register(&mut visitor, &mut key, "Key ring").await?;
    ensure!(shown.status == 200 && codes_of(&shown.body).len() == 10, "{} {}", shown.status, shown.body);
    Ok((visitor, key))
}

/// The second step by a key.
async fn second_step(visitor: &mut Visitor, key: &mut Authenticator) -> Result<Answer> {
    let options = visitor.ask("/sign_in/second_factor/options").await?.json()?;
    let credential = key.get(&options).to_string();
    visitor.post("/sign_in/second_factor", &[("credential", &credential)]).await
}

/// A sign-in by the key alone.
async fn alone(visitor: &mut Visitor, key: &mut Authenticator) -> Result<Answer> {
    let options = visitor.ask("/sign_in/passkey/options").await?.json()?;
    let (credential, challenge) =
        (key.get(&options).to_string(), options["challengeToken"].as_str().unwrap_or_default());
    visitor.post("/sign_in/passkey", &[("credential", &credential), ("challenge", challenge)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_registered_and_is_a_second_factor() -> Result<()> {
    let stage = stage().await?;
    let (mut visitor, mut key) = owner(&stage, PATIENT).await?;
    let page = visitor.get("/account/factors").await?.body;
    assert!(page.contains("<strong>Key ring</strong>") && page.contains("<noscript>"), "{page}");
    assert!(page.contains("data-passkey-options=\"/trial/account/factors/passkeys/options\""), "{page}");
    let mut again = Visitor::new(&stage)?;
    let asked = again.password(PATIENT).await?;
    assert!(asked.location.starts_with("/trial/sign_in/second_factor"), "{}", asked.location);
    let page = again.get("/sign_in/second_factor").await?.body;
    assert!(page.contains("data-passkey=\"get\"") && page.contains("<noscript>") && !page.contains("name=\"code\""));
    assert_eq!(second_step(&mut again, &mut key).await?.location, "/trial/app");
    assert!(again.inside().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_alone_is_password_and_second_factor() -> Result<()> {
    let stage = stage().await?;
    let (_, mut key) = owner(&stage, STAFF).await?;
    let mut visitor = Visitor::new(&stage)?;
    let inside = alone(&mut visitor, &mut key).await?;
    assert_eq!((inside.status, inside.location.as_str()), (303, "/trial/app"));
    assert_eq!(visitor.get("/app").await?.status, 200, "staff are let in");
    // Again from this browser, which is known by now.
    let mut admin = stage.database.admin().await?;
    let mut known = async || sqlx::query_scalar("SELECT count(*) FROM socle.known_devices").fetch_one(&mut admin).await;
    let before: i64 = known().await?;
    assert_eq!(alone(&mut visitor, &mut key).await?.location, "/trial/app");
    assert_eq!(known().await?, before);
    // What wants the second factor lately is open at once.
    assert_eq!(visitor.post("/account/factors/app", &[]).await?.location, "/trial/account/factors/app");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_good_once_and_only_for_what_asked_for_it() -> Result<()> {
    let stage = stage().await?;
    let (mut session, mut key) = owner(&stage, PATIENT).await?;
    let mut visitor = Visitor::new(&stage)?;
    let options = visitor.ask("/sign_in/passkey/options").await?.json()?;
    let (credential, challenge) =
        (key.get(&options).to_string(), options["challengeToken"].as_str().unwrap_or_default());
    let fields = [("credential", credential.as_str()), ("challenge", challenge)];
    assert_eq!(visitor.post("/sign_in/passkey", &fields).await?.status, 303);
    let mut thief = Visitor::new(&stage)?;
    let replayed = thief.post("/sign_in/passkey", &fields).await?;
    assert!(replayed.status == 401 && replayed.body.contains("id=\"sign-in-error\""), "{}", replayed.status);
    // A signature for a session's step-up is none for a sign-in, though both are asked of the same key.
    thief.password(PATIENT).await?;
    let for_session = key.get(&session.ask("/reauthenticate/options").await?.json()?).to_string();
    assert_eq!(thief.post("/sign_in/second_factor", &[("credential", &for_session)]).await?.status, 401);
    let options = session.ask("/reauthenticate/options").await?.json()?;
    let fresh = key.get(&options).to_string();
    assert_eq!(session.post("/reauthenticate", &[("credential", &fresh)]).await?.status, 303);
    assert_eq!(session.post("/reauthenticate", &[("credential", &fresh)]).await?.status, 401, "it was used");
    // And one that came too late.
    let options = thief.ask("/sign_in/passkey/options").await?.json()?;
    stage.clock.advance(TimeDelta::minutes(5));
    let late = [
        ("credential", key.get(&options).to_string()),
        ("challenge", options["challengeToken"].as_str().unwrap().into()),
    ];
    let late: Vec<(&str, &str)> = late.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(thief.post("/sign_in/passkey", &late).await?.status, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_falls_behind_is_refused_and_told() -> Result<()> {
    let stage = stage().await?;
    let (_, mut key) = owner(&stage, PATIENT).await?;
    let mut copy = key.copy();
    for _ in 0..2 {
        assert_eq!(alone(&mut Visitor::new(&stage)?, &mut key).await?.status, 303);
    }
    // The copy has signed less often than the key.
    assert_eq!(alone(&mut Visitor::new(&stage)?, &mut copy).await?.status, 401);
    assert_eq!(events(&stage, "PASSKEY_COPIED").await?, 1);
    let mut visitor = Visitor::new(&stage)?;
    visitor.password(PATIENT).await?;
    assert_eq!(second_step(&mut visitor, &mut copy).await?.status, 401, "as the second step either");
    assert_eq!((events(&stage, "PASSKEY_COPIED").await?, visitor.cookie(SESSION)), (2, String::new()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_accounts_key_another_origin_and_an_unverified_owner_are_refused() -> Result<()> {
    let stage = stage().await?;
    let (_, own) = owner(&stage, PATIENT).await?;
    let (mut staff, mut others) = owner(&stage, STAFF).await?;
    let mut visitor = Visitor::new(&stage)?;
    visitor.password(PATIENT).await?;
    assert_eq!(second_step(&mut visitor, &mut others).await?.status, 401, "another account's key");
    let mut disguised = others.copy();
    disguised.user = own.user.clone();
    assert_eq!(alone(&mut Visitor::new(&stage)?, &mut disguised).await?.status, 401, "under another's name");
    let mut unknown = Authenticator::at(HERE);
    unknown.user = own.user.clone();
    assert_eq!(alone(&mut Visitor::new(&stage)?, &mut unknown).await?.status, 401, "a key that was never registered");
    let mut lazy = own.copy();
    lazy.verifies = false;
    assert_eq!(alone(&mut Visitor::new(&stage)?, &mut lazy).await?.status, 401, "who held it was not verified");
    let mut elsewhere = Authenticator::at("https://clinic.test.evil.example");
    assert_eq!(register(&mut staff, &mut elsewhere, "Phish").await?.status, 400, "another origin");
    // One key is of one account: somebody else cannot register it.
    let mut patient = Visitor::new(&stage)?;
    let mut key = own.copy();
    key.count = 7;
    assert_eq!(alone(&mut patient, &mut key).await?.status, 303);
    let taken = register(&mut patient, &mut others, "Not mine").await?;
    assert!(taken.status == 409 && taken.body.contains("id=\"name-error\""), "{}", taken.status);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_checked_and_another_account_removes_nothing() -> Result<()> {
    let stage = stage().await?;
    let (mut patient, mut first) = owner(&stage, PATIENT).await?;
    let (mut staff, _) = owner(&stage, STAFF).await?;
    let mut second = Authenticator::at(HERE);
    for name in ["", "  ", &"x".repeat(81)] {
        let refused = register(&mut patient, &mut second, name).await?;
        assert!(refused.status == 400 && refused.body.contains("id=\"name-error\""), "{name:?}: {}", refused.status);
    }
    // The list is in the order of registration.
    stage.clock.advance(TimeDelta::seconds(1));
    let added = register(&mut patient, &mut second, "<b>Second</b>").await?;
    assert_eq!(added.location, "/trial/account/factors?notice=factor-added", "no new recovery codes");
    let page = patient.get("/account/factors").await?.body;
    assert!(!page.contains("<b>Second</b>") && page.contains("Second"), "names are text");
    let removals = |page: &str| -> Vec<String> {
        let actions = page.split("action=\"/trial").skip(1).filter_map(|rest| rest.split('"').next());
        actions.filter(|path| path.ends_with("/remove")).map(ToOwned::to_owned).collect()
    };
    let paths = removals(&page);
    assert_eq!(paths.len(), 2);
    assert_eq!(staff.post(&paths[0], &[]).await?.status, 404, "another account's passkey");
    assert_eq!(patient.post(&paths[0], &[]).await?.location, "/trial/account/factors?notice=factor-removed");
    assert_eq!(alone(&mut Visitor::new(&stage)?, &mut first).await?.status, 401, "it is removed");
    assert_eq!(alone(&mut Visitor::new(&stage)?, &mut second).await?.status, 303);
    // The last one of somebody who need not have any.
    assert_eq!(patient.post(&paths[1], &[]).await?.status, 303);
    assert_eq!(Visitor::new(&stage)?.password(PATIENT).await?.location, "/trial/app");
    assert!(removals(&staff.get("/account/factors").await?.body).is_empty(), "staff keep their last one");
    let mails =
        "SELECT template, count(*) FROM socle.mails WHERE template <> 'new-device' GROUP BY template ORDER BY 1";
    let mails: Vec<(String, i64)> = sqlx::query_as(mails).fetch_all(&mut stage.database.admin().await?).await?;
    assert_eq!(mails, [("passkey-added".to_owned(), 3), ("passkey-removed".to_owned(), 2)], "each is told");
    Ok(())
}

/// JSON of a program.
async fn call(stage: &Stage, path: &str, token: Option<&str>, body: &Value) -> Result<Answer> {
    let request = Visitor::new(stage)?.request(Method::POST, &format!("/api/v1/auth{path}")).json(body);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    super::answered(request.send().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_register_and_sign_in_by_passkeys_too() -> Result<()> {
    let stage = stage().await?;
    let mut key = Authenticator::at(HERE);
    let credentials = json!({ "email": PATIENT, "password": PASSWORD });
    let tokens = call(&stage, "/login", None, &credentials).await?.json()?;
    let token = tokens["accessToken"].as_str();
    let options = call(&stage, "/passkeys/options", token, &json!({})).await?.json()?;
    let new = json!({ "name": "Tablet", "credential": key.create(&options) });
    let added = call(&stage, "/passkeys", token, &new).await?;
    assert!(added.status == 200 && added.json()?["tokens"]["accessToken"].is_string(), "{}", added.body);

    let challenge = call(&stage, "/login", None, &credentials).await?.json()?["challengeToken"].clone();
    let options = call(&stage, "/mfa/passkey/options", None, &json!({ "challengeToken": challenge })).await?.json()?;
    let body = json!({ "challengeToken": challenge, "credential": key.get(&options) });
    assert_eq!(call(&stage, "/mfa/verify", None, &body).await?.status, 200);

    let options = call(&stage, "/passkey/options", None, &json!({})).await?.json()?;
    let body = json!({ "challengeToken": options["challengeToken"], "credential": key.get(&options) });
    let tokens = call(&stage, "/passkey/login", None, &body).await?.json()?;
    let token = tokens["accessToken"].as_str();
    let refused = call(&stage, "/passkey/login", None, &body).await?;
    assert_eq!((refused.status, refused.code()?.as_str()), (401, "AUTH_PASSKEY"));
    let options = call(&stage, "/reauthenticate/options", token, &json!({})).await?.json()?;
    let proved = call(&stage, "/reauthenticate", token, &json!({ "credential": key.get(&options) })).await?;
    let proved = proved.json()?;
    let token = proved["accessToken"].as_str();
    let own = Visitor::new(&stage)?.request(Method::GET, "/api/v1/auth/mfa").bearer_auth(token.unwrap_or_default());
    let own = super::answered(own.send().await?).await?.json()?;
    assert_eq!(
        (own["passkeys"][0]["name"].as_str(), own["passkeys"].as_array().map(Vec::len)),
        (Some("Tablet"), Some(1))
    );
    let path = format!("/api/v1/auth/passkeys/{}", own["passkeys"][0]["id"].as_str().unwrap_or_default());
    for status in [204, 404] {
        let removal = Visitor::new(&stage)?.request(Method::DELETE, &path).bearer_auth(token.unwrap_or_default());
        assert_eq!(removal.send().await?.status(), status);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_answered_is_forgotten() -> Result<()> {
    let stage = stage().await?;
    let mut visitor = Visitor::new(&stage)?;
    for _ in 0..2 {
        assert_eq!(visitor.ask("/sign_in/passkey/options").await?.status, 200);
    }
    let db = &stage.product.app().db;
    let rule = retention::rule("socle.passkey_ceremonies").unwrap();
    assert_eq!(retention::sweep(db, rule, stage.clock.now()).await?, 0);
    stage.clock.advance(TimeDelta::minutes(6));
    assert_eq!(retention::sweep(db, rule, stage.clock.now()).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_without_a_host_name_has_no_passkeys_and_says_so() -> Result<()> {
    let stage = Stage::with(Clock::settable(start_of_tests()), |_| {}).await?;
    stage.trial.member(trial::TENANT, (PATIENT, PASSWORD), "PATIENT").await?;
    let mut visitor = Visitor::new(&stage)?;
    let refused = visitor.ask("/api/v1/auth/passkey/options").await?;
    assert_eq!((refused.status, refused.code()?.as_str()), (422, "BIZ_NO_PASSKEYS"), "127.0.0.1 is no host name");
    visitor.password(PATIENT).await?;
    assert!(!visitor.get("/account/factors").await?.body.contains("data-passkey=\"create\""));
    Ok(())
}
