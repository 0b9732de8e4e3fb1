//! The anchors outside: signed, each naming the one before, never written twice.

use anyhow::Result;

use super::*;

async fn faults(stage: &Stage, folder: &Path) -> Result<Vec<Fault>> {
    Ok(report(stage.database.admin_url(), stage.product.app().audit.public_key(), folder).await?.faults)
}

/// Three anchors, and the server that wrote them.
async fn three() -> Result<(Stage, PathBuf)> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    for _ in 0..3 {
        write(&stage, ONE, 2).await?;
        anchored(&stage.database, &folder).await?;
    }
    Ok((stage, folder))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anchor_is_written_when_something_changed_and_is_signed() -> Result<()> {
    let (stage, folder) = three().await?;
    let before = files(&folder)?;
    assert!(before.len() >= 3, "{before:?}");
    let text = std::fs::read_to_string(before.last().context("an anchor")?)?;
    assert!(text.contains(&format!("[\"{}\",6,\"", ONE.0)), "{text}");
    assert!(!text.contains("test.written") && text.lines().count() == 2, "hashes, no content: {text}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(files(&folder)?, before, "nothing changed: no further anchor");
    assert_eq!(faults(&stage, &folder).await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anchor_that_is_changed_taken_away_or_signed_by_another_is_seen() -> Result<()> {
    let (stage, folder) = three().await?;
    let files = files(&folder)?;
    let second = files.get(1).context("a second anchor")?;
    let text = std::fs::read_to_string(second)?;
    let broken = |kind| Fault { chain: None, position: None, kind };

    std::fs::write(second, text.replacen("\"number\":2", "\"number\": 2", 1))?;
    let found = faults(&stage, &folder).await?;
    assert!(found.contains(&broken(FaultKind::AnchorForged(2))), "{found:?}");
    std::fs::remove_file(second)?;
    let found = faults(&stage, &folder).await?;
    assert!(found.contains(&broken(FaultKind::AnchorBroken(2))), "{found:?}");
    std::fs::write(second, &text)?;
    assert_eq!(faults(&stage, &folder).await?, []);

    let other = PublicKey::parse(&"ab".repeat(32)).map_err(|error| anyhow!(error))?;
    let found = report(stage.database.admin_url(), other, &folder).await?.faults;
    assert!(found.contains(&broken(FaultKind::AnchorForged(1))), "{found:?}");
    for file in &files {
        std::fs::remove_file(file)?;
    }
    assert_eq!(faults(&stage, &folder).await?, [broken(FaultKind::NoAnchors)]);
    Ok(())
}
