//! The audit trail is in the transaction it speaks of: both are there, or neither.

use anyhow::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::Stage;

async fn count(admin: &mut PgConnection, statement: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(statement).fetch_one(admin).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_did_what_from_where_is_recorded() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    licence.device.measure(stage.clock.now(), 37.0).await?;
    licence.operator.start(&licence.device).await?;
    let row: (String, uuid::Uuid, uuid::Uuid, String, Option<String>, String) = sqlx::query_as(
        "SELECT actor_kind, actor_id, tenant_id, outcome, ip_address, request_id FROM socle.audit_log
         WHERE action = 'treatment.started'",
    )
    .fetch_one(&mut admin)
    .await?;
    assert_eq!((row.0.as_str(), row.1, row.2), ("person", licence.operator.account.0, licence.id.0));
    assert_eq!((row.3.as_str(), row.4.as_deref()), ("done", Some("127.0.0.1")));
    assert!(row.5.starts_with("req_"), "{}", row.5);
    let refused = "SELECT count(*) FROM socle.audit_log WHERE action = 'session.refused' AND tenant_id IS NULL";
    assert_eq!(count(&mut admin, refused).await?, 0);
    assert!(testkit::Person::sign_in(stage.url(), "owner1@test.fr", "not the password").await.is_err());
    assert_eq!(count(&mut admin, refused).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recorded_is_not_done_and_the_answer_tells_nothing_of_why() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    licence.device.measure(stage.clock.now(), 37.0).await?;
    let revoke = "REVOKE INSERT ON socle.audit_log FROM socle_app".to_owned();
    sqlx::raw_sql(AssertSqlSafe(revoke)).execute(&mut admin).await?;
    let device = licence.device.id.to_string();
    let fields = [("device", device.as_str()), ("anonymous", "on")];
    let answer = licence.operator.post("/physiotraq/app/treatments", &fields).await?;
    assert_eq!(answer.status(), 500);
    let page = answer.text().await?;
    assert!(!page.contains("audit_log") && !page.contains("permission denied"), "{page}");
    assert_eq!(count(&mut admin, "SELECT count(*) FROM physiotraq.treatments").await?, 0);
    assert_eq!(
        count(&mut admin, "SELECT count(*) FROM physiotraq.events WHERE event_type = 'treatment.started'").await?,
        0
    );
    assert_eq!(count(&mut admin, "SELECT count(*) FROM physiotraq.session_counters").await?, 0);
    Ok(())
}
