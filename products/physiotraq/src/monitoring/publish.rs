//! What live pages are shown: the events of a device's topic.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socle::live::Event;
use uuid::Uuid;

use super::{AlertKind, Glance, Latest, LiveAlert, Monitor};
use crate::devices::DeviceId;
use crate::units::Unit;

/// A treatment that has just ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Which.
    pub treatment: Uuid,
    /// `completed` or `aborted`.
    pub status: String,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// End.
    pub ended_at: DateTime<Utc>,
}

impl Monitor {
    /// The last value of everything, for a page that has just opened its stream.
    #[must_use]
    pub fn snapshot(&self, device: DeviceId) -> Vec<Event> {
        let now = self.app.clock.now();
        let glance = self.glance(device);
        let mut events = vec![clock(now), Event::new("presence", &presence(device, &glance))];
        events.push(Event::new("treatment", &treatment(device, &glance, None)));
        events.push(Event::new("alarm", &alarm(device, &glance)));
        if let Some(latest) = &glance.latest {
            events.push(Event::new("reading", &reading(device, &glance, latest)));
        }
        events
    }

    pub(super) fn publish_reading(&self, device: DeviceId, latest: &Latest) {
        self.app.live.publish(&Self::topic(device), || {
            let mut glance = self.glance(device);
            glance.band = self.band(device, latest);
            Event::new("reading", &reading(device, &glance, latest))
        });
    }

    fn band(&self, device: DeviceId, latest: &Latest) -> &'static str {
        let devices = self.board.lock();
        let running = devices.get(&device).and_then(|tracked| tracked.running.as_ref());
        running.map_or_else(|| super::rules::default_band(latest.temperature), |r| r.machine.band(latest.temperature))
    }

    pub(super) fn publish_presence(&self, device: DeviceId) {
        self.app.live.publish(&Self::topic(device), || Event::new("presence", &presence(device, &self.glance(device))));
    }

    pub(super) fn publish_treatment(&self, device: DeviceId, ended: Option<&Ended>) {
        self.app
            .live
            .publish(&Self::topic(device), || Event::new("treatment", &treatment(device, &self.glance(device), ended)));
    }

    pub(crate) fn publish_alarm(&self, device: DeviceId) {
        self.app.live.publish(&Self::topic(device), || Event::new("alarm", &alarm(device, &self.glance(device))));
    }
}

/// Server time, so that pages compute ages without trusting their own clock.
#[must_use]
pub fn clock(now: DateTime<Utc>) -> Event {
    Event::new("clock", &json!({ "now": now.timestamp_millis() }))
}

fn reading(device: DeviceId, glance: &Glance, latest: &Latest) -> Value {
    json!({
        "device": device,
        "t": latest.measured_at.timestamp_millis(),
        "c": latest.temperature.degrees(),
        "shown": {
            "celsius": latest.temperature.shown(Unit::Celsius),
            "fahrenheit": latest.temperature.shown(Unit::Fahrenheit),
        },
        "band": glance.band,
        "quality": latest.quality.name(),
        "reliability": latest.reliability,
        "battery": latest.battery,
        "wifi": latest.wifi,
        "firmware": latest.firmware,
        "receivedAt": latest.received_at.timestamp_millis(),
        "treatment": glance.treatment,
    })
}

fn presence(device: DeviceId, glance: &Glance) -> Value {
    json!({
        "device": device,
        "status": glance.presence.name(),
        "seenAt": glance.seen_at.map(|at| at.timestamp_millis()),
    })
}

fn treatment(device: DeviceId, glance: &Glance, ended: Option<&Ended>) -> Value {
    match ended {
        Some(ended) => json!({
            "device": device, "id": ended.treatment, "status": ended.status,
            "startedAt": ended.started_at.timestamp_millis(), "endedAt": ended.ended_at.timestamp_millis(),
        }),
        None => json!({
            "device": device, "id": glance.treatment, "status": glance.treatment.map(|_| "in_progress"),
            "startedAt": glance.started_at.map(|at| at.timestamp_millis()), "endedAt": null,
        }),
    }
}

fn alarm(device: DeviceId, glance: &Glance) -> Value {
    json!({
        "device": device,
        "treatment": glance.treatment,
        "banner": banner(&glance.alerts),
        "sound": glance.alerts.iter().any(|alert| alert.sounds()),
        "alerts": glance.alerts.iter().map(alert).collect::<Vec<_>>(),
    })
}

/// The banner of a set of alerts.
#[must_use]
pub fn banner(alerts: &[LiveAlert]) -> &'static str {
    let any = |kind| alerts.iter().any(|alert| alert.kind == kind);
    if any(AlertKind::Critical) {
        "critical"
    } else if any(AlertKind::Watch) {
        "watch"
    } else if alerts.is_empty() {
        "none"
    } else {
        "technical"
    }
}

fn alert(alert: &LiveAlert) -> Value {
    json!({
        "id": alert.id,
        "kind": alert.kind.stored().0,
        "level": alert.kind.stored().1,
        "limit": alert.limit.map(|limit| limit.shown(Unit::Celsius)),
        "value": alert.limit.map(|_| crate::units::Celsius(alert.raised.value).shown(Unit::Celsius)),
        "escalation": alert.escalation,
        "raisedAt": alert.raised.at.timestamp_millis(),
        "state": alert.state.name(),
        "acknowledgedBy": alert.acknowledged.as_ref().map(|(name, _)| name),
        "silentUntil": alert.silent_until().map(|at| at.timestamp_millis()),
    })
}
