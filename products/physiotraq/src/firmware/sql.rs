//! Every query on releases; those on rollouts and on what devices are given lie beside them.

use chrono::{DateTime, Utc};
use socle::db::Tx;
use socle::error::broken_constraint;
use socle::files::{FileId, Received};
use socle::{Error, Result};
use uuid::Uuid;

use super::Version;
use super::model::{NewRelease, Published, Release, ReleaseId};
use crate::vendor;

struct Row {
    id: Uuid,
    version: String,
    hardware: String,
    release_notes: String,
    binary_file: Uuid,
    bytes: i64,
    checksum: String,
    signature: String,
    signed_by: String,
    is_stable: bool,
    min_compatible_version: Option<String>,
    released_at: Option<DateTime<Utc>>,
    withdrawn_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Release {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ReleaseId(row.id),
            version: stored(&row.version)?,
            hardware: row.hardware,
            notes: row.release_notes,
            file: FileId(row.binary_file),
            bytes: row.bytes,
            checksum: row.checksum,
            signature: row.signature,
            signed_by: row.signed_by,
            is_stable: row.is_stable,
            min_compatible: row.min_compatible_version.as_deref().map(stored).transpose()?,
            released_at: row.released_at,
            withdrawn_at: row.withdrawn_at,
            created_at: row.created_at,
        })
    }
}

/// A version that was checked before it was written.
pub(super) fn stored(text: &str) -> Result<Version> {
    Version::parse(text).ok_or_else(|| Error::internal("a stored version is none"))
}

/// A release, signed and whole.
pub(super) async fn insert(
    tx: &mut Tx,
    id: ReleaseId,
    (new, signed_by): (&NewRelease, &str),
    received: &Received,
) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.firmware_releases
           (id, tenant_id, version, version_key, hardware, release_notes, binary_file, bytes, checksum, signature,
            signed_by, is_stable, min_compatible_version, min_key, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
        id.0,
        vendor::TENANT.0,
        new.version.text(),
        new.version.key(),
        new.hardware,
        new.notes,
        received.id.0,
        i64::try_from(received.bytes).unwrap_or(i64::MAX),
        received.checksum(),
        new.signature,
        signed_by,
        new.is_stable,
        new.min_compatible.as_ref().map(Version::text),
        new.min_compatible.as_ref().map(Version::key),
        now
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|error| match broken_constraint(&error) {
        Some("firmware_releases_tenant_id_hardware_version_key_key") => {
            let message = "There is this version for this hardware already. Give the release a higher version.";
            Error::conflict("BIZ_FIRMWARE_VERSION", message)
        }
        _ => error.into(),
    })
}

/// Every release, newest version first.
pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Release>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, version, hardware, release_notes, binary_file, bytes, checksum, signature, signed_by, is_stable,
                min_compatible_version, released_at, withdrawn_at, created_at
         FROM physiotraq.firmware_releases ORDER BY hardware, version_key DESC LIMIT 500"
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Release::try_from).collect()
}

/// One; its row is held until the transaction ends, so that it is not deleted while it is rolled out.
pub(super) async fn lock(tx: &mut Tx, id: ReleaseId) -> Result<Release> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, version, hardware, release_notes, binary_file, bytes, checksum, signature, signed_by, is_stable,
                min_compatible_version, released_at, withdrawn_at, created_at
         FROM physiotraq.firmware_releases WHERE id = $1 FOR UPDATE",
        id.0
    )
    .fetch_one(tx.conn())
    .await?;
    row.try_into()
}

/// It is given to devices from now on.
pub(super) async fn release(tx: &mut Tx, id: ReleaseId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!(
        "UPDATE physiotraq.firmware_releases SET released_at = coalesce(released_at, $2), withdrawn_at = NULL,
                updated_at = $2 WHERE id = $1",
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nobody should have it any more.
pub(super) async fn withdraw(tx: &mut Tx, id: ReleaseId) -> Result<()> {
    let now = tx.caller().now();
    sqlx::query!("UPDATE physiotraq.firmware_releases SET withdrawn_at = $2, updated_at = $2 WHERE id = $1", id.0, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: ReleaseId) -> Result<()> {
    sqlx::query!("DELETE FROM physiotraq.firmware_rollouts WHERE release_id = $1", id.0).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM physiotraq.firmware_releases WHERE id = $1", id.0).execute(tx.conn()).await?;
    Ok(())
}

/// How many devices run which version of which hardware, over every licence.
pub(super) async fn running(tx: &mut Tx) -> Result<Vec<(Option<String>, Version, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT hardware, version AS "version!", devices AS "devices!" FROM physiotraq.running_firmware()"#
    )
    .fetch_all(tx.conn())
    .await?;
    // What a device calls a version and is none is the number of no release.
    let known = rows.into_iter().filter_map(|row| Some((row.hardware, Version::parse(&row.version)?, row.devices)));
    Ok(known.collect())
}

/// How many devices are being given it now.
pub(super) async fn on_its_way(tx: &mut Tx, id: ReleaseId) -> Result<i64> {
    let row = sqlx::query!("SELECT physiotraq.firmware_on_its_way($1) AS devices", id.0).fetch_one(tx.conn()).await?;
    Ok(row.devices.unwrap_or_default())
}

/// What is published for a hardware, or for all, newest version first.
pub(super) async fn published(tx: &mut Tx, hardware: Option<&str>) -> Result<Vec<Published>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", version AS "version!", hardware_of AS "hardware!", release_notes AS "notes!",
                  bytes AS "bytes!", checksum AS "checksum!", is_stable AS "is_stable!", min_compatible_version,
                  released_at AS "released_at!", withdrawn_at
           FROM physiotraq.published_firmware($1)"#,
        hardware
    )
    .fetch_all(tx.conn())
    .await?;
    let published = rows.into_iter().map(|row| {
        Ok(Published {
            id: ReleaseId(row.id),
            version: stored(&row.version)?,
            hardware: row.hardware,
            notes: row.notes,
            bytes: row.bytes,
            checksum: row.checksum,
            is_stable: row.is_stable,
            min_compatible: row.min_compatible_version,
            released_at: row.released_at,
            withdrawn: row.withdrawn_at.is_some(),
        })
    });
    published.collect()
}
