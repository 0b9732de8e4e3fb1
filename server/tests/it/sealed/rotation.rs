//! A new key-encryption key: everything is wrapped anew while servers go on, whatever becomes of the run.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use serde_json::Value;
use socle::clock::Clock;
use socle::config::Config;
use socle::sealed::Keyring;
use socle::sealed::rotation::{self, Progress};
use sqlx::AssertSqlSafe;
use testkit::{Database, start_of_tests};
use tokio::process::Command;

use super::*;

/// A key file of a test's own, with one key-encryption key; removed with its value.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str) -> Result<Self> {
        let file = std::env::temp_dir().join(format!("socle-{name}-{}.hex", std::process::id()));
        drop(std::fs::remove_file(&file));
        let file = Self(file);
        file.add()?;
        Ok(file)
    }

    /// A new current key; its id.
    fn add(&self) -> Result<String> {
        Keyring::add(&self.0).map_err(anyhow::Error::msg)
    }

    /// Only the current key is kept: the others are thrown away.
    fn keep_the_current_one(&self) -> Result<()> {
        let all = std::fs::read_to_string(&self.0)?;
        Ok(std::fs::write(&self.0, all.lines().next().context("no key")?)?)
    }

    fn settings(&self) -> impl FnOnce(&mut Config) + use<> {
        let file = self.0.clone();
        move |config: &mut Config| {
            config.sealed.key = None;
            config.sealed.key_file = Some(file);
        }
    }

    async fn stage(&self) -> Result<Stage> {
        Stage::with(Clock::settable(start_of_tests()), self.settings()).await
    }

    /// Another server over the same database, which has no key in memory.
    async fn fresh(&self, stage: &Stage) -> Result<Stage> {
        Stage::over(Arc::clone(&stage.database), stage.clock.clone(), self.settings()).await
    }

    /// `socle admin keys …`, as an operator runs it.
    fn command(&self, database: &Database, words: &[&str]) -> Result<Command> {
        let password = |url: &str| {
            let user =
                url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user.to_owned());
            user.and_then(|user| user.split_once(':').map(|(_, password)| password.to_owned())).context("no password")
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_socle"));
        command
            .args(["admin", "keys"])
            .args(words)
            .env("DATABASE_URL", database.app_url())
            .env("SOCLE_DATABASE__APP_PASSWORD", password(database.app_url())?)
            .env("SOCLE_DATABASE__INGEST_PASSWORD", password(database.ingest_url())?)
            .env("SOCLE_SEALED__KEY_FILE", &self.0)
            .env("SOCLE_SEALED__KEY_STORE", database.key_store())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }

    async fn run(&self, database: &Database, words: &[&str]) -> Result<(Output, String)> {
        let output = self.command(database, words)?.output().await?;
        let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Ok((output, String::from_utf8(said)?))
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

async fn rotate(stage: &Stage) -> socle::Result<Progress> {
    rotation::rotate(&app(stage).vault, &platform(stage), |_, _| {}).await
}

/// Keys that another key-encryption key has wrapped.
async fn left(stage: &Stage, kek: &str) -> Result<i64> {
    let left = "SELECT count(*) FROM socle.data_keys WHERE state <> 'destroyed' AND kek_id <> $1";
    Ok(sqlx::query_scalar(left).bind(kek).fetch_one(&mut stage.database.admin().await?).await?)
}

/// So many people with a sealed value each.
async fn people(stage: &Stage, count: u128) -> Result<Vec<(AccountId, Vec<u8>)>> {
    let mut people = Vec::new();
    for number in 0..count {
        // A registry row needs no account: keys are whoever's they are.
        let account = AccountId(Uuid::from_u128(0xa000 + number));
        people.push((account, seal(stage, account, &format!("of {number}")).await?));
    }
    Ok(people)
}

async fn all_open(stage: &Stage, people: &[(AccountId, Vec<u8>)]) -> Result<()> {
    for (number, (account, sealed)) in people.iter().enumerate() {
        assert_eq!(open(stage, *account, sealed).await?, format!("of {number}"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_tokens_names_and_persons_fields_survive_the_end_of_the_old_key() -> Result<()> {
    let file = KeyFile::new("survive")?;
    let stage = file.stage().await?;
    let licence = stage.licence().await?;
    online(&licence.device).await?;
    ensure!(treat(&licence, &licence.owner, ("Jeanne", "Martin")).await? == 303);
    let people = people(&stage, 3).await?;
    let http = reqwest::Client::new();
    let call = |stage: &Stage, path: &str, body: Value| {
        http.post(format!("{}/physiotraq/api/v1/auth/{path}", stage.url())).json(&body).send()
    };
    let password = "une phrase de passe pour les tests";
    let pair: Value =
        call(&stage, "login", json!({ "email": "owner1@test.fr", "password": password })).await?.json().await?;

    let kek = file.add()?;
    let done = rotate(&stage).await?;
    assert_eq!((done.remaining, done.failed), (0, 0));
    assert_eq!(done.rewrapped, 1 + 2 + 6, "the root, the licence's two, two of each person");
    assert_eq!(left(&stage, &kek).await?, 0);
    file.keep_the_current_one()?;

    let fresh = file.fresh(&stage).await?;
    all_open(&fresh, &people).await?;
    let request = http.get(format!("{}/physiotraq/app/treatments", fresh.url())).header("accept", "text/html");
    let page = request.header("cookie", licence.owner.cookie()).send().await?;
    assert_eq!(page.status(), 200, "the browser is still signed in");
    assert!(page.text().await?.contains("J. Martin"));
    let access = pair["accessToken"].as_str().context("no access token")?;
    let list = http.get(format!("{}/physiotraq/api/v1/treatments", fresh.url())).bearer_auth(access).send().await?;
    assert_eq!(list.status(), 200, "the access token is still taken");
    let refreshed = call(&fresh, "refresh", json!({ "refreshToken": pair["refreshToken"] })).await?;
    assert_eq!(refreshed.status(), 200, "the refresh token has its successor");
    // A lost answer is given again by another server: the successor is derived from the same secret.
    let (first, again): (Value, Value) = (
        refreshed.json().await?,
        call(&fresh, "refresh", json!({ "refreshToken": pair["refreshToken"] })).await?.json().await?,
    );
    assert_eq!(first["refreshToken"], again["refreshToken"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_comes_to_its_end_while_others_read_and_write() -> Result<()> {
    let file = KeyFile::new("killed")?;
    let stage = Arc::new(file.stage().await?);
    let mut people = people(&stage, 120).await?;
    let kek = file.add()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (busy, ending) = (Arc::clone(&stage), Arc::clone(&stop));
    let known = people.clone();
    let work = tokio::spawn(async move {
        let mut new = Vec::new();
        while !ending.load(Ordering::SeqCst) {
            let number = new.len();
            let (account, sealed) = &known[number % known.len()];
            ensure!(open(&busy, *account, sealed).await? == format!("of {}", number % known.len()));
            let account = AccountId(Uuid::from_u128(0xb000 + u128::try_from(number)?));
            new.push((account, seal(&busy, account, &format!("of {}", known.len() + number)).await?));
        }
        Ok::<_, anyhow::Error>(new)
    });
    let mut kills = 0;
    while left(&stage, &kek).await? > 0 && kills < 6 {
        let before = left(&stage, &kek).await?;
        let mut child =
            file.command(&stage.database, &["rotate"])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let started = Instant::now();
        // As soon as something is done, and not all: kill -9.
        while left(&stage, &kek).await? == before && child.try_wait()?.is_none() {
            ensure!(started.elapsed() < SOON, "the rotation does nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(7 * kills)).await;
        child.kill().await?;
        kills += 1;
    }
    let (output, said) = file.run(&stage.database, &["rotate"]).await?;
    assert!(output.status.success(), "{said}");
    stop.store(true, Ordering::SeqCst);
    people.extend(work.await??);
    assert_eq!(left(&stage, &kek).await?, 0, "after {kills} kills");
    assert!(kills > 1, "a kill was to leave something undone");
    file.keep_the_current_one()?;
    all_open(&file.fresh(&stage).await?, &people).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_the_object_and_its_row_everything_opens_and_the_next_run_finds_it() -> Result<()> {
    let file = KeyFile::new("between")?;
    let stage = file.stage().await?;
    let people = people(&stage, 1).await?;
    let mut admin = stage.database.admin().await?;
    let old: String = sqlx::query_scalar("SELECT DISTINCT kek_id FROM socle.data_keys").fetch_one(&mut admin).await?;
    let kek = file.add()?;
    rotate(&stage).await?;
    // As a kill leaves it: the object is new, the row is not.
    sqlx::query("UPDATE socle.data_keys SET kek_id = $1 WHERE subject_kind = 'person'")
        .bind(&old)
        .execute(&mut admin)
        .await?;
    all_open(&file.fresh(&stage).await?, &people).await?;
    file.keep_the_current_one()?;
    all_open(&file.fresh(&stage).await?, &people).await?;
    let done = rotate(&stage).await?;
    assert_eq!((done.rewrapped, done.remaining, done.failed), (2, 0, 0));
    assert_eq!(left(&stage, &kek).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_says_that_one_runs_and_one_that_cannot_unwrap_says_which() -> Result<()> {
    let file = KeyFile::new("second")?;
    let stage = file.stage().await?;
    let people = people(&stage, 2).await?;
    let kek = file.add()?;
    let mut first = stage.database.admin().await?;
    sqlx::raw_sql("SELECT pg_advisory_lock(7305531)").execute(&mut first).await?;
    assert_eq!(rotate(&stage).await.unwrap_err().code, "BIZ_ROTATION_RUNS");
    let (output, said) = file.run(&stage.database, &["rotate"]).await?;
    assert!(!output.status.success() && said.contains("Another rotation runs"), "{said}");
    sqlx::Connection::close(first).await?;

    // One key is broken; every other is done, and the run says that it was not all.
    let mut admin = stage.database.admin().await?;
    let broken = people[0].0;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "UPDATE socle.data_keys SET check_value = 'wrong' WHERE subject_id = '{broken}' AND purpose = 'seal'"
    )))
    .execute(&mut admin)
    .await?;
    let (output, said) = file.run(&stage.database, &["rotate"]).await?;
    assert!(!output.status.success() && said.contains("1 keys could not be unwrapped"), "{said}");
    assert_eq!(left(&stage, &kek).await?, 1);
    let run: (i64, i64, bool) = sqlx::query_as(
        "SELECT remaining, failed, finished_at IS NOT NULL FROM socle.key_rotations ORDER BY started_at DESC LIMIT 1",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!(run, (1, 1, true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_data_key_seals_and_the_one_before_still_opens() -> Result<()> {
    let file = KeyFile::new("data")?;
    let stage = file.stage().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    let tenant = TenantId::fresh(stage.clock.now());
    let older = seal(&stage, ada, "older").await?;
    let mut tx = of(&stage, tenant).begin().await?;
    let keys = app(&stage).vault.keys(&mut tx).await?;
    let (kept, index, before) = (keys.seal(FIELD, "kept")?, keys.blind_index("x", "y"), keys.key_id());
    tx.commit().await?;

    for (id, words) in [(ada.0, &["--person"][..]), (tenant.0, &[])] {
        let id = id.to_string();
        let all = [&["rotate", "--data", &*id][..], words].concat();
        let (output, said) = file.run(&stage.database, &all).await?;
        assert!(output.status.success() && said.contains("seals from now on"), "{said}");
    }
    let newer = seal(&stage, ada, "newer").await?;
    assert_ne!(older[..16], newer[..16], "another key id");
    assert_eq!((open(&stage, ada, &older).await?, open(&stage, ada, &newer).await?), ("older".into(), "newer".into()));
    let mut tx = of(&stage, tenant).begin().await?;
    let keys = app(&stage).vault.keys(&mut tx).await?;
    assert_ne!(keys.key_id(), before);
    assert_eq!((keys.open(FIELD, &kept)?, keys.blind_index("x", "y")), ("kept".to_owned(), index));
    drop(tx);
    // Twice in a row, and then the retired keys are wrapped anew like the others.
    let mut tx = of(&stage, tenant).begin().await?;
    app(&stage).vault.renew(&mut tx, socle::sealed::Subject::Tenant(tenant)).await?;
    tx.commit().await?;
    let kek = file.add()?;
    rotate(&stage).await?;
    assert_eq!(left(&stage, &kek).await?, 0);
    assert_eq!(open(&file.fresh(&stage).await?, ada, &older).await?, "older");
    let (output, said) = file.run(&stage.database, &["rotate", "--data", &Uuid::from_u128(9).to_string()]).await?;
    assert!(!output.status.success() && said.contains("no keys"), "nobody's key is not made: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_adds_a_key_and_says_how_many_there_are() -> Result<()> {
    let file = KeyFile::new("status")?;
    let stage = file.stage().await?;
    people(&stage, 2).await?;
    let (output, said) = file.run(&stage.database, &["add"]).await?;
    assert!(output.status.success(), "{said}");
    let kek = said.split_whitespace().next().context("it says no id")?.to_owned();
    let (_, said) = file.run(&stage.database, &["status"]).await?;
    assert!(said.contains(&format!("{kek} (current), others: 1")), "{said}");
    assert!(said.contains("person\tactive\t4") && said.contains("tenant\tactive\t1"), "{said}");
    let (output, said) = file.run(&stage.database, &["rotate"]).await?;
    assert!(output.status.success() && said.contains(&format!("{kek}: 5 wrapped anew, 0 to do")), "{said}");
    let (_, said) = file.run(&stage.database, &["status"]).await?;
    assert!(said.contains(&format!("rotation to {kek}: 5 wrapped anew, 0 to do, 0 failed")), "{said}");
    let text = std::fs::read_to_string(&file.0)?;
    assert!(text.lines().all(|key| !said.contains(key)), "no key is ever printed");
    assert!(mode(&file.0)? & 0o077 == 0, "nobody else reads the file");
    Ok(())
}

fn mode(file: &Path) -> Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(file)?.permissions().mode())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kms_rotates_its_own_key_and_everything_follows() -> Result<()> {
    let kms = testkit::Kms::start().await?;
    let url = kms.url.clone();
    let stage = Stage::with(Clock::settable(start_of_tests()), move |config| {
        config.sealed.key = None;
        config.sealed.kms_url = Some(url);
        config.sealed.kms_token = Some(testkit::TOKEN.into());
    })
    .await?;
    let people = people(&stage, 2).await?;
    assert_eq!(left(&stage, "transit:socle:v1").await?, 0);
    kms.rotate();
    let done = rotate(&stage).await?;
    assert_eq!((done.rewrapped, done.remaining, done.failed), (5, 0, 0));
    assert_eq!(left(&stage, "transit:socle:v2").await?, 0);
    all_open(&stage, &people).await
}
