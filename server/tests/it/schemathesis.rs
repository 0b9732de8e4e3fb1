//! Made-up requests against everything the API's document names: whatever is sent, the server keeps its head, and what
//! it answers is what the document says. The requests are made by schemathesis (PyPI), which bin/setup installs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::Stage;
use tokio::process::Command;

use crate::sources;

/// Far more than it takes; a run that hangs is ended.
const AT_MOST: Duration = Duration::from_secs(120);

/// The program, or `None` after saying that the test is skipped for want of it.
///
/// # Panics
/// In CI: a skipped test must not look like a passed one.
#[expect(clippy::print_stdout, reason = "a skipped test must be seen in the runner's output")]
fn tool() -> Option<PathBuf> {
    let tool = sources::root().join("target/schemathesis-venv/bin/schemathesis");
    if tool.exists() {
        return Some(tool);
    }
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "schemathesis would be skipped in CI: {} is missing; bin/setup --test installs it", tool.display());
    println!("SKIPPED test: schemathesis: {} is missing; bin/setup --test installs it", tool.display());
    None
}

/// Tries the operations that the further arguments choose. The seed is fixed: the same requests each time.
async fn attack(tool: &Path, stage: &Stage, arguments: &[&str]) -> Result<()> {
    let document = format!("{}/physiotraq/api/openapi.json", stage.url());
    let mut command = Command::new(tool);
    command
        .args(["run", &document, "--no-color", "--workers", "1", "--seed", "7", "--max-examples", "15"])
        .args(["--checks", "not_a_server_error,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--request-timeout", "10"])
        .args(["--generation-database", "none", "--generation-with-security-parameters", "false"])
        .args(arguments)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true);
    let run = tokio::time::timeout(AT_MOST, command.output()).await.context("it did not come to an end")??;
    let said = String::from_utf8_lossy(&run.stdout);
    ensure!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    ensure!(said.contains("Test cases:") && !said.contains("Tested: 0"), "it tried nothing: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_device_sends_is_answered_as_documented() -> Result<()> {
    let Some(tool) = tool() else { return Ok(()) };
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let credential = format!("Authorization: Bearer {}", licence.device.seeded.credential);
    attack(&tool, &stage, &["--include-tag", "device", "--header", credential.as_str()]).await?;
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM physiotraq.measurements")
        .fetch_one(&mut stage.database.admin().await?)
        .await?;
    ensure!(stored > 0, "not one made-up reading was in order");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_person_sends_is_answered_as_documented() -> Result<()> {
    let Some(tool) = tool() else { return Ok(()) };
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let cookie = format!("Cookie: {}", licence.owner.cookie());
    // The stream does not end by itself; who signs out, or proves five times wrongly who they are, tries nothing more.
    let not = ["/live", "/api/v1/auth/logout", "/api/v1/auth/reauthenticate", "/api/v1/auth/password/change"];
    let ends = ["/api/v1/me/sessions", "/api/v1/me/sessions/{id}", "/api/v1/me/known_devices/{id}"];
    let not = not.into_iter().chain(ends).collect::<Vec<_>>();
    let chosen = not.iter().flat_map(|path| ["--exclude-path", *path]);
    let arguments: Vec<&str> = chosen.chain(["--exclude-tag", "device", "--header", cookie.as_str()]).collect();
    attack(&tool, &stage, &arguments).await?;
    let still = licence.owner.get_json("/physiotraq/api/v1/treatments").await?.status();
    ensure!(still == 200, "the session was lost on the way: {still}");
    Ok(())
}
