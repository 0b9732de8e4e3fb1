//! Where keys are, whose they are, and that there is one of each.

use std::sync::Arc;

use anyhow::Result;
use socle::db::Who;
use socle::sealed::SealedColumns;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_keys_are_the_same_in_every_kind_of_transaction() -> Result<()> {
    let stage = Stage::new().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    let tenant = TenantId::fresh(stage.clock.now());
    let sealed = seal(&stage, ada, "a phone number").await?;
    let kinds =
        [Who::Account(ada, None), Who::Account(ada, Some(tenant)), Who::System(tenant), Who::Platform, Who::Nobody];
    for who in kinds {
        let mut tx = platform(&stage).becoming(who.clone()).begin().await?;
        let keys = app(&stage).vault.person_keys(&mut tx, ada).await?;
        assert_eq!(keys.open(FIELD, &sealed)?, "a phone number", "{who:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn persons_keys_lie_in_the_key_store_and_tenants_keys_in_the_registry_all_wrapped() -> Result<()> {
    let stage = Stage::new().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    seal(&stage, ada, "x").await?;
    let tenant = TenantId::fresh(stage.clock.now());
    let mut tx = of(&stage, tenant).begin().await?;
    app(&stage).vault.keys(&mut tx).await?;
    tx.commit().await?;
    let mut admin = stage.database.admin().await?;
    let rows: Vec<(Uuid, String, bool)> =
        sqlx::query_as("SELECT id, subject_kind, wrapped IS NULL FROM socle.data_keys ORDER BY id")
            .fetch_all(&mut admin)
            .await?;
    let mut persons: Vec<Uuid> = rows.iter().filter(|(_, kind, _)| kind == "person").map(|(id, ..)| *id).collect();
    persons.sort();
    assert_eq!(persons.len(), 2, "one to seal, one for indexes");
    assert_eq!(objects(&stage)?, persons);
    for (id, kind, nothing) in rows {
        assert_eq!(nothing, kind == "person", "{id} {kind}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_looks_leaves_no_heap_of_keys_behind() -> Result<()> {
    let stage = Stage::new().await?;
    let ada = account(&stage, "ada@test.fr").await?;
    for _ in 0..10 {
        let mut tx = platform(&stage).begin().await?;
        app(&stage).vault.person_keys(&mut tx, ada).await?;
        drop(tx);
    }
    let made = objects(&stage)?;
    assert_eq!(made.len(), 2, "{made:?}");
    seal(&stage, ada, "x").await?;
    let mut admin = stage.database.admin().await?;
    let registered: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM socle.data_keys WHERE subject_kind = 'person' ORDER BY id")
            .fetch_all(&mut admin)
            .await?;
    assert_eq!(registered, made, "what was made is what is used");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_uses_at_once_at_two_servers_make_one_key() -> Result<()> {
    let first = Stage::new().await?;
    let second = Stage::over(Arc::clone(&first.database), first.clock.clone(), |_| {}).await?;
    let ada = account(&first, "ada@test.fr").await?;
    let mut seals = JoinSet::new();
    for number in 0..12 {
        let app = app(if number % 2 == 0 { &first } else { &second }).clone();
        seals.spawn(async move {
            let mut tx = app.system("platform", socle::platform::TENANT).begin().await?;
            let sealed = app.vault.person_keys(&mut tx, ada).await?.seal(FIELD, "x")?;
            tx.commit().await?;
            Ok::<_, socle::Error>(sealed)
        });
    }
    while let Some(sealed) = seals.join_next().await {
        let sealed = sealed??;
        assert_eq!(open(&first, ada, &sealed).await?, "x");
        assert_eq!(open(&second, ada, &sealed).await?, "x");
    }
    let keys = "SELECT count(*) FROM socle.data_keys WHERE subject_kind = 'person'";
    assert_eq!(count(&mut first.database.admin().await?, keys).await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_neither_sees_nor_makes_nor_destroys_keys_of_another_tenant() -> Result<()> {
    let stage = Stage::new().await?;
    let (mine, theirs) = (TenantId::fresh(stage.clock.now()), TenantId::fresh(stage.clock.now()));
    for tenant in [mine, theirs] {
        let mut tx = of(&stage, tenant).begin().await?;
        app(&stage).vault.keys(&mut tx).await?;
        tx.commit().await?;
    }
    let mut server = PgConnection::connect(stage.database.app_url()).await?;
    assert_eq!(count(&mut server, "SELECT count(*) FROM socle.data_keys").await?, 0, "without context");
    sqlx::raw_sql("BEGIN").execute(&mut server).await?;
    sqlx::query("SELECT socle.enter($1, NULL)").bind(mine.0).execute(&mut server).await?;
    let seen: Vec<Uuid> =
        sqlx::query_scalar("SELECT DISTINCT subject_id FROM socle.data_keys").fetch_all(&mut server).await?;
    assert_eq!(seen, [mine.0]);
    sqlx::raw_sql("ROLLBACK").execute(&mut server).await?;
    let theirs = theirs.0;
    for (what, statement) in [
        (
            "make",
            format!(
                "SELECT socle.register_key('tenant', '{theirs}', '{theirs}', 'seal', 'k', 'x', 'x', NULL, '2026-01-01')"
            ),
        ),
        ("retire", format!("SELECT socle.retire_key('tenant', '{theirs}', '2026-01-01')")),
        ("destroy", format!("SELECT socle.destroy_keys('tenant', '{theirs}', '{theirs}', NULL, '2026-01-01')")),
        ("destroy as decided", format!("SELECT socle.destroy_keys_as_decided('{theirs}', '{theirs}', '2026-01-01')")),
        ("write", format!("UPDATE socle.data_keys SET state = 'destroyed' WHERE subject_id = '{theirs}'")),
        ("delete", "DELETE FROM socle.data_keys".to_owned()),
    ] {
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut server).await.unwrap_err();
        let code = refused.as_database_error().and_then(|db| db.code()).map(|code| code.into_owned());
        assert_eq!(code.as_deref(), Some("42501"), "{what}: {refused}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_values_have_different_indexes_for_two_tenants_and_equal_ones_in_a_realm() -> Result<()> {
    let stage = Stage::new().await?;
    let mut indexes = Vec::new();
    for _ in 0..2 {
        let mut tx = of(&stage, TenantId::fresh(stage.clock.now())).begin().await?;
        indexes.push(app(&stage).vault.keys(&mut tx).await?.blind_index("nir", "1 84 12 76 451 089 46"));
    }
    assert_ne!(indexes[0], indexes[1]);
    let vault = &app(&stage).vault;
    let phone = vault.realm_index("physiotraq", "phone", "+33612345678");
    assert_eq!(phone, vault.realm_index("physiotraq", "phone", " +33612345678 "), "whoever has it");
    assert_ne!(phone, vault.realm_index("trial", "phone", "+33612345678"));
    assert_ne!(phone, vault.realm_index("physiotraq", "phone", "+33612345679"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_columns_of_the_specifications_hold_what_the_compact_form_holds() -> Result<()> {
    let stage = Stage::new().await?;
    let mut tx = of(&stage, TenantId::fresh(stage.clock.now())).begin().await?;
    let keys = app(&stage).vault.keys(&mut tx).await?;
    let columns = keys.seal_columns(FIELD, "Journal du 3 mars")?;
    assert_eq!(columns.key_id, keys.key_id());
    assert!(columns.iv.len() <= 32 && columns.auth_tag.len() <= 32, "{columns:?}");
    assert_eq!(keys.open_columns(FIELD, &columns)?, "Journal du 3 mars");
    let other = keys.seal_columns(FIELD, "Journal du 4 mars")?;
    for mixed in [
        SealedColumns { iv: other.iv.clone(), ..columns.clone() },
        SealedColumns { auth_tag: other.auth_tag.clone(), ..columns.clone() },
        SealedColumns { content_encrypted: other.content_encrypted.clone(), ..columns.clone() },
        SealedColumns { key_id: Uuid::from_u128(9), ..columns.clone() },
        SealedColumns { iv: String::new(), ..columns.clone() },
    ] {
        assert!(keys.open_columns(FIELD, &mixed).is_err(), "{mixed:?}");
    }
    Ok(())
}
