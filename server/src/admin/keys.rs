//! `socle admin keys …`: a new key-encryption key, every data key wrapped anew, a new data key for one subject, and how
//! many keys there are.

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, Subcommand};
use socle::config::Config;
use socle::db::{Trace, Who};
use socle::ids::{AccountId, TenantId};
use socle::sealed::rotation::{self, Progress};
use socle::sealed::{Keyring, Subject};
use socle::{App, Caller, audit, logging, platform};
use uuid::Uuid;

use crate::serve;

/// What can be done with keys.
#[derive(Subcommand)]
pub enum Action {
    /// Puts a new key-encryption key at the head of the key file (sealed.key_file), and makes the file if it is missing.
    Add,
    /// Wraps every data key anew by the current key-encryption key. Can be broken off and run again.
    Rotate(Which),
    /// Prints how many keys each key-encryption key has wrapped, the last rotations, and what the key store holds.
    Status,
}

/// Which keys are rotated.
#[derive(Args)]
pub struct Which {
    /// Instead: a new data key for one tenant or person, by id. What was sealed before stays readable.
    #[arg(long, value_name = "TENANT|PERSON")]
    data: Option<Uuid>,
    /// The id is an account's, not a tenant's.
    #[arg(long, requires = "data")]
    person: bool,
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let config = Config::load().context("the settings cannot be read")?;
    logging::start(&config.log).map_err(anyhow::Error::msg)?;
    match action {
        Action::Add => {
            let file = config.sealed.key_file.context("sealed.key_file is not set (SOCLE_SEALED__KEY_FILE)")?;
            let id = Keyring::add(&file).map_err(|e| anyhow!(e))?;
            println!("{id} is the current key-encryption key; now run: socle admin keys rotate");
            Ok(())
        }
        Action::Rotate(Which { data: None, .. }) => rotate(&serve::app(config).await?).await,
        Action::Rotate(Which { data: Some(id), person: true }) => {
            renew(&serve::app(config).await?, Subject::Person(AccountId(id))).await
        }
        Action::Rotate(Which { data: Some(id), person: false }) => {
            renew(&serve::app(config).await?, Subject::Tenant(TenantId(id))).await
        }
        Action::Status => status(&serve::app(config).await?).await,
    }
}

/// The platform itself.
fn caller(app: &App) -> Caller {
    app.nobody(platform::BRANDING.realm.name, Trace::default()).becoming(Who::System(platform::TENANT))
}

async fn rotate(app: &App) -> Result<()> {
    let tell = |kek: &str, progress: Progress| {
        println!("{kek}: {} wrapped anew, {} to do", progress.rewrapped, progress.remaining);
    };
    let caller = caller(app);
    let done = rotation::rotate(&app.vault, &caller, tell).await?;
    ensure!(done.failed == 0, "{} keys could not be unwrapped and stay as they are; the log names them", done.failed);
    let deleted = app.vault.sweep(&app.db).await?;
    println!("done; {deleted} objects of destroyed keys were deleted from the key store");
    Ok(())
}

async fn renew(app: &App, subject: Subject) -> Result<()> {
    let who = match subject {
        Subject::Tenant(tenant) => Who::System(tenant),
        Subject::Person(_) => Who::System(platform::TENANT),
    };
    let mut tx = caller(app).becoming(who).begin().await?;
    ensure!(
        app.vault.has_keys(&mut tx, subject).await?,
        "there are no keys of the {} {}",
        subject.kind(),
        subject.id()
    );
    let key = app.vault.renew(&mut tx, subject).await?;
    audit::record(&mut tx, audit::Entry::done("keys.renewed", "DataKeys", subject.id())).await?;
    tx.commit().await?;
    println!("{key} seals from now on; what was sealed before is read with the key before");
    Ok(())
}

async fn status(app: &App) -> Result<()> {
    let keks = app.vault.keks().await?;
    println!(
        "key-encryption keys: {} (current), others: {}",
        keks.first().map_or("?", |kek| kek),
        keks.len().saturating_sub(1)
    );
    for count in app.vault.counts(&app.db).await? {
        let kek = if count.kek_id.is_empty() { "–" } else { &count.kek_id };
        println!("{kek}\t{}\t{}\t{}", count.subject_kind, count.state, count.keys);
    }
    for run in rotation::last(&caller(app)).await? {
        let end = run.finished_at.map_or_else(|| "not finished".to_owned(), |at| format!("finished {at}"));
        let (kek, done, left) = (run.kek_id, run.rewrapped, run.remaining);
        println!(
            "rotation to {kek}: {done} wrapped anew, {left} to do, {} failed, started {}, {end}",
            run.failed, run.started_at
        );
    }
    let store = app.vault.compare_store(&app.db).await?;
    println!(
        "key store: {} objects of destroyed keys, {} unknown to this database",
        store.destroyed.len(),
        store.unknown
    );
    Ok(())
}
