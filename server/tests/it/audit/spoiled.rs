//! What somebody does who may do anything in the database: each is seen, and the first bad position named.

use std::path::PathBuf;

use anyhow::Result;
use testkit::Database;

use super::*;

/// A trail of three chains, sealed and anchored; its server has ended.
struct Scene {
    database: Arc<Database>,
    folder: PathBuf,
    key: PublicKey,
}

async fn scene() -> Result<Scene> {
    let folder = folder()?;
    let stage = stage(&folder).await?;
    write(&stage, ONE, 20).await?;
    write(&stage, TWO, 10).await?;
    write_one(&stage.product.app().nobody("physiotraq", Default::default()), json!({})).await?;
    anchored(&stage.database, &folder).await?;
    let (database, key) = (Arc::clone(&stage.database), stage.product.app().audit.public_key());
    stage.stop().await;
    Ok(Scene { database, folder, key })
}

impl Scene {
    /// The faults that are found after a superuser ran these statements.
    async fn after(&self, statements: &str) -> Result<Vec<Fault>> {
        let copy = Copy::of(&self.database).await?;
        copy.run(statements).await?;
        let report = report(&copy.url, self.key, &self.folder).await?;
        copy.drop_it().await?;
        Ok(report.faults)
    }
}

/// The row at a position of the first tenant's chain.
fn at(position: i64) -> String {
    format!("id = (SELECT id FROM socle.audit_chain WHERE chain = '{}' AND position = {position})", ONE.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untouched_trail_is_whole() -> Result<()> {
    let scene = scene().await?;
    let report = report(scene.database.admin_url(), scene.key, &scene.folder).await?;
    assert_eq!(report.faults, []);
    assert_eq!((report.chains, report.links, report.unsealed.0), (3, 31, 0));
    assert!(report.anchors >= 1 && report.anchored_at.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_any_column_names_the_row() -> Result<()> {
    let scene = scene().await?;
    let copy = Copy::of(&scene.database).await?;
    let mut seen = 0;
    for (column, value) in [
        ("realm", "'x'"),
        ("number", "number + 1"),
        ("xact", "'1'"),
        ("actor_kind", "'person'"),
        ("actor_id", "'00000000-0000-0000-0000-000000000001'"),
        ("actor_role", "'admin'"),
        ("event_type", "'auth'"),
        ("action", "'test.unwritten'"),
        ("resource_type", "'Toast'"),
        ("resource_id", "NULL"),
        ("outcome", "'refused'"),
        ("error_code", "''"),
        ("details", "'{\"row\": 99}'"),
        ("changes", "NULL"),
        ("request_data", "'{}'"),
        ("response_data", "'{}'"),
        ("processing_us", "0"),
        ("ip_address", "'10.0.0.1'"),
        ("user_agent", "''"),
        ("request_id", "'req_x'"),
    ] {
        copy.run(&format!("CREATE TABLE kept AS SELECT id, {column} FROM socle.audit_log WHERE {}", at(7))).await?;
        copy.run(&format!("UPDATE socle.audit_log SET {column} = {value} WHERE {}", at(7))).await?;
        let report = report(&copy.url, scene.key, &scene.folder).await?;
        assert_eq!(report.faults, [fault(ONE.0, 7, FaultKind::RowChanged)], "{column}");
        assert_eq!(report.chains, 3, "the others are verified all the same");
        let back = format!("UPDATE socle.audit_log l SET {column} = k.{column} FROM kept k WHERE k.id = l.id");
        copy.run(&format!("{back}; DROP TABLE kept")).await?;
        seen += 1;
    }
    assert_eq!(report(&copy.url, scene.key, &scene.folder).await?.faults, []);
    copy.drop_it().await?;
    // Beside those above: the key (id, occurred_at), the tenant and the chain that follows from it.
    let mut admin = scene.database.admin().await?;
    let columns: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'socle.audit_log'::regclass AND attnum > 0",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!(columns, seen + 4, "a new column must be hashed and tried here");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_given_to_another_tenant_or_time_is_missed() -> Result<()> {
    let scene = scene().await?;
    let given = format!("UPDATE socle.audit_log SET tenant_id = '{}' WHERE {}", TWO.0, at(7));
    assert_eq!(scene.after(&given).await?, [fault(ONE.0, 7, FaultKind::RowChanged)]);
    let moved = format!("UPDATE socle.audit_log SET occurred_at = occurred_at - interval '1 s' WHERE {}", at(7));
    let faults = scene.after(&moved).await?;
    assert_eq!(faults.first(), Some(&fault(ONE.0, 7, FaultKind::RowMissing)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_swapped_or_taken_from_the_middle_are_named() -> Result<()> {
    let scene = scene().await?;
    let swapped = format!(
        "UPDATE socle.audit_log l SET details = o.details FROM socle.audit_log o
         WHERE l.{} AND o.{} OR l.{} AND o.{}",
        at(5),
        at(6),
        at(6),
        at(5)
    );
    assert_eq!(scene.after(&swapped).await?, [fault(ONE.0, 5, FaultKind::RowChanged)]);
    let swapped = format!(
        "CREATE TABLE two AS SELECT * FROM socle.audit_chain WHERE chain = '{0}' AND position IN (5, 6);
         DELETE FROM socle.audit_chain WHERE chain = '{0}' AND position IN (5, 6);
         INSERT INTO socle.audit_chain SELECT chain, 11 - position, occurred_at, id, access, row_hash, hash, sealed_at FROM two",
        ONE.0
    );
    assert_eq!(scene.after(&swapped).await?, [fault(ONE.0, 5, FaultKind::LinkChanged)]);
    let deleted = format!("DELETE FROM socle.audit_log WHERE {}", at(9));
    assert_eq!(scene.after(&deleted).await?, [fault(ONE.0, 9, FaultKind::RowMissing)]);
    let with_link = format!("{deleted}; DELETE FROM socle.audit_chain WHERE chain = '{}' AND position = 9", ONE.0);
    assert_eq!(scene.after(&with_link).await?, [fault(ONE.0, 9, FaultKind::LinkMissing)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_put_into_the_past_is_in_no_chain() -> Result<()> {
    let scene = scene().await?;
    let inserted = format!(
        "INSERT INTO socle.audit_log (id, occurred_at, realm, tenant_id, xact, actor_kind, event_type, action, outcome)
         SELECT gen_random_uuid(), occurred_at, realm, tenant_id, xact, actor_kind, event_type, action, outcome
         FROM socle.audit_log WHERE {}",
        at(9)
    );
    let expected = Fault { chain: Some(ONE.0), position: None, kind: FaultKind::Unchained(1) };
    assert_eq!(scene.after(&inserted).await?, [expected]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_or_a_whole_chain_that_is_cut_off_is_missed_by_the_anchor() -> Result<()> {
    let scene = scene().await?;
    let cut = |chain: Uuid, from: i64| {
        format!(
            "DELETE FROM socle.audit_log l USING socle.audit_chain c
               WHERE c.id = l.id AND c.chain = '{chain}' AND c.position >= {from};
             DELETE FROM socle.audit_chain WHERE chain = '{chain}' AND position >= {from}"
        )
    };
    assert_eq!(scene.after(&cut(ONE.0, 16)).await?, [fault(ONE.0, 16, FaultKind::TailMissing(20))]);
    assert_eq!(scene.after(&cut(TWO.0, 10)).await?, [fault(TWO.0, 10, FaultKind::TailMissing(10))]);
    assert_eq!(scene.after(&cut(TWO.0, 1)).await?, [fault(TWO.0, 1, FaultKind::TailMissing(10))]);
    assert_eq!(scene.after(&cut(NOBODY, 1)).await?, [fault(NOBODY, 1, FaultKind::TailMissing(1))]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_is_made_anew_from_changed_rows_is_not_the_anchored_one() -> Result<()> {
    let scene = scene().await?;
    let remade = format!(
        "UPDATE socle.audit_log SET details = '{{}}' WHERE {}; 
         UPDATE socle.audit_chain c SET row_hash = socle.audit_row_hash(l) FROM socle.audit_log l WHERE l.id = c.id;
         UPDATE socle.audit_chain c SET hash = n.hash FROM (
           SELECT chain, position, socle.audit_linked(decode(repeat('00', 32), 'hex'), chain, position, occurred_at, id,
                                                      access, row_hash) OVER (PARTITION BY chain ORDER BY position) AS hash
           FROM socle.audit_chain) n
         WHERE n.chain = c.chain AND n.position = c.position",
        at(7)
    );
    let faults = scene.after(&remade).await?;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(matches!(faults[0].kind, FaultKind::AnotherChain(_)) && faults[0].chain == Some(ONE.0), "{faults:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_that_is_put_back_is_seen() -> Result<()> {
    let scene = scene().await?;
    let older = Copy::of(&scene.database).await?;
    let again = over(Arc::clone(&scene.database), Clock::settable(start_of_tests()), &scene.folder).await?;
    write(&again, ONE, 3).await?;
    anchored(&scene.database, &scene.folder).await?;
    again.stop().await;
    assert_eq!(report(scene.database.admin_url(), scene.key, &scene.folder).await?.faults, []);
    let faults = report(&older.url, scene.key, &scene.folder).await?.faults;
    assert_eq!(faults, [fault(ONE.0, 21, FaultKind::TailMissing(23))]);
    older.drop_it().await
}
