//! Online, offline, never seen; and an event on each change, not on each contact.

use anyhow::Result;
use chrono::TimeDelta;
use testkit::{Licence, Stage};

use crate::{answers, behind, crew};

async fn status(licence: &Licence) -> Result<String> {
    let path = format!("/physiotraq/api/v1/devices/{}", licence.device.id);
    let shown = answers::json(licence.owner.get_json(&path).await?, 200).await?;
    Ok(shown["status"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_silent_minutes_are_one_disconnection() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let device = licence.device.id.0;
    assert_eq!(status(&licence).await?, "unknown");
    crew::online(&licence.device).await?;
    crew::online(&licence.device).await?;
    licence.device.measure(stage.clock.now(), 37.0).await?;
    assert_eq!(status(&licence).await?, "online");
    assert_eq!(behind::events(&mut admin, "device.connected", device).await?, 1, "once, not at each contact");
    stage.clock.advance(TimeDelta::seconds(119));
    assert_eq!(status(&licence).await?, "online");
    stage.clock.advance(TimeDelta::seconds(2));
    assert_eq!(status(&licence).await?, "offline");
    // Silence is looked for every five seconds.
    answers::eventually(1, async || behind::events(&mut admin, "device.disconnected", device).await).await?;
    crew::online(&licence.device).await?;
    assert_eq!(status(&licence).await?, "online");
    assert_eq!(behind::events(&mut admin, "device.connected", device).await?, 2);
    assert_eq!(behind::events(&mut admin, "device.disconnected", device).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owners_list_counts_and_filters_by_presence() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::devices(&stage, &licence, 2).await?;
    let serial = licence.device.seeded.serial.as_str();
    for (filter, never_seen, heard) in [("all", true, true), ("online", false, true), ("offline", true, false)] {
        let path = format!("/physiotraq/admin/devices?status={filter}");
        let page = answers::text(licence.owner.get(&path).await?, 200).await?;
        assert_eq!(page.contains(serial), never_seen, "{filter}");
        assert_eq!(page.contains("tag-online"), heard, "{filter}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_calls_nobody_offline_who_was_just_heard() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    crew::online(&licence.device).await?;
    stage.product.monitor().save().await;
    let mut admin = stage.database.admin().await?;
    let connected = behind::events(&mut admin, "device.connected", licence.device.id.0).await?;
    let stage = stage.crash_and_restart().await?;
    assert_eq!(stage.product.monitor().glance(licence.device.id).presence.name(), "online");
    crew::online(&licence.device.at(stage.url())).await?;
    assert_eq!(behind::events(&mut admin, "device.connected", licence.device.id.0).await?, connected, "no new event");
    assert_eq!(behind::events(&mut admin, "device.disconnected", licence.device.id.0).await?, 0);
    Ok(())
}
