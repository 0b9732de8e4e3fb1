//! `socle firmware` and `socle admin vendor`: what the vendor does at a terminal, with the real binary.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use physiotraq::firmware::message;
use socle::files::signature;
use testkit::vendor::binary;
use testkit::{PASSWORD, Stage, sha256};

/// The binary with nothing of this process's own settings.
fn socle(arguments: &[&str]) -> Command {
    let mut socle = Command::new(env!("CARGO_BIN_EXE_socle"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SOCLE_") || name == "DATABASE_URL") {
        socle.env_remove(name);
    }
    socle.args(arguments);
    socle
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_offline_is_believed_and_a_key_is_never_overwritten() -> Result<()> {
    let stage = Stage::new().await?;
    let folder = stage.database.folder();
    let (key, file) = (folder.join("vendor.key"), folder.join("core.bin"));
    let (key, file) = (key.to_str().context("a path")?, file.to_str().context("a path")?);
    std::fs::write(file, binary("03.1.0", 100_000))?;
    let made = socle(&["firmware", "key", key]).output()?;
    assert!(made.status.success(), "{made:?}");
    let public = said(&made).trim().to_owned();
    let again = socle(&["firmware", "key", key]).output()?;
    assert!(!again.status.success(), "what is signed with a key that is gone cannot be signed again");

    let arguments = ["firmware", "sign", "--key", key, "--version", "v03.1.0", "--hardware", "CT1", file];
    let signed = said(&socle(&arguments).output()?);
    let line = |name: &str| signed.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let message = message(&sha256(&binary("03.1.0", 100_000)), "03.1.0", "CT1");
    assert!(signed.as_bytes().starts_with(&message), "it shows what it signs: {signed}");
    assert_eq!(line("public key "), public);
    assert!(signature::trusted(&[public], &message, &line("signature ")).is_some());
    let odd = ["firmware", "sign", "--key", key, "--version", "next", "--hardware", "CT1", file];
    assert!(!socle(&odd).output()?.status.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_of_the_vendors_people_comes_from_the_command_line() -> Result<()> {
    let stage = Stage::new().await?;
    let password_of = |url: &str| url.split(':').nth(2).and_then(|rest| rest.split('@').next()).map(ToOwned::to_owned);
    let add = |password: &str| -> Result<Output> {
        let mut child = socle(&["admin", "vendor", "add", "vera@test.fr", "Vera", "Lenoir"])
            .env("DATABASE_URL", stage.database.app_url())
            .env("SOCLE_DATABASE__APP_PASSWORD", password_of(stage.database.app_url()).context("no password")?)
            .env("SOCLE_DATABASE__INGEST_PASSWORD", password_of(stage.database.ingest_url()).context("no password")?)
            .env("SOCLE_SEALED__KEY", testkit::KEK)
            .env("SOCLE_SEALED__KEY_STORE", stage.database.key_store())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        writeln!(child.stdin.take().context("no standard input")?, "{password}")?;
        Ok(child.wait_with_output()?)
    };
    assert!(!add("too short")?.status.success(), "a password is judged here too");
    let added = add(PASSWORD)?;
    assert!(added.status.success(), "{added:?}");
    let vera = stage.sign_in("vera@test.fr").await?;
    let page = vera.get("/physiotraq/vendor/firmware").await?;
    assert_eq!(testkit::Person::location(&page), "/physiotraq/account/factors", "a second factor comes first");
    assert!(!add(PASSWORD)?.status.success(), "the address is taken");
    Ok(())
}
