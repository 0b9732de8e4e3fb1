//! `/dev/components`: every component on one page, in every theme; it exists in development only.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Locale, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{Access, Choice, FieldError, Lang, Method, NavItem, Page, Product, Query, Routes, Viewer, html, problem};
use crate::config::Environment;
use crate::db::Caller;
use crate::{Error, Result};

/// The themes of the stylesheet: one file each in `web/styles/themes`.
const THEMES: [&str; 6] = ["physiotraq", "huntzen", "trackingbms", "emotionscare", "axtech", "platform"];
/// Rows of the sample list, and how many of them one page shows.
const ROWS: i64 = 42;
const ROWS_ON_PAGE: i64 = 5;
/// How old the sample's old value is, in minutes.
const AGE: i64 = 4;
/// Status, icon and text of the sample rows, in turn.
const STATUSES: [(&str, &str, &str); 3] = [
    ("ok", "check", "dev-success"),
    ("watch", "triangle-alert", "dev-warning"),
    ("critical", "octagon-alert", "dev-error"),
];

/// Adds the page to a product. Anywhere but in development it answers 404.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, "/dev/components", Access::Public, components::<P>)
}

/// What the address chooses: the theme, and what the sample list shows.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Wanted {
    #[serde(skip_serializing_if = "String::is_empty")]
    theme: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    page: String,
}

impl Wanted {
    fn address(&self, here: &str) -> String {
        format!("{here}?{}", serde_html_form::to_string(self).unwrap_or_default())
    }
}

struct ThemeLink {
    name: &'static str,
    href: String,
    chosen: bool,
}

struct Row {
    name: String,
    status: &'static str,
    glyph: &'static str,
    label: String,
}

/// The large figure in one of its states.
struct Stage {
    band: &'static str,
    state: &'static str,
    figure: String,
    fresh: String,
    words: String,
}

#[derive(Template)]
#[template(path = "dev/components.html")]
struct Components {
    page: Page,
    here: String,
    themes: Vec<ThemeLink>,
    errors: Vec<FieldError>,
    statuses: Vec<Choice>,
    wanted: Wanted,
    rows: Vec<Row>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
    stages: Vec<Stage>,
    figure: String,
    age: String,
    stamp: String,
    moment: String,
}

impl Components {
    fn error(&self, field: &str) -> Option<&str> {
        problem(&self.errors, field)
    }
}

async fn components<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    if product.app().config.environment != Environment::Development {
        return Err(Error::not_found());
    }
    Ok(html(&sample(dressed(page, &wanted), wanted, caller.now()))?.into_response())
}

/// The page in the chosen theme, with a sample person and navigation: the frame is a component too.
fn dressed(mut page: Page, wanted: &Wanted) -> Page {
    if let Some(theme) = THEMES.into_iter().find(|theme| *theme == wanted.theme) {
        page.theme = theme;
    }
    page.viewer = Some(Viewer {
        name: page.t("dev-person"),
        email: "camille.moreau@example.org".to_owned(),
        role: page.t("dev-role"),
    });
    let entry =
        |href: &str, label: String, icon| NavItem { href: href.to_owned(), label, icon, current: icon == "play" };
    page.nav = vec![
        entry("#actions", page.t("dev-actions"), "play"),
        entry("#forms", page.t("dev-forms"), "pencil"),
        entry("#lists", page.t("dev-lists"), "clipboard-list"),
        entry("#states", page.t("dev-states"), "gauge"),
        entry("#alarms", page.t("dev-alarms"), "bell"),
    ];
    page
}

fn sample(page: Page, wanted: Wanted, now: DateTime<Utc>) -> Components {
    let here = format!("{}/dev/components", page.base);
    let matching = matching(&page, &wanted);
    let total = i64::try_from(matching.len()).unwrap_or_default();
    let last_page = ((total - 1) / ROWS_ON_PAGE + 1).max(1);
    let number = wanted.page.parse::<i64>().unwrap_or(1).clamp(1, last_page);
    let skipped = (number - 1) * ROWS_ON_PAGE;
    let turn = |to: i64| Wanted { page: to.to_string(), ..wanted.clone() }.address(&here);
    let counted = |count: i64| usize::try_from(count).unwrap_or_default();
    Components {
        themes: THEMES.map(|name| theme_link(&page, &here, name)).into(),
        errors: vec![
            FieldError { field: "refused_name".into(), message: page.t("dev-field-error") },
            FieldError { field: "refused_state".into(), message: page.t("dev-choice-error") },
        ],
        statuses: STATUSES.map(|status| choice(&page, &wanted, status)).into(),
        rows: matching.into_iter().skip(counted(skipped)).take(counted(ROWS_ON_PAGE)).collect(),
        first: if total == 0 { 0 } else { skipped + 1 },
        last: total.min(skipped + ROWS_ON_PAGE),
        previous: (number > 1).then(|| turn(number - 1)),
        next: (number < last_page).then(|| turn(number + 1)),
        stages: stages(&page),
        figure: format!("{}\u{a0}°C", figure(page.language(), "38.4")),
        age: page.t1("dev-age", "n", AGE),
        stamp: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        moment: moment(now, page.language()),
        total,
        here,
        wanted,
        page,
    }
}

fn theme_link(page: &Page, here: &str, name: &'static str) -> ThemeLink {
    let wanted = Wanted { theme: name.to_owned(), ..Wanted::default() };
    ThemeLink { name, href: wanted.address(here), chosen: page.theme == name }
}

fn choice(page: &Page, wanted: &Wanted, (value, _, key): (&'static str, &'static str, &'static str)) -> Choice {
    Choice { value: value.to_owned(), label: page.t(key), selected: wanted.status == value }
}

/// The sample rows that the filters leave.
fn matching(page: &Page, wanted: &Wanted) -> Vec<Row> {
    let row = |(n, &(status, glyph, key)): (i64, &(&'static str, &'static str, &'static str))| Row {
        name: page.t1("dev-row", "n", n),
        status,
        glyph,
        label: page.t(key),
    };
    let sought = wanted.q.trim().to_lowercase();
    let left = |row: &Row| {
        row.name.to_lowercase().contains(&sought) && (wanted.status.is_empty() || row.status == wanted.status)
    };
    (1..=ROWS).zip(STATUSES.iter().cycle()).map(row).filter(left).collect()
}

/// The figure when it is normal, above the first limit, above the second, and when it is old.
fn stages(page: &Page) -> Vec<Stage> {
    let stage = |band, state, value: &str, (fresh, words)| Stage {
        band,
        state,
        figure: figure(page.language(), value),
        fresh,
        words,
    };
    let live = || page.t("dev-live");
    vec![
        stage("normal", "live", "38.4", (live(), page.t("dev-success"))),
        stage("watch", "live", "39.2", (live(), page.t("dev-alarm-watch"))),
        stage("critical", "live", "40.1", (live(), page.t("dev-alarm-critical"))),
        stage("normal", "stale", "38.4", (page.t1("dev-age", "n", AGE), page.t("dev-plain"))),
    ]
}

/// A figure with the language's decimal sign.
fn figure(lang: Lang, value: &str) -> String {
    match lang {
        Lang::Fr => value.replace('.', ","),
        Lang::En => value.to_owned(),
    }
}

/// "21 nov. 2026, 10:15 (Europe/Paris)": a time names its zone.
fn moment(at: DateTime<Utc>, lang: Lang) -> String {
    let locale = match lang {
        Lang::Fr => Locale::fr_FR,
        Lang::En => Locale::en_GB,
    };
    let zone = Tz::Europe__Paris;
    format!("{} ({zone})", at.with_timezone(&zone).format_localized("%-d %b %Y, %H:%M", locale))
}
