//! Shards: devices by the last digit of their id, each evaluated by one process.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::{Bus, SHARDS, sql};
use crate::db::Db;
use crate::{Error, Result};

/// How often it is looked whether a shard is free or another process wants its share.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A line that takes longer to answer is dead; what it held is somebody else's by now.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// Looks after which everybody has noticed that this process is there.
const SETTLED_AFTER: u32 = 3;
/// At start a process that ended a moment ago may still hold its locks.
const FIRST_ROUND: Duration = Duration::from_millis(600);

/// The shard of a device; `physiotraq.shard_of` in SQL says the same.
#[must_use]
pub fn shard_of(device: Uuid) -> usize {
    usize::from(device.as_bytes()[15] & 0x0f)
}

/// Who evaluates the devices of shards.
pub trait Owner: Send + Sync + 'static {
    /// These are ours now: load their state and evaluate what nobody has evaluated. An error gives them back.
    fn gained(&self, shards: &[usize]) -> impl Future<Output = Result<()>> + Send;
    /// These go to another process: stop evaluating them and save.
    fn leaving(&self, shards: &[usize]) -> impl Future<Output = ()> + Send;
    /// These are gone already, with the connection that held them: stop evaluating them, save nothing.
    fn lost(&self, shards: &[usize]) -> impl Future<Output = ()> + Send;
}

/// The shards of one product that this process holds.
pub struct Shards<O> {
    db: Db,
    bus: Bus,
    owner: Arc<O>,
    /// The class of this product's locks.
    class: i32,
    line: Option<PgConnection>,
    held: BTreeSet<usize>,
    /// As many slots were taken at the last look.
    processes: usize,
}

impl<O: Owner> Shards<O> {
    /// Takes a slot and what shards are free, before the port opens, and goes on looking in the background.
    ///
    /// # Errors
    /// When the database cannot be reached or 16 processes are there already.
    pub async fn start(db: &Db, bus: &Bus, owner: &Arc<O>, class: i32) -> Result<JoinHandle<()>> {
        let (db, bus, owner) = (db.clone(), bus.clone(), Arc::clone(owner));
        let mut shards = Self { db, bus, owner, class, line: None, held: BTreeSet::new(), processes: 1 };
        shards.look().await?;
        let before = tokio::time::Instant::now();
        while shards.held.len() < SHARDS && before.elapsed() < FIRST_ROUND && shards.bus.slot().processes() == 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            shards.look().await?;
        }
        Ok(tokio::spawn(shards.run()))
    }

    async fn run(mut self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count: u32 = 0;
        loop {
            looks.tick().await;
            count += 1;
            if count == SETTLED_AFTER {
                // What began elsewhere between loading and being noticed was told to nobody.
                self.bus.gap();
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "shards could not be looked at");
                self.lose().await;
            }
        }
    }

    /// One look: our share is `16 ÷ processes`, rounded up. What is above it is given away, one a second; what is free
    /// below it is taken.
    async fn look(&mut self) -> Result<()> {
        let processes = self.present().await?;
        let share = SHARDS.div_ceil(processes);
        if self.held.len() > share {
            return self.give().await;
        }
        let mut gained = Vec::new();
        for shard in (0..SHARDS).filter(|shard| !self.held.contains(shard)).collect::<Vec<_>>() {
            if self.held.len() + gained.len() >= share {
                break;
            }
            let class = self.class;
            if sql::try_lock(self.line()?, class, key(shard)).await? {
                gained.push(shard);
            }
        }
        if gained.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.owner.gained(&gained).await {
            let class = self.class;
            for shard in gained {
                sql::unlock(self.line()?, class, key(shard)).await?;
            }
            return Err(error);
        }
        tracing::debug!(shards = ?gained, "shards taken");
        self.held.extend(gained);
        Ok(())
    }

    /// Makes sure of the line and the slot; how many processes there are.
    async fn present(&mut self) -> Result<usize> {
        if self.line.is_none() {
            let mut line = self.db.line().await?;
            let slot = sql::take_slot(&mut line).await?;
            let slot = slot.ok_or_else(|| Error::internal("16 servers run on this database already; stop one"))?;
            self.bus.slot().hold(slot);
            self.line = Some(line);
        }
        let counted = tokio::time::timeout(ANSWERS_WITHIN, sql::processes(self.line()?)).await;
        let Ok(counted) = counted else {
            self.line = None;
            return Err(Error::unavailable(1));
        };
        let processes = counted?;
        if processes < self.processes {
            // Somebody died, perhaps between a commit and telling of it.
            self.bus.gap();
        }
        self.processes = processes;
        self.bus.slot().seen(processes);
        Ok(processes)
    }

    async fn give(&mut self) -> Result<()> {
        let Some(shard) = self.held.pop_last() else { return Ok(()) };
        self.owner.leaving(&[shard]).await;
        let class = self.class;
        sql::unlock(self.line()?, class, key(shard)).await?;
        tracing::debug!(shard, "shard given to another server");
        Ok(())
    }

    /// The line is in doubt: with it go its locks.
    async fn lose(&mut self) {
        let alive = match self.line.as_mut() {
            Some(line) => sql::alive(line).await.is_ok(),
            None => false,
        };
        if alive {
            return;
        }
        self.line = None;
        let lost: Vec<usize> = std::mem::take(&mut self.held).into_iter().collect();
        if !lost.is_empty() {
            self.owner.lost(&lost).await;
        }
    }

    fn line(&mut self) -> Result<&mut PgConnection> {
        self.line.as_mut().ok_or_else(|| Error::unavailable(1))
    }
}

fn key(shard: usize) -> i32 {
    i32::try_from(shard).unwrap_or_default()
}
