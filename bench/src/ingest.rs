//! 300 000 readings in batches, to the last acknowledgement, against `psql` copying the same rows into the same table.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use physiotraq::measurements::Leaf;
use socle::clock::Clock;
use tokio::task::JoinSet;

use crate::bodies::{BATCH, BATCHES, Backlog};
use crate::house::{House, Thermometer};
use crate::posts::{self, Post};
use crate::report::{ROUNDS, Report, Round};
use crate::scratch::Scratch;
use crate::server::Server;
use crate::{programs, sql};

const CONNECTIONS: usize = 4;
const ROWS: u32 = BATCH * BATCHES;

/// Measures it.
///
/// # Errors
/// When anything is refused or a row is missing.
pub async fn run(load: f64) -> Result<Report> {
    let house = House::open().await?;
    let server = Server::start(&house).await?;
    let scratch = Scratch::new()?;
    let backlog = Backlog::before(Clock::system().now(), house.thermometers.len())?;
    let dealt: Vec<Arc<[Post]>> = backlog.posts(&house.thermometers, CONNECTIONS)?.into_iter().map(Arc::from).collect();
    // One run of each that does not count: connections, caches, files. The rows of ours are the reference's.
    ours(&house, &server, backlog.leaf, &dealt).await?;
    let files = rows(&house, &scratch, backlog.leaf).await?;
    reference(&house, backlog.leaf, &files).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let ours = ours(&house, &server, backlog.leaf, &dealt).await?;
        rounds.push(Round { ours, reference: reference(&house, backlog.leaf, &files).await? });
    }
    server.stop().await?;
    Ok(Report::of_rounds("ingest", "rows/s", load, rounds))
}

/// Rows a second over HTTP. Connecting counts, as it does in the reference.
async fn ours(house: &House, server: &Server, leaf: Leaf, dealt: &[Arc<[Post]>]) -> Result<f64> {
    house.empty(leaf).await?;
    let url = format!("{}/measurements/batch", server.api());
    let mut connections = JoinSet::new();
    let started = Instant::now();
    for posts in dealt {
        connections.spawn(post_all(url.clone(), Arc::clone(posts)));
    }
    while let Some(done) = connections.join_next().await {
        done??;
    }
    let seconds = started.elapsed().as_secs_f64();
    house.holds(leaf, ROWS).await?;
    Ok(f64::from(ROWS) / seconds)
}

async fn post_all(url: String, posts: Arc<[Post]>) -> Result<()> {
    let client = posts::client()?;
    for post in posts.iter() {
        posts::send(&client, &url, post).await?;
    }
    Ok(())
}

/// What the server stored, as text files: one for each connection, with its devices' rows in the order stored.
async fn rows(house: &House, scratch: &Scratch, leaf: Leaf) -> Result<Vec<PathBuf>> {
    let mut files = Vec::with_capacity(CONNECTIONS);
    for connection in 0..CONNECTIONS {
        let dealt: Vec<&Thermometer> = house.thermometers.iter().skip(connection).step_by(CONNECTIONS).collect();
        let file = scratch.path(&format!("rows-{connection}.txt"));
        programs::copy_to(house, &sql::copy_out(leaf, &dealt), &file).await?;
        files.push(file);
    }
    Ok(files)
}

/// Rows a second by one `psql` for each file, all at once, as the writer's role.
async fn reference(house: &House, leaf: Leaf, files: &[PathBuf]) -> Result<f64> {
    house.empty(leaf).await?;
    let statement = sql::copy_in(leaf);
    let mut copies = JoinSet::new();
    let started = Instant::now();
    for file in files {
        let mut command = programs::copy_from(house, &statement, file)?;
        copies.spawn(async move { programs::finished(&mut command).await });
    }
    while let Some(done) = copies.join_next().await {
        done??;
    }
    let seconds = started.elapsed().as_secs_f64();
    house.holds(leaf, ROWS).await?;
    Ok(f64::from(ROWS) / seconds)
}
