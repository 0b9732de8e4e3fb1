//! What the watch finds in security events, and what operators see of them.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use socle::db::{Trace, Who};
use socle::security::watch;
use socle::web::Product;
use testkit::Stage;

use super::{At, PASSWORD, behind_a_proxy, events, operator};

const SECURITY: &str = "/platform/security";

/// One look of the watch; how much it found.
async fn look(stage: &Stage) -> Result<usize> {
    let app = stage.platform.app();
    let caller = app.nobody("platform", Trace::default()).becoming(Who::Platform);
    Ok(watch::look(app, &caller).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_names_from_one_address_are_noted_once_within_the_window() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    stage.licence().await?;
    let at = At::new(&stage, "198.51.100.1")?;
    let stuff = async |names: std::ops::Range<u8>| {
        for name in names {
            at.tries(&format!("person{name}@test.fr"), "guess").await?;
        }
        anyhow::Ok(())
    };
    stuff(0..9).await?;
    at.tries("person0@test.fr", "another guess").await?;
    assert_eq!(look(&stage).await?, 0, "nine names are not ten");
    stuff(9..10).await?;
    assert_eq!(look(&stage).await?, 1);
    stuff(10..12).await?;
    assert_eq!(look(&stage).await?, 0, "it is noted already");
    stage.clock.advance(TimeDelta::minutes(16));
    assert_eq!(look(&stage).await?, 0, "it is over");
    stuff(0..10).await?;
    assert_eq!(look(&stage).await?, 1);
    assert_eq!(events(&stage, "ANOMALY_CREDENTIAL_STUFFING").await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_failures_of_one_account_are_noted_from_however_many_addresses() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    for number in 0..15 {
        let at = At::new(&stage, &format!("198.51.100.{number}"))?;
        assert_eq!(at.tries("owner1@test.fr", "guess").await?.status(), 401);
    }
    assert_eq!(look(&stage).await?, 1);
    let mut admin = stage.database.admin().await?;
    let (account, realm): (uuid::Uuid, String) =
        sqlx::query_as("SELECT user_id, realm FROM socle.security_events WHERE type = 'ANOMALY_MANY_FAILURES'")
            .fetch_one(&mut admin)
            .await?;
    assert_eq!((account, realm.as_str()), (licence.owner.account.0, "physiotraq"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_looks_for_what_is_not_theirs_and_a_stolen_token_are_noted() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    for number in 0..40 {
        let path = format!("/physiotraq/api/v1/devices/019500a0-0000-7000-8000-0000000000{number:02}");
        assert_eq!(licence.operator.get_json(&path).await?.status(), 404);
    }
    assert_eq!(events(&stage, "MANY_REFUSALS").await?, 2);
    let at = At::new(&stage, "127.0.0.1")?;
    let (_, first) = at.tokens("owner1@test.fr").await?;
    let refresh = async |token: &str| {
        let answer = at.json("/physiotraq/api/v1/auth/refresh", &json!({ "refreshToken": token })).await?;
        anyhow::Ok(answer.json::<Value>().await?["refreshToken"].as_str().unwrap_or_default().to_owned())
    };
    let second = refresh(&first).await?;
    refresh(&second).await?;
    assert_eq!(refresh(&first).await?, "", "the thief, or the victim, comes too late");
    assert_eq!(look(&stage).await?, 2);
    assert_eq!((events(&stage, "ANOMALY_MANY_REFUSALS").await?, events(&stage, "ANOMALY_TOKEN_REUSE").await?), (1, 1));
    assert_eq!(look(&stage).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_from_too_far_away_is_noted_once_and_places_come_from_a_local_file() -> Result<()> {
    // Paris at 198.51.100.0/24, Tokyo at 203.0.113.0/24.
    let file = crate::geo_file::write(&[("198.51.100", "FR", (48.86, 2.35)), ("203.0.113", "JP", (35.68, 139.69))])?;
    let stage = behind_a_proxy(|config| config.geo.database = Some(file.clone())).await?;
    std::fs::remove_file(&file)?;
    stage.licence().await?;
    let sign_in = async |address: &str, minutes: i64| {
        stage.clock.advance(TimeDelta::minutes(minutes));
        At::new(&stage, address)?.signed_in("owner1@test.fr").await?;
        anyhow::Ok(())
    };
    sign_in("198.51.100.1", 1).await?;
    assert_eq!(look(&stage).await?, 0, "where the stage's own machine is nobody knows");
    sign_in("203.0.113.9", 60 * 14).await?;
    assert_eq!(look(&stage).await?, 0, "that is a flight");
    sign_in("198.51.100.1", 60).await?;
    assert_eq!(look(&stage).await?, 1);
    assert_eq!(look(&stage).await?, 0);
    let mut admin = stage.database.admin().await?;
    let details: Value =
        sqlx::query_scalar("SELECT meta_json FROM socle.security_events WHERE type = 'ANOMALY_IMPOSSIBLE_TRAVEL'")
            .fetch_one(&mut admin)
            .await?;
    assert_eq!(details, json!({ "from": "JP", "to": "FR", "minutes": 60 }));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_find_events_by_type_severity_account_and_day_and_read_no_address() -> Result<()> {
    let stage = behind_a_proxy(|_| {}).await?;
    let licence = stage.licence().await?;
    let (_, olga) = operator(&stage).await?;
    let at = At::new(&stage, "198.51.100.1")?;
    for _ in 0..6 {
        at.tries("owner1@test.fr", "guess").await?;
    }
    at.tries("stranger@test.fr", "guess").await?;
    let shown = async |query: &str| {
        let answer = olga.page(&format!("{SECURITY}?{query}")).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        Ok(answer.text().await?)
    };
    let account = licence.owner.account;
    let all = shown("").await?;
    for said in ["7 événements", "o…@test.fr", "LOGIN_LOCKED", "198.51.100.1", "Faible : 6", "Moyenne : 1"] {
        ensure!(all.contains(said), "{said}: {all}");
    }
    ensure!(!all.contains("owner1@test.fr") && !all.contains("stranger") && !all.contains("guess"), "{all}");
    for (query, events) in [
        ("type=LOGIN_FAILED", "6 événements"),
        ("severity=medium", "1 événement"),
        ("account=owner1%40test.fr", "6 événements"),
        (&*format!("account={account}&type=LOGIN_FAILED"), "5 événements"),
        ("from=2026-11-21&to=2026-11-21", "7 événements"),
        ("from=2026-11-22", "0 événement"),
        ("to=2026-11-20", "0 événement"),
        ("type=TOKEN_REUSED", "0 événement"),
    ] {
        let page = shown(query).await?;
        ensure!(page.contains(events), "{query}: {events}: {page}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_page_of_events_has_a_second_one_and_nobody_else_sees_any() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (_, olga) = operator(&stage).await?;
    let mut admin = stage.database.admin().await?;
    sqlx::query(
        "INSERT INTO socle.security_events (id, realm, type, severity, created_at)
         SELECT gen_random_uuid(), 'physiotraq', 'RATE_LIMITED', 'low', $1 FROM generate_series(1, 60)",
    )
    .bind(stage.clock.now())
    .execute(&mut admin)
    .await?;
    let first = olga.page(SECURITY).await?.text().await?;
    ensure!(first.contains("1–50") && first.contains("60 événements") && first.contains("page=2"), "{first}");
    let second = olga.page(&format!("{SECURITY}?page=2")).await?.text().await?;
    ensure!(second.contains("51–60") && !second.contains("page=3"), "{second}");
    assert_eq!(licence.owner.get(SECURITY).await?.status(), 303);
    let answer =
        stage.anybody().post("/platform/sign_in", &[("email", "owner1@test.fr"), ("password", PASSWORD)]).await?;
    assert_eq!(answer.status(), 401);
    // Not even the server's own role reads the table.
    let app = stage.platform.app();
    let mut tx = app.nobody("platform", Trace::default()).becoming(Who::Platform).begin().await?;
    ensure!(sqlx::query("SELECT id FROM socle.security_events").fetch_all(tx.conn()).await.is_err());
    Ok(())
}
