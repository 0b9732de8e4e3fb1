//! Many thermometers at once: rows as claiming and registering would leave them, written in one statement, because
//! thousands of claims would take longer than what is measured.

mod sql;

use anyhow::Result;
use physiotraq::devices::DeviceId;
use socle::clock::Clock;
use socle::tokens;
use sqlx::{Connection, PgConnection};

use crate::house::{House, Thermometer};

/// Adds registered devices to the reader's licence, before a server is started. The reader may watch the first ones.
///
/// # Errors
/// When the database refuses.
pub async fn gather(house: &House, count: usize, watched: usize) -> Result<Vec<Thermometer>> {
    let now = Clock::system().now();
    let license = house.reader.tenant;
    let mut devices = Vec::with_capacity(count);
    for _ in 0..count {
        devices.push(Thermometer { id: DeviceId::fresh(now), license, credential: tokens::fresh()? });
    }
    let mut admin = PgConnection::connect(&house.cluster.superuser_url(house.name()?)).await?;
    sql::insert(&mut admin, &house.reader, &devices, (watched, now)).await?;
    Ok(devices)
}
