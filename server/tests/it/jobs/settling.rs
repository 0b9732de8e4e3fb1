//! What becomes of a job: done, tried again after a growing pause, or dead and seen.

use super::*;

/// Attempt and whether it was the last one, of each run.
type Tries = Arc<Mutex<Vec<(i32, bool)>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_tried_again_after_a_growing_pause_until_it_is_dead() -> Result<()> {
    let tries = Tries::default();
    let keep = Arc::clone(&tries);
    let (stage, caller) = stage(move |jobs| {
        jobs.queue(QUEUE).on("test.unlucky", move |_, job| {
            keep.lock().unwrap().push((job.attempt, job.last));
            async move { Outcome::Err(Failure::Retry(format!("no luck at attempt {}", job.attempt))) }
        })
    })
    .await?;
    let mut admin = stage.database.admin().await?;
    let job = write(&caller, NewJob::now("test.unlucky", QUEUE, json!({}))).await?;
    let row = until(&mut admin, job, ("waiting", 1)).await?;
    assert_eq!(row.error.as_deref(), Some("no luck at attempt 1"));

    stage.clock.advance(TimeDelta::seconds(9));
    tokio::time::sleep(QUIET).await;
    assert_eq!(Row::of(&mut admin, job).await?.attempt, 1, "ten seconds are not over");
    stage.clock.advance(TimeDelta::seconds(1));
    until(&mut admin, job, ("waiting", 2)).await?;

    stage.clock.advance(TimeDelta::seconds(19));
    tokio::time::sleep(QUIET).await;
    assert_eq!(Row::of(&mut admin, job).await?.attempt, 2, "the second pause is twenty seconds");
    stage.clock.advance(TimeDelta::seconds(1));
    let row = until(&mut admin, job, ("dead", 3)).await?;
    assert_eq!(row.error.as_deref(), Some("no luck at attempt 3"));
    stage.clock.advance(TimeDelta::days(1));
    tokio::time::sleep(QUIET).await;
    assert_eq!(*tries.lock().unwrap(), [(1, false), (2, false), (3, true)], "the last one knows that it is the last");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_work_is_dead_at_once() -> Result<()> {
    let (stage, caller) = stage(|jobs| {
        jobs.queue(QUEUE)
            .on("test.hopeless", |_, _| async { Outcome::Err(Failure::GiveUp("never".to_owned())) })
            .on("test.asking", |_, job| async move { job.field::<u32>("number").map(drop) })
    })
    .await?;
    let mut admin = stage.database.admin().await?;
    let hopeless = write(&caller, NewJob::now("test.hopeless", QUEUE, json!({}))).await?;
    let row = until(&mut admin, hopeless, ("dead", 1)).await?;
    assert_eq!(row.error.as_deref(), Some("never"));

    // A payload of an older release, or of a newer one.
    let asking = write(&caller, NewJob::now("test.asking", QUEUE, json!({ "number": "one" }))).await?;
    let row = until(&mut admin, asking, ("dead", 1)).await?;
    assert!(row.error.as_deref().is_some_and(|error| error.contains("payload.number")), "{row:?}");

    let unknown = write(&caller, NewJob::now("test.nobody-does-it", QUEUE, json!({}))).await?;
    let row = until(&mut admin, unknown, ("dead", 1)).await?;
    assert!(row.error.as_deref().is_some_and(|error| error.contains("test.nobody-does-it")), "{row:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_fails_like_any_other_and_the_worker_goes_on() -> Result<()> {
    let others = counting(Count::default());
    let (stage, caller) = stage(move |jobs| {
        others(jobs).on("test.panic", |_, job| async move {
            assert!(job.attempt > 1, "a fault of the program");
            Outcome::Ok(())
        })
    })
    .await?;
    let mut admin = stage.database.admin().await?;
    let job = write(&caller, NewJob::now("test.panic", QUEUE, json!({}))).await?;
    let row = until(&mut admin, job, ("waiting", 1)).await?;
    assert!(row.error.as_deref().is_some_and(|error| error.contains("panicked")), "{row:?}");
    let other = write(&caller, counted()).await?;
    until(&mut admin, other, ("done", 1)).await?;
    stage.clock.advance(TimeDelta::seconds(10));
    until(&mut admin, job, ("done", 2)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_postgresql_cannot_hold_takes_nobody_with_it() -> Result<()> {
    let others = counting(Count::default());
    let (stage, caller) = stage(move |jobs| {
        let said = format!("a\0b{}", "…".repeat(10_000));
        others(jobs).on("test.dump", move |_, _| {
            let said = said.clone();
            async move { Outcome::Err(Failure::GiveUp(said)) }
        })
    })
    .await?;
    let mut admin = stage.database.admin().await?;
    let (dump, other) =
        (write(&caller, NewJob::now("test.dump", QUEUE, json!({}))).await?, write(&caller, counted()).await?);
    until(&mut admin, other, ("done", 1)).await?;
    let row = until(&mut admin, dump, ("dead", 1)).await?;
    let error = row.error.unwrap_or_default();
    assert!(error.starts_with("ab…") && error.chars().count() <= 500, "{} characters", error.chars().count());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_while_the_database_could_not_be_told_is_told_later_and_not_done_again() -> Result<()> {
    let count = Count::default();
    let (stage, caller) = stage(counting(Arc::clone(&count))).await?;
    let mut admin = stage.database.admin().await?;
    let settle = "FUNCTION socle.settle_jobs(jsonb, uuid, timestamptz)";
    let change = |grant: &str| sqlx::AssertSqlSafe(grant.to_owned());
    sqlx::raw_sql(change(&format!("REVOKE EXECUTE ON {settle} FROM socle_app"))).execute(&mut admin).await?;
    let job = write(&caller, counted()).await?;
    until_true("it ran", || ran(&count) == 1).await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(Row::of(&mut admin, job).await?.state, "running", "nobody could say that it is done");
    sqlx::raw_sql(change(&format!("GRANT EXECUTE ON {settle} TO socle_app"))).execute(&mut admin).await?;
    until(&mut admin, job, ("done", 1)).await?;
    stage.clock.advance(TimeDelta::minutes(2));
    tokio::time::sleep(QUIET).await;
    assert_eq!(ran(&count), 1);
    Ok(())
}
