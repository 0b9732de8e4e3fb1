//! Somebody who can write to the database moves ciphertexts about: nothing opens, and it is a security event.

use anyhow::Result;
use sqlx::AssertSqlSafe;

use super::*;

const PAGE: &str = "/physiotraq/app/treatments";
const EVENTS: &str =
    "SELECT count(*) FROM socle.security_events WHERE type = 'SEALED_VALUE_REFUSED' AND severity = 'critical'";

/// Two licences with a named patient each.
async fn scene() -> Result<(Stage, Licence, Licence)> {
    let stage = Stage::new().await?;
    let (mine, theirs) = (stage.licence().await?, stage.licence().await?);
    for (licence, names) in [(&mine, ("Jeanne", "Martin")), (&theirs, ("Paul", "Durand"))] {
        online(&licence.device).await?;
        ensure!(treat(licence, &licence.operator, names).await? == 303);
    }
    Ok((stage, mine, theirs))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ciphertext_of_another_column_or_tenant_is_refused_and_is_an_event_once_a_minute() -> Result<()> {
    let (stage, mine, theirs) = scene().await?;
    let mut admin = stage.database.admin().await?;
    assert_eq!(mine.operator.get(PAGE).await?.status(), 200);
    let (mine_id, theirs_id) = (mine.id, theirs.id);
    let of = |licence: TenantId, column: &str| {
        format!("(SELECT {column} FROM physiotraq.treatments WHERE license_id = '{licence}')")
    };
    let paste = |value: String| {
        format!("UPDATE physiotraq.treatments SET patient_last_name = {value} WHERE license_id = '{mine_id}'")
    };
    let kept: Vec<u8> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT {}", of(mine_id, "patient_last_name"))))
        .fetch_one(&mut admin)
        .await?;
    for (what, value, events) in [
        ("another column", of(mine_id, "patient_first_name"), 1),
        ("another tenant", of(theirs_id, "patient_last_name"), 1),
        ("cut off", "'\\x0102'".to_owned(), 1),
    ] {
        sqlx::raw_sql(AssertSqlSafe(paste(value))).execute(&mut admin).await?;
        let page = mine.operator.get(PAGE).await?;
        assert_eq!(page.status(), 500, "{what}");
        let page = page.text().await?;
        assert!(!page.contains("Durand") && !page.contains("Martin"), "{what}: {page}");
        until(&mut admin, EVENTS, events).await?;
    }
    let (kind, row): (String, serde_json::Value) =
        sqlx::query_as("SELECT type, meta_json FROM socle.security_events WHERE type = 'SEALED_VALUE_REFUSED'")
            .fetch_one(&mut admin)
            .await?;
    assert_eq!(
        (&*kind, &row["column"], &row["reason"]),
        ("SEALED_VALUE_REFUSED", &json!("patient_last_name"), &json!("altered_or_moved"))
    );
    assert_eq!(row["subject"], json!(mine_id));
    // Everybody else goes on, and so does this licence once the row is what it was.
    assert_eq!(theirs.operator.get(PAGE).await?.status(), 200);
    sqlx::query("UPDATE physiotraq.treatments SET patient_last_name = $1 WHERE license_id = $2")
        .bind(kept)
        .bind(mine_id.0)
        .execute(&mut admin)
        .await?;
    let page = mine.operator.get(PAGE).await?.text().await?;
    assert!(page.contains("J. Martin"), "{page}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_for_a_row_or_person_opens_for_no_other() -> Result<()> {
    let stage = Stage::new().await?;
    let (ada, bob) = (account(&stage, "ada@test.fr").await?, account(&stage, "bob@test.fr").await?);
    let sealed = seal(&stage, ada, "hers").await?;
    seal(&stage, bob, "his").await?;
    assert_eq!(open(&stage, ada, &sealed).await?, "hers");
    assert_eq!(open(&stage, bob, &sealed).await.unwrap_err().status, 500);
    let mut tx = platform(&stage).begin().await?;
    let keys = app(&stage).vault.person_keys(&mut tx, ada).await?;
    let next = Field { row: Uuid::from_u128(2), ..FIELD };
    assert_eq!(keys.open(next, &sealed).unwrap_err().status, 500);
    drop(tx);
    // The very registry: one person's key id under another person's name.
    let mut admin = stage.database.admin().await?;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "UPDATE socle.data_keys SET state = 'retired', retired_at = created_at
           WHERE subject_id = '{bob}' AND purpose = 'seal';
         UPDATE socle.data_keys SET subject_id = '{bob}' WHERE subject_id = '{ada}' AND purpose = 'seal'"
    )))
    .execute(&mut admin)
    .await?;
    let fresh = Stage::over(std::sync::Arc::clone(&stage.database), stage.clock.clone(), |_| {}).await?;
    let refused = open(&fresh, bob, &sealed).await.unwrap_err();
    assert_eq!(refused.code, "SYS_KEYS_UNAVAILABLE", "a key unwraps for its own subject only: {refused}");
    Ok(())
}
