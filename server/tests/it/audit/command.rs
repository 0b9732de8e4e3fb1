//! `socle admin audit …`, the real binary: what it says and what it exits with.

use std::process::{Output, Stdio};

use anyhow::{Context, Result};
use testkit::KEK;
use tokio::process::Command;

use super::*;

/// The password in a database's address.
fn password(url: &str) -> Result<String> {
    let url: reqwest::Url = url.parse()?;
    Ok(url.password().context("an address without a password")?.to_owned())
}

async fn socle(database: &Database, folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_socle"));
    command.arg("admin").arg("audit").args(arguments).stdin(Stdio::null());
    command.env("DATABASE_URL", database.admin_url());
    command.env("SOCLE_DATABASE__APP_PASSWORD", password(database.app_url())?);
    command.env("SOCLE_DATABASE__INGEST_PASSWORD", password(database.ingest_url())?);
    command.env("SOCLE_SEALED__KEY", KEK).env("SOCLE_SEALED__KEY_STORE", database.key_store());
    Ok(command.env("SOCLE_AUDIT__ANCHOR_STORE", folder).output().await?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_exits_with_0_when_whole_1_when_not_and_2_when_nothing_seals() -> Result<()> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    write(&stage, ONE, 5).await?;
    write(&stage, TWO, 5).await?;
    anchored(&stage.database, &folder).await?;
    let (database, key) = (Arc::clone(&stage.database), stage.product.app().audit.public_key());
    let whole = socle(&database, &folder, &["verify"]).await?;
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    assert!(said(&whole).contains("2 chains, 10 links") && said(&whole).ends_with("whole\n"), "{}", said(&whole));

    let printed = socle(&database, &folder, &["public-key"]).await?;
    assert_eq!(said(&printed).trim(), key.to_string());
    let with_key = socle(&database, &folder, &["verify", "--public-key", said(&printed).trim()]).await?;
    assert_eq!(with_key.status.code(), Some(0));
    let stranger = socle(&database, &folder, &["verify", "--public-key", &"ab".repeat(32)]).await?;
    assert_eq!(stranger.status.code(), Some(1), "{}", said(&stranger));

    // Nothing seals while this server's clock stands in the past: a row that no server has sealed for a minute.
    stage.stop().await;
    let mut admin = database.admin().await?;
    let unsealed = "INSERT INTO socle.audit_log (id, occurred_at, realm, actor_kind, event_type, action, outcome)
                    VALUES (gen_random_uuid(), '2026-11-01', 'x', 'nobody', 'auth', 'a.b', 'done')";
    until_ended(&mut admin).await?;
    sqlx::query(unsealed).execute(&mut admin).await?;
    let waiting = socle(&database, &folder, &["verify"]).await?;
    assert_eq!(waiting.status.code(), Some(2), "{}", said(&waiting));
    assert!(said(&waiting).contains("1 rows wait to be sealed"), "{}", said(&waiting));

    let edit = "UPDATE socle.audit_log SET details = '{}' WHERE id =
                (SELECT id FROM socle.audit_chain WHERE chain = $1 AND position = 3)";
    sqlx::query(edit).bind(ONE.0).execute(&mut admin).await?;
    let broken = socle(&database, &folder, &["verify"]).await?;
    assert_eq!(broken.status.code(), Some(1));
    let expected = format!("FAULT chain {}: position 3: the row does not say what was sealed", ONE.0);
    assert!(said(&broken).contains(&expected), "{}", said(&broken));
    let other = socle(&database, &folder, &["verify", "--tenant", &TWO.to_string()]).await?;
    assert_eq!(other.status.code(), Some(0), "{}", said(&other));
    Ok(())
}

/// Waits until the server has let its connections go: nobody seals then.
async fn until_ended(admin: &mut PgConnection) -> Result<()> {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'socle_app'";
    let started = Instant::now();
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut *admin).await? > 0 {
        ensure!(started.elapsed() < SEALED_WITHIN, "the server is still connected");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
