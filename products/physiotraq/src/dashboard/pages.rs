//! The dashboard's page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use socle::access::Resource;
use socle::db::Tx;
use socle::identity::invitations;
use socle::web::{Page, html};
use socle::{Caller, Error, Result};

use super::sql::{self, Joined, Licence};
use crate::devices::Presence;
use crate::events::{self, pages::Line};
use crate::{Physiotraq, devices, people, roles, treatments, wording};

/// Lines of recent activity.
const RECENT: usize = 10;
/// A licence that ends within this is said to end soon.
const SOON: TimeDelta = TimeDelta::days(30);

/// What of the events is activity: treatments that ended, devices that came, temperature alerts.
const ACTIVITY: [&str; 5] =
    ["treatment.completed", "treatment.aborted", "device.connected", "alert.temperature_39", "alert.temperature_40"];

struct LicenceTile {
    status: String,
    tone: &'static str,
    glyph: &'static str,
    until: String,
    soon: bool,
}

struct Devices {
    all: usize,
    online: usize,
    offline: usize,
    /// Devices that the licence allows.
    quantity: i32,
}

struct Team {
    owners: usize,
    operators: usize,
    invited: usize,
}

#[derive(Template)]
#[template(path = "dashboard/show.html")]
struct Dashboard {
    page: Page,
    licence: LicenceTile,
    devices: Devices,
    finished: i64,
    running: i64,
    team: Team,
    activity: Vec<Line>,
}

pub(super) async fn show(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    let person = caller.person()?;
    if !product.policies.allows(person, roles::LIST_ALL_TREATMENTS, &Resource::of(person.tenant.0)) {
        return Err(Error::forbidden());
    }
    let mut tx = caller.begin().await?;
    let licence = sql::licence(&mut tx).await?;
    let devices = counted(&product, &mut tx, licence.quantity).await?;
    let zone = people::zone_of(&caller);
    let today = treatments::midnight(caller.now().with_timezone(&zone).date_naive(), zone);
    let (finished, running) = sql::treatments(&mut tx, today.unwrap_or_else(|| caller.now())).await?;
    let team = team(&mut tx).await?;
    let activity = activity(&mut tx, &page).await?;
    drop(tx);
    let licence = tile(&caller, &page, &licence);
    Ok(html(&Dashboard { page, licence, devices, finished, running, team, activity })?.into_response())
}

fn tile(caller: &Caller, page: &Page, licence: &Licence) -> LicenceTile {
    let (tone, glyph) = match licence.status.as_str() {
        "active" => ("ok", "circle-check"),
        "payment_failed" => ("watch", "triangle-alert"),
        _ => ("critical", "octagon-alert"),
    };
    LicenceTile {
        status: page.t(&format!("dashboard-licence-{}", licence.status.replace('_', "-"))),
        tone,
        glyph,
        until: wording::instant(licence.expires_at, people::zone_of(caller), page.language()),
        soon: licence.expires_at - caller.now() < SOON,
    }
}

async fn counted(product: &Physiotraq, tx: &mut Tx, quantity: i32) -> Result<Devices> {
    let devices = devices::sql::list(tx, None).await?;
    let is_online = |device: &&devices::Device| product.monitor.glance(device.id).presence == Presence::Online;
    let (all, online) = (devices.len(), devices.iter().filter(is_online).count());
    Ok(Devices { all, online, offline: all - online, quantity })
}

async fn team(tx: &mut Tx) -> Result<Team> {
    let members = people::members(tx).await?;
    let owners = members.iter().filter(|member| member.role == "admin").count();
    let invited = invitations::pending(tx).await?.len();
    Ok(Team { owners, operators: members.len() - owners, invited })
}

/// What happened lately, newest first: events, and who joined.
async fn activity(tx: &mut Tx, page: &Page) -> Result<Vec<Line>> {
    let most = i64::try_from(RECENT).unwrap_or_default();
    let wanted = events::sql::Wanted { types: ACTIVITY.map(ToOwned::to_owned).into(), ..Default::default() };
    let happened = events::sql::list(tx, &wanted, (0, most)).await?;
    let joined = sql::joined(tx, most).await?;
    let caller = tx.caller().clone();
    let times: Vec<DateTime<Utc>> = happened.iter().map(|event| event.at).collect();
    let mut lines: Vec<(DateTime<Utc>, Line)> =
        times.into_iter().zip(events::pages::lines(&caller, page, happened)).collect();
    lines.extend(joined.into_iter().map(|one| (one.at, arrival(&caller, page, one))));
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    lines.truncate(RECENT);
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

fn arrival(caller: &Caller, page: &Page, joined: Joined) -> Line {
    Line {
        stamp: joined.at.to_rfc3339(),
        time: wording::instant(joined.at, people::zone_of(caller), page.language()),
        label: page.t("dashboard-member-joined"),
        glyph: "user-round",
        tone: "ok",
        about: joined.name,
        href: Some(format!("/physiotraq/admin/team/{}", joined.id)),
        by: None,
        origin: Vec::new(),
    }
}
