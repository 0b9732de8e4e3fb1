//! The key service is away, slow or wrong: who needs nothing sealed notices nothing, sealed fields are unavailable and
//! say so, nothing is stored in the clear or by half, and all is well again when it is.

use std::sync::Arc;

use anyhow::Result;
use socle::clock::Clock;
use socle::config::Config;
use testkit::{Database, Kms, Mood, TOKEN, start_of_tests};

use super::*;

/// No answer takes longer: one call of a second and a half, and what is around it.
const QUICK: Duration = Duration::from_secs(6);
/// The service is tried again after so long.
const AGAIN: Duration = Duration::from_millis(3_700);
const ROWS: &str = "SELECT count(*) FROM physiotraq.treatments";

fn with_kms(kms: &Kms) -> impl FnOnce(&mut Config) + use<> {
    let url = kms.url.clone();
    move |config: &mut Config| {
        config.sealed.key = None;
        config.sealed.kms_url = Some(url);
        config.sealed.kms_token = Some(TOKEN.into());
    }
}

/// A licence with a named patient, at a server that has no key in memory any more.
async fn scene() -> Result<(Kms, Stage, Licence)> {
    let kms = Kms::start().await?;
    let first = Stage::with(Clock::settable(start_of_tests()), with_kms(&kms)).await?;
    let licence = first.licence().await?;
    online(&licence.device).await?;
    ensure!(treat(&licence, &licence.owner, ("Jeanne", "Martin")).await? == 303);
    let (database, clock) = (Arc::clone(&first.database), first.clock.clone());
    drop(first);
    let stage = Stage::over(database, clock, with_kms(&kms)).await?;
    Ok((kms, stage, licence))
}

async fn page(stage: &Stage, person: &Person, path: &str) -> Result<(u16, String)> {
    let started = Instant::now();
    let request = reqwest::Client::new().get(format!("{}{path}", stage.url()));
    let answer = request.header("accept", "text/html").header("cookie", person.cookie()).send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    ensure!(started.elapsed() < QUICK, "{path} took {:?}", started.elapsed());
    Ok((status, text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_key_service_does_people_sign_in_and_names_are_unavailable() -> Result<()> {
    let (kms, stage, licence) = scene().await?;
    let mut admin = stage.database.admin().await?;
    let owner = licence.owner.clone();
    let moods = [Mood::Down, Mood::Sealed, Mood::Slow(Duration::from_secs(20)), Mood::Nonsense, Mood::OtherKey];
    for mood in moods {
        kms.set(mood);
        let started = Instant::now();
        let somebody = stage.sign_in("owner1@test.fr").await?;
        ensure!(started.elapsed() < QUICK, "{mood:?}: the sign-in took {:?}", started.elapsed());
        for path in ["/physiotraq/app", "/physiotraq/app/treatments", "/physiotraq/admin/treatments"] {
            let (status, text) = page(&stage, &somebody, path).await?;
            assert_eq!(status, 200, "{mood:?} {path}");
            assert!(text.contains("Nom indisponible") && !text.contains("Martin"), "{mood:?} {path}: {text}");
        }
        let (status, text) = page(&stage, &owner, "/physiotraq/app/treatments?q=Martin").await?;
        assert_eq!(status, 503, "{mood:?}: a search for a name needs the names");
        assert!(text.contains("Données protégées indisponibles"), "{mood:?}: {text}");
        let (status, _) = page(&stage, &owner, "/physiotraq/admin/treatments/export").await?;
        assert_eq!(status, 503, "{mood:?}: a record without its names is none");
        assert_eq!(count(&mut admin, ROWS).await?, 1, "{mood:?}");
    }
    let events = "SELECT count(*) FROM socle.security_events WHERE type = 'SEALED_VALUE_REFUSED'";
    assert_eq!(count(&mut admin, events).await?, 0, "a wrong key is not taken for a forged field");
    kms.set(Mood::Well);
    let well = Instant::now();
    loop {
        let (_, text) = page(&stage, &owner, "/physiotraq/app/treatments").await?;
        if text.contains("J. Martin") {
            return Ok(());
        }
        ensure!(well.elapsed() < SOON, "not without a restart: {text}");
        tokio::time::sleep(AGAIN).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_treatment_goes_on_and_starts_without_a_name_and_not_with_one() -> Result<()> {
    let (kms, stage, licence) = scene().await?;
    let mut admin = stage.database.admin().await?;
    let device = licence.device.at(stage.url());
    kms.set(Mood::Down);
    online(&device).await?;
    device.measure(stage.clock.now(), 37.2).await?;
    let owner = stage.sign_in("owner1@test.fr").await?;
    let answer = owner.post(&format!("/physiotraq/app/monitor/{}/stop", device.id), &[]).await?;
    assert_eq!(answer.status(), 303, "ending needs no name");
    assert_eq!(treat(&licence, &owner, ("Paul", "Durand")).await?, 503);
    let named = "SELECT count(*) FROM physiotraq.treatments WHERE status = 'in_progress'";
    assert_eq!(count(&mut admin, named).await?, 0, "nothing is stored by half");
    let id = device.id.to_string();
    let answer = owner.post("/physiotraq/app/treatments", &[("device", &*id), ("anonymous", "on")]).await?;
    assert_eq!(answer.status(), 303, "without a name it starts");
    assert_eq!(count(&mut admin, named).await?, 1);
    let body: serde_json::Value = owner.get_json("/physiotraq/api/v1/treatments").await?.json().await?;
    let all = body["data"].as_array().context("no data")?;
    ensure!(all.len() == 2, "{body}");
    for one in all.iter().map(|one| &one["patient"]) {
        assert_eq!(one["namesUnavailable"], json!(one["anonymous"] == false), "programs are told: {body}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sealed_with_a_key_that_could_not_be_had_again() -> Result<()> {
    let kms = Kms::start().await?;
    let stage = Stage::with(Clock::settable(start_of_tests()), with_kms(&kms)).await?;
    let mut admin = stage.database.admin().await?;
    for mood in [Mood::Forgetful, Mood::OtherKey, Mood::Nonsense, Mood::Down] {
        kms.set(mood);
        let mut tx = of(&stage, TenantId::fresh(stage.clock.now())).begin().await?;
        let refused = app(&stage).vault.keys(&mut tx).await.err().context("keys were made")?;
        assert_eq!((refused.status.as_u16(), &*refused.code), (503, "SYS_KEYS_UNAVAILABLE"), "{mood:?}");
        assert!(refused.retry_after.is_some());
    }
    assert_eq!(count(&mut admin, "SELECT count(*) FROM socle.data_keys WHERE purpose <> 'root'").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_away_few_ask_it_and_the_others_are_answered_at_once() -> Result<()> {
    let (kms, stage, licence) = scene().await?;
    kms.set(Mood::Slow(Duration::from_secs(20)));
    page(&stage, &licence.owner, "/physiotraq/app").await?;
    let calls = kms.calls();
    let started = Instant::now();
    for _ in 0..10 {
        page(&stage, &licence.owner, "/physiotraq/app").await?;
        if started.elapsed() > Duration::from_millis(1_500) {
            break;
        }
    }
    assert_eq!(kms.calls(), calls, "it was away a moment ago: nobody waits for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_not_start_without_the_platforms_root_and_says_why() -> Result<()> {
    let kms = Kms::start().await?;
    let database = Arc::new(Database::fresh().await?);
    let clock = Clock::settable(start_of_tests());
    drop(Stage::over(Arc::clone(&database), clock.clone(), with_kms(&kms)).await?);
    for mood in [Mood::Down, Mood::OtherKey] {
        kms.set(mood);
        let refused =
            Stage::over(Arc::clone(&database), clock.clone(), with_kms(&kms)).await.err().context("it started")?;
        assert!(refused.to_string().contains("the key service"), "{mood:?}: {refused}");
    }
    Ok(())
}
