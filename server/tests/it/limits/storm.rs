//! Five hundred sign-ins at once, while people read. Long rounds only (SOCLE_LONG): it compares times of one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testkit::{Person, Stage};
use uuid::Uuid;

use super::{At, HOME, PASSWORD, behind_a_proxy, events, wait};

/// Sign-ins at once.
const STORM: usize = 500;
/// Readers, one request after the other.
const READERS: usize = 4;
/// How long is read before the storm.
const CALM: Duration = Duration::from_secs(5);

/// Members of the licence with the owner's password, so that none is hashed for the preparation.
async fn crowd(stage: &Stage, licence: Uuid) -> Result<()> {
    let mut admin = stage.database.admin().await?;
    for statement in [
        "INSERT INTO socle.accounts (id, realm, email, password_hash, password_changed_at, created_at, updated_at)
         SELECT gen_random_uuid(), realm, 'storm' || n || '@test.fr', password_hash, created_at, created_at, created_at
         FROM socle.accounts, generate_series(1, 500) n WHERE email = 'owner1@test.fr'",
        "INSERT INTO socle.memberships (tenant_id, account_id, realm, role, tenant_name, created_at, updated_at)
         SELECT $1, id, realm, 'operator', 'Clinique 1', created_at, created_at FROM socle.accounts
         WHERE email LIKE 'storm%'",
        "INSERT INTO physiotraq.users (id, license_id, first_name, last_name, created_at, updated_at)
         SELECT id, $1, 'Sophie', 'Essai', created_at, created_at FROM socle.accounts WHERE email LIKE 'storm%'",
    ] {
        // The first takes no parameter: PostgreSQL refuses one that is not used.
        let query = sqlx::query(statement);
        let query = if statement.contains("$1") { query.bind(licence) } else { query };
        query.execute(&mut admin).await?;
    }
    Ok(())
}

/// Signs in, coming back as often as the answer says; how often it was sent away.
async fn stubborn(at: At, email: String) -> Result<usize> {
    for sent_away in 0..200 {
        let answer = at.tries(&email, PASSWORD).await?;
        match answer.status().as_u16() {
            303 => return Ok(sent_away),
            503 => {
                let pause = wait(&answer);
                ensure!(pause.is_some(), "503 without Retry-After");
                tokio::time::sleep(Duration::from_secs(pause.unwrap_or(1).into())).await;
            }
            other => anyhow::bail!("{email}: {other}"),
        }
    }
    anyhow::bail!("{email} was never let in")
}

/// Reads until told to stop; the times it took.
async fn read(person: Person, stop: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let since = Instant::now();
        let answer = person.get(HOME).await?;
        ensure!(answer.status() == 200, "a reader got {}", answer.status());
        answer.bytes().await?;
        took.push(since.elapsed());
    }
    Ok(took)
}

/// The time within which 95 of 100 reads were answered, while something goes on.
async fn p95<T>(person: &Person, meanwhile: impl Future<Output = Result<T>>) -> Result<(Duration, T)> {
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS).map(|_| tokio::spawn(read(person.clone(), Arc::clone(&stop)))).collect();
    let done = meanwhile.await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for reader in readers {
        all.extend(reader.await??);
    }
    all.sort();
    Ok((all[all.len() * 95 / 100], done?))
}

/// Resident memory of this process in MB; the server runs in it.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
}

#[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_sign_ins_at_once_are_all_let_in_and_readers_do_not_suffer() -> Result<()> {
    if std::env::var_os("SOCLE_LONG").is_none() {
        return Ok(());
    }
    let stage = behind_a_proxy(|config| config.database.connections = 16).await?;
    let licence = stage.licence().await?;
    crowd(&stage, licence.id.0).await?;
    let reader = &licence.owner;
    let calm = async {
        tokio::time::sleep(CALM).await;
        Ok(())
    };
    let (before, ()) = p95(reader, calm).await?;
    let (memory, most) = (resident()?, Arc::new(AtomicUsize::new(0)));
    let at = At::new(&stage, "198.51.100.1")?;
    let storm = async {
        let all = (1..=STORM).map(|number| {
            let (at, most) = (at.clone(), Arc::clone(&most));
            tokio::spawn(async move {
                let sent_away = stubborn(at, format!("storm{number}@test.fr")).await?;
                most.fetch_max(sent_away, Ordering::Relaxed);
                anyhow::Ok(())
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await??;
        }
        Ok(())
    };
    let (during, ()) = p95(reader, storm).await?;
    let (grown, most) = (resident()? - memory, most.load(Ordering::Relaxed));
    let ratio = during.as_secs_f64() / before.as_secs_f64();
    println!(
        "p95 {before:?} before, {during:?} during: {ratio:.2}; sent away at most {most} times; {grown:.1} MB more"
    );
    // Two hashes of 19 MiB at once, five hundred connections on both sides; nothing that grows with the storm's length.
    ensure!(grown < 160.0, "{grown:.1} MB");
    ensure!(ratio <= 2.0, "p95 of the reads: {before:?} before, {during:?} during the storm");
    assert_eq!((events(&stage, "LOGIN_FAILED").await?, events(&stage, "LOGIN_LOCKED").await?), (0, 0));
    Ok(())
}
