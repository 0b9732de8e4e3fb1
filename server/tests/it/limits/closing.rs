//! What other rooms ask: attempts at codes, requests that cost somebody something.

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use reqwest::StatusCode;
use socle::db::Trace;
use socle::limits::{self, Attempt, Costly, Guarded, Try};
use socle::web::Product;
use socle::{App, Caller};
use testkit::Stage;

use super::events;

fn asker(app: &App, address: &str) -> Caller {
    app.nobody("physiotraq", Trace { ip: address.parse().ok(), ..Trace::default() })
}

const OF: Try<'_> = Try { name: "0195", account: None, device: None };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_counted_apart_from_the_password() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.product.app();
    let caller = asker(app, "198.51.100.1");
    for _ in 0..5 {
        Attempt::begin(app, &caller, Guarded::SecondFactor, OF).await?.failed().await?;
    }
    let closed = Attempt::begin(app, &caller, Guarded::SecondFactor, OF).await.err();
    ensure!(closed.is_some_and(|error| limits::minutes(&error) == Some(15)));
    Attempt::begin(app, &caller, Guarded::Password, OF).await?.fitted().await?;
    assert_eq!((events(&stage, "SECOND_FACTOR_FAILED").await?, events(&stage, "LOGIN_LOCKED").await?), (5, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_never_heard_of_again_is_no_failure() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.product.app();
    let caller = asker(app, "198.51.100.1");
    for _ in 0..5 {
        drop(Attempt::begin(app, &caller, Guarded::Code, OF).await?);
    }
    let busy = Attempt::begin(app, &caller, Guarded::Code, OF).await.err();
    ensure!(busy.is_some_and(|error| error.status == StatusCode::SERVICE_UNAVAILABLE), "no more at once");
    stage.clock.advance(TimeDelta::seconds(30));
    for _ in 0..6 {
        Attempt::begin(app, &caller, Guarded::Code, OF).await?.withdrawn().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_reset_mails_an_hour_whoever_asks_and_one_event_for_the_rest() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.product.app();
    let mut taken = 0;
    for number in 0..6 {
        let caller = asker(app, &format!("198.51.100.{number}"));
        let answer = limits::take(app, &caller, Costly::ResetMail, " Marie@Test.fr ").await;
        if let Err(error) = &answer {
            assert_eq!((error.status, error.retry_after), (StatusCode::TOO_MANY_REQUESTS, Some(3_600)));
        }
        taken += usize::from(answer.is_ok());
    }
    assert_eq!(taken, 3);
    limits::take(app, &asker(app, "198.51.100.1"), Costly::ResetMail, "paul@test.fr").await?;
    limits::take(app, &asker(app, "198.51.100.1"), Costly::VerificationMail, "marie@test.fr").await?;
    assert_eq!(events(&stage, "RATE_LIMITED").await?, 1);
    stage.clock.advance(TimeDelta::hours(1));
    limits::take(app, &asker(app, "198.51.100.1"), Costly::ResetMail, "marie@test.fr").await?;
    Ok(())
}
