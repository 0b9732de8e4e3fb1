//! Limits in time, to the second, on a clock that stands still; and a clock that is put forward or back.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use reqwest::Method;
use testkit::Stage;

use super::revocation::Stream;
use super::{ANNA, Pair, Scene, json_of, refusal, refused};

const SECOND: TimeDelta = TimeDelta::seconds(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_idle_for_less_than_twelve_hours() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = scene.signed_in(ANNA).await?;
    for _ in 0..2 {
        scene.stage.clock.advance(TimeDelta::hours(12) - SECOND);
        assert!(browser.is_in().await?, "one second too early");
    }
    scene.stage.clock.advance(TimeDelta::hours(12));
    assert!(!browser.is_in().await?, "one second too late");
    // A program is not idle in that sense.
    let pair = scene.program().sign_in(ANNA).await?;
    scene.stage.clock.advance(TimeDelta::hours(13));
    assert_eq!(scene.program().refresh(&pair.refresh).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_ends_seven_days_after_it_signed_in_however_busy() -> Result<()> {
    let scene = Scene::new().await?;
    let mut browser = scene.signed_in(ANNA).await?;
    let end = scene.stage.clock.now() + TimeDelta::days(7);
    while scene.stage.clock.now() + TimeDelta::hours(11) < end {
        scene.stage.clock.advance(TimeDelta::hours(11));
        assert!(browser.is_in().await?);
    }
    scene.stage.clock.set(end - SECOND);
    assert!(browser.is_in().await?, "one second too early");
    scene.stage.clock.set(end);
    assert!(!browser.is_in().await?, "one second too late");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_goes_on_as_long_as_it_refreshes_within_seven_days_of_the_last_time() -> Result<()> {
    let scene = Scene::new().await?;
    let program = scene.program();
    let mut pair = program.sign_in(ANNA).await?;
    for _ in 0..3 {
        scene.stage.clock.advance(TimeDelta::days(7) - SECOND);
        assert!(!program.is_in(&pair.access).await?, "an access token lives for 15 minutes");
        pair = Pair::of(&json_of(program.refresh(&pair.refresh).await?, 200).await?)?;
        scene.stage.clock.advance(TimeDelta::minutes(15) - SECOND);
        assert!(program.is_in(&pair.access).await?);
        scene.stage.clock.advance(SECOND - TimeDelta::minutes(15));
    }
    scene.stage.clock.advance(TimeDelta::days(7));
    let answer = program.refresh(&pair.refresh).await?;
    assert_eq!(refusal(answer).await?, refused(401, "AUTH_REFRESH"), "one second too late");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_live_stream_is_activity() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let watching = Stream::open(&stage.url(), licence.operator.cookie(), licence.device.id).await?;
    let idle = licence.owner.get("/physiotraq/app").await?.status();
    assert_eq!(idle, 200);
    for _ in 0..2 {
        stage.clock.advance(TimeDelta::hours(11));
        // Rights are looked at again every three seconds; so is whether the use is to be noted.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(licence.operator.get("/physiotraq/app").await?.status(), 200, "the stream was no activity");
    assert_eq!(licence.owner.get("/physiotraq/app").await?.status(), 303, "22 hours without any");
    drop(watching);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_by_an_hour_neither_ends_what_is_in_use_nor_brings_back_what_has_ended() -> Result<()> {
    let scene = Scene::new().await?;
    let program = scene.program();
    let (mut used, mut left) = (scene.signed_in(ANNA).await?, scene.signed_in(ANNA).await?);
    let first = program.sign_in(ANNA).await?;
    let second = Pair::of(&json_of(program.refresh(&first.refresh).await?, 200).await?)?;
    left.post("/sign_out", &[]).await?;
    let mut newest = second.clone();
    for jump in [1, -1, -1, 1, 1, -1] {
        scene.stage.clock.advance(TimeDelta::hours(jump));
        assert!(used.is_in().await?, "ended by a jump of {jump} h");
        assert!(!left.is_in().await?, "brought back by a jump of {jump} h");
        newest = Pair::of(&json_of(program.refresh(&newest.refresh).await?, 200).await?)?;
        assert!(program.is_in(&newest.access).await?, "a new token is not taken after a jump of {jump} h");
    }
    // What was used stays used, whatever the clock says.
    scene.stage.clock.advance(TimeDelta::hours(-1));
    let answer = program.refresh(&first.refresh).await?;
    assert_eq!(refusal(answer).await?, refused(401, "AUTH_REFRESH_REUSED"));
    for hours in [1, 1, -1] {
        scene.stage.clock.advance(TimeDelta::hours(hours));
        assert!(!program.is_in(&newest.access).await?);
        assert_eq!(refusal(program.refresh(&newest.refresh).await?).await?, refused(401, "AUTH_REFRESH"));
    }
    // A limit is counted from what was noted: put back, the clock does not count a use twice, nor lose one.
    assert_eq!(used.call(Method::GET, "/me/sessions").await?.status(), 200);
    scene.stage.clock.advance(TimeDelta::hours(12) - SECOND);
    assert!(used.is_in().await?);
    Ok(())
}
