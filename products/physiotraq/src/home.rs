//! The field application's first page, and the navigation.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use socle::access::{Policies, Resource};
use socle::web::{Access, Lang, Method, NavItem, Page, Routes, html, see_other};
use socle::{Caller, Result};

use crate::devices::{self, DeviceCard};
use crate::treatments::{self, TreatmentRow};
use crate::{CATALOGUE, Physiotraq, people, roles, vendor, wording};

/// Treatments shown under "recent".
const RECENT: i64 = 5;

pub(crate) fn routes(routes: Routes<Physiotraq>) -> Routes<Physiotraq> {
    routes.page(Method::Get, "/", Access::Public, front).page(Method::Get, "/app", Access::SignedIn, home)
}

struct RunningCard {
    treatment_id: String,
    device_id: String,
    device: String,
    label: String,
    temperature: Option<String>,
    band: &'static str,
    elapsed: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    running: Vec<RunningCard>,
    devices: Vec<DeviceCard>,
    recent: Vec<TreatmentRow>,
    may_admin: bool,
}

async fn front(caller: Caller) -> Response {
    see_other(if caller.person().is_ok() { "/physiotraq/app" } else { "/physiotraq/sign_in" })
}

async fn home(State(product): State<Physiotraq>, caller: Caller, page: Page) -> Result<Response> {
    // Everybody lands here after signing in; the vendor's people have another first page.
    if vendor::is_vendor(&caller) {
        return Ok(see_other("/physiotraq/vendor/firmware"));
    }
    let person = caller.person()?;
    product.policies.require(person, (roles::USE_APP, roles::USE_APP), &Resource::of(person.tenant.0))?;
    let account = person.account.0;
    let mut tx = caller.begin().await?;
    let devices = devices::sql::list(&mut tx, Some(account)).await?;
    let devices = devices::cards(&product, &mut tx, &page, devices).await?;
    let keys = product.app.vault.keys_if_reachable(&mut tx).await?;
    let own = treatments::sql::Wanted { operator: Some(account), ..Default::default() };
    let recent = treatments::sql::list(&mut tx, keys.as_ref(), &own, (0, RECENT)).await?;
    let still = treatments::sql::Wanted { status: Some(treatments::Status::InProgress), ..own };
    let running = treatments::sql::list(&mut tx, keys.as_ref(), &still, (0, 20)).await?;
    drop(tx);
    let card = |treatment: treatments::Treatment| {
        let glance = product.monitor.glance(treatment.device);
        let latest = glance.latest.as_ref();
        RunningCard {
            treatment_id: treatment.id.to_string(),
            device_id: treatment.device.to_string(),
            label: treatments::patient(&page, &treatment.patient),
            temperature: latest.map(|l| wording::temperature(l.temperature, people::unit_of(&caller), page.language())),
            band: glance.band,
            elapsed: wording::duration(treatment.seconds(caller.now())),
            device: treatment.device_name,
        }
    };
    let running = running.into_iter().map(card).collect();
    let recent = treatments::rows(&caller, &page, recent);
    let may_admin = people::is_admin(&caller);
    Ok(html(&Home { page, running, devices, recent, may_admin })?.into_response())
}

/// The navigation of a caller: what their role can never do is not shown.
pub(crate) fn nav(policies: &Policies, caller: &Caller, lang: Lang, path: &str) -> Vec<NavItem> {
    let entries = [
        ("/physiotraq/app", "nav-home", "house", roles::USE_APP),
        ("/physiotraq/app/monitor", "nav-monitor", "activity", roles::WATCH_DEVICE),
        ("/physiotraq/app/treatments", "nav-treatments", "clipboard-list", roles::SEE_TREATMENT),
        ("/physiotraq/admin", "nav-dashboard", "layout-dashboard", roles::LIST_ALL_TREATMENTS),
        ("/physiotraq/admin/devices", "nav-devices", "thermometer", roles::CLAIM_DEVICE),
        ("/physiotraq/admin/treatments", "nav-all-treatments", "files", roles::LIST_ALL_TREATMENTS),
        ("/physiotraq/admin/team", "nav-team", "users", roles::MANAGE_TEAM),
        ("/physiotraq/admin/events", "nav-events", "list", roles::SEE_AUDIT),
        ("/physiotraq/admin/audit", "audit-title", "history", roles::SEE_AUDIT),
        ("/physiotraq/admin/network", "limits-networks", "router", roles::MANAGE_TEAM),
        ("/physiotraq/admin/firmware", "nav-firmware", "cpu", roles::SEE_FIRMWARE),
        ("/physiotraq/vendor/firmware", "nav-firmware", "cpu", roles::MANAGE_FIRMWARE),
    ];
    let here = path.split('?').next().unwrap_or(path);
    let Ok(person) = caller.person() else { return Vec::new() };
    let allowed = entries.into_iter().filter(|(.., action)| policies.allows_at_best(person, *action));
    let item = |(href, key, icon, _): (&str, &str, &'static str, _)| NavItem {
        current: if href.ends_with("/app") || href.ends_with("/admin") { here == href } else { here.starts_with(href) },
        href: href.to_owned(),
        label: CATALOGUE.text(lang, key),
        icon,
    };
    allowed.map(item).collect()
}
