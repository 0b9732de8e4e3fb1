//! What is refused to somebody who is signed in leaves a row; many refusals leave few.

use anyhow::Result;
use chrono::TimeDelta;
use sqlx::PgConnection;

use super::*;

type Refused = (Uuid, Option<Uuid>, Option<Uuid>, String, String, Value);

async fn refused(admin: &mut PgConnection) -> Result<Vec<Refused>> {
    let statement = "SELECT actor_id, tenant_id, resource_id, resource_type, error_code, details FROM socle.audit_log
                     WHERE action = 'access.refused' AND outcome = 'refused' ORDER BY number";
    Ok(sqlx::query_as(statement).fetch_all(admin).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn knocking_at_another_licences_things_is_answered_as_if_there_were_none_and_recorded() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    licence.device.measure(stage.clock.now(), 37.0).await?;
    let treatment: Uuid = licence.operator.start(&licence.device).await?.parse()?;
    let unknown = Uuid::from_u128(77);
    let mut admin = stage.database.admin().await?;
    assert_eq!(refused(&mut admin).await?, []);
    for id in [treatment, unknown] {
        let path = format!("/physiotraq/api/v1/treatments/{id}");
        assert_eq!(other.owner.get_json(&path).await?.status(), 404);
        assert_eq!(other.owner.get(&format!("/physiotraq/app/treatments/{id}/curve")).await?.status(), 404);
    }
    let rows = refused(&mut admin).await?;
    let seen: Vec<_> = rows.iter().map(|row| (row.0, row.1, row.2, row.3.as_str(), row.4.as_str())).collect();
    let row = |id| (other.owner.account.0, Some(other.id.0), Some(id), "treatments", "BIZ_NOT_FOUND");
    assert_eq!(seen, [row(treatment), row(treatment), row(unknown), row(unknown)]);
    assert_eq!(rows[0].5, json!({ "route": "GET /api/v1/treatments/{id}", "status": 404 }));
    // It stands in the trail of who knocked, not of whose it is.
    let owner = licence.owner.get_json("/physiotraq/api/v1/audit-logs?action=access").await?.text().await?;
    assert!(!owner.contains("access.refused"), "{owner}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_does_not_allow_is_recorded_and_a_mistyped_address_is_not() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    assert_eq!(licence.operator.get("/physiotraq/admin/audit").await?.status(), 403);
    assert_eq!(licence.operator.get("/physiotraq/admin/team").await?.status(), 403);
    assert_eq!(licence.operator.get("/physiotraq/app/nothing-here").await?.status(), 404);
    assert_eq!(stage.anybody().get_json("/physiotraq/api/v1/treatments/x").await?.status(), 401);
    let mut admin = stage.database.admin().await?;
    let seen: Vec<String> = refused(&mut admin).await?.into_iter().map(|row| row.3).collect();
    assert_eq!(seen, ["audit", "team"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_leaves_twenty_rows_a_minute_and_one_that_counts_the_rest() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    let mut admin = stage.database.admin().await?;
    let path = format!("/physiotraq/api/v1/treatments/{}", Uuid::from_u128(77));
    for _ in 0..33 {
        assert_eq!(licence.owner.get_json(&path).await?.status(), 404);
    }
    assert_eq!(other.owner.get_json(&path).await?.status(), 404);
    let rows = refused(&mut admin).await?;
    let of = |account: Uuid| rows.iter().filter(|row| row.0 == account).count();
    assert_eq!((of(licence.owner.account.0), of(other.owner.account.0)), (20, 1));
    stage.clock.advance(TimeDelta::seconds(61));
    let often = "SELECT details FROM socle.audit_log WHERE action = 'access.refused_often' AND actor_id = $1
                   AND tenant_id = $2";
    let started = Instant::now();
    let counted: Value = loop {
        let found = sqlx::query_scalar(often).bind(licence.owner.account.0).bind(licence.id.0);
        if let Some(found) = found.fetch_optional(&mut admin).await? {
            break found;
        }
        ensure!(started.elapsed() < SEALED_WITHIN, "the rest was not counted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(counted, json!({ "recorded": 20, "not_recorded": 13, "since": start_of_tests() }));
    assert_eq!(licence.owner.get_json(&path).await?.status(), 404);
    assert_eq!(refused(&mut admin).await?.len(), 22, "a new minute, a row again");
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM socle.audit_log WHERE action = 'access.refused_often'")
        .fetch_one(&mut admin)
        .await?;
    assert_eq!(all, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_refused_leaves_no_row() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let mut admin = stage.database.admin().await?;
    let rows = "SELECT count(*) FROM socle.audit_log";
    let before: i64 = sqlx::query_scalar(rows).fetch_one(&mut admin).await?;
    let answer = licence.device.post("/measurements", &json!({ "temperature": "warm" })).await?;
    assert!(answer.status().is_client_error(), "{}", answer.status());
    let path = format!("{}/physiotraq/api/v1/treatments/{}", stage.url(), Uuid::from_u128(77));
    let answer = reqwest::Client::new().get(path).bearer_auth(&licence.device.seeded.credential).send().await?;
    assert_eq!(answer.status(), 401);
    assert_eq!(sqlx::query_scalar::<_, i64>(rows).fetch_one(&mut admin).await?, before);
    Ok(())
}
