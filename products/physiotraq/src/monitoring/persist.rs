//! What the monitor writes for one licence: alerts with their events and flags, presence, late readings.

use serde_json::json;
use socle::alarms::Transition;
use socle::ids::TenantId;
use socle::{App, Result};

use super::evaluate::Due;
use super::{LiveAlert, sql};
use crate::devices::{DeviceId, Presence};
use crate::events::{self, EventType};
use crate::{BRANDING, measurements};
use chrono::{DateTime, Utc};

/// Writes one transition. Raising it twice (after a crash, the readings since the last save are evaluated again)
/// writes it once: the alert is known by treatment, level and the device time of its condition.
pub(super) async fn transition(app: &App, device: DeviceId, due: &Due) -> Result<Option<LiveAlert>> {
    let caller = app.system(BRANDING.realm.name, due.license);
    let mut tx = caller.begin().await?;
    let raised = match due.transition {
        Transition::Raised(raised) => raised,
        Transition::Latched(_) | Transition::Returned(_) => return Ok(None),
        Transition::Cleared(raised) => {
            sql::clear_alert(&mut tx, (due.treatment, due.level), raised.condition_at).await?;
            tx.commit().await?;
            return Ok(None);
        }
    };
    if !sql::still_running(&mut tx, due.treatment).await? {
        return Ok(None);
    }
    let (id, fresh) = sql::raise_alert(&mut tx, device, due, raised).await?;
    if fresh {
        let event = if due.level == 40 { EventType::AlertTemperature40 } else { EventType::AlertTemperature39 };
        let facts = json!({ "alert": id, "device": device, "limit": due.limit.decimal() });
        events::record(&mut tx, event, ("Treatment", due.treatment), facts).await?;
        sql::set_flag(&mut tx, due.treatment, due.level).await?;
    }
    // As stored: when it is not fresh, somebody may have taken note of it before the crash.
    let stored = sql::open_alerts(&mut tx, due.treatment).await?.into_iter().find(|alert| alert.id == id);
    tx.commit().await?;
    Ok(stored)
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
