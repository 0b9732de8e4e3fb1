//! Twenty people of ten licences over a pool of two connections, a third of their requests broken off: every answer
//! belongs to its caller.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use socle::clock::Clock;
use sqlx::PgConnection;
use testkit::{Person, Stage, start_of_tests};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answers;

const LICENCES: usize = 10;
const REQUESTS_EACH: u64 = 10;

/// Somebody who looks at their own pages, on which the name of their one device stands.
struct Visitor {
    person: Person,
    own: usize,
    names: Arc<Vec<String>>,
    pages: [String; 4],
    seed: u64,
}

/// A number that looks like chance and is the same in every run.
fn chance(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}

impl Visitor {
    async fn look(&self, page: &str) -> Result<String> {
        answers::text(self.person.get(page).await?, 200).await
    }

    /// Their requests, one after another; a third is broken off after up to three milliseconds. How many were
    /// answered.
    async fn browse(self) -> Result<u64> {
        let mut answered = 0;
        for round in 0..REQUESTS_EACH {
            let luck = chance(self.seed * REQUESTS_EACH + round);
            let page = &self.pages[usize::try_from(luck % 4)?];
            let text = if luck.is_multiple_of(3) {
                let patience = Duration::from_micros(chance(luck) % 3_000);
                match timeout(patience, self.look(page)).await {
                    Ok(text) => text?,
                    Err(_) => continue,
                }
            } else {
                self.look(page).await?
            };
            let shown = self.names.iter().enumerate().filter(|(_, name)| text.contains(name.as_str()));
            let shown: Vec<usize> = shown.map(|(licence, _)| licence).collect();
            ensure!(shown == [self.own], "{page} of licence {} shows devices of {shown:?}", self.own);
            answered += 1;
        }
        Ok(answered)
    }
}

/// Connections of this database that wait inside a transaction.
async fn stuck(admin: &mut PgConnection) -> Result<i64> {
    let statement = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    Ok(sqlx::query_scalar::<_, i64>(statement).fetch_one(admin).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_belongs_to_its_caller_over_two_connections_and_broken_requests() -> Result<()> {
    let clock = Clock::settable(start_of_tests());
    let stage = Stage::with(clock, |config| config.database.connections = 2).await?;
    let mut licences = Vec::new();
    let mut names = Vec::new();
    for _ in 0..LICENCES {
        let licence = stage.licence().await?;
        let path = format!("/physiotraq/api/v1/devices/{}", licence.device.id);
        let shown = answers::json(licence.owner.get_json(&path).await?, 200).await?;
        names.push(shown["name"].as_str().unwrap_or_default().to_owned());
        licences.push(licence);
    }
    ensure!(names.iter().all(|name| name.len() > 5), "{names:?}");
    let names = Arc::new(names);
    let mut under_way = JoinSet::new();
    for (own, licence) in licences.into_iter().enumerate() {
        let device = licence.device.id;
        for (nth, person) in [licence.owner, licence.operator].into_iter().enumerate() {
            let pages = [
                "/physiotraq/app".to_owned(),
                "/physiotraq/app/monitor".to_owned(),
                format!("/physiotraq/app/monitor/{device}"),
                format!("/physiotraq/api/v1/devices/{device}"),
            ];
            let seed = u64::try_from(own * 2 + nth)?;
            under_way.spawn(Visitor { person, own, names: Arc::clone(&names), pages, seed }.browse());
        }
    }
    let mut answered = 0;
    for visitor in under_way.join_all().await {
        answered += visitor?;
    }
    assert!((100..=200).contains(&answered), "{answered} answers");
    let mut admin = stage.database.admin().await?;
    answers::eventually(0, async || stuck(&mut admin).await).await
}
