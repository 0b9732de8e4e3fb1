//! Every query on rollouts.

use chrono::{DateTime, Utc};
use socle::db::Tx;
use socle::error::broken_constraint;
use socle::ids::AccountId;
use socle::{Error, Result};
use uuid::Uuid;

use super::{Plan, Rollout, RolloutId, Stand, State};
use crate::firmware::sql::stored;
use crate::firmware::{ReleaseId, Version};
use crate::vendor;

struct Row {
    id: Uuid,
    release_id: Uuid,
    replaces: Option<String>,
    state: String,
    pause_reason: Option<String>,
    stages: Vec<i16>,
    stage: i16,
    min_sample: i16,
    success_percent: i16,
    error_percent: i16,
    install_minutes: i16,
    started_at: DateTime<Utc>,
}

impl TryFrom<Row> for Rollout {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: RolloutId(row.id),
            release: ReleaseId(row.release_id),
            replaces: row.replaces.as_deref().map(stored).transpose()?,
            state: State::parse(&row.state, row.pause_reason.as_deref()),
            plan: Plan {
                stages: row.stages,
                min_sample: row.min_sample,
                success_percent: row.success_percent,
                error_percent: row.error_percent,
                install_minutes: row.install_minutes,
            },
            stage: row.stage,
            started_at: row.started_at,
        })
    }
}

/// A rollout begins with its first stage.
pub(super) async fn insert(
    tx: &mut Tx,
    id: RolloutId,
    (release, replaces): (ReleaseId, Option<&Version>),
    plan: &Plan,
) -> Result<()> {
    let now = tx.caller().now();
    let inserted = sqlx::query!(
        "INSERT INTO physiotraq.firmware_rollouts
           (id, tenant_id, release_id, kind, replaces, state, stages, stage, min_sample, success_percent, error_percent,
            install_minutes, started_at, judged_from, updated_at)
         VALUES ($1, $2, $3, CASE WHEN $4::text IS NULL THEN 'update' ELSE 'rollback' END, $4, 'running', $5, 1, $6, $7, $8,
                 $9, $10, $10, $10)",
        id.0,
        vendor::TENANT.0,
        release.0,
        replaces.map(Version::text),
        &plan.stages,
        plan.min_sample,
        plan.success_percent,
        plan.error_percent,
        plan.install_minutes,
        now
    )
    .execute(tx.conn())
    .await;
    inserted.map(|_| ()).map_err(|error| match broken_constraint(&error) {
        Some("firmware_rollouts_open") => {
            let message = "This release is being rolled out already. Abort that rollout first.";
            Error::conflict("BIZ_ROLLOUT_OPEN", message)
        }
        _ => error.into(),
    })
}

/// The rollouts of a release, or of all, newest first.
pub(crate) async fn list(tx: &mut Tx, release: Option<ReleaseId>) -> Result<Vec<Rollout>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, release_id, replaces, state, pause_reason, stages, stage, min_sample, success_percent, error_percent,
                install_minutes, started_at
         FROM physiotraq.firmware_rollouts WHERE $1::uuid IS NULL OR release_id = $1
         ORDER BY started_at DESC, id DESC LIMIT 500",
        release.map(|id| id.0)
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Rollout::try_from).collect()
}

/// One; its row is held until the transaction ends. 404 when there is none.
pub(super) async fn lock(tx: &mut Tx, id: RolloutId) -> Result<Rollout> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, release_id, replaces, state, pause_reason, stages, stage, min_sample, success_percent, error_percent,
                install_minutes, started_at
         FROM physiotraq.firmware_rollouts WHERE id = $1 FOR UPDATE",
        id.0
    )
    .fetch_one(tx.conn())
    .await?;
    row.try_into()
}

/// Where it is from now on. Resuming forgives what was decided before: only what comes after can pause it again.
pub(super) async fn set(tx: &mut Tx, id: RolloutId, (state, stage): (State, i16), forgive: bool) -> Result<()> {
    let now = tx.caller().now();
    let reason = if let State::Paused(reason) = state { Some(reason.name()) } else { None };
    sqlx::query!(
        "UPDATE physiotraq.firmware_rollouts SET state = $2, pause_reason = $3, stage = $4,
                judged_from = CASE WHEN $5 THEN $6 ELSE judged_from END,
                ended_at = CASE WHEN $2 = 'aborted' THEN $6 END, updated_at = $6 WHERE id = $1",
        id.0,
        state.name(),
        reason,
        stage,
        forgive,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How rollouts stand, stage by stage.
pub(crate) async fn stands(tx: &mut Tx, rollouts: &[RolloutId]) -> Result<Vec<(RolloutId, Stand)>> {
    let now = tx.caller().now();
    let ids: Vec<Uuid> = rollouts.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT rollout_id AS "rollout_id!", stage AS "stage!", waiting AS "waiting!", installed AS "installed!",
                  failed AS "failed!", mature_installed AS "mature_installed!", mature_failed AS "mature_failed!",
                  failed_lately AS "failed_lately!", decided_lately AS "decided_lately!"
           FROM physiotraq.firmware_progress($1, $2)"#,
        &ids,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    let stand = rows.into_iter().map(|row| {
        let stand = Stand {
            stage: row.stage,
            waiting: row.waiting,
            installed: row.installed,
            failed: row.failed,
            mature_installed: row.mature_installed,
            mature_failed: row.mature_failed,
            failed_lately: row.failed_lately,
            decided_lately: row.decided_lately,
        };
        (RolloutId(row.rollout_id), stand)
    });
    Ok(stand.collect())
}

/// Somebody of the vendor, to be written to.
pub(super) struct Addressee {
    pub account: AccountId,
    pub email: String,
    pub language: String,
}

/// Everybody of the vendor.
pub(super) async fn addressees(tx: &mut Tx) -> Result<Vec<Addressee>> {
    let roles = [vendor::ROLE.to_owned()];
    let rows = sqlx::query!(
        r#"SELECT account_id AS "account_id!", email AS "email!", language AS "language!"
           FROM socle.holders_of_roles($1)"#,
        &roles
    )
    .fetch_all(tx.conn())
    .await?;
    let one = rows.into_iter().map(|row| Addressee {
        account: AccountId(row.account_id),
        email: row.email,
        language: row.language,
    });
    Ok(one.collect())
}
