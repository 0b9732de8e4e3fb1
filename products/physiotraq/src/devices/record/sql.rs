//! Every query on what a device has done.

use chrono::{DateTime, Utc};
use socle::Result;
use socle::db::Tx;
use uuid::Uuid;

use super::{Address, Totals};
use crate::devices::DeviceId;

/// Counters of a device: received, stored, duplicate, rejected.
pub(in crate::devices) async fn counters(tx: &mut Tx, id: DeviceId) -> Result<(i64, i64, i64, i64)> {
    let row = sqlx::query!(
        "SELECT received, stored, duplicate, rejected FROM physiotraq.device_states WHERE device_id = $1",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map_or((0, 0, 0, 0), |r| (r.received, r.stored, r.duplicate, r.rejected)))
}

/// Totals over the device's treatments.
pub(super) async fn totals(tx: &mut Tx, id: DeviceId) -> Result<Totals> {
    Ok(sqlx::query_as!(
        Totals,
        r#"SELECT count(*) AS "treatments!", coalesce(sum(duration_seconds), 0) AS "seconds!",
                  count(*) FILTER (WHERE status = 'completed') AS "completed!",
                  count(*) FILTER (WHERE status = 'aborted') AS "aborted!"
           FROM physiotraq.treatments WHERE device_id = $1"#,
        id.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// From where it was heard last.
pub(in crate::devices) async fn address(tx: &mut Tx, id: DeviceId) -> Result<Address> {
    Ok(sqlx::query_as!(
        Address,
        "SELECT last_ip_address AS ip, last_location AS location, last_seen_at AS seen_at
         FROM physiotraq.devices WHERE id = $1",
        id.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Who a device is assigned to, since when; by name.
pub(in crate::devices) struct Assigned {
    pub user: Uuid,
    pub at: DateTime<Utc>,
}

pub(in crate::devices) async fn assigned(tx: &mut Tx, id: DeviceId) -> Result<Vec<Assigned>> {
    Ok(sqlx::query_as!(
        Assigned,
        r#"SELECT user_id AS "user", assigned_at AS at FROM physiotraq.device_assignments WHERE device_id = $1"#,
        id.0
    )
    .fetch_all(tx.conn())
    .await?)
}
