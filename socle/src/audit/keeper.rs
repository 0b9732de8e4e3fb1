//! The sealer: chains what was committed, within a second, and writes the anchors. One server at a time does it: who
//! holds the advisory lock of its own line; another takes over when that connection is gone.

use std::time::{Duration, Instant};

use metrics::gauge;
use sqlx::PgConnection;

use super::{refusals, sql};
use crate::{App, Error, Result};

/// Rows of a batch: one short transaction, and some megabytes in PostgreSQL.
const BATCH: i32 = 5_000;
/// When nothing is left to seal it is looked again after this.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Another server seals: it is looked again whether it still does. Also the pause after a failure.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Waiting rows are counted up to this.
const COUNTED: i32 = 100_000;

const WAITING: &str = "audit_unsealed_rows";
const AGE: &str = "audit_unsealed_age_seconds";

/// Seals and anchors for ever; every server runs it, one of them works.
pub async fn keep(app: &App) {
    metrics::describe_gauge!(WAITING, "Audit rows that wait to be sealed, up to 100000; of the server that seals.");
    metrics::describe_gauge!(AGE, "Seconds since the oldest of them occurred.");
    let mut keeper = Keeper { app, line: None, seals: false, anchored: None };
    loop {
        let pause = match keeper.tend().await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "the audit trail could not be sealed");
                (keeper.line, keeper.seals) = (None, false);
                ASK_EVERY
            }
        };
        refusals::summarise(app).await;
        tokio::time::sleep(pause).await;
    }
}

struct Keeper<'a> {
    app: &'a App,
    /// The connection that holds the lock, or asks for it: what it seals, it seals as the one sealer.
    line: Option<PgConnection>,
    seals: bool,
    anchored: Option<Instant>,
}

impl Keeper<'_> {
    /// Seals all there is, if this server is the one; how long to pause.
    async fn tend(&mut self) -> Result<Duration> {
        if self.line.is_none() {
            self.line = Some(self.app.db.line().await?);
        }
        let line = self.line.as_mut().ok_or_else(|| Error::internal("no line"))?;
        self.seals = self.seals || sql::become_sealer(line).await?;
        if !self.seals {
            return Ok(ASK_EVERY);
        }
        loop {
            let started = Instant::now();
            let more = sql::seal(line, BATCH, self.app.clock.now()).await?;
            if !more {
                break;
            }
            // After a flood the database's other work comes first: the sealer rests for as long as it worked.
            tokio::time::sleep(started.elapsed()).await;
        }
        let (waiting, oldest) = sql::unsealed(line, COUNTED).await?;
        let age = oldest.map_or(0, |oldest| (self.app.clock.now() - oldest).num_seconds().max(0));
        gauge!(WAITING).set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
        gauge!(AGE).set(f64::from(u32::try_from(age).unwrap_or(u32::MAX)));
        self.anchor().await?;
        Ok(LOOK_EVERY)
    }

    /// Writes an anchor when it is time; a store that cannot be reached does not keep rows from being sealed.
    async fn anchor(&mut self) -> Result<()> {
        let Some(anchors) = &self.app.audit.anchors else { return Ok(()) };
        let due = self.anchored.is_none_or(|last| last.elapsed() >= self.app.audit.anchor_every);
        let Some(line) = self.line.as_mut().filter(|_| due) else { return Ok(()) };
        let heads = sql::heads(line).await?;
        self.anchored = Some(Instant::now());
        if let Err(error) = anchors.write(&self.app.audit.signer, &heads, self.app.clock.now()).await {
            tracing::error!(error, "the audit trail could not be anchored");
        }
        Ok(())
    }
}
