//! Rollouts on the page of their release: how they stand, and what the vendor says of them.

use axum::extract::State as Product;
use axum::response::Response;
use chrono_tz::Tz;
use serde::Deserialize;
use socle::error::Detail;
use socle::web::{Form, Page, Path, see_other};
use socle::{Caller, Error, Result};
use uuid::Uuid;

use super::actions::{self, Word};
use super::{Pause, PlanForm, Rollout, RolloutId, Stand, State, success_rate};
use crate::firmware::pages::{VENDOR, percent, release_page};
use crate::firmware::{ReleaseId, Version};
use crate::{Physiotraq, wording};

/// A stage of a rollout.
pub(crate) struct StageRow {
    pub number: i16,
    pub percent: String,
    pub current: bool,
    pub waiting: i64,
    pub installed: i64,
    pub failed: i64,
}

/// A rollout.
pub(crate) struct RolloutPanel {
    pub id: String,
    pub state: &'static str,
    pub state_label: String,
    /// Why it pauses, in words.
    pub reason: Option<String>,
    /// The version that a rollback takes devices from.
    pub replaces: Option<String>,
    pub started: String,
    pub rate: Option<String>,
    pub success: String,
    pub errors: String,
    pub sample: i16,
    pub minutes: i16,
    pub stages: Vec<StageRow>,
    pub resumable: bool,
    pub pausable: bool,
    pub open: bool,
    pub further: bool,
}

/// The key of a state's name.
pub(crate) fn state_key(state: Option<State>) -> &'static str {
    match state {
        None => "rollout-state-none",
        Some(State::Running) => "rollout-state-running",
        Some(State::Paused(_)) => "rollout-state-paused",
        Some(State::Aborted) => "rollout-state-aborted",
    }
}

fn reason_key(state: State) -> Option<&'static str> {
    match state {
        State::Paused(Pause::Errors) => Some("rollout-reason-errors"),
        State::Paused(Pause::Success) => Some("rollout-reason-success"),
        State::Paused(Pause::Person) => Some("rollout-reason-person"),
        State::Running | State::Aborted => None,
    }
}

pub(crate) fn panel(page: &Page, zone: Tz, (rollout, stands): (Rollout, Vec<Stand>)) -> RolloutPanel {
    let open = rollout.state != State::Aborted;
    let row = |(number, share): (i16, &i16)| {
        let stand = stands.iter().find(|stand| stand.stage == number).copied().unwrap_or_default();
        StageRow {
            number,
            percent: percent(page, i64::from(*share)),
            current: open && number == rollout.stage,
            waiting: stand.waiting,
            installed: stand.installed,
            failed: stand.failed,
        }
    };
    RolloutPanel {
        id: rollout.id.to_string(),
        state: rollout.state.name(),
        state_label: page.t(state_key(Some(rollout.state))),
        reason: reason_key(rollout.state).map(|key| page.t(key)),
        replaces: rollout.replaces.as_ref().map(|version: &Version| version.text().to_owned()),
        started: wording::instant(rollout.started_at, zone, page.language()),
        rate: success_rate(&stands).map(|rate| percent(page, rate)),
        success: percent(page, i64::from(rollout.plan.success_percent)),
        errors: percent(page, i64::from(rollout.plan.error_percent)),
        sample: rollout.plan.min_sample,
        minutes: rollout.plan.install_minutes,
        stages: (1_i16..).zip(&rollout.plan.stages).map(row).collect(),
        resumable: matches!(rollout.state, State::Paused(_)),
        pausable: rollout.state == State::Running,
        open,
        further: open && !rollout.is_last_stage(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::firmware) struct Asked {
    stages: String,
    min_sample: String,
    success_percent: String,
    error_percent: String,
    install_minutes: String,
    /// A rollback: the release that devices are to be taken from.
    replaces: String,
}

pub(in crate::firmware) async fn start(
    Product(product): Product<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<ReleaseId>,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    let Asked { stages, min_sample, success_percent, error_percent, install_minutes, replaces } = asked;
    let form = PlanForm { stages, min_sample, success_percent, error_percent, install_minutes };
    match begun(&product, &caller, (id, &replaces), &form).await? {
        Ok(()) => Ok(see_other(&format!("{VENDOR}/{id}?notice=rollout-started"))),
        Err(faults) => release_page(&product, &caller, page, (id, form, faults)).await,
    }
}

/// Starts it, or says what of the form is wrong.
async fn begun(
    product: &Physiotraq,
    caller: &Caller,
    (id, replaces): (ReleaseId, &str),
    form: &PlanForm,
) -> Result<Result<(), Vec<Detail>>> {
    let plan = match form.checked() {
        Ok(plan) => plan,
        Err(faults) => return Ok(Err(faults)),
    };
    let done = if replaces.is_empty() {
        actions::start(product, caller, id, &plan).await
    } else {
        let bad = replaces.parse::<Uuid>().map_err(|_| Error::not_found())?;
        actions::roll_back(product, caller, (id, ReleaseId(bad)), &plan).await
    };
    match done {
        Ok(_) => Ok(Ok(())),
        Err(error) if error.code == "VAL_FIELDS" => Ok(Err(error.details)),
        Err(error) if error.code == "BIZ_ROLLOUT_OPEN" => {
            Ok(Err(vec![Detail::new("stages", "OPEN", "rollout-error-open")]))
        }
        Err(error) => Err(error),
    }
}

pub(in crate::firmware) async fn say(
    Product(product): Product<Physiotraq>,
    caller: Caller,
    Path((id, word)): Path<(RolloutId, String)>,
) -> Result<Response> {
    let word = match word.as_str() {
        "pause" => Word::Pause,
        "resume" => Word::Resume,
        "next" => Word::NextStage,
        "abort" => Word::Abort,
        _ => return Err(Error::not_found()),
    };
    let rollout = actions::say(&product, &caller, id, word).await?;
    Ok(see_other(&format!("{VENDOR}/{}?notice=saved", rollout.release)))
}
