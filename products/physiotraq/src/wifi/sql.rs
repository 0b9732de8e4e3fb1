//! Every query on networks.

use chrono::{DateTime, Utc};
use socle::Result;
use socle::db::Tx;
use socle::ids::TenantId;
use uuid::Uuid;

use super::model::Set;
use crate::devices::DeviceId;

/// A network as it is stored, its password sealed.
pub(super) struct Stored {
    pub id: Uuid,
    pub ssid: String,
    pub password: Vec<u8>,
    pub priority: i16,
    pub created_at: DateTime<Utc>,
}

/// The networks of a device, by priority.
pub(super) async fn stored(tx: &mut Tx, device: DeviceId) -> Result<Vec<Stored>> {
    Ok(sqlx::query_as!(
        Stored,
        "SELECT id, ssid, password, priority, created_at FROM physiotraq.wifi_credentials
         WHERE device_id = $1 ORDER BY priority",
        device.0
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The version that is wanted of a device that is not released; its row is held until the transaction ends, so that two
/// changes at once follow each other.
pub(super) async fn hold(tx: &mut Tx, device: DeviceId) -> Result<i32> {
    let row = sqlx::query!(
        "SELECT wifi_wanted_version FROM physiotraq.devices WHERE id = $1 AND released_at IS NULL FOR NO KEY UPDATE",
        device.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.wifi_wanted_version)
}

/// Makes the networks of a device exactly these, as the next version.
pub(super) async fn replace(
    tx: &mut Tx,
    (device, license): (DeviceId, TenantId),
    networks: &[Stored],
    version: i32,
) -> Result<()> {
    let now = tx.caller().now();
    clear(tx, device).await?;
    let ids: Vec<Uuid> = networks.iter().map(|network| network.id).collect();
    let ssids: Vec<String> = networks.iter().map(|network| network.ssid.clone()).collect();
    let passwords: Vec<Vec<u8>> = networks.iter().map(|network| network.password.clone()).collect();
    let priorities: Vec<i16> = networks.iter().map(|network| network.priority).collect();
    let created: Vec<DateTime<Utc>> = networks.iter().map(|network| network.created_at).collect();
    sqlx::query!(
        "INSERT INTO physiotraq.wifi_credentials (id, license_id, device_id, ssid, password, priority, created_at, updated_at)
         SELECT n.id, $1, $2, n.ssid, n.password, n.priority, n.created_at, $3
         FROM unnest($4::uuid[], $5::text[], $6::bytea[], $7::smallint[], $8::timestamptz[])
              AS n(id, ssid, password, priority, created_at)",
        license.0,
        device.0,
        now,
        &ids,
        &ssids,
        &passwords,
        &priorities,
        &created,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "UPDATE physiotraq.devices SET wifi_wanted_version = $2, wifi_wanted_at = $3, updated_at = $3 WHERE id = $1",
        device.0,
        version,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes every network of a device away.
pub(crate) async fn clear(tx: &mut Tx, device: DeviceId) -> Result<()> {
    sqlx::query!("DELETE FROM physiotraq.wifi_credentials WHERE device_id = $1", device.0).execute(tx.conn()).await?;
    Ok(())
}

/// What is set and how far the device has come, without passwords.
pub(crate) async fn set(tx: &mut Tx, device: DeviceId) -> Result<Set> {
    let row = sqlx::query!(
        r#"SELECT d.wifi_wanted_version, d.wifi_wanted_at, d.wifi_applied_version, d.wifi_applied_at,
                  ARRAY(SELECT w.priority FROM physiotraq.wifi_credentials w WHERE w.device_id = d.id
                        ORDER BY w.priority) AS "priorities!",
                  ARRAY(SELECT w.ssid FROM physiotraq.wifi_credentials w WHERE w.device_id = d.id
                        ORDER BY w.priority) AS "ssids!"
           FROM physiotraq.devices d WHERE d.id = $1 AND d.released_at IS NULL"#,
        device.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Set {
        networks: row.priorities.into_iter().zip(row.ssids).collect(),
        wanted: row.wifi_wanted_version,
        wanted_at: row.wifi_wanted_at,
        applied: row.wifi_applied_version,
        applied_at: row.wifi_applied_at,
    })
}

/// Notes the version that a device has applied; the version that is wanted. A version that it has said before writes
/// nothing.
pub(super) async fn report(tx: &mut Tx, device: DeviceId, version: i32) -> Result<i32> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.devices SET wifi_applied_version = $2, wifi_applied_at = $3
         WHERE id = $1 AND released_at IS NULL AND wifi_applied_version IS DISTINCT FROM $2",
        device.0,
        version,
        now
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        "SELECT wifi_wanted_version FROM physiotraq.devices WHERE id = $1 AND released_at IS NULL",
        device.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.wifi_wanted_version)
}
