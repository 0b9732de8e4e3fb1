//! Licences: the tenant. (Buying, renewing and ending them come with the whole product; a paid purchase, the demo and
//! tests make one through here.)

use chrono::{Months, Utc};
use socle::db::Tx;
use socle::ids::TenantId;
use socle::{Result, audit};

/// A licence about to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewLicence<'a> {
    /// Its id; the transaction must be one of this tenant.
    pub id: TenantId,
    /// The customer's name.
    pub name: &'a str,
    /// Active devices it allows.
    pub quantity: i32,
    /// IANA zone of the customer.
    pub time_zone: &'a str,
}

/// Makes a licence of one year.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn create(tx: &mut Tx, new: NewLicence<'_>) -> Result<()> {
    let now = tx.caller().now();
    let expires: chrono::DateTime<Utc> = now.checked_add_months(Months::new(12)).unwrap_or(now);
    sql::insert(tx, new, now, expires).await?;
    audit::record(tx, audit::Entry::done("license.created", "License", new.id.0)).await
}

mod sql;
