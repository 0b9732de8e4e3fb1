//! Committed readings, in order: latest, presence, maximum, alarms.

use chrono::{DateTime, Utc};
use socle::alarms::{Sample, Transition};
use socle::ids::TenantId;
use socle::readings::Tally;
use uuid::Uuid;

use super::board::{Latest, Tracked};
use super::{AlertState, LiveAlert, Monitor, persist};
use crate::devices::DeviceId;
use crate::measurements::{Measurement, Quality};

/// Readings published one by one at most; a longer batch is a catch-up, of which live pages get the last.
const PUBLISHED: usize = 50;

impl Monitor {
    /// Takes what one flush stored for one request.
    pub(super) async fn take(&self, device: DeviceId, mut stored: Vec<Measurement>, outcomes: Tally) {
        // By device time: a device may send its backlog in any order.
        stored.sort_by_key(|reading| (reading.measured_at, reading.sequence));
        let shown = self.step(device, &stored, outcomes);
        for latest in shown {
            self.publish_reading(device, &latest);
        }
        self.settle(device).await;
    }

    /// Steps the device's state over committed readings; what live pages are to be shown comes back.
    fn step(&self, device: DeviceId, stored: &[Measurement], outcomes: Tally) -> Vec<Latest> {
        let mut devices = self.board.lock();
        let Some(tracked) = devices.get_mut(&device) else { return Vec::new() };
        tracked.tally.stored += outcomes.stored;
        tracked.tally.duplicate += outcomes.duplicate;
        tracked.tally.rejected += outcomes.rejected;
        tracked.changed = true;
        let mut shown = Vec::new();
        for reading in stored {
            if let Some(latest) = one(tracked, reading) {
                shown.push(latest);
            }
        }
        let skip = shown.len().saturating_sub(PUBLISHED);
        shown.split_off(skip)
    }

    /// Writes the transitions a device has pending, then shows its alarms. What cannot be written stays pending.
    pub(super) async fn settle(&self, device: DeviceId) {
        while let Some(due) = self.next_pending(device) {
            match persist::transition(&self.app, device, &due).await {
                Ok(alert) => self.settled(device, &due, alert),
                Err(error) => {
                    tracing::error!(%error, "an alert could not be written; it is tried again within a second");
                    return;
                }
            }
            self.publish_alarm(device);
        }
    }

    /// Somebody took note of an alert (stored already).
    pub(crate) async fn acknowledge(&self, device: DeviceId, alert: Uuid, (by, at): (&str, DateTime<Utc>)) {
        {
            let mut devices = self.board.lock();
            let Some(tracked) = devices.get_mut(&device) else { return };
            tracked.changed = true;
            let Some(running) = tracked.running.as_mut() else { return };
            let Some(held) = running.alerts.iter_mut().find(|held| held.id == alert) else { return };
            held.acknowledged = Some((by.to_owned(), at));
            if held.state == AlertState::Active {
                held.state = AlertState::Acknowledged;
            }
            let level = held.level;
            if let Some(transition) = running.machine.acknowledge(level, at) {
                running.pending.push((level, transition));
            }
        }
        self.settle(device).await;
        self.publish_alarm(device);
    }

    /// Tries again what could not be written, and gives late readings to their treatments.
    pub(super) async fn settle_pending(&self) {
        let (pending, late) = self.due();
        for device in pending {
            self.settle(device).await;
        }
        for (device, license, from, to) in late {
            if let Err(error) = persist::late(&self.app, (device, license), from, to).await {
                tracing::warn!(%error, "late readings could not be given to their treatment; tried again");
                let mut devices = self.board.lock();
                if let Some(tracked) = devices.get_mut(&device) {
                    widen(&mut tracked.late, from);
                    widen(&mut tracked.late, to);
                }
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "two lists read by the one caller above")]
    fn due(&self) -> (Vec<DeviceId>, Vec<(DeviceId, TenantId, DateTime<Utc>, DateTime<Utc>)>) {
        let mut devices = self.board.lock();
        let mut pending = Vec::new();
        let mut late = Vec::new();
        for (device, tracked) in devices.iter_mut() {
            if tracked.running.as_ref().is_some_and(|running| !running.pending.is_empty()) {
                pending.push(*device);
            }
            if let Some((from, to)) = tracked.late.take() {
                late.push((*device, tracked.license, from, to));
            }
        }
        (pending, late)
    }

    fn next_pending(&self, device: DeviceId) -> Option<Due> {
        let devices = self.board.lock();
        let tracked = devices.get(&device)?;
        let running = tracked.running.as_ref()?;
        let (level, transition) = *running.pending.first()?;
        Some(Due {
            license: tracked.license,
            treatment: running.id,
            level,
            transition,
            limit: running.machine.limit(level),
            on_delay_seconds: running.machine.on_delay_seconds(),
        })
    }

    fn settled(&self, device: DeviceId, due: &Due, alert: Option<LiveAlert>) {
        let mut devices = self.board.lock();
        let Some(running) = devices.get_mut(&device).and_then(|tracked| tracked.running.as_mut()) else { return };
        if running.id != due.treatment {
            return;
        }
        // The lane and the tick may both have written the first one; only it is taken off, and only once.
        if running.pending.first() == Some(&(due.level, due.transition)) {
            running.pending.remove(0);
        }
        let same = |held: &LiveAlert, at| held.level == due.level && held.raised.condition_at == at;
        match due.transition {
            Transition::Raised(raised) => {
                if let Some((_, at)) = alert.as_ref().and_then(|alert| alert.acknowledged.as_ref()) {
                    running.machine.acknowledge(due.level, *at);
                }
                running.alerts.retain(|held| !same(held, raised.condition_at));
                running.alerts.extend(alert);
            }
            Transition::Latched(raised) | Transition::Returned(raised) => {
                let latched = matches!(due.transition, Transition::Latched(_));
                for held in running.alerts.iter_mut().filter(|held| same(held, raised.condition_at)) {
                    held.state = if latched { AlertState::Latched } else { AlertState::Active };
                }
            }
            Transition::Cleared(raised) => running.alerts.retain(|held| !same(held, raised.condition_at)),
        }
    }
}

/// A transition to be written.
pub(super) struct Due {
    pub license: TenantId,
    pub treatment: Uuid,
    pub level: i16,
    pub transition: Transition,
    pub limit: crate::units::Celsius,
    pub on_delay_seconds: i64,
}

/// One committed reading; what live pages are to be shown, when it is the newest.
pub(super) fn one(tracked: &mut Tracked, reading: &Measurement) -> Option<Latest> {
    tracked.through_id = tracked.through_id.max(reading.id);
    if !reading.clock_ok() {
        return None;
    }
    if reading.late {
        widen(&mut tracked.late, reading.measured_at);
    }
    let limit = tracked.running.as_ref().map_or(super::DEFAULT_RELIABILITY_LIMIT, |running| running.reliability_limit);
    let latest = Latest::of(reading, limit);
    let held = tracked.latest.as_ref().map(|held| (held.measured_at, held.sequence));
    let newest = held.is_none_or(|held| (reading.measured_at, reading.sequence) > held) && !reading.ahead();
    evaluate(tracked, reading, latest.quality);
    if !newest {
        return None;
    }
    if latest.firmware.is_some() {
        tracked.firmware.clone_from(&latest.firmware);
    }
    tracked.latest = Some(latest.clone());
    Some(latest)
}

/// Maximum and alarms of the running treatment. Late readings may raise the maximum, never an alarm; readings of low
/// quality neither.
fn evaluate(tracked: &mut Tracked, reading: &Measurement, quality: Quality) {
    let Some(running) = tracked.running.as_mut() else { return };
    if reading.measured_at < running.started_at || quality != Quality::Good {
        return;
    }
    let value = reading.temperature;
    if running.warmest.is_none_or(|(held, _)| value > held) {
        running.warmest = Some((value, reading.measured_at));
    }
    let newer = tracked.evaluated_through.is_none_or(|through| reading.measured_at >= through);
    if reading.late || !newer {
        return;
    }
    tracked.evaluated_through = Some(reading.measured_at);
    let sample = Sample { at: reading.measured_at, received: reading.received_at, value: value.0 };
    let transitions = running.machine.step(sample);
    running.pending.extend(transitions);
}

fn widen(span: &mut Option<(DateTime<Utc>, DateTime<Utc>)>, at: DateTime<Utc>) {
    *span = Some(span.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
}
