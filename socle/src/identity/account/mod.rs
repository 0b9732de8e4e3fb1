//! The overview of an account: who it is, and the state of each thing its owner can look after.

mod sql;

use askama::Template;
use axum::response::{IntoResponse, Response};

use crate::Result;
use crate::db::Caller;
use crate::web::instants::{instant, zone_of};
use crate::web::{Access, Method, Page, Product, Routes, html};

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, "/account", Access::Account, show)
}

/// One thing to look after.
struct Entry {
    path: &'static str,
    icon: &'static str,
    title: String,
    state: String,
    /// It wants something of the person.
    due: bool,
}

#[derive(Template)]
#[template(path = "account/overview.html")]
struct Overview {
    page: Page,
    name: String,
    email: String,
    tenant: String,
    role: String,
    entries: Vec<Entry>,
}

async fn show(caller: Caller, page: Page) -> Result<Response> {
    let person = caller.person()?.clone();
    let mut tx = caller.begin().await?;
    let state = sql::state(&mut tx, person.account).await?;
    drop(tx);
    let role = page.viewer.as_ref().map(|viewer| viewer.role.clone()).unwrap_or_default();
    let entries = entries(&caller, &page, &state);
    let overview = Overview { name: person.name, email: person.email, tenant: person.tenant_name, role, entries, page };
    Ok(html(&overview)?.into_response())
}

fn entries(caller: &Caller, page: &Page, state: &sql::State) -> Vec<Entry> {
    let due = caller.person().ok().and_then(|person| person.due);
    let entry = |(path, icon): (&'static str, &'static str), title: String, state: String| Entry {
        path,
        icon,
        title,
        state,
        due: false,
    };
    vec![
        Entry {
            due: due == Some(crate::db::Due::Password),
            ..entry(("password", "key-round"), page.t("overview-password"), password(caller, page, state))
        },
        Entry {
            due: !state.email_verified,
            ..entry(("contact", "user-round"), page.t("overview-contact"), contact(page, state))
        },
        Entry {
            due: due == Some(crate::db::Due::SecondFactor),
            ..entry(("factors", "shield-check"), page.t("overview-factors"), factors(caller, page, state))
        },
        entry(
            ("sessions", "monitor"),
            page.t("overview-sessions"),
            page.t1("overview-sessions-state", "count", state.sessions),
        ),
        entry(
            ("devices", "history"),
            page.t("overview-devices"),
            page.t2("overview-devices-state", "count", state.devices, "trusted", state.trusted),
        ),
        entry(("data", "download"), page.t("overview-data"), page.t("overview-data-state")),
    ]
}

fn password(caller: &Caller, page: &Page, state: &sql::State) -> String {
    let (zone, lang) = (zone_of(caller), page.language());
    let changed = instant(state.password_changed_at, zone, lang);
    match state.password_expires_at {
        _ if state.force_password_change => page.t("overview-password-forced"),
        Some(end) if end <= caller.now() => page.t1("overview-password-over", "time", instant(end, zone, lang)),
        Some(end) => page.t2("overview-password-until", "time", changed, "end", instant(end, zone, lang)),
        None => page.t1("overview-password-since", "time", changed),
    }
}

fn contact(page: &Page, state: &sql::State) -> String {
    let email = if state.email_verified { "overview-email-proved" } else { "overview-email-unproved" };
    let phone = match (state.has_phone, state.phone_verified) {
        (false, _) => "overview-phone-none",
        (true, false) => "overview-phone-unproved",
        (true, true) => "overview-phone-proved",
    };
    format!("{} {}", page.t(email), page.t(phone))
}

fn factors(caller: &Caller, page: &Page, state: &sql::State) -> String {
    match state.second_factor_since {
        Some(since) => page.t1("overview-factors-since", "time", instant(since, zone_of(caller), page.language())),
        None => page.t("overview-factors-none"),
    }
}
