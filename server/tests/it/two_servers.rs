//! Two real servers over one database, one of them killed under load: the other takes over what it left, nothing
//! acknowledged is lost, and the counters add up although the dead one could not save its last ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::{Database, Device};

use crate::binary::Binary;
use crate::crash::{self, Sender};
use crate::outage::post_until;

/// What the dead one left is taken over and counted within this: ten seconds to notice, and a save.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(12);

/// Waits until the counters of every device are what the table holds.
async fn all_is_counted(database: &Database, devices: &[Device]) -> Result<()> {
    let started = Instant::now();
    for device in devices {
        loop {
            let counted = crash::counted(database, device.id.0).await?;
            let sum = counted.stored + counted.duplicate + counted.rejected;
            ensure!(counted.received == sum, "{counted:?}");
            if counted.stored == counted.rows {
                break;
            }
            ensure!(started.elapsed() < TAKEN_OVER_WITHIN, "{counted:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_of_two_servers_is_killed_under_load_the_other_has_it_all() -> Result<()> {
    let (database, devices, _) = crash::seeded().await?;
    let (first, second) = (Binary::serve(&database).await?, Binary::serve(&database).await?);
    let (together, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    // Of every device one sender posts to the first, one to the second: batches and single readings in turn.
    let (mut doomed, mut going) = (Vec::new(), Vec::new());
    for (number, mut sender) in crash::senders(&devices, &together).into_iter().enumerate() {
        if [0, 3].contains(&(number % 4)) {
            doomed.push(tokio::spawn(sender.until_killed(first.url.clone())));
        } else {
            sender.aim(&second.url);
            going.push(tokio::spawn(post_until(sender, Arc::clone(&stop))));
        }
    }
    crash::under_way(&together, 1_000).await?;
    first.kill().await?;
    // The second goes on undisturbed, and takes what the first did not acknowledge.
    let mut senders: Vec<Sender> = Vec::new();
    for sender in doomed {
        let mut sender = sender.await?;
        sender.resend(&second.url).await.context("what the dead one did not acknowledge")?;
        senders.push(sender);
    }
    let then = together.load(Ordering::SeqCst);
    crash::under_way(&together, then + 500).await?;
    stop.store(true, Ordering::SeqCst);
    for sender in going {
        let (mut sender, _) = sender.await??;
        sender.resend(&second.url).await?;
        senders.push(sender);
    }
    crash::all_is_there(&mut database.admin().await?, &senders).await?;
    all_is_counted(&database, &devices).await?;
    // And an orderly end adds nothing.
    second.stop().await?;
    all_is_counted(&database, &devices).await
}
