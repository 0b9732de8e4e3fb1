//! Suspended tenants: sessions, API calls, live streams, devices and jobs stop; data stays untouched, and a tenant that is
//! resumed goes on where it was.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::sql;
use crate::db::{Caller, Db};
use crate::ids::TenantId;
use crate::security::{Event, Severity};
use crate::{Error, Result, audit, security};

/// Rows of a page.
pub const ROWS: i32 = 50;

/// A tenant of any realm, as operators see it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Id.
    pub id: Uuid,
    /// Product.
    pub realm: String,
    /// Its name.
    pub name: String,
    /// Members now.
    pub members: i64,
    /// Since when it is suspended.
    pub suspended_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
}

/// A page of tenants whose name has a word in it (or whose id it is), and how many there are.
///
/// # Errors
/// 503 when the database cannot be reached.
pub async fn list(db: &Db, wanted: &str, page: i32) -> Result<(Vec<Tenant>, i64)> {
    sql::tenants(db, wanted.trim(), (ROWS, page.saturating_sub(1).max(0).saturating_mul(ROWS))).await
}

/// Suspends a tenant, at once for sessions and API calls, within five seconds for live streams and devices.
///
/// # Errors
/// 422 without a reason of 1 to 500 characters; 404 when there is no such tenant, or it is suspended already.
pub async fn suspend(caller: &Caller, tenant: TenantId, reason: &str) -> Result<()> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Error::unprocessable("BIZ_REASON", "Say why, in 1 to 500 characters."));
    }
    change(caller, tenant, Some(reason)).await
}

/// Resumes a suspended tenant.
///
/// # Errors
/// 404 when it is not suspended.
pub async fn resume(caller: &Caller, tenant: TenantId) -> Result<()> {
    change(caller, tenant, None).await
}

async fn change(caller: &Caller, tenant: TenantId, reason: Option<&str>) -> Result<()> {
    let operator = caller.person()?.account;
    let mut tx = caller.begin().await?;
    if !sql::suspend(&mut tx, tenant, reason).await? {
        return Err(Error::not_found());
    }
    let (action, kind) = match reason {
        Some(_) => ("tenant.suspended", "TENANT_SUSPENDED"),
        None => ("tenant.resumed", "TENANT_RESUMED"),
    };
    let entry = audit::Entry::done(action, "Tenant", tenant.0).with(json!({ "reason": reason }));
    audit::record(&mut tx, entry).await?;
    let event = Event::new(kind, Severity::High, Some(operator)).with(json!({ "tenant": tenant }));
    security::record(&mut tx, event).await?;
    tx.commit().await
}
