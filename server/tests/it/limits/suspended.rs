//! A suspended tenant: sessions, programs, live streams, devices and jobs stop, and go on when it is resumed.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};
use socle::jobs::{self, NewJob, Queue};
use testkit::{Licence, Stage};
use uuid::Uuid;

use super::{At, HOME, PASSWORD, SIGN_IN, events, operator};

const TENANTS: &str = "/platform/tenants";
const ME: &str = "/physiotraq/api/v1/auth/me";
/// A queue that no worker of the stage looks at.
const QUEUE: Queue = Queue { name: "aside", concurrency: 1, attempts: 1, pause_seconds: 1 };

/// Takes what a worker would be given of the queue.
async fn claimed(stage: &Stage) -> Result<usize> {
    let mut admin = stage.database.admin().await?;
    let rows: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM socle.claim_jobs($1, $2, $3, '1 minute')")
        .bind(json!({ QUEUE.name: 10 }))
        .bind(Uuid::from_u128(1))
        .bind(stage.clock.now())
        .fetch_all(&mut admin)
        .await?;
    Ok(rows.len())
}

async fn posts(stage: &Stage, licence: &Licence) -> Result<u16> {
    let body = json!({ "temperature": 38.5, "measured_at": stage.clock.now() });
    Ok(licence.device.post("/measurements", &body).await?.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_a_suspended_tenant_stops_and_goes_on_when_it_is_resumed() -> Result<()> {
    let stage = Stage::new().await?;
    let (licence, other) = (stage.licence().await?, stage.licence().await?);
    let (_, olga) = operator(&stage).await?;
    let at = At::new(&stage, "127.0.0.1")?;
    let (token, refresh) = at.tokens("operator1@test.fr").await?;
    let app = socle::web::Product::app(&stage.product);
    let mut tx = app.system("physiotraq", licence.id).begin().await?;
    jobs::enqueue(&mut tx, NewJob::now("aside.work", QUEUE, json!({}))).await?;
    tx.commit().await?;
    assert_eq!(posts(&stage, &licence).await?, 201);
    let path = format!("/physiotraq/live?topic=device:{}", licence.device.id);
    let mut stream = licence.operator.get_json(&path).await?;

    let suspend = format!("{TENANTS}/{}/suspend", licence.id);
    assert_eq!(olga.post(&suspend, &[("reason", "facture impayée")]).await?.status(), 303);
    // Sessions and programs at once; sign-in does not say why.
    assert_eq!(licence.owner.get(HOME).await?.status(), 303);
    assert_eq!(at.bearer(ME, &token).await?.status(), 401);
    let renewed = at.json("/physiotraq/api/v1/auth/refresh", &json!({ "refreshToken": refresh })).await?;
    assert_eq!(renewed.status(), 401);
    assert_eq!(at.tries("owner1@test.fr", PASSWORD).await?.status(), 401);
    assert_eq!(claimed(&stage).await?, 0);
    // The open stream within five seconds; devices when what is remembered of them is over.
    while let Some(bytes) = tokio::time::timeout(Duration::from_secs(8), stream.chunk()).await?? {
        ensure!(bytes.len() < 1_000_000);
    }
    stage.clock.advance(TimeDelta::seconds(6));
    assert_eq!(posts(&stage, &licence).await?, 401);
    // Nobody else is concerned.
    assert_eq!(other.owner.get(HOME).await?.status(), 200);
    assert_eq!(posts(&stage, &other).await?, 201);
    let page = olga.page(TENANTS).await?.text().await?;
    ensure!(page.contains("facture impayée") && page.contains("Clinique 1") && page.contains("Clinique 2"));

    let resume = format!("{TENANTS}/{}/resume", licence.id);
    assert_eq!(olga.post(&resume, &[]).await?.status(), 303);
    assert_eq!(licence.owner.get(HOME).await?.status(), 200);
    assert_eq!(at.bearer(ME, &token).await?.status(), 200);
    assert_eq!(claimed(&stage).await?, 1);
    stage.clock.advance(TimeDelta::seconds(6));
    assert_eq!(posts(&stage, &licence).await?, 201);
    // The data has not been touched.
    let mut admin = stage.database.admin().await?;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM physiotraq.measurements WHERE license_id = $1")
        .bind(licence.id.0)
        .fetch_one(&mut admin)
        .await?;
    assert_eq!(kept, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_has_a_reason_and_leaves_its_trail() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let (account, olga) = operator(&stage).await?;
    let suspend = format!("{TENANTS}/{}/suspend", licence.id);
    let long = "x".repeat(501);
    for reason in ["", "  ", long.as_str()] {
        let answer = olga.post(&suspend, &[("reason", reason)]).await?;
        assert_eq!(answer.status(), 422);
        ensure!(answer.text().await?.contains("Indiquez le motif"));
    }
    assert_eq!(licence.owner.get(HOME).await?.status(), 200);
    assert_eq!(olga.post(&suspend, &[("reason", "essai")]).await?.status(), 303);
    assert_eq!(olga.post(&suspend, &[("reason", "encore")]).await?.status(), 404, "it is suspended already");
    // Rows of one instant have no order.
    stage.clock.advance(TimeDelta::seconds(1));
    let resume = format!("{TENANTS}/{}/resume", licence.id);
    assert_eq!(olga.post(&resume, &[]).await?.status(), 303);
    assert_eq!(olga.post(&resume, &[]).await?.status(), 404);
    let mut admin = stage.database.admin().await?;
    let trail: Vec<(String, Option<Uuid>, Value)> = sqlx::query_as(
        "SELECT action, actor_id, details FROM socle.audit_log
         WHERE resource_type = 'Tenant' AND resource_id = $1 ORDER BY occurred_at, id",
    )
    .bind(licence.id.0)
    .fetch_all(&mut admin)
    .await?;
    let by = Some(account.0);
    let expected = [
        ("tenant.suspended".to_owned(), by, json!({ "reason": "essai" })),
        ("tenant.resumed".to_owned(), by, json!({ "reason": null })),
    ];
    assert_eq!(trail, expected);
    assert_eq!((events(&stage, "TENANT_SUSPENDED").await?, events(&stage, "TENANT_RESUMED").await?), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_operators_suspend_and_never_the_platform_or_what_is_not_there() -> Result<()> {
    let stage = Stage::new().await?;
    let licence = stage.licence().await?;
    let suspend = format!("{TENANTS}/{}/suspend", licence.id);
    let answer = licence.owner.post(&suspend, &[("reason", "essai")]).await?;
    assert_eq!(answer.status(), 303);
    ensure!(testkit::Person::location(&answer).starts_with("/platform/sign_in"));
    let (_, olga) = operator(&stage).await?;
    for tenant in [Uuid::nil(), Uuid::from_u128(9)] {
        let answer = olga.post(&format!("{TENANTS}/{tenant}/suspend"), &[("reason", "essai")]).await?;
        assert_eq!(answer.status(), 404, "{tenant}");
    }
    assert_eq!(olga.page(TENANTS).await?.status(), 200);
    // A tenant cannot lift its own suspension.
    assert_eq!(olga.post(&suspend, &[("reason", "essai")]).await?.status(), 303);
    let app = socle::web::Product::app(&stage.product);
    let mut tx = app.system("physiotraq", licence.id).begin().await?;
    let lifted = sqlx::query("UPDATE socle.tenant_rules SET suspended_at = NULL, suspended_reason = NULL")
        .execute(tx.conn())
        .await;
    ensure!(lifted.is_err());
    assert_eq!(stage.anybody().get(SIGN_IN).await?.status(), 200);
    Ok(())
}
