//! Every query on what devices are given.

use chrono::{DateTime, TimeDelta, Utc};
use socle::Result;
use socle::db::{Db, Tx};
use socle::files::FileId;
use socle::ids::TenantId;
use uuid::Uuid;

use super::{Install, InstallId, InstallState, Offer};
use crate::devices::DeviceId;
use crate::firmware::ReleaseId;
use crate::firmware::rollouts::RolloutId;
use crate::firmware::sql::stored;

/// What of a device decides about updates.
pub(super) struct Flags {
    pub hardware: Option<String>,
    pub auto_update: bool,
    pub beta: bool,
    pub in_treatment: bool,
}

pub(super) async fn flags(tx: &mut Tx, device: DeviceId) -> Result<Flags> {
    Ok(sqlx::query_as!(
        Flags,
        r#"SELECT d.hardware, d.firmware_auto_update AS auto_update, d.firmware_beta AS beta,
                  EXISTS (SELECT 1 FROM physiotraq.treatments t
                          WHERE t.device_id = d.id AND t.status = 'in_progress') AS "in_treatment!"
           FROM physiotraq.devices d WHERE d.id = $1 AND d.released_at IS NULL"#,
        device.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The hardware that a device reports itself to be.
pub(super) async fn set_hardware(tx: &mut Tx, device: DeviceId, hardware: &str) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE physiotraq.devices SET hardware = $2, updated_at = $3 WHERE id = $1", device.0, hardware, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What rollouts have for a hardware now.
pub(super) async fn offers(tx: &mut Tx, hardware: &str) -> Result<Vec<Offer>> {
    let rows = sqlx::query!(
        r#"SELECT rollout_id AS "rollout_id!", release_id AS "release_id!", replaces, version AS "version!",
                  is_stable AS "is_stable!", min_compatible_version, file_id AS "file_id!", bytes AS "bytes!",
                  checksum AS "checksum!", signature AS "signature!", stage AS "stage!", percent AS "percent!",
                  install_minutes AS "install_minutes!"
           FROM physiotraq.offered_firmware($1)"#,
        hardware
    )
    .fetch_all(tx.conn())
    .await?;
    let offers = rows.into_iter().map(|row| {
        Ok(Offer {
            rollout: RolloutId(row.rollout_id),
            release: ReleaseId(row.release_id),
            replaces: row.replaces.as_deref().map(stored).transpose()?,
            version: stored(&row.version)?,
            is_stable: row.is_stable,
            min_compatible: row.min_compatible_version.as_deref().map(stored).transpose()?,
            file: FileId(row.file_id),
            bytes: row.bytes,
            checksum: row.checksum,
            signature: row.signature,
            stage: row.stage,
            percent: row.percent,
            install: TimeDelta::minutes(row.install_minutes.into()),
        })
    });
    offers.collect()
}

struct Row {
    id: Uuid,
    rollout_id: Uuid,
    release_id: Uuid,
    from_version: String,
    wanted_version: String,
    state: String,
    reason: Option<String>,
    attempts: i16,
    offered_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Install {
    type Error = socle::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: InstallId(row.id),
            rollout: RolloutId(row.rollout_id),
            release: ReleaseId(row.release_id),
            from: stored(&row.from_version)?,
            wanted: stored(&row.wanted_version)?,
            state: InstallState::parse(&row.state, row.reason.as_deref()),
            attempts: row.attempts,
            offered_at: row.offered_at,
            deadline: row.deadline,
            decided_at: row.decided_at,
        })
    }
}

/// What a device was offered last; the device's row is held, so that two reports of it are weighed one after the other.
pub(super) async fn latest(tx: &mut Tx, device: DeviceId) -> Result<Option<Install>> {
    sqlx::query!("SELECT id FROM physiotraq.devices WHERE id = $1 FOR NO KEY UPDATE", device.0)
        .fetch_one(tx.conn())
        .await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, rollout_id, release_id, from_version, wanted_version, state, reason, attempts, offered_at, deadline,
                decided_at
         FROM physiotraq.firmware_installs WHERE device_id = $1 ORDER BY offered_at DESC, id DESC LIMIT 1",
        device.0
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Install::try_from).transpose()
}

/// The same without holding anything, for the memory of what is wanted.
pub(super) async fn glance(tx: &mut Tx, device: DeviceId) -> Result<Option<Install>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, rollout_id, release_id, from_version, wanted_version, state, reason, attempts, offered_at, deadline,
                decided_at
         FROM physiotraq.firmware_installs WHERE device_id = $1 ORDER BY offered_at DESC, id DESC LIMIT 1",
        device.0
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Install::try_from).transpose()
}

/// What a device was still to install when it is offered something else is forgotten: it neither succeeded nor failed.
pub(super) async fn supersede(tx: &mut Tx, device: DeviceId) -> Result<()> {
    sqlx::query!("DELETE FROM physiotraq.firmware_installs WHERE device_id = $1 AND state = 'waiting'", device.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A device is offered a release for the first time.
pub(super) async fn insert(
    tx: &mut Tx,
    (id, license, device): (InstallId, TenantId, DeviceId),
    (from, offer): (&str, &Offer),
) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "INSERT INTO physiotraq.firmware_installs
           (id, license_id, device_id, rollout_id, release_id, stage, from_version, wanted_version, wanted_key, state,
            attempts, offered_at, deadline)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', 1, $10, $11)",
        id.0,
        license.0,
        device.0,
        offer.rollout.0,
        offer.release.0,
        offer.stage,
        from,
        offer.version.text(),
        offer.version.key(),
        now,
        now + offer.install
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a device was offered by this rollout.
pub(super) async fn of_rollout(tx: &mut Tx, device: DeviceId, rollout: RolloutId) -> Result<Option<Install>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, rollout_id, release_id, from_version, wanted_version, state, reason, attempts, offered_at, deadline,
                decided_at
         FROM physiotraq.firmware_installs WHERE device_id = $1 AND rollout_id = $2",
        device.0,
        rollout.0
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Install::try_from).transpose()
}

/// It is offered the same once more. A failure stays one until the device reports the wanted version.
pub(super) async fn again(tx: &mut Tx, id: InstallId, deadline: DateTime<Utc>) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.firmware_installs SET attempts = attempts + 1, offered_at = $2, deadline = $3 WHERE id = $1",
        id.0,
        now,
        deadline
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What became of it.
pub(super) async fn decide(tx: &mut Tx, id: InstallId, state: InstallState) -> Result<()> {
    let now = tx.caller().now();
    let (name, reason) = state.stored();
    sqlx::query!(
        "UPDATE physiotraq.firmware_installs SET state = $2, reason = $3, decided_at = $4 WHERE id = $1",
        id.0,
        name,
        reason,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The same for a device that nothing was heard of: the rollout and the device, unless it was heard meanwhile.
pub(super) async fn give_up(tx: &mut Tx, id: InstallId) -> Result<Option<(RolloutId, DeviceId)>> {
    let now = tx.caller().now();
    let row = sqlx::query!(
        "UPDATE physiotraq.firmware_installs SET state = 'failed', reason = 'silent', decided_at = $2
         WHERE id = $1 AND state = 'waiting' AND deadline <= $2 RETURNING rollout_id, device_id",
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (RolloutId(row.rollout_id), DeviceId(row.device_id))))
}

/// The binary of an offered release, while its rollout is not aborted.
pub(super) async fn granted(tx: &mut Tx, install: &Install) -> Result<Option<FileId>> {
    let row = sqlx::query!("SELECT physiotraq.granted_firmware($1, $2) AS file", install.rollout.0, install.release.0)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.file.map(FileId))
}

/// Devices of every licence that nothing was heard of until their time was over.
pub(super) async fn overdue(db: &Db, now: DateTime<Utc>, most: i32) -> Result<Vec<(TenantId, InstallId)>> {
    let mut door = db.door().await?;
    let rows = sqlx::query!(
        r#"SELECT license_id AS "license_id!", install_id AS "install_id!" FROM physiotraq.overdue_firmware($1, $2)"#,
        now,
        most
    )
    .fetch_all(door.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (TenantId(row.license_id), InstallId(row.install_id))).collect())
}
