//! A look behind the scenes: what the tables hold, as a superuser.

use anyhow::Result;
use sqlx::PgConnection;
use testkit::{Device, Stage};
use uuid::Uuid;

/// One figure about one thing.
pub async fn figure(admin: &mut PgConnection, statement: &'static str, about: Uuid) -> Result<i64> {
    Ok(sqlx::query_scalar::<_, i64>(statement).bind(about).fetch_one(admin).await?)
}

/// How many events of a type speak of a thing.
pub async fn events(admin: &mut PgConnection, event_type: &str, about: Uuid) -> Result<i64> {
    let statement = "SELECT count(*) FROM physiotraq.events WHERE eventable_id = $1 AND event_type = $2";
    Ok(sqlx::query_scalar::<_, i64>(statement).bind(about).bind(event_type).fetch_one(admin).await?)
}

/// The saved counters of a device: received, stored, duplicate, rejected.
pub async fn counters(stage: &Stage, admin: &mut PgConnection, device: &Device) -> Result<(i64, i64, i64, i64)> {
    stage.product.monitor().save().await;
    let statement = "SELECT received, stored, duplicate, rejected FROM physiotraq.device_states WHERE device_id = $1";
    let row = sqlx::query_as::<_, (i64, i64, i64, i64)>(statement).bind(device.id.0).fetch_optional(admin).await?;
    Ok(row.unwrap_or_default())
}
