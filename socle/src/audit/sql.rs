//! Every query of the audit trail.

use uuid::Uuid;

use super::{Entry, Outcome};
use crate::db::Tx;
use crate::{Caller, Result};

pub(super) async fn insert(tx: &mut Tx, id: Uuid, caller: &Caller, entry: Entry) -> Result<()> {
    let (kind, actor) = super::actor(caller);
    let outcome = match entry.outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
    };
    sqlx::query!(
        "INSERT INTO socle.audit_log (id, occurred_at, realm, tenant_id, actor_kind, actor_id, action, resource_type,
                                      resource_id, outcome, details, ip_address, user_agent, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        id,
        caller.now(),
        caller.realm(),
        caller.tenant().map(|t| t.0),
        kind,
        actor,
        entry.action,
        entry.resource,
        entry.id,
        outcome,
        entry.details,
        caller.trace().ip.map(|ip| ip.to_string()),
        caller.trace().user_agent,
        caller.trace().request_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
