//! The alarms of one treatment: two limits and two technical conditions over the kernel's state machine; pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use socle::alarms::{Alarm, LowReliability, Phase, Raised, Rule, Sample, Silence, Transition};
use uuid::Uuid;

use super::AUDIO_PAUSE;
use crate::units::Celsius;

/// Limits and delays of a treatment; defaults of domain/temperature-monitoring.md §9 are in the table.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// 39.0 °C.
    pub watch_limit: Celsius,
    /// 38.8 °C.
    pub watch_clear: Celsius,
    /// 40.0 °C.
    pub critical_limit: Celsius,
    /// 39.7 °C.
    pub critical_clear: Celsius,
    /// 15 s.
    pub on_delay_seconds: i64,
    /// 30 s.
    pub off_delay_seconds: i64,
    /// 50.
    pub reliability_limit: i16,
}

/// Nobody has taken note of the critical level: repeated after one minute, to another person after three (§9).
const ESCALATION: [i64; 3] = [60, 180, 0];

/// A running treatment as the monitor follows it.
#[derive(Clone, Debug)]
pub struct Running {
    /// The treatment.
    pub id: Uuid,
    /// Readings from here on belong to it.
    pub started_at: DateTime<Utc>,
    /// Readings below it are not evaluated.
    pub reliability_limit: i16,
    /// Its alarms.
    pub machine: Machine,
    /// Highest trustworthy value and when.
    pub warmest: Option<(Celsius, DateTime<Utc>)>,
    /// Its alerts that are not over, as stored.
    pub alerts: Vec<LiveAlert>,
    /// Transitions that could not be written yet.
    pub pending: Vec<(AlertKind, Transition)>,
    /// Whether the machine is the saved one; one that was never saved does not know what was raised before.
    pub restored: bool,
}

impl Running {
    /// After everything stored has been evaluated: what the former server did not live to write.
    pub fn add_unwritten(&mut self) {
        let alike =
            |one: &(AlertKind, Transition), other: &(AlertKind, Transition)| one.0 == other.0 && one.1 == other.1;
        for missing in self.machine.unwritten(&self.alerts) {
            let over = matches!(missing.1, Transition::Cleared(_));
            if (self.restored || !over) && !self.pending.iter().any(|held| alike(held, &missing)) {
                self.pending.push(missing);
            }
        }
    }
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlertKind {
    /// The lower limit.
    Watch,
    /// The upper limit.
    Critical,
    /// Nothing comes from the thermometer.
    NoData,
    /// What comes is not to be trusted.
    LowReliability,
}

impl AlertKind {
    /// `kind` and `level` as the table spells them.
    #[must_use]
    pub fn stored(self) -> (&'static str, i16) {
        match self {
            Self::Watch => ("temperature", 39),
            Self::Critical => ("temperature", 40),
            Self::NoData => ("no_data", 0),
            Self::LowReliability => ("low_reliability", 0),
        }
    }

    /// From the table.
    #[must_use]
    pub fn of(kind: &str, level: i16) -> Self {
        match (kind, level) {
            ("no_data", _) => Self::NoData,
            ("low_reliability", _) => Self::LowReliability,
            (_, 40) => Self::Critical,
            _ => Self::Watch,
        }
    }
}

/// All alarms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Which treatment; a state saved for another is not used.
    pub treatment: Uuid,
    watch: Alarm,
    critical: Alarm,
    silence: Silence,
    reliability: LowReliability,
    /// Server time until which somebody listened.
    listened: DateTime<Utc>,
}

/// An alert that is not over.
#[derive(Clone, Debug)]
pub struct LiveAlert {
    /// The stored alert.
    pub id: Uuid,
    /// What about.
    pub kind: AlertKind,
    /// The treatment's limit, of a physiological one.
    pub limit: Option<Celsius>,
    /// What was raised.
    pub raised: Raised,
    /// Who took note, and when.
    pub acknowledged: Option<(String, DateTime<Utc>)>,
    /// 0, 1 (repeated) or 2 (to another person).
    pub escalation: u8,
    /// Where it stands.
    pub state: AlertState,
}

/// Where an alert that is not over stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertState {
    /// Raised, nobody has taken note.
    Active,
    /// Raised, somebody has.
    Acknowledged,
    /// The condition has gone, nobody has taken note.
    Latched,
}

impl AlertState {
    /// As pages spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Latched => "latched",
        }
    }
}

impl LiveAlert {
    /// Until when it makes no sound.
    #[must_use]
    pub fn silent_until(&self) -> Option<DateTime<Utc>> {
        self.acknowledged.as_ref().map(|(_, at)| *at + AUDIO_PAUSE)
    }

    /// Only the critical level sounds; pages keep silent until [`LiveAlert::silent_until`].
    #[must_use]
    pub fn sounds(&self) -> bool {
        self.kind == AlertKind::Critical
    }
}

impl Machine {
    /// All alarms at rest, of a treatment that starts now: readings are expected from here on.
    #[must_use]
    pub fn new(treatment: Uuid, preset: &Preset, started_at: DateTime<Utc>) -> Self {
        let rule = |level, limit: Celsius, clear: Celsius| Rule {
            level,
            limit: limit.0,
            clear: clear.0,
            on_delay_seconds: preset.on_delay_seconds,
            at_once_when_slow: level == 40,
            off_delay_seconds: preset.off_delay_seconds,
            latching: level == 40,
            re_alarm_seconds: None,
            escalate_seconds: if level == 40 { ESCALATION } else { [0; 3] },
            shelve_limit_seconds: 0,
        };
        let mut silence = Silence::new(0);
        silence.expect(started_at);
        Self {
            treatment,
            watch: Alarm::new(rule(39, preset.watch_limit, preset.watch_clear)),
            critical: Alarm::new(rule(40, preset.critical_limit, preset.critical_clear)),
            silence,
            reliability: LowReliability::new(0, preset.reliability_limit),
            listened: started_at,
        }
    }

    /// Somebody listened until now: what is saved says so.
    pub fn listened(&mut self, now: DateTime<Utc>) {
        self.listened = self.listened.max(now);
    }

    /// Something came from the thermometer.
    pub fn heard(&mut self, received: DateTime<Utc>) -> Option<(AlertKind, Transition)> {
        self.listened = self.listened.max(received);
        self.silence.heard(received).map(|transition| (AlertKind::NoData, transition))
    }

    /// Somebody listens again: the time in which nobody could was no silence.
    pub fn resumed(&mut self, now: DateTime<Utc>) {
        self.silence.unheard_for(now - self.listened);
        self.listened = now;
    }

    /// Takes the reliability of one live reading.
    pub fn trust(&mut self, sample: Sample, reliability: Option<i16>) -> Option<(AlertKind, Transition)> {
        let transition = self.reliability.step(sample.at, sample.received, reliability);
        transition.map(|transition| (AlertKind::LowReliability, transition))
    }

    /// Takes one trustworthy value.
    pub fn step(&mut self, sample: Sample) -> Vec<(AlertKind, Transition)> {
        let alarms = [(AlertKind::Watch, &mut self.watch), (AlertKind::Critical, &mut self.critical)];
        alarms.into_iter().filter_map(|(kind, alarm)| alarm.step(sample).map(|t| (kind, t))).collect()
    }

    /// Server time has come to `now`: silence, escalation.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<(AlertKind, Transition)> {
        self.listened = self.listened.max(now);
        let mut transitions = Vec::new();
        while let Some(transition) = self.silence.tick(now) {
            transitions.push((AlertKind::NoData, transition));
        }
        for kind in [AlertKind::Watch, AlertKind::Critical, AlertKind::LowReliability] {
            while let Some(transition) = self.alarm_mut(kind).tick(now) {
                transitions.push((kind, transition));
            }
        }
        transitions
    }

    /// Somebody took note.
    pub fn acknowledge(&mut self, kind: AlertKind, now: DateTime<Utc>) -> Option<Transition> {
        self.alarm_mut(kind).acknowledge(now)
    }

    fn alarm_mut(&mut self, kind: AlertKind) -> &mut Alarm {
        match kind {
            AlertKind::Watch => &mut self.watch,
            AlertKind::Critical => &mut self.critical,
            AlertKind::NoData => &mut self.silence.alarm,
            AlertKind::LowReliability => &mut self.reliability.alarm,
        }
    }

    fn alarm(&self, kind: AlertKind) -> &Alarm {
        match kind {
            AlertKind::Watch => &self.watch,
            AlertKind::Critical => &self.critical,
            AlertKind::NoData => &self.silence.alarm,
            AlertKind::LowReliability => &self.reliability.alarm,
        }
    }

    /// The limit, of a physiological alarm.
    #[must_use]
    pub fn limit(&self, kind: AlertKind) -> Option<Celsius> {
        match kind {
            AlertKind::Watch => Some(Celsius(self.watch.rule.limit)),
            AlertKind::Critical => Some(Celsius(self.critical.rule.limit)),
            AlertKind::NoData | AlertKind::LowReliability => None,
        }
    }

    /// The on-delay, for the alert's record.
    #[must_use]
    pub fn on_delay_seconds(&self, kind: AlertKind) -> i64 {
        self.alarm(kind).rule.on_delay_seconds
    }

    /// The band of a value: its colour follows at once, whatever the alarms say.
    #[must_use]
    pub fn band(&self, value: Celsius) -> &'static str {
        if value.0 >= self.critical.rule.limit {
            "critical"
        } else if value.0 >= self.watch.rule.limit {
            "watch"
        } else {
            "normal"
        }
    }

    /// What this machine holds as raised and is not among the stored alerts, and what is stored as open and it does not
    /// hold: transitions that were not written before their server died.
    #[must_use]
    pub fn unwritten(&self, stored: &[LiveAlert]) -> Vec<(AlertKind, Transition)> {
        let kinds = [AlertKind::Watch, AlertKind::Critical, AlertKind::NoData, AlertKind::LowReliability];
        let mut missing = Vec::new();
        for kind in kinds {
            let of = |alert: &&LiveAlert| alert.kind == kind;
            let held = self.alarm(kind).raised();
            let stale = stored
                .iter()
                .filter(of)
                .filter(|alert| held.is_none_or(|r| r.condition_at != alert.raised.condition_at));
            missing.extend(stale.map(|alert| (kind, Transition::Cleared(alert.raised))));
            let known = |raised: Raised| stored.iter().filter(of).any(|a| a.raised.condition_at == raised.condition_at);
            if let Some(raised) = held.filter(|raised| !known(*raised)) {
                missing.push((kind, Transition::Raised(raised)));
            }
            if let (Some(raised), Phase::Latched { .. }) = (held, &self.alarm(kind).phase) {
                missing.push((kind, Transition::Latched(raised)));
            }
        }
        missing
    }

    /// Where this machine has a stored alert, when it is the one it is in.
    #[must_use]
    pub fn state_of(&self, kind: AlertKind, condition_at: DateTime<Utc>) -> Option<AlertState> {
        match &self.alarm(kind).phase {
            Phase::Active { raised, acknowledged, .. } if raised.condition_at == condition_at => {
                Some(if acknowledged.is_some() { AlertState::Acknowledged } else { AlertState::Active })
            }
            Phase::Latched { raised, .. } if raised.condition_at == condition_at => Some(AlertState::Latched),
            _ => None,
        }
    }
}

/// The band of a value outside any treatment, by the default limits.
#[must_use]
pub fn default_band(value: Celsius) -> &'static str {
    match value.0 {
        40_000.. => "critical",
        39_000.. => "watch",
        _ => "normal",
    }
}

#[cfg(test)]
mod tests;
