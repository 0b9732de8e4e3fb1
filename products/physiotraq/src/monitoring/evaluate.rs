//! Committed readings, in order: latest, presence, maximum, alarms.

use chrono::{DateTime, Utc};
use socle::alarms::{Sample, Transition};
use socle::ids::TenantId;
use socle::readings::Tally;
use uuid::Uuid;

use super::board::{Latest, Tracked};
use super::{AlertKind, AlertState, LiveAlert, Monitor, persist};
use crate::devices::DeviceId;
use crate::measurements::{Measurement, Quality};
use crate::units::Celsius;

/// Readings published one by one at most; a longer batch is a catch-up, of which live pages get the last.
const PUBLISHED: usize = 50;

impl Monitor {
    /// Takes committed readings of a device: ours are counted and evaluated, of others' the newest is shown.
    pub(super) async fn absorb(&self, device: DeviceId, stored: Vec<Measurement>, outcomes: Tally) {
        let _gate = self.ownership.gate(device).await;
        self.absorb_held(device, stored, outcomes).await;
    }

    /// The same, for somebody who holds the device's gate.
    pub(super) async fn absorb_held(&self, device: DeviceId, mut stored: Vec<Measurement>, outcomes: Tally) {
        // By device time: a device may send its backlog in any order.
        stored.sort_by_key(|reading| (reading.measured_at, reading.sequence));
        let ours = self.ownership.owns(device);
        for latest in self.step(device, &stored, (outcomes, ours)) {
            self.publish_reading(device, &latest);
        }
        if ours {
            self.settle(device).await;
        }
    }

    /// Steps the device's state over committed readings; what live pages are to be shown comes back.
    fn step(&self, device: DeviceId, stored: &[Measurement], (outcomes, ours): (Tally, bool)) -> Vec<Latest> {
        let mut devices = self.board.lock();
        let Some(tracked) = devices.get_mut(&device) else { return Vec::new() };
        tracked.tally.duplicate += outcomes.duplicate;
        tracked.tally.rejected += outcomes.rejected;
        tracked.changed = true;
        let shown = stored.iter().filter_map(|reading| match ours {
            true => one(tracked, reading),
            false => mirror(tracked, reading),
        });
        let mut shown: Vec<Latest> = shown.collect();
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
            self.tell_changed(device);
        }
    }

    /// Somebody took note of an alert (stored already): the server that evaluates the device steps its machine, every
    /// other shows it.
    pub(crate) async fn acknowledge(&self, device: DeviceId, alert: Uuid, (by, at): (&str, DateTime<Utc>)) {
        let gate = self.ownership.gate(device).await;
        let ours = self.ownership.owns(device);
        self.note(device, alert, ((by, at), ours));
        if ours {
            self.settle(device).await;
        }
        drop(gate);
        self.publish_alarm(device);
        self.tell_changed(device);
    }

    pub(super) fn note(&self, device: DeviceId, alert: Uuid, ((by, at), ours): ((&str, DateTime<Utc>), bool)) {
        let mut devices = self.board.lock();
        let Some(tracked) = devices.get_mut(&device) else { return };
        tracked.changed = true;
        let Some(running) = tracked.running.as_mut() else { return };
        let Some(held) = running.alerts.iter_mut().find(|held| held.id == alert) else { return };
        held.acknowledged = Some((by.to_owned(), at));
        if held.state == AlertState::Active {
            held.state = AlertState::Acknowledged;
        }
        let kind = held.kind;
        if ours && let Some(transition) = running.machine.acknowledge(kind, at) {
            running.pending.push((kind, transition));
        }
    }

    /// Lets server time pass for the alarms of our devices, tries again what could not be written, and gives late
    /// readings to their treatments.
    pub(super) async fn settle_pending(&self) {
        let (pending, late) = self.due(self.app.clock.now());
        for device in pending {
            let _gate = self.ownership.gate(device).await;
            if self.ownership.owns(device) {
                self.settle(device).await;
            }
        }
        for (device, license, from, to) in late {
            if let Err(error) = persist::late(&self.app, (device, license), from, to).await {
                tracing::warn!(%error, "late readings could not be given to their treatment; tried again");
                continue;
            }
            // Kept until it is done, and saved with the device; what came meanwhile has widened it.
            if let Some(tracked) = self.board.lock().get_mut(&device)
                && tracked.late == Some((from, to))
            {
                tracked.late = None;
                tracked.changed = true;
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "two lists read by the one caller above")]
    fn due(&self, now: DateTime<Utc>) -> (Vec<DeviceId>, Vec<(DeviceId, TenantId, DateTime<Utc>, DateTime<Utc>)>) {
        let mut devices = self.board.lock();
        let mut pending = Vec::new();
        let mut late = Vec::new();
        for (device, tracked) in devices.iter_mut().filter(|(device, _)| self.ownership.owns(**device)) {
            if let Some(running) = tracked.running.as_mut() {
                let passed = running.machine.tick(now);
                running.pending.extend(passed);
                if !running.pending.is_empty() {
                    pending.push(*device);
                }
            }
            if let Some((from, to)) = tracked.late {
                late.push((*device, tracked.license, from, to));
            }
        }
        (pending, late)
    }

    fn next_pending(&self, device: DeviceId) -> Option<Due> {
        let devices = self.board.lock();
        let tracked = devices.get(&device)?;
        let running = tracked.running.as_ref()?;
        let (kind, transition) = *running.pending.first()?;
        Some(Due {
            license: tracked.license,
            treatment: running.id,
            kind,
            transition,
            limit: running.machine.limit(kind),
            on_delay_seconds: running.machine.on_delay_seconds(kind),
        })
    }

    fn settled(&self, device: DeviceId, due: &Due, alert: Option<LiveAlert>) {
        let mut devices = self.board.lock();
        let Some(running) = devices.get_mut(&device).and_then(|tracked| tracked.running.as_mut()) else { return };
        if running.id != due.treatment {
            return;
        }
        // The lane and the tick may both have written the first one: whoever comes first takes it off and applies it.
        if running.pending.first() != Some(&(due.kind, due.transition)) {
            return;
        }
        running.pending.remove(0);
        let same = |held: &LiveAlert, at| held.kind == due.kind && held.raised.condition_at == at;
        match due.transition {
            Transition::Raised(raised) => {
                if let Some((_, at)) = alert.as_ref().and_then(|alert| alert.acknowledged.as_ref()) {
                    running.machine.acknowledge(due.kind, *at);
                }
                running.alerts.retain(|held| !same(held, raised.condition_at));
                running.alerts.extend(alert);
            }
            Transition::Cleared(raised) | Transition::Resolved(raised) => {
                running.alerts.retain(|held| !same(held, raised.condition_at));
            }
            Transition::Latched(raised) => set(running, |held| same(held, raised.condition_at), AlertState::Latched),
            Transition::Returned(raised) | Transition::ReAlarmed(raised) | Transition::Unshelved(raised) => {
                set(running, |held| same(held, raised.condition_at), AlertState::Active);
            }
            Transition::Escalated(raised, step) => {
                for held in running.alerts.iter_mut().filter(|held| same(held, raised.condition_at)) {
                    held.escalation = held.escalation.max(step);
                }
            }
        }
    }
}

fn set(running: &mut super::Running, which: impl Fn(&LiveAlert) -> bool, state: AlertState) {
    for held in running.alerts.iter_mut().filter(|held| which(held)) {
        held.state = state;
    }
}

/// A transition to be written.
pub(super) struct Due {
    pub license: TenantId,
    pub treatment: Uuid,
    pub kind: AlertKind,
    pub transition: Transition,
    pub limit: Option<Celsius>,
    pub on_delay_seconds: i64,
}

/// One committed reading of a device of ours, counted and evaluated once; what live pages are to be shown, when it is the
/// newest.
pub(super) fn one(tracked: &mut Tracked, reading: &Measurement) -> Option<Latest> {
    if !tracked.evaluated.take(reading.id) {
        return None;
    }
    tracked.tally.stored += 1;
    tracked.changed = true;
    if !reading.clock_ok() {
        return None;
    }
    if reading.late {
        widen(&mut tracked.late, reading.measured_at);
    }
    let limit = tracked.running.as_ref().map_or(super::DEFAULT_RELIABILITY_LIMIT, |running| running.reliability_limit);
    evaluate(tracked, reading, Quality::of(reading.temperature, reading.reliability, limit));
    mirror(tracked, reading)
}

/// The newest reading, for pages.
pub(super) fn mirror(tracked: &mut Tracked, reading: &Measurement) -> Option<Latest> {
    let held = tracked.latest.as_ref().map(|held| (held.measured_at, held.sequence));
    let newest = held.is_none_or(|held| (reading.measured_at, reading.sequence) > held);
    if !newest || reading.ahead() || !reading.clock_ok() {
        return None;
    }
    let limit = tracked.running.as_ref().map_or(super::DEFAULT_RELIABILITY_LIMIT, |running| running.reliability_limit);
    let latest = Latest::of(reading, limit);
    if latest.firmware.is_some() {
        tracked.firmware.clone_from(&latest.firmware);
    }
    tracked.latest = Some(latest.clone());
    Some(latest)
}

/// Maximum and alarms of the running treatment. Late readings may raise the maximum, never an alarm; readings of low
/// quality neither, but they are heard, and tell of their quality.
pub(super) fn evaluate(tracked: &mut Tracked, reading: &Measurement, quality: Quality) {
    let Some(running) = tracked.running.as_mut() else { return };
    running.pending.extend(running.machine.heard(reading.received_at));
    if reading.measured_at < running.started_at {
        return;
    }
    let value = reading.temperature;
    // Of equal maxima the earliest is the one, in whatever order they come.
    let warmer = |(held, at): (Celsius, DateTime<Utc>)| value > held || (value == held && reading.measured_at < at);
    if quality == Quality::Good && running.warmest.is_none_or(warmer) {
        running.warmest = Some((value, reading.measured_at));
    }
    let newer = tracked.evaluated_through.is_none_or(|through| reading.measured_at >= through);
    if reading.late || !newer || quality == Quality::Implausible {
        return;
    }
    tracked.evaluated_through = Some(reading.measured_at);
    let sample = Sample { at: reading.measured_at, received: reading.received_at, value: value.0 };
    running.pending.extend(running.machine.trust(sample, reading.reliability));
    if quality == Quality::Good {
        running.pending.extend(running.machine.step(sample));
    }
}

fn widen(span: &mut Option<(DateTime<Utc>, DateTime<Utc>)>, at: DateTime<Utc>) {
    *span = Some(span.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
}
