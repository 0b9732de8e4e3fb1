//! What the monitor writes for one licence: alerts with their events and flags, presence, late readings.

use serde_json::json;
use socle::alarms::{Raised, Transition};
use socle::db::Tx;
use socle::ids::TenantId;
use socle::{App, Result};

use super::evaluate::Due;
use super::{AlertKind, LiveAlert, sql};
use crate::devices::{DeviceId, Presence};
use crate::events::{self, EventType};
use crate::{BRANDING, measurements};
use chrono::{DateTime, Utc};

/// Writes one transition. Doing it twice (after a crash, the readings since the last save are evaluated again) does it
/// once: the alert is known by treatment, kind, level and the device time of its condition.
pub(super) async fn transition(app: &App, device: DeviceId, due: &Due) -> Result<Option<LiveAlert>> {
    let caller = app.system(BRANDING.realm.name, due.license);
    let mut tx = caller.begin().await?;
    let alert = match due.transition {
        Transition::Raised(raised) => raise(&mut tx, device, due, raised).await?,
        Transition::Latched(raised) => {
            sql::set_state(&mut tx, due, raised.condition_at, "latched").await.map(|()| None)?
        }
        Transition::Returned(raised) | Transition::ReAlarmed(raised) | Transition::Unshelved(raised) => {
            sql::set_state(&mut tx, due, raised.condition_at, "active").await.map(|()| None)?
        }
        Transition::Cleared(raised) | Transition::Resolved(raised) => {
            sql::set_state(&mut tx, due, raised.condition_at, "cleared").await.map(|()| None)?
        }
        Transition::Escalated(raised, step) => escalate(&mut tx, due, (raised, step)).await.map(|()| None)?,
    };
    tx.commit().await?;
    Ok(alert)
}

async fn raise(tx: &mut Tx, device: DeviceId, due: &Due, raised: Raised) -> Result<Option<LiveAlert>> {
    if !sql::still_running(tx, due.treatment).await? {
        return Ok(None);
    }
    let (id, fresh) = sql::raise_alert(tx, device, due, raised).await?;
    if fresh {
        let event = match due.kind {
            AlertKind::Watch => EventType::AlertTemperature39,
            AlertKind::Critical => EventType::AlertTemperature40,
            AlertKind::NoData => EventType::AlertNoData,
            AlertKind::LowReliability => EventType::AlertLowReliability,
        };
        let facts = json!({ "alert": id, "device": device, "limit": due.limit.map(|limit| limit.decimal()) });
        events::record(tx, event, ("Treatment", due.treatment), facts).await?;
        if due.limit.is_some() {
            sql::set_flag(tx, due.treatment, due.kind.stored().1).await?;
        }
    }
    // As stored: when it is not fresh, somebody may have taken note of it before the crash.
    Ok(sql::open_alerts(tx, due.treatment).await?.into_iter().find(|alert| alert.id == id))
}

async fn escalate(tx: &mut Tx, due: &Due, (raised, step): (Raised, u8)) -> Result<()> {
    if let Some(alert) = sql::escalate(tx, due, (raised.condition_at, step)).await? {
        events::record(tx, EventType::AlertEscalated, ("Alert", alert), json!({ "step": step })).await?;
    }
    Ok(())
}

/// Writes a connected or disconnected event.
pub(super) async fn presence(app: &App, device: DeviceId, license: TenantId, presence: Presence) -> Result<()> {
    let event = match presence {
        Presence::Online => EventType::DeviceConnected,
        Presence::Offline | Presence::Unknown => EventType::DeviceDisconnected,
    };
    let mut tx = app.system(BRANDING.realm.name, license).begin().await?;
    events::record(&mut tx, event, ("Device", device.0), json!({})).await?;
    tx.commit().await
}

/// Gives late readings to the treatments they were measured in, and lets them raise those maxima.
pub(super) async fn late(
    app: &App,
    (device, license): (DeviceId, TenantId),
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<()> {
    let mut tx = app.system(BRANDING.realm.name, license).begin().await?;
    for touched in sql::treatments_touching(&mut tx, device, from, to).await? {
        let stretch = touched.stretch(device, app.clock.now());
        measurements::sql::attach(&mut tx, stretch, touched.id).await?;
        let warmest = measurements::sql::warmest(&mut tx, stretch).await?;
        sql::set_warmest(&mut tx, touched.id, warmest).await?;
    }
    tx.commit().await
}
