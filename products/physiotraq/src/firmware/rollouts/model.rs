//! How a release runs out to devices: in stages, judged by what devices themselves report; pure.

use chrono::{DateTime, Utc};
use socle::error::Detail;
use socle::typed_id;

use crate::firmware::{ReleaseId, Version};

typed_id!(RolloutId, "a rollout of firmware");

/// How it is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Per cent of the devices, stage by stage; the last is 100.
    pub stages: Vec<i16>,
    /// Devices whose outcome must be known before anything is concluded.
    pub min_sample: i16,
    /// Of a stage, so many per cent must have succeeded before the next.
    pub success_percent: i16,
    /// More failures than so many per cent pause it.
    pub error_percent: i16,
    /// How long a device has after it was offered the release.
    pub install_minutes: i16,
}

/// A plan as it is typed.
#[derive(Clone, Debug, Default)]
pub struct PlanForm {
    /// `5, 25, 100`.
    pub stages: String,
    /// Devices.
    pub min_sample: String,
    /// Per cent.
    pub success_percent: String,
    /// Per cent.
    pub error_percent: String,
    /// Minutes.
    pub install_minutes: String,
}

impl PlanForm {
    /// What the form shows at first.
    #[must_use]
    pub fn usual() -> Self {
        let [stages, min_sample, success_percent, error_percent, install_minutes] =
            ["5, 25, 100", "10", "95", "5", "120"].map(ToOwned::to_owned);
        Self { stages, min_sample, success_percent, error_percent, install_minutes }
    }

    /// What is wrong, field by field; messages are keys of texts.
    ///
    /// # Errors
    /// Every faulty field.
    pub fn checked(&self) -> Result<Plan, Vec<Detail>> {
        let mut faults = Vec::new();
        let mut figure = |name: &'static str, text: &str, from: i16, to: i16, key: &'static str| {
            let figure = text.trim().parse::<i16>().ok().filter(|figure| (from..=to).contains(figure));
            if figure.is_none() {
                faults.push(Detail::new(name, "OUT_OF_RANGE", key));
            }
            figure.unwrap_or(from)
        };
        let min_sample = figure("min_sample", &self.min_sample, 1, 10_000, "rollout-error-sample");
        let success_percent = figure("success_percent", &self.success_percent, 1, 100, "rollout-error-success");
        let error_percent = figure("error_percent", &self.error_percent, 0, 99, "rollout-error-errors");
        let install_minutes = figure("install_minutes", &self.install_minutes, 5, 10_080, "rollout-error-minutes");
        let stages: Vec<Option<i16>> = self
            .stages
            .split([',', ';', ' '])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().ok())
            .collect();
        let stages: Option<Vec<i16>> = stages.into_iter().collect();
        let rising = |stages: &Vec<i16>| stages.is_sorted_by(|one, next| one < next);
        let fit = stages.filter(|stages| {
            stages.len() <= 10
                && rising(stages)
                && stages.first().is_some_and(|first| *first >= 1)
                && stages.last() == Some(&100)
        });
        if fit.is_none() {
            faults.push(Detail::new("stages", "INVALID_FORMAT", "rollout-error-stages"));
        }
        match fit {
            Some(stages) if faults.is_empty() => {
                Ok(Plan { stages, min_sample, success_percent, error_percent, install_minutes })
            }
            _ => Err(faults),
        }
    }
}

/// Where a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Devices are offered the release.
    Running,
    /// None is, for now.
    Paused(Pause),
    /// None is any more.
    Aborted,
}

/// Why it pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Too many failures.
    Errors,
    /// Too few successes.
    Success,
    /// Somebody of the vendor wanted it.
    Person,
}

impl Pause {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Success => "success",
            Self::Person => "person",
        }
    }
}

impl State {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused(_) => "paused",
            Self::Aborted => "aborted",
        }
    }

    /// From the table's two columns.
    #[must_use]
    pub fn parse(name: &str, reason: Option<&str>) -> Self {
        match (name, reason) {
            ("running", _) => Self::Running,
            ("paused", Some("errors")) => Self::Paused(Pause::Errors),
            ("paused", Some("success")) => Self::Paused(Pause::Success),
            ("paused", _) => Self::Paused(Pause::Person),
            _ => Self::Aborted,
        }
    }
}

/// A rollout.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// Id.
    pub id: RolloutId,
    /// What it gives.
    pub release: ReleaseId,
    /// A rollback gives it to the devices that run this version.
    pub replaces: Option<Version>,
    /// Where it is.
    pub state: State,
    /// How it is planned.
    pub plan: Plan,
    /// 1 for the first.
    pub stage: i16,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

impl Rollout {
    /// Per cent of the devices that are given it now.
    #[must_use]
    pub fn percent(&self) -> i16 {
        let index = usize::try_from(self.stage.saturating_sub(1)).unwrap_or_default();
        self.plan.stages.get(index).copied().unwrap_or(100)
    }

    /// Whether there is another stage.
    #[must_use]
    pub fn is_last_stage(&self) -> bool {
        usize::try_from(self.stage).unwrap_or_default() >= self.plan.stages.len()
    }
}

/// How a stage stands; `lately` is what was decided since the rollout last began or was resumed, `mature` what of that has
/// also used up its time: a quick success must not hide the failures that show only at the end. Among the failures of both
/// are those who still wait when their time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// Which.
    pub stage: i16,
    /// Offered, and nothing known yet.
    pub waiting: i64,
    /// The device has reported the wanted version.
    pub installed: i64,
    /// It has not, though its time was over.
    pub failed: i64,
    /// Mature successes.
    pub mature_installed: i64,
    /// Mature failures.
    pub mature_failed: i64,
    /// Failures lately.
    pub failed_lately: i64,
    /// Everything that was decided lately.
    pub decided_lately: i64,
}

/// What follows from how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    GoOn,
    /// The next stage begins.
    NextStage,
    /// It pauses itself.
    Pause(Pause),
}

/// Judges a running rollout.
#[must_use]
pub fn judge(rollout: &Rollout, stands: &[Stand]) -> Verdict {
    let plan = &rollout.plan;
    let least = i64::from(plan.min_sample);
    let failed: i64 = stands.iter().map(|stand| stand.failed_lately).sum();
    let decided: i64 = stands.iter().map(|stand| stand.decided_lately).sum();
    if decided >= least && failed * 100 > i64::from(plan.error_percent) * decided {
        return Verdict::Pause(Pause::Errors);
    }
    let Some(now) = stands.iter().find(|stand| stand.stage == rollout.stage) else { return Verdict::GoOn };
    let (installed, sample) = if now.waiting == 0 {
        (now.decided_lately - now.failed_lately, now.decided_lately)
    } else {
        (now.mature_installed, now.mature_installed + now.mature_failed)
    };
    if sample < least {
        return Verdict::GoOn;
    }
    if installed * 100 < i64::from(plan.success_percent) * sample {
        return Verdict::Pause(Pause::Success);
    }
    if rollout.is_last_stage() { Verdict::GoOn } else { Verdict::NextStage }
}

/// Per cent of what is decided that succeeded, rounded down; `None` while nothing is.
#[must_use]
pub fn success_rate(stands: &[Stand]) -> Option<i64> {
    let installed: i64 = stands.iter().map(|stand| stand.installed).sum();
    let decided = installed + stands.iter().map(|stand| stand.failed).sum::<i64>();
    (installed * 100).checked_div(decided)
}

#[cfg(test)]
mod tests;
