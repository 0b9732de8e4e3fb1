//! Every query on security events.

use super::{Event, Severity};
use crate::db::Tx;
use crate::{Result, ids};

pub(super) async fn insert(tx: &mut Tx, event: Event) -> Result<()> {
    let caller = tx.caller().clone();
    let severity = match event.severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    sqlx::query!(
        "INSERT INTO socle.security_events (id, realm, tenant_id, type, severity, user_id, ip, meta_json, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        ids::fresh(caller.now()),
        caller.realm(),
        caller.tenant().map(|tenant| tenant.0),
        event.kind,
        severity,
        event.account.map(|account| account.0),
        caller.trace().ip.map(|ip| ip.to_string()),
        event.details,
        caller.now()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
