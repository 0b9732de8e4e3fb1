//! PostgreSQL is gone for a while under load: every answer says so quickly, nothing acknowledged is lost, and when it
//! is back everything goes on without a restart of the server.
//!
//! The outage lasts 8 s, 30 s with `bin/test --long`.

mod postgres;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT, COOKIE, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use socle::clock::Clock;
use tokio::time::timeout;

use crate::crash::{self, Said, Sender};
use postgres::{Postgres, Server};

/// No answer takes longer during the outage: two seconds of waiting for a connection, and what is around it.
const QUICK: Duration = Duration::from_secs(5);
/// Everything goes on within this, once PostgreSQL takes connections again.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// What came of one post.
pub struct Answer {
    sent: Instant,
    came: Instant,
    said: Said,
}

/// A device's sender posts all the time, until it is told to stop.
pub async fn post_until(mut sender: Sender, stop: Arc<AtomicBool>) -> Result<(Sender, Vec<Answer>)> {
    let mut answers = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        sender.fill();
        let sent = Instant::now();
        let said = timeout(Duration::from_secs(60), sender.send()).await.context("no answer for a minute")??;
        answers.push(Answer { sent, came: Instant::now(), said });
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((sender, answers))
}

/// A signed-in browser on the page of one device, with its live stream.
struct Browser {
    http: Client,
    cookie: String,
    server: String,
    device: String,
}

impl Browser {
    async fn get(&self, path: &str) -> Result<(Response, Duration)> {
        let started = Instant::now();
        let request = self.http.get(format!("{}{path}", self.server)).header(COOKIE, &self.cookie);
        let answer = request.header(ACCEPT, "text/html").send().await?;
        Ok((answer, started.elapsed()))
    }

    async fn page(&self) -> Result<(Response, Duration)> {
        self.get(&format!("/physiotraq/app/monitor/{}", self.device)).await
    }

    async fn stream(&self) -> Result<Stream> {
        let (answer, _) = self.get(&format!("/physiotraq/live?topic=device:{}", self.device)).await?;
        ensure!(answer.status() == 200, "the stream answered {}", answer.status());
        Ok(Stream { answer, read: String::new() })
    }

    /// What people see during the outage: the process lives, is not ready, and says so.
    async fn sees_the_outage(&self) -> Result<()> {
        let (health, took) = self.get("/health").await?;
        ensure!(health.status() == 200 && took < QUICK, "health: {} after {took:?}", health.status());
        let (ready, took) = self.get("/health/ready").await?;
        ensure!(ready.status() == 503 && took < QUICK, "ready: {} after {took:?}", ready.status());
        let (page, took) = self.page().await?;
        ensure!(page.status() == 503 && took < QUICK, "the page: {} after {took:?}", page.status());
        ensure!(page.headers().contains_key(RETRY_AFTER), "the page says no Retry-After");
        Ok(())
    }

    /// The page is back, with the session of before.
    async fn sees_the_end_of_it(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            let (page, _) = self.page().await?;
            let status = page.status();
            if status == 200 {
                return Ok(());
            }
            ensure!(
                status == 503 && started.elapsed() < BACK_WITHIN,
                "the page: {status} after {:?}",
                started.elapsed()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A live stream.
struct Stream {
    answer: Response,
    read: String,
}

impl Stream {
    /// Reads on until it shows a reading that was measured after an instant.
    async fn shows_a_reading_after(&mut self, at: i64) -> Result<()> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let reading = field("data:").filter(|_| field("event:") == Some("reading"));
                let measured = reading.map(serde_json::from_str::<Value>).transpose()?;
                let measured = measured.and_then(|reading| reading["t"].as_i64());
                self.read = rest.to_owned();
                if measured.is_some_and(|measured| measured > at) {
                    return Ok(());
                }
            }
            let chunk = timeout(BACK_WITHIN, self.answer.chunk()).await.context("the stream is silent")??;
            let chunk = chunk.context("the stream ended")?;
            self.read.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}

/// One outage: PostgreSQL stops, stays away, comes back. When it was gone and when it was asked to come back, and since
/// when it was there again.
async fn outage(postgres: &mut Postgres, browser: &Browser) -> Result<(Instant, Instant, Instant)> {
    let long = std::env::var_os("SOCLE_LONG").is_some();
    let lasts = Duration::from_secs(if long { 30 } else { 8 });
    postgres.stop_at_once().await?;
    let gone = Instant::now();
    while gone.elapsed() < lasts {
        browser.sees_the_outage().await.with_context(|| format!("{:?} after the stop", gone.elapsed()))?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let asked = Instant::now();
    postgres.start().await?;
    Ok((gone, asked, Instant::now()))
}

/// Looks at what one sender was told.
fn check(answers: &[Answer], (gone, asked, back): (Instant, Instant, Instant)) -> Result<()> {
    let mut told = 0;
    for answer in answers {
        let took = answer.came - answer.sent;
        if let Said::Later { status, seconds } = answer.said {
            ensure!(status == 503 && seconds.is_some_and(|s| s >= 1), "{status}, Retry-After {seconds:?}");
        }
        if answer.sent >= gone && answer.came <= asked {
            ensure!(answer.said != Said::Taken, "a reading was acknowledged while there was no database");
            ensure!(took < QUICK, "an answer took {took:?} during the outage");
            told += 1;
        }
    }
    ensure!(told > 0, "nothing was answered during the outage");
    let taken = answers.iter().find(|answer| answer.sent >= back && answer.said == Said::Taken);
    let after = taken.map(|answer| answer.came - back).context("nothing was taken after the outage")?;
    ensure!(after < BACK_WITHIN, "the first readings were taken {after:?} after PostgreSQL was back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_database_is_told_quickly_loses_nothing_and_leaves_no_trace() -> Result<()> {
    let (database, devices, operator) = crash::seeded().await?;
    let mut postgres = Postgres::new().await?;
    postgres.take_in(&database).await?;
    drop(database);
    let mut server: Server = postgres.serve().await?;
    let http = Client::builder().redirect(redirect::Policy::none()).build()?;
    let (cookie, device) = (operator.cookie().to_owned(), devices[0].id.to_string());
    let browser = Browser { http, cookie, server: server.url.clone(), device };
    browser.sees_the_end_of_it().await.context("before the outage")?;
    let mut stream = browser.stream().await?;

    let (together, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut posting = Vec::new();
    for mut sender in crash::senders(&devices, &together) {
        sender.aim(&server.url);
        posting.push(tokio::spawn(post_until(sender, Arc::clone(&stop))));
    }
    crash::under_way(&together, 500).await?;
    stream.shows_a_reading_after(0).await.context("before the outage")?;

    let times = outage(&mut postgres, &browser).await?;
    let back = Clock::system().now().timestamp_millis();
    browser.sees_the_end_of_it().await.context("after the outage")?;
    stream.shows_a_reading_after(back).await.context("the stream that was open over the outage")?;
    browser.stream().await?.shows_a_reading_after(back).await.context("a stream opened after the outage")?;
    let (ready, _) = browser.get("/health/ready").await?;
    assert_eq!(ready.status(), 200);
    tokio::time::sleep(BACK_WITHIN.saturating_sub(times.2.elapsed())).await;
    stop.store(true, Ordering::SeqCst);

    let mut senders = Vec::new();
    for sender in posting {
        let (mut sender, answers) = sender.await??;
        check(&answers, times)?;
        sender.resend(&server.url).await?;
        senders.push(sender);
    }
    assert!(server.runs()?, "the server was restarted by nobody, and ended");
    crash::all_is_there(&mut postgres.admin().await?, &senders).await
}
