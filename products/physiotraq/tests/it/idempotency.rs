//! `Idempotency-Key`: sent again, a creation is not done again.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::{Value, json};
use socle::privacy::retention;
use socle::web::Product;
use testkit::{Licence, Stage};
use tokio::task::JoinSet;

use crate::programs::{Program, anonymous};
use crate::{answers, behind, crew};

const TREATMENTS: &str = "SELECT count(*) FROM physiotraq.treatments WHERE device_id = $1";
const REPLAYED: &str = "idempotent-replayed";

async fn online() -> Result<(Stage, Licence)> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    Ok((stage, licence))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_first_answer_and_starts_nothing() -> Result<()> {
    let (stage, licence) = online().await?;
    let mut admin = stage.database.admin().await?;
    let program = Program::of(&stage, &licence.operator);
    let body = anonymous(&licence.device);
    let first = program.start("k-1", &body).await?;
    assert!(!first.headers().contains_key(REPLAYED));
    let first = answers::json(first, 201).await?;
    stage.clock.advance(TimeDelta::hours(11));
    let again = program.start("k-1", &body).await?;
    assert_eq!(again.headers()[REPLAYED], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(answers::json(again, 201).await?, first);
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 1);
    let other = json!({ "deviceId": licence.device.id, "anonymous": true, "patientAge": 45 });
    let mismatch = program.start("k-1", &other).await?;
    assert_eq!(answers::refusal(mismatch).await?, (422, "VAL_IDEMPOTENCY_MISMATCH".to_owned()));
    crew::online(&licence.device).await?;
    let busy = program.start("k-2", &body).await?;
    assert_eq!(answers::refusal(busy).await?, (409, "BIZ_DEVICE_BUSY".to_owned()), "another key is another request");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_done() -> Result<()> {
    let (stage, licence) = online().await?;
    let mut admin = stage.database.admin().await?;
    let mut posts = JoinSet::new();
    for _ in 0..8 {
        let program = Program::of(&stage, &licence.operator);
        let body = anonymous(&licence.device);
        posts.spawn(async move { program.start("at-once", &body).await });
    }
    let mut started = Vec::new();
    while let Some(answer) = posts.join_next().await {
        let answer = answer??;
        if answer.status() == 409 {
            assert_eq!(answer.headers()["retry-after"], "1");
            assert_eq!(answers::refusal(answer).await?.1, "BIZ_IN_PROGRESS");
        } else {
            started.push(answers::json(answer, 201).await?["id"].clone());
        }
    }
    assert!(!started.is_empty() && started.iter().all(|id| *id == started[0]), "{started:?}");
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 1);
    let program = Program::of(&stage, &licence.operator);
    let later = answers::json(program.start("at-once", &anonymous(&licence.device)).await?, 201).await?;
    assert_eq!(later["id"], started[0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_kept_as_it_was_and_a_new_key_asks_anew() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let program = Program::of(&stage, &licence.operator);
    let body = anonymous(&licence.device);
    let refused = answers::json(program.start("offline", &body).await?, 422).await?;
    assert_eq!(refused["error"]["code"], "BIZ_DEVICE_OFFLINE");
    crew::online(&licence.device).await?;
    let again = program.start("offline", &body).await?;
    assert_eq!(again.headers()[REPLAYED], "true");
    let again = answers::json(again, 422).await?;
    for name in ["code", "message", "details"] {
        assert_eq!(again["error"][name], refused["error"][name], "{name}");
    }
    answers::json(program.start("online", &body).await?, 201).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_one_person() -> Result<()> {
    let (stage, first) = online().await?;
    let second = stage.licence().await?;
    crew::online(&second.device).await?;
    let mine = Program::of(&stage, &first.operator);
    let mine = answers::json(mine.start("same", &anonymous(&first.device)).await?, 201).await?;
    let theirs = Program::of(&stage, &second.operator);
    let theirs = answers::json(theirs.start("same", &anonymous(&second.device)).await?, 201).await?;
    assert_ne!(mine["id"], theirs["id"]);
    let colleague = Program::of(&stage, &first.owner).start("same", &anonymous(&first.device)).await?;
    assert!(!colleague.headers().contains_key(REPLAYED));
    assert_eq!(answers::refusal(colleague).await?, (409, "BIZ_DEVICE_BUSY".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_first_runs_a_repeat_waits_and_after_a_crash_the_rules_stand_alone() -> Result<()> {
    let (stage, licence) = online().await?;
    let mut admin = stage.database.admin().await?;
    let program = Program::of(&stage, &licence.operator);
    let body = anonymous(&licence.device);
    answers::json(program.start("k", &body).await?, 201).await?;
    // As a server leaves it that died between the start and the answer.
    let unanswered = "UPDATE socle.idempotency_keys
                      SET status = NULL, content_type = NULL, body = NULL, expires_at = created_at + interval '2 minutes'";
    assert_eq!(sqlx::query(unanswered).execute(&mut admin).await?.rows_affected(), 1);
    let running = program.start("k", &body).await?;
    assert_eq!(running.headers()["retry-after"], "1");
    assert_eq!(answers::refusal(running).await?, (409, "BIZ_IN_PROGRESS".to_owned()));
    stage.clock.advance(TimeDelta::minutes(3));
    crew::online(&licence.device).await?;
    let anew = program.start("k", &body).await?;
    assert_eq!(answers::refusal(anew).await?, (409, "BIZ_DEVICE_BUSY".to_owned()));
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_a_key_is_free_and_the_purge_takes_it_away() -> Result<()> {
    let (stage, first) = online().await?;
    let second = stage.licence().await?;
    crew::online(&second.device).await?;
    for licence in [&first, &second] {
        let program = Program::of(&stage, &licence.operator);
        let started = answers::json(program.start("k", &anonymous(&licence.device)).await?, 201).await?;
        let path = format!("/treatments/{}/complete", started["id"].as_str().unwrap());
        answers::json(program.post(&path, &json!({})).await?, 200).await?;
    }
    let db = &stage.product.app().db;
    let keys = retention::rule("socle.idempotency_keys").context("a rule for keys")?;
    assert_eq!(retention::sweep(db, keys, stage.clock.now()).await?, 0, "nothing has expired");
    stage.clock.advance(TimeDelta::hours(24));
    crew::online(&first.device).await?;
    let program = Program::of(&stage, &stage.sign_in("operator1@test.fr").await?);
    let anew = program.start("k", &anonymous(&first.device)).await?;
    assert!(!anew.headers().contains_key(REPLAYED));
    answers::json(anew, 201).await?;
    assert_eq!(retention::sweep(db, keys, stage.clock.now()).await?, 1, "the other licence's");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM socle.idempotency_keys")
        .fetch_one(&mut stage.database.admin().await?)
        .await?;
    assert_eq!(left, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_answer_shows_no_patient_to_whoever_reads_the_tables() -> Result<()> {
    let (stage, licence) = online().await?;
    let program = Program::of(&stage, &licence.operator);
    let body = json!({ "deviceId": licence.device.id, "anonymous": false, "patientLastName": "Lovelace" });
    for _ in 0..2 {
        let started: Value = answers::json(program.start("named", &body).await?, 201).await?;
        assert_eq!(started["patient"]["lastName"], "Lovelace");
    }
    let mut admin = stage.database.admin().await?;
    // Neither as text nor as bytes, which print as hexadecimal.
    let seen = "SELECT count(*), count(*) FILTER (WHERE k::text ~* 'lovelace|4c6f76656c616365')
                FROM socle.idempotency_keys k";
    assert_eq!(sqlx::query_as::<_, (i64, i64)>(seen).fetch_one(&mut admin).await?, (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_none_is_refused_by_name_and_nothing_is_started() -> Result<()> {
    let (stage, licence) = online().await?;
    let program = Program::of(&stage, &licence.operator);
    for key in [String::new(), "two words".to_owned(), "k".repeat(256)] {
        let refused = answers::json(program.start(&key, &anonymous(&licence.device)).await?, 400).await?;
        assert_eq!(refused["error"]["details"][0]["field"], "Idempotency-Key", "{key:?}: {refused}");
    }
    let mut admin = stage.database.admin().await?;
    assert_eq!(behind::figure(&mut admin, TREATMENTS, licence.device.id.0).await?, 0);
    Ok(())
}
