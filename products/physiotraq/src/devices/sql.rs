//! Every query on devices.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use socle::db::{Db, Tx};
use socle::error::broken_constraint;
use socle::ids::TenantId;
use socle::web::cursor::Paging;
use socle::{Error, Result};
use uuid::Uuid;

use super::model::Device;
use super::{DeviceId, Known};

struct Row {
    id: Uuid,
    license_id: Uuid,
    serial_number: String,
    mac_address: String,
    name: String,
    firmware_version: Option<String>,
    hardware: Option<String>,
    firmware_auto_update: bool,
    firmware_beta: bool,
    temp_slope: Decimal,
    temp_intercept: Decimal,
    calibration_version: i32,
    claimed_at: DateTime<Utc>,
    registered_at: Option<DateTime<Utc>>,
    registration_open_until: Option<DateTime<Utc>>,
    assigned: Vec<Uuid>,
}

impl From<Row> for Device {
    fn from(row: Row) -> Self {
        Self {
            id: DeviceId(row.id),
            license: TenantId(row.license_id),
            serial_number: row.serial_number,
            mac_address: row.mac_address,
            name: row.name,
            firmware_version: row.firmware_version,
            hardware: row.hardware,
            firmware_auto_update: row.firmware_auto_update,
            firmware_beta: row.firmware_beta,
            temp_slope: row.temp_slope,
            temp_intercept: row.temp_intercept,
            calibration_version: row.calibration_version,
            claimed_at: row.claimed_at,
            registered_at: row.registered_at,
            registration_open_until: row.registration_open_until,
            assigned: row.assigned,
        }
    }
}

/// The licence's devices, or those assigned to one person, by name.
pub(crate) async fn list(tx: &mut Tx, assigned_to: Option<Uuid>) -> Result<Vec<Device>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT d.id, d.license_id, d.serial_number, d.mac_address, d.name, d.firmware_version, d.hardware,
                  d.firmware_auto_update, d.firmware_beta, d.temp_slope, d.temp_intercept, d.calibration_version,
                  d.claimed_at, d.registered_at, d.registration_open_until,
                  coalesce(array_agg(a.user_id) FILTER (WHERE a.user_id IS NOT NULL), '{}') AS "assigned!"
           FROM physiotraq.devices d LEFT JOIN physiotraq.device_assignments a ON a.device_id = d.id
           WHERE d.released_at IS NULL
             AND ($1::uuid IS NULL OR EXISTS (SELECT 1 FROM physiotraq.device_assignments mine
                                              WHERE mine.device_id = d.id AND mine.user_id = $1))
           GROUP BY d.id ORDER BY d.name, d.id LIMIT 500"#,
        assigned_to
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(Device::from).collect())
}

/// Some of the same, newest first, for programs that page.
pub(super) async fn listed(tx: &mut Tx, assigned_to: Option<Uuid>, paging: &Paging) -> Result<Vec<Device>> {
    let after = paging.after();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT d.id, d.license_id, d.serial_number, d.mac_address, d.name, d.firmware_version, d.hardware,
                  d.firmware_auto_update, d.firmware_beta, d.temp_slope, d.temp_intercept, d.calibration_version,
                  d.claimed_at, d.registered_at, d.registration_open_until,
                  ARRAY(SELECT a.user_id FROM physiotraq.device_assignments a WHERE a.device_id = d.id) AS "assigned!"
           FROM physiotraq.devices d
           WHERE d.released_at IS NULL
             AND ($1::uuid IS NULL OR EXISTS (SELECT 1 FROM physiotraq.device_assignments mine
                                              WHERE mine.device_id = d.id AND mine.user_id = $1))
             AND ($2::timestamptz IS NULL OR (d.claimed_at, d.id) < ($2, $3::uuid))
           ORDER BY d.claimed_at DESC, d.id DESC LIMIT $4"#,
        assigned_to,
        after.map(|cursor| cursor.at),
        after.map(|cursor| cursor.id),
        paging.rows()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(Device::from).collect())
}

/// One device of the licence.
pub(crate) async fn find(tx: &mut Tx, id: DeviceId) -> Result<Device> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT d.id, d.license_id, d.serial_number, d.mac_address, d.name, d.firmware_version, d.hardware,
                  d.firmware_auto_update, d.firmware_beta, d.temp_slope, d.temp_intercept, d.calibration_version,
                  d.claimed_at, d.registered_at, d.registration_open_until,
                  ARRAY(SELECT a.user_id FROM physiotraq.device_assignments a WHERE a.device_id = d.id) AS "assigned!"
           FROM physiotraq.devices d WHERE d.id = $1 AND d.released_at IS NULL"#,
        id.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.into())
}

/// Serial and MAC of the stock entry whose secret the claimer holds.
pub(super) async fn stock_entry(db: &Db, serial: &str, secret_hash: &[u8]) -> Result<Option<(String, String)>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT serial_number AS "serial_number!", mac_address AS "mac_address!" FROM physiotraq.stock_entry($1, $2)"#,
        serial,
        secret_hash
    )
    .fetch_optional(door.conn())
    .await?;
    Ok(row.map(|r| (r.serial_number, r.mac_address)))
}

/// Adds or renews a stock entry; false when a claimed device already has that serial.
pub(super) async fn import_stock(db: &Db, entry: (&str, &str), secret_hash: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let mut door = db.door().await?;
    let (serial, mac) = entry;
    let done = sqlx::query!("SELECT physiotraq.import_stock($1, $2, $3, $4) AS done", serial, mac, secret_hash, now)
        .fetch_one(door.conn())
        .await?;
    Ok(done.done.unwrap_or(false))
}

/// Active devices against the licence's quantity; the licence row is locked so that two claims cannot both pass.
pub(super) async fn room_for_one_more(tx: &mut Tx) -> Result<bool> {
    let licence = sqlx::query!("SELECT quantity FROM physiotraq.licenses FOR UPDATE").fetch_one(tx.conn()).await?;
    let active = sqlx::query!(r#"SELECT count(*) AS "n!" FROM physiotraq.devices WHERE released_at IS NULL"#)
        .fetch_one(tx.conn())
        .await?;
    Ok(active.n < i64::from(licence.quantity))
}

/// A device about to be claimed.
pub(super) struct NewDevice<'a> {
    pub id: DeviceId,
    pub license: TenantId,
    pub serial_number: &'a str,
    pub mac_address: &'a str,
    pub name: &'a str,
}

pub(super) async fn insert(tx: &mut Tx, new: NewDevice<'_>) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.devices (id, license_id, serial_number, mac_address, name, claimed_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
        new.id.0,
        new.license.0,
        new.serial_number,
        new.mac_address,
        new.name,
        now,
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|error| match broken_constraint(&error) {
        Some("devices_serial" | "devices_mac") => {
            Error::conflict("BIZ_DEVICE_CLAIMED", "This device is claimed already. Ask its owner to release it.")
        }
        _ => error.into(),
    })
}

pub(super) async fn rename(tx: &mut Tx, id: DeviceId, name: &str) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE physiotraq.devices SET name = $2, updated_at = $3 WHERE id = $1", id.0, name, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether it updates its firmware by itself, and whether it also gets versions that are not stable.
pub(super) async fn set_firmware(tx: &mut Tx, id: DeviceId, (auto_update, beta): (bool, bool)) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.devices SET firmware_auto_update = $2, firmware_beta = $3, updated_at = $4 WHERE id = $1",
        id.0,
        auto_update,
        beta,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes the device's assignments exactly these people; a stranger's id adds nothing.
pub(super) async fn assign(tx: &mut Tx, id: DeviceId, license: TenantId, people: &[Uuid]) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "DELETE FROM physiotraq.device_assignments WHERE device_id = $1 AND NOT user_id = ANY($2)",
        id.0,
        people
    )
    .execute(tx.conn())
    .await?;
    let fresh: Vec<Uuid> = people.iter().map(|_| socle::ids::fresh(now)).collect();
    sqlx::query!(
        "INSERT INTO physiotraq.device_assignments (id, license_id, user_id, device_id, assigned_at, created_at, updated_at)
         SELECT n.id, $1, u.id, $2, $3, $3, $3
         FROM unnest($4::uuid[], $5::uuid[]) AS n(id, user_id) JOIN physiotraq.users u ON u.id = n.user_id
         ON CONFLICT (device_id, user_id) DO NOTHING",
        license.0,
        id.0,
        now,
        &fresh,
        people,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn open_registration(tx: &mut Tx, id: DeviceId, until: DateTime<Utc>) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.devices SET registration_open_until = $2, updated_at = $3 WHERE id = $1",
        id.0,
        until,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The claimed device that holds the claim secret, before its tenant is known.
pub(super) async fn claimed(
    db: &Db,
    (serial, mac): (&str, &str),
    secret_hash: &[u8],
) -> Result<Option<(DeviceId, TenantId)>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT device_id AS "device_id!", license_id AS "license_id!" FROM physiotraq.claimed_device($1, $2, $3)"#,
        serial,
        mac,
        secret_hash
    )
    .fetch_optional(door.conn())
    .await?;
    Ok(row.map(|r| (DeviceId(r.device_id), TenantId(r.license_id))))
}

/// Marks the device registered, if it may be now: first time, or inside the owner's window, which this closes.
pub(super) async fn take_registration(tx: &mut Tx, id: DeviceId, firmware: Option<&str>) -> Result<bool> {
    let now = tx.caller().now();
    let taken = sqlx::query!(
        "UPDATE physiotraq.devices SET registered_at = $2, registration_open_until = NULL, updated_at = $2,
                wifi_applied_version = NULL, wifi_applied_at = NULL, firmware_version = coalesce($3, firmware_version)
         WHERE id = $1 AND released_at IS NULL AND (registered_at IS NULL OR registration_open_until > $2)",
        id.0,
        now,
        firmware
    )
    .execute(tx.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Revokes what the device had and stores the hash of its new credential.
pub(super) async fn replace_credential(tx: &mut Tx, id: DeviceId, license: TenantId, hash: &[u8]) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.device_credentials SET revoked_at = $2 WHERE device_id = $1 AND revoked_at IS NULL",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "INSERT INTO physiotraq.device_credentials (id, license_id, device_id, token_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
        socle::ids::fresh(now),
        license.0,
        id.0,
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether a treatment runs on a device that is not released; its row is held against everybody until the transaction
/// ends.
pub(super) async fn hold_to_release(tx: &mut Tx, id: DeviceId) -> Result<bool> {
    sqlx::query!("SELECT id FROM physiotraq.devices WHERE id = $1 AND released_at IS NULL FOR UPDATE", id.0)
        .fetch_one(tx.conn())
        .await?;
    let running = sqlx::query!(
        r#"SELECT EXISTS (SELECT 1 FROM physiotraq.treatments
                          WHERE device_id = $1 AND status = 'in_progress') AS "yes!""#,
        id.0
    );
    Ok(running.fetch_one(tx.conn()).await?.yes)
}

/// Holds a device as it is: it cannot be released before the transaction ends.
///
/// # Errors
/// 404 when it was released a moment ago.
pub(crate) async fn hold(tx: &mut Tx, id: DeviceId) -> Result<()> {
    sqlx::query!("SELECT id FROM physiotraq.devices WHERE id = $1 AND released_at IS NULL FOR KEY SHARE", id.0)
        .fetch_one(tx.conn())
        .await?;
    Ok(())
}

/// Makes the row an archive: no credential, nobody assigned, no address and no place.
pub(super) async fn release(tx: &mut Tx, id: DeviceId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("DELETE FROM physiotraq.device_assignments WHERE device_id = $1", id.0).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM physiotraq.invited_assignments WHERE device_id = $1", id.0).execute(tx.conn()).await?;
    sqlx::query!(
        "UPDATE physiotraq.device_credentials SET revoked_at = $2 WHERE device_id = $1 AND revoked_at IS NULL",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "UPDATE physiotraq.devices SET released_at = $2, updated_at = $2, registration_open_until = NULL,
                last_ip_address = NULL, last_location = NULL
         WHERE id = $1",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The device behind a credential, before its tenant is known.
pub(super) async fn by_credential(db: &Db, hash: &[u8]) -> Result<Option<Known>> {
    let mut door = db.door().await?;
    let row = sqlx::query!(
        r#"SELECT device_id AS "device_id!", license_id AS "license_id!", temp_slope AS "temp_slope!",
                  temp_intercept AS "temp_intercept!", calibration_version AS "calibration_version!"
           FROM physiotraq.device_caller($1)"#,
        hash
    )
    .fetch_optional(door.conn())
    .await?;
    Ok(row.map(|r| Known {
        id: DeviceId(r.device_id),
        license: TenantId(r.license_id),
        slope: r.temp_slope,
        intercept: r.temp_intercept,
        calibration: r.calibration_version,
    }))
}
