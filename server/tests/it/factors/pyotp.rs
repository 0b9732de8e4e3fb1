//! A real authenticator's algorithm: `pyotp` (PyPI), which `bin/setup` installs, reads the address on the page and signs in.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::{NEXT_CODE, PATIENT, Visitor, otpauth, stage};
use crate::sources;

/// Prints the code of an `otpauth` address at an instant.
const PROGRAM: &str = "import pyotp, sys; print(pyotp.parse_uri(sys.argv[1]).at(int(sys.argv[2])))";

/// The interpreter that has it, or `None` after saying that the test is skipped for want of it.
///
/// # Panics
/// In CI: a skipped test must not look like a passed one.
#[expect(clippy::print_stdout, reason = "a skipped test must be seen in the runner's output")]
fn python() -> Option<PathBuf> {
    let python = sources::root().join("target/pyotp-venv/bin/python");
    if python.exists() {
        return Some(python);
    }
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "pyotp would be skipped in CI: {} is missing; bin/setup --test installs it", python.display());
    println!("SKIPPED test: pyotp: {} is missing; bin/setup --test installs it", python.display());
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_implementation_of_the_algorithm_enrols_and_signs_in() -> Result<()> {
    let Some(python) = python() else { return Ok(()) };
    let stage = stage().await?;
    let mut visitor = Visitor::new(&stage)?;
    visitor.password(PATIENT).await?;
    visitor.post("/account/factors/app", &[]).await?;
    let url = otpauth(&visitor.get("/account/factors/app").await?.body)?;
    let code = async || {
        let at = stage.clock.now().timestamp().to_string();
        let run = Command::new(&python).args(["-c", PROGRAM, &url, &at]).output().await.context("pyotp")?;
        ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        Ok(String::from_utf8(run.stdout)?.trim().to_owned())
    };
    let confirmed = visitor.post("/account/factors/app/confirm", &[("code", &code().await?)]).await?;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    stage.clock.advance(NEXT_CODE);
    let mut visitor = Visitor::new(&stage)?;
    visitor.password(PATIENT).await?;
    assert_eq!(visitor.code(&code().await?).await?.status, 303);
    assert!(visitor.inside().await?);
    Ok(())
}
