//! The alarms of one treatment: two levels over the kernel's state machine; pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use socle::alarms::{Alarm, Phase, Raised, Rule, Sample, Transition};
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
    pub pending: Vec<(i16, Transition)>,
}

/// Both levels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Which treatment; a state saved for another is not used.
    pub treatment: Uuid,
    watch: Alarm,
    critical: Alarm,
}

/// An alert that is not over.
#[derive(Clone, Debug)]
pub struct LiveAlert {
    /// The stored alert.
    pub id: Uuid,
    /// 39 or 40.
    pub level: i16,
    /// The treatment's limit.
    pub limit: Celsius,
    /// What was raised.
    pub raised: Raised,
    /// Who took note, and when.
    pub acknowledged: Option<(String, DateTime<Utc>)>,
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
        self.level == 40
    }
}

impl Machine {
    /// Both levels at rest.
    #[must_use]
    pub fn new(treatment: Uuid, preset: &Preset) -> Self {
        let rule = |level, limit: Celsius, clear: Celsius| Rule {
            level,
            limit: limit.0,
            clear: clear.0,
            on_delay_seconds: preset.on_delay_seconds,
            at_once_when_slow: level == 40,
            off_delay_seconds: preset.off_delay_seconds,
            latching: level == 40,
        };
        Self {
            treatment,
            watch: Alarm::new(rule(39, preset.watch_limit, preset.watch_clear)),
            critical: Alarm::new(rule(40, preset.critical_limit, preset.critical_clear)),
        }
    }

    /// Takes one trustworthy value.
    pub fn step(&mut self, sample: Sample) -> Vec<(i16, Transition)> {
        let alarms = [&mut self.watch, &mut self.critical];
        alarms.into_iter().filter_map(|alarm| alarm.step(sample).map(|t| (alarm.rule.level, t))).collect()
    }

    /// Somebody took note of a level.
    pub fn acknowledge(&mut self, level: i16, now: DateTime<Utc>) -> Option<Transition> {
        let alarms = [&mut self.watch, &mut self.critical];
        alarms.into_iter().find(|alarm| alarm.rule.level == level)?.acknowledge(now)
    }

    /// The limit of a level.
    #[must_use]
    pub fn limit(&self, level: i16) -> Celsius {
        Celsius(if level == 40 { self.critical.rule.limit } else { self.watch.rule.limit })
    }

    /// The on-delay, for the alert's record.
    #[must_use]
    pub fn on_delay_seconds(&self) -> i64 {
        self.watch.rule.on_delay_seconds
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

    /// Where this machine has a stored alert, when it is the one it is in.
    #[must_use]
    pub fn state_of(&self, level: i16, condition_at: DateTime<Utc>) -> Option<AlertState> {
        let alarm = if level == 40 { &self.critical } else { &self.watch };
        match &alarm.phase {
            Phase::Active { raised, acknowledged, .. } if raised.condition_at == condition_at => {
                Some(if acknowledged.is_some() { AlertState::Acknowledged } else { AlertState::Active })
            }
            Phase::Latched { raised } if raised.condition_at == condition_at => Some(AlertState::Latched),
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
