//! The vendor's pages of firmware, and the owner's.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use http::StatusCode;
use serde::Deserialize;
use socle::error::Detail;
use socle::web::{FieldError, Form, Page, Path, field_errors, html, problem, see_other};
use socle::{Caller, Error, Result};

use super::actions::{self, Overview};
use super::model::{Published, Release, ReleaseForm, ReleaseId};
use super::rollouts::pages::{self as rollout_pages, RolloutPanel};
use super::rollouts::{PlanForm, State as RolloutState, success_rate};
use crate::devices::DeviceId;
use crate::{Physiotraq, devices, people, wording};

/// Where the vendor's list is.
pub(super) const VENDOR: &str = "/physiotraq/vendor/firmware";

/// A line of the vendor's list.
struct Line {
    id: String,
    version: String,
    hardware: String,
    stable: bool,
    /// `running`, `paused`, `aborted`, or nothing while it was never rolled out.
    rollout: &'static str,
    rollout_label: String,
    rate: Option<String>,
    running: i64,
    created: String,
}

#[derive(Template)]
#[template(path = "firmware/list.html")]
struct List {
    page: Page,
    lines: Vec<Line>,
}

pub(super) async fn list(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    let zone = people::zone_of(&caller);
    let lines = actions::overview(&product, &caller).await?.into_iter().map(|one| line(&page, zone, one)).collect();
    Ok(html(&List { page, lines })?.into_response())
}

fn line(page: &Page, zone: Tz, one: Overview) -> Line {
    let newest = one.rollouts.first();
    let state = newest.map(|(rollout, _)| rollout.state);
    Line {
        rollout: state.map_or("none", RolloutState::name),
        rollout_label: page.t(rollout_pages::state_key(state)),
        rate: newest.and_then(|(_, stands)| success_rate(stands)).map(|rate| percent(page, rate)),
        running: one.running,
        created: wording::instant(one.release.created_at, zone, page.language()),
        id: one.release.id.to_string(),
        version: one.release.version.text().to_owned(),
        hardware: one.release.hardware,
        stable: one.release.is_stable,
    }
}

/// "95 %" in French, "95%" in English.
pub(super) fn percent(page: &Page, figure: i64) -> String {
    page.t1("firmware-percent", "n", figure)
}

#[derive(Template)]
#[template(path = "firmware/new.html")]
struct New {
    page: Page,
    form: ReleaseForm,
    errors: Vec<FieldError>,
}

impl New {
    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }
}

pub(super) async fn new(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    // Asked before the file is chosen: a form that is sent to the door would lose it.
    actions::may_publish(&product, &caller)?;
    let form = ReleaseForm { is_stable: true, ..ReleaseForm::default() };
    Ok(html(&New { page, form, errors: Vec::new() })?.into_response())
}

/// The form with what was wrong; the file has to be chosen again.
pub(super) fn new_again(page: Page, form: ReleaseForm, faults: &[Detail]) -> Result<Response> {
    let errors = field_errors(&page, faults);
    Ok((StatusCode::BAD_REQUEST, html(&New { page, form, errors })?).into_response())
}

/// What the vendor can mend stays on the form; everything else is an error page.
pub(super) fn upload_faults(error: Error) -> Result<Vec<Detail>> {
    match error.code.as_ref() {
        "VAL_FIELDS" => Ok(error.details),
        "BIZ_FIRMWARE_VERSION" => Ok(vec![Detail::new("version", "TAKEN", "firmware-error-taken")]),
        _ => Err(error),
    }
}

/// A release that a rollback could replace.
struct Newer {
    id: String,
    label: String,
}

#[derive(Template)]
#[template(path = "firmware/show.html")]
struct Show {
    page: Page,
    release: Release,
    created: String,
    size: String,
    running: i64,
    rollouts: Vec<RolloutPanel>,
    /// No update of it runs: it may be rolled out.
    startable: bool,
    deletable: bool,
    newer: Vec<Newer>,
    plan: PlanForm,
    errors: Vec<FieldError>,
}

impl Show {
    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }
}

pub(super) async fn show(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<ReleaseId>,
) -> Result<Response> {
    release_page(&product, &caller, page, (id, PlanForm::usual(), Vec::new())).await
}

/// The page of a release, with a plan that was refused and why.
pub(super) async fn release_page(
    product: &Physiotraq,
    caller: &Caller,
    page: Page,
    (id, plan, faults): (ReleaseId, PlanForm, Vec<Detail>),
) -> Result<Response> {
    let mut all = actions::overview(product, caller).await?;
    let place = all.iter().position(|one| one.release.id == id).ok_or_else(Error::not_found)?;
    let Overview { release, rollouts, running } = all.swap_remove(place);
    let (zone, lang) = (people::zone_of(caller), page.language());
    let newer = all.iter().map(|one| &one.release);
    let newer = newer.filter(|one| one.hardware == release.hardware && one.version > release.version);
    let newer = newer.filter(|one| one.released_at.is_some());
    let newer = newer.map(|one| Newer { id: one.id.to_string(), label: one.version.text().to_owned() }).collect();
    let open = |rollout: &&super::Rollout| rollout.state != RolloutState::Aborted;
    let startable = !rollouts.iter().map(|(one, _)| one).filter(open).any(|rollout| rollout.replaces.is_none());
    let waiting: i64 = rollouts.iter().flat_map(|(_, stands)| stands).map(|stand| stand.waiting).sum();
    let deletable = running == 0 && waiting == 0 && rollouts.iter().all(|(one, _)| one.state == RolloutState::Aborted);
    let panels = rollouts.into_iter().map(|one| rollout_pages::panel(&page, zone, one)).collect();
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let errors = field_errors(&page, &faults);
    let shown = Show {
        created: wording::instant(release.created_at, zone, lang),
        size: size(&page, release.bytes),
        page,
        release,
        running,
        rollouts: panels,
        startable,
        deletable,
        newer,
        plan,
        errors,
    };
    Ok((status, html(&shown)?).into_response())
}

fn size(page: &Page, bytes: i64) -> String {
    page.t1("firmware-kib", "n", bytes.saturating_add(1023) / 1024)
}

pub(super) async fn delete(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<ReleaseId>,
) -> Result<Response> {
    match actions::delete(&product, &caller, id).await {
        Ok(()) => Ok(see_other(&format!("{VENDOR}?notice=firmware-deleted"))),
        // The button is not shown then; somebody was faster.
        Err(error) if error.code == "BIZ_FIRMWARE_IN_USE" => {
            Ok(see_other(&format!("{VENDOR}/{id}?notice=firmware-in-use")))
        }
        Err(error) => Err(error),
    }
}

/// A release as an owner sees it.
struct PublishedLine {
    id: String,
    version: String,
    hardware: String,
    stable: bool,
    withdrawn: bool,
    released: String,
    notes: String,
    checksum: String,
    size: String,
    min_compatible: Option<String>,
}

#[derive(Template)]
#[template(path = "firmware/published.html")]
struct PublishedList {
    page: Page,
    lines: Vec<PublishedLine>,
}

#[derive(Template)]
#[template(path = "firmware/published_one.html")]
struct PublishedOne {
    page: Page,
    release: PublishedLine,
}

fn published_line(page: &Page, zone: Tz, one: Published) -> PublishedLine {
    PublishedLine {
        id: one.id.to_string(),
        version: one.version.text().to_owned(),
        hardware: one.hardware,
        stable: one.is_stable,
        withdrawn: one.withdrawn,
        released: wording::instant(one.released_at, zone, page.language()),
        notes: one.notes,
        checksum: one.checksum,
        size: size(page, one.bytes),
        min_compatible: one.min_compatible,
    }
}

pub(super) async fn published(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    let zone = people::zone_of(&caller);
    let all = actions::published(&product, &caller).await?;
    let lines = all.into_iter().map(|one| published_line(&page, zone, one)).collect();
    Ok(html(&PublishedList { page, lines })?.into_response())
}

pub(super) async fn published_one(
    State(product): State<Physiotraq>,
    caller: Caller,
    page: Page,
    Path(id): Path<ReleaseId>,
) -> Result<Response> {
    let zone = people::zone_of(&caller);
    let found = actions::published(&product, &caller).await?.into_iter().find(|one| one.id == id);
    let release = published_line(&page, zone, found.ok_or_else(Error::not_found)?);
    Ok(html(&PublishedOne { page, release })?.into_response())
}

#[derive(Deserialize)]
pub(super) struct Switches {
    #[serde(default)]
    auto_update: Option<String>,
    #[serde(default)]
    beta: Option<String>,
}

/// The owner's switches of one device.
pub(super) async fn switches(
    State(product): State<Physiotraq>,
    caller: Caller,
    Path(id): Path<DeviceId>,
    Form(body): Form<Switches>,
) -> Result<Response> {
    let wanted = (body.auto_update.is_some(), body.beta.is_some());
    devices::actions::set_firmware(&product, &caller, id, wanted).await?;
    Ok(see_other(&format!("/physiotraq/admin/devices/{id}?notice=saved")))
}
