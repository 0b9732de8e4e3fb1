//! Every statement of the benches: those we send, and those that `psql` and `pgbench` are given.

use std::fmt::Write as _;

use anyhow::Result;
use chrono::{DateTime, Utc};
use physiotraq::measurements::{Leaf, Measurement};
use physiotraq::people::SIGNED_IN;
use socle::readings::Reading;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::house::{Reader, Thermometer};

/// The columns of a reading, in the order in which the server's writer fills them.
const COLUMNS: &str = Measurement::TABLE.columns;

/// Empties a partition, then a checkpoint: no run pays for the pages that another left dirty.
pub async fn empty(admin: &mut PgConnection, leaf: Leaf) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(format!("TRUNCATE {leaf}"))).execute(&mut *admin).await?;
    sqlx::raw_sql("CHECKPOINT").execute(admin).await?;
    Ok(())
}

/// How many rows a partition holds.
pub async fn count(admin: &mut PgConnection, leaf: Leaf) -> Result<i64> {
    Ok(sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {leaf}"))).fetch_one(admin).await?)
}

/// What these devices posted, as text, in the order in which it was stored.
pub fn copy_out(leaf: Leaf, devices: &[&Thermometer]) -> String {
    let ids: Vec<String> = devices.iter().map(|device| device.id.to_string()).collect();
    let ids = ids.join(",");
    format!("COPY (SELECT {COLUMNS} FROM {leaf} WHERE device_id = ANY('{{{ids}}}') ORDER BY id) TO STDOUT")
}

/// The same rows back in, straight into the partition.
pub fn copy_in(leaf: Leaf) -> String {
    format!("COPY {leaf} ({COLUMNS}) FROM STDIN")
}

/// The read as PostgreSQL alone would serve it, in four round trips (`\;` sends two statements as one message, as the
/// server does): caller, session, row, end.
pub fn read_script(reader: &Reader, device: &Thermometer, now: DateTime<Utc>) -> Result<String> {
    let (_, token) = reader.cookie.split_once('=').unwrap_or_default();
    let mut hash = String::new();
    for byte in socle::tokens::hash(token) {
        write!(hash, "{byte:02x}")?;
    }
    let session = SIGNED_IN.replace("$1", &format!("decode('{hash}', 'hex')"));
    let session = session.replace("$2", "NULL").replace("$3", &instant(now));
    let Reader { tenant, account, .. } = reader;
    Ok(format!(
        "BEGIN \\; SELECT socle.enter('{tenant}', '{account}');
{session};
SELECT d.id, d.license_id, d.serial_number, d.mac_address, d.name, d.firmware_version, d.temp_slope,
       d.temp_intercept, d.claimed_at, d.registered_at, d.registration_open_until,
       ARRAY(SELECT a.user_id FROM physiotraq.device_assignments a WHERE a.device_id = d.id) AS assigned
FROM physiotraq.devices d WHERE d.id = '{}' AND d.released_at IS NULL;
COMMIT;
",
        device.id
    ))
}

/// One reading, one commit. `:n` counts a client's rows, so that no identity comes twice.
pub fn insert_script(leaf: Leaf, device: &Thermometer, now: DateTime<Utc>) -> String {
    let Thermometer { id, license, .. } = device;
    let now = instant(now);
    format!(
        "\\set n :n + 1
INSERT INTO {leaf} ({COLUMNS})
VALUES (DEFAULT, '{license}', '{id}', NULL, 37.123, 37.123, 1, 98, {now}, {now}, :client_id * 1000000 + :n,
        true, false, false, 87, NULL, NULL, -61, '03.1.0', {now});
"
    )
}

/// Without a colon, which begins a variable in a script of `pgbench`.
fn instant(at: DateTime<Utc>) -> String {
    format!("'{}'::timestamptz", at.format("%Y%m%dT%H%M%SZ"))
}
