//! Wrong passwords: five of a pair, a hundred of an address; a name is slowed down and never closed.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::json;
use socle::tokens;
use testkit::Stage;
use uuid::Uuid;

use super::{At, PASSWORD, SIGN_IN, behind_a_proxy, events, refusal, wait};

const OWNER: &str = "owner1@test.fr";
const LOGIN: &str = "/physiotraq/api/v1/auth/login";

async fn statuses(at: &At, email: &str, count: usize) -> Result<Vec<u16>> {
    let mut found = Vec::new();
    for _ in 0..count {
        found.push(at.tries(email, "not the password").await?.status().as_u16());
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_wrong_passwords_are_five_401_then_429_and_after_fifteen_minutes_the_right_one_works() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    assert_eq!(statuses(&at, OWNER, 5).await?, [401; 5]);
    let refused = at.tries(OWNER, "not the password").await?;
    assert_eq!((refused.status().as_u16(), wait(&refused)), (429, Some(900)));
    let page = refused.text().await?;
    assert!(page.contains("Trop de tentatives, réessayez dans 15 min") && page.contains("id=\"sign-in-error\""));
    // Neither the right password nor another way of writing the name helps, by form or as a program.
    assert_eq!(at.tries(" Owner1@TEST.fr ", PASSWORD).await?.status(), 429);
    let answer = at.json(LOGIN, &json!({ "email": OWNER, "password": PASSWORD })).await?;
    assert_eq!(wait(&answer), Some(900));
    assert_eq!(refusal(answer).await?, (429, "AUTH_TOO_MANY_ATTEMPTS".to_owned()));
    stage.clock.advance(TimeDelta::minutes(15) - TimeDelta::seconds(1));
    assert_eq!(at.tries(OWNER, PASSWORD).await?.status(), 429);
    stage.clock.advance(TimeDelta::seconds(1));
    assert_eq!(at.tries(OWNER, PASSWORD).await?.status(), 303);
    assert_eq!((events(&stage, "LOGIN_FAILED").await?, events(&stage, "LOGIN_LOCKED").await?), (5, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_has_is_answered_the_same() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    let mut pages = Vec::new();
    for email in [OWNER, "nobody@test.fr"] {
        let mut said = Vec::new();
        for _ in 0..7 {
            let answer = at.tries(email, "not the password").await?;
            let head = (answer.status().as_u16(), wait(&answer));
            said.push((head, answer.text().await?.replace(email, "")));
        }
        pages.push(said);
    }
    assert_eq!(pages[0], pages[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_forgets_the_wrong_ones_of_its_pair() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    for _ in 0..2 {
        assert_eq!(statuses(&at, OWNER, 4).await?, [401; 4]);
        assert_eq!(at.tries(OWNER, PASSWORD).await?.status(), 303);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_victim_cannot_be_locked_out_from_fifty_addresses() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let device = tokens::fresh()?;
    sqlx::query(
        "INSERT INTO socle.known_devices (id, account_id, token_hash, created_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(Uuid::from_u128(7))
    .bind(licence.owner.account.0)
    .bind(tokens::hash(&device))
    .bind(stage.clock.now())
    .execute(&mut admin)
    .await?;
    let mut looked_at = 0;
    for number in 0..50 {
        let at = At::new(&stage, &format!("198.51.100.{number}"))?;
        looked_at += statuses(&at, OWNER, 5).await?.iter().filter(|status| **status == 401).count();
    }
    ensure!(looked_at == 21, "twenty are free, and the one that slows the name down: {looked_at}");
    // From where they have signed in before, at once.
    assert_eq!(At::new(&stage, "127.0.0.1")?.tries(OWNER, PASSWORD).await?.status(), 303);
    // With the device they have signed in with before, from anywhere, even from an attacker's address.
    let known = format!("__Host-physiotraq-device-0={device}");
    let answer = At::new(&stage, "198.51.100.0")?.with(&known).tries(OWNER, PASSWORD).await?;
    assert_eq!(answer.status(), 303, "the cookie is renewed with it");
    // Anywhere else after a pause, which the answer names.
    let elsewhere = At::new(&stage, "203.0.113.8")?;
    let slowed = elsewhere.tries(OWNER, PASSWORD).await?;
    assert_eq!(slowed.status(), 429);
    let pause = wait(&slowed).unwrap();
    ensure!((1..=300).contains(&pause), "{pause}");
    stage.clock.advance(TimeDelta::seconds(pause.into()));
    assert_eq!(elsewhere.tries(OWNER, PASSWORD).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_device_is_no_known_device() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?.with(&format!("__Host-physiotraq-device-0={}", tokens::fresh()?));
    assert_eq!(statuses(&at, OWNER, 6).await?, [401, 401, 401, 401, 401, 429]);
    let without = At::new(&stage, "198.51.100.1")?;
    assert_eq!(without.tries(OWNER, PASSWORD).await?.status(), 429, "the pair is counted by its address");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_wrong_passwords_at_once_five_are_looked_at() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    let all = (0..30).map(|_| at.tries(OWNER, "not the password"));
    let mut looked_at = 0;
    for answer in futures_util::future::join_all(all).await {
        let status = answer?.status().as_u16();
        ensure!([401, 429, 503].contains(&status), "{status}");
        looked_at += usize::from(status == 401);
    }
    ensure!(looked_at <= 5, "{looked_at}");
    assert_eq!(events(&stage, "LOGIN_FAILED").await?, i64::try_from(looked_at)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_names_from_one_address_close_the_address() -> Result<()> {
    let stage = behind_a_proxy(|config| config.limits.failures_per_address = 6).await?;
    stage.licence().await?;
    let at = At::new(&stage, "2001:db8:1:2::1")?;
    for number in 0..6 {
        assert_eq!(statuses(&at, &format!("person{number}@test.fr"), 1).await?, [401]);
    }
    // The same subscriber with another address of theirs; another subscriber is not concerned.
    let moved = At::new(&stage, "2001:db8:1:2:ffff::9")?;
    assert_eq!(moved.tries("operator1@test.fr", PASSWORD).await?.status(), 429);
    assert_eq!(At::new(&stage, "2001:db8:1:3::1")?.tries("operator1@test.fr", PASSWORD).await?.status(), 303);
    stage.clock.advance(TimeDelta::minutes(15));
    assert_eq!(moved.tries("operator1@test.fr", PASSWORD).await?.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_forwarded_address_changes_nothing() -> Result<()> {
    // No proxy is configured.
    let stage = Stage::new().await?;
    stage.licence().await?;
    for number in 0..6 {
        let at = At::new(&stage, &format!("198.51.100.{number}"))?;
        assert_eq!(at.tries(OWNER, "not the password").await?.status().as_u16(), if number < 5 { 401 } else { 429 });
    }
    // Behind a proxy, what the client itself wrote stands to the left of what the proxy saw.
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    for number in 0..6 {
        let at = At::new(&stage, &format!("203.0.113.{number}, 198.51.100.1"))?;
        assert_eq!(at.tries(OWNER, "not the password").await?.status().as_u16(), if number < 5 { 401 } else { 429 });
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_count_together() -> Result<()> {
    let first = behind_a_proxy(|_| {}).await?;
    first.licence().await?;
    let second = Stage::over(first.database.clone(), first.clock.clone(), |config| {
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await?;
    let at = At::new(&first, "198.51.100.1")?;
    assert_eq!(statuses(&at, OWNER, 3).await?, [401; 3]);
    assert_eq!(statuses(&at.to(&second), OWNER, 3).await?, [401, 401, 429]);
    assert_eq!(at.tries(OWNER, PASSWORD).await?.status(), 429);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_hold_no_name_and_no_address_and_are_forgotten() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    at.post(SIGN_IN, &[("email", "somebody@test.fr"), ("password", "x")]).await?;
    let mut admin = stage.database.admin().await?;
    let rows: Vec<String> = sqlx::query_scalar("SELECT encode(key, 'escape') || used FROM socle.limit_counters")
        .fetch_all(&mut admin)
        .await?;
    ensure!(rows.len() >= 3, "{rows:?}");
    ensure!(!rows.iter().any(|row| row.contains("somebody") || row.contains("198.51")), "{rows:?}");
    stage.clock.advance(TimeDelta::hours(2));
    let app = socle::web::Product::app(&stage.product);
    socle::limits::forget(&app.db, stage.clock.now()).await?;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM socle.limit_counters").fetch_one(&mut admin).await?;
    assert_eq!(left, 0);
    Ok(())
}
