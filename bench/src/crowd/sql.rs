//! Devices, their credentials and who may watch them, many in one statement.

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::house::{Reader, Thermometer};

/// Serial and MAC address only have to be unlike any other.
const INSERT: &str = "
    WITH new AS (
      SELECT id, credential, number FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS n(id, credential, number)
    ), devices AS (
      INSERT INTO physiotraq.devices (id, license_id, serial_number, mac_address, name, claimed_at, registered_at,
                                      created_at, updated_at)
      SELECT id, $3, 'CROWD-' || lpad(number::text, 6, '0'), 'CROWD:' || lpad(to_hex(number), 6, '0'),
             'CoreTraQer ' || number, $5, $5, $5, $5 FROM new
    ), credentials AS (
      INSERT INTO physiotraq.device_credentials (id, license_id, device_id, token_hash, created_at)
      SELECT gen_random_uuid(), $3, id, sha256(convert_to(credential, 'UTF8')), $5 FROM new
    )
    INSERT INTO physiotraq.device_assignments (id, license_id, user_id, device_id, assigned_at, created_at, updated_at)
    SELECT gen_random_uuid(), $3, $4, id, $5, $5, $5 FROM new WHERE number <= $6";

/// Writes them; the reader may watch the first so many.
pub async fn insert(
    admin: &mut PgConnection,
    reader: &Reader,
    devices: &[Thermometer],
    (watched, now): (usize, DateTime<Utc>),
) -> Result<()> {
    let ids: Vec<Uuid> = devices.iter().map(|device| device.id.0).collect();
    let credentials: Vec<String> = devices.iter().map(|device| device.credential.clone()).collect();
    sqlx::query(INSERT)
        .bind(ids)
        .bind(credentials)
        .bind(reader.tenant.0)
        .bind(reader.account.0)
        .bind(now)
        .bind(i64::try_from(watched)?)
        .execute(&mut *admin)
        .await?;
    sqlx::raw_sql("ANALYZE physiotraq.devices, physiotraq.device_credentials, physiotraq.device_assignments")
        .execute(admin)
        .await?;
    Ok(())
}
