//! Erasing a person destroys their keys: at once for every server, for good in the key store, and for every dump of the
//! database that was ever made.

use std::sync::Arc;

use anyhow::Result;
use testkit::Database;
use tokio::process::Command;

use super::*;

/// Destroys somebody's keys as the erasure does: in a transaction of the account. Another's does not.
async fn destroy(stage: &Stage, account: AccountId) -> Result<usize> {
    let mut foreign = platform(stage).begin().await?;
    ensure!(
        app(stage).vault.destroy_person(&mut foreign, account).await.is_err(),
        "a foreign transaction destroyed keys"
    );
    let mut tx = themselves(stage, account).begin().await?;
    let keys = app(stage).vault.destroy_person(&mut tx, account).await?;
    tx.commit().await?;
    Ok(keys)
}

fn themselves(stage: &Stage, account: AccountId) -> Caller {
    platform(stage).becoming(Who::Account(account, None))
}

async fn gone(stage: &Stage, wanted: usize) -> Result<()> {
    let started = Instant::now();
    while objects(stage)?.len() != wanted {
        ensure!(started.elapsed() < SOON, "still in the key store: {:?}", objects(stage)?);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destroyed_keys_open_nothing_at_any_server_and_none_is_made_again() -> Result<()> {
    let first = Stage::new().await?;
    let second = Stage::over(Arc::clone(&first.database), first.clock.clone(), |_| {}).await?;
    let (ada, bob) = (account(&first, "ada@test.fr").await?, account(&first, "bob@test.fr").await?);
    let (hers, his) = (seal(&first, ada, "hers").await?, seal(&first, bob, "his").await?);
    assert_eq!(open(&second, ada, &hers).await?, "hers", "now both have her key in memory");
    assert_eq!(destroy(&first, ada).await?, 2);
    for stage in [&first, &second] {
        assert_eq!(open(stage, ada, &hers).await.unwrap_err().code, "BIZ_ERASED", "at once, everywhere");
        assert_eq!(open(stage, bob, &his).await?, "his");
    }
    gone(&first, 2).await?;
    assert_eq!(destroy(&first, ada).await?, 0, "the second time there is nothing to do");
    let jobs = "SELECT count(*) FROM socle.jobs WHERE kind = 'sealed.delete_keys'";
    assert_eq!(count(&mut first.database.admin().await?, jobs).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_undone_destroys_nothing() -> Result<()> {
    let stage = Stage::new().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    let hers = seal(&stage, ada, "hers").await?;
    let mut tx = themselves(&stage, ada).begin().await?;
    app(&stage).vault.destroy_person(&mut tx, ada).await?;
    drop(tx);
    assert_eq!(open(&stage, ada, &hers).await?, "hers");
    assert_eq!(objects(&stage)?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_without_keys_never_gets_any_after_an_erasure() -> Result<()> {
    let stage = Stage::new().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    assert_eq!(destroy(&stage, ada).await?, 0);
    let mut tx = platform(&stage).begin().await?;
    let refused = app(&stage).vault.person_keys(&mut tx, ada).await.err().context("keys were made")?;
    assert_eq!(refused.code, "BIZ_ERASED");
    assert_eq!(objects(&stage)?.len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_an_old_copy_of_the_key_store_brings_back_are_swept_and_others_are_left() -> Result<()> {
    let stage = Stage::new().await?;
    let (ada, bob) = (account(&stage, "ada@test.fr").await?, account(&stage, "bob@test.fr").await?);
    let (hers, his) = (seal(&stage, ada, "hers").await?, seal(&stage, bob, "his").await?);
    let folder = stage.database.key_store();
    let copies: Vec<_> = objects(&stage)?.into_iter().map(|key| folder.join(format!("{key}.json"))).collect();
    let copies = copies.into_iter().map(|file| Ok((std::fs::read(&file)?, file))).collect::<Result<Vec<_>>>()?;
    destroy(&stage, ada).await?;
    gone(&stage, 2).await?;
    for (content, file) in &copies {
        std::fs::write(file, content)?;
    }
    let strange = folder.join(format!("{}.json", Uuid::from_u128(77)));
    std::fs::write(&strange, "{}")?;
    assert_eq!(open(&stage, ada, &hers).await.unwrap_err().code, "BIZ_ERASED", "the registry decides");
    let (vault, db) = (&app(&stage).vault, &app(&stage).db);
    let found = vault.compare_store(db).await?;
    assert_eq!((found.destroyed.len(), found.unknown), (2, 1));
    assert_eq!(vault.sweep(db).await?, 2);
    assert!(vault.compare_store(db).await?.destroyed.is_empty());
    assert!(strange.exists(), "another database may be its owner");
    assert_eq!(open(&stage, bob, &his).await?, "his");
    Ok(())
}

async fn run(command: &mut Command) -> Result<()> {
    let output = command.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_from_before_and_todays_key_encryption_key_open_nothing_of_an_erased_person() -> Result<()> {
    let stage = Stage::new().await?;
    let (ada, bob) = (account(&stage, "ada@test.fr").await?, account(&stage, "bob@test.fr").await?);
    let (hers, his) = (seal(&stage, ada, "hers").await?, seal(&stage, bob, "his").await?);
    // The ciphertexts are in the dump as well, in a column that is sealed with a person's key.
    let mut admin = stage.database.admin().await?;
    for (account, sealed) in [(ada, &hers), (bob, &his)] {
        sqlx::query("UPDATE socle.accounts SET phone = $2, phone_index = $2 WHERE id = $1")
            .bind(account.0)
            .bind(sealed)
            .execute(&mut admin)
            .await?;
    }
    let cluster = stage.database.cluster()?;
    let file = std::env::temp_dir().join(format!("{}.sql", stage.database.name()));
    let mut dump = Command::new(cluster.bin("pg_dump"));
    run(dump.arg("--file").arg(&file).arg("--dbname").arg(stage.database.admin_url())).await?;

    destroy(&stage, ada).await?;
    gone(&stage, 2).await?;

    let restored = Arc::new(Database::empty_beside(&stage.database).await?);
    let mut restore = Command::new(cluster.bin("psql"));
    restore.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", restored.admin_url(), "-f"]).arg(&file);
    run(&mut restore).await?;
    std::fs::remove_file(&file)?;
    let before = Stage::over(Arc::clone(&restored), stage.clock.clone(), |_| {}).await?;
    let mut admin = restored.admin().await?;
    let state = "SELECT count(*) FROM socle.data_keys WHERE subject_kind = 'person' AND state = 'active'";
    assert_eq!(count(&mut admin, state).await?, 4, "the restored registry knows nothing of the erasure");
    let kept =
        |account: AccountId| sqlx::query_scalar("SELECT phone FROM socle.accounts WHERE id = $1").bind(account.0);
    let (hers, his): (Vec<u8>, Vec<u8>) =
        (kept(ada).fetch_one(&mut admin).await?, kept(bob).fetch_one(&mut admin).await?);
    assert_eq!(open(&before, bob, &his).await?, "his", "everybody else's opens");
    let refused = open(&before, ada, &hers).await.unwrap_err();
    assert_eq!(refused.code, "SYS_KEYS_UNAVAILABLE", "{refused}");
    // Nor with every wrapped key that the dump holds.
    let wrapped = "SELECT count(*) FROM socle.data_keys WHERE subject_kind = 'person' AND wrapped IS NOT NULL";
    assert_eq!(count(&mut admin, wrapped).await?, 0);
    Ok(())
}
