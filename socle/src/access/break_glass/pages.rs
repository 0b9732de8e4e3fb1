//! The page that asks, and the reviewers' page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::StatusCode;
use serde::Deserialize;

use super::{Opening, OpeningId, Seen, Verdict, Wish, actions};
use crate::ids::AccountId;
use crate::web::{self, Choice, FieldError, Form, Page, Path, Product, Query, html, see_other};
use crate::{Caller, Error, Result};

/// People of France read these; the zone is printed.
const ZONE: Tz = chrono_tz::Europe::Paris;

fn time(at: DateTime<Utc>) -> String {
    at.with_timezone(&ZONE).format("%Y-%m-%d %H:%M %Z").to_string()
}

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    record: String,
    #[serde(default)]
    reason: String,
}

/// What the person has open now.
struct Open {
    id: OpeningId,
    kind: String,
    record: String,
    until: String,
    /// In this very session.
    here: bool,
}

#[derive(Template)]
#[template(path = "access/break_glass.html")]
struct Ask {
    page: Page,
    kinds: Vec<Choice>,
    asked: Asked,
    open: Option<Open>,
    problems: Vec<FieldError>,
}

impl Ask {
    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

pub(super) async fn show<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    form(&product, &caller, page, (asked, Vec::new())).await
}

async fn form<P: Product>(
    product: &P,
    caller: &Caller,
    page: Page,
    (asked, problems): (Asked, Vec<FieldError>),
) -> Result<Response> {
    let open = actions::mine(product, caller).await?;
    let session = caller.person()?.session;
    let label = |kind: &str| product.kind_label(kind, page.language());
    let shown = |open: Opening| Open {
        id: open.id,
        kind: label(&open.kind),
        record: open.record.to_string(),
        until: time(open.expires_at),
        here: open.session == session,
    };
    let kinds = product.break_glass().map(|rules| rules.kinds).unwrap_or_default();
    let choice = |kind: &&str| Choice { value: (*kind).to_owned(), label: label(kind), selected: asked.kind == **kind };
    let kinds = kinds.iter().map(choice).collect();
    let open = open.map(shown);
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&Ask { page, kinds, asked, open, problems })?).into_response())
}

pub(super) async fn ask<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(asked): Form<Asked>,
) -> Result<Response> {
    let fault = |field: &'static str, key: &str| vec![FieldError { field: field.into(), message: page.t(key) }];
    let Ok(record) = asked.record.trim().parse() else {
        let problems = fault("record", "break-glass-record-error");
        return form(&product, &caller, page, (asked, problems)).await;
    };
    let wish = Wish { kind: asked.kind.clone(), record, reason: asked.reason.clone() };
    let problems = match actions::ask(&product, &caller, wish).await {
        Ok(_) => return Ok(see_other(&format!("{}/break_glass?notice=glass-broken", page.base))),
        Err(error) => match error.status {
            StatusCode::BAD_REQUEST => fault("reason", "break-glass-reason-error"),
            StatusCode::NOT_FOUND => fault("record", "break-glass-record-error"),
            StatusCode::UNPROCESSABLE_ENTITY => fault("kind", "break-glass-kind-error"),
            StatusCode::CONFLICT => fault("record", "break-glass-open-error"),
            _ => return Err(error),
        },
    };
    form(&product, &caller, page, (asked, problems)).await
}

pub(super) async fn end<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(id): Path<OpeningId>,
) -> Result<Response> {
    actions::end(&product, &caller, id).await?;
    let base = product.branding().base;
    // A reviewer who ends somebody else's may not see the page that asks.
    let asks = actions::mine(&product, &caller).await.is_ok();
    let page = if asks { "break_glass" } else { "admin/break_glass" };
    Ok(see_other(&format!("{base}/{page}?notice=glass-whole")))
}

#[derive(Template)]
#[template(path = "access/break_glass_reviews.html")]
struct Reviews {
    page: Page,
    me: AccountId,
    now: DateTime<Utc>,
    waiting: Vec<Seen>,
    reviewed: Vec<Seen>,
    kinds: Vec<(String, String)>,
    problems: Vec<FieldError>,
}

impl Reviews {
    fn time(at: &DateTime<Utc>) -> String {
        time(*at)
    }

    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }

    fn kind(&self, kind: &str) -> &str {
        self.kinds.iter().find(|(name, _)| name == kind).map_or("", |(_, label)| label)
    }

    fn is_open(&self, seen: &Seen) -> bool {
        seen.ended_at.is_none() && seen.opening.expires_at > self.now
    }

    fn is_own(&self, seen: &Seen) -> bool {
        seen.opening.account == self.me
    }
}

pub(super) async fn queue<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    reviews(&product, &caller, page, Vec::new()).await
}

async fn reviews<P: Product>(product: &P, caller: &Caller, page: Page, problems: Vec<FieldError>) -> Result<Response> {
    let all = actions::queue(product, caller).await?;
    let (waiting, reviewed) = all.into_iter().partition(|seen| seen.review.is_none());
    let kinds = product.break_glass().map(|rules| rules.kinds).unwrap_or_default();
    let kinds = kinds.iter().map(|kind| ((*kind).to_owned(), product.kind_label(kind, page.language()))).collect();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (me, now) = (caller.person()?.account, caller.now());
    Ok((status, html(&Reviews { page, me, now, waiting, reviewed, kinds, problems })?).into_response())
}

#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn review<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Path(id): Path<OpeningId>,
    Form(said): Form<Said>,
) -> Result<Response> {
    let verdict =
        Verdict::parse(&said.verdict).ok_or_else(|| Error::malformed("verdict is justified or not_justified."))?;
    match actions::review(&product, &caller, id, (verdict, &said.note)).await {
        Ok(()) => Ok(see_other(&format!("{}/admin/break_glass?notice=glass-reviewed", page.base))),
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let field = format!("note-{id}");
            let problems = vec![FieldError { field: field.into(), message: page.t("break-glass-note-error") }];
            reviews(&product, &caller, page, problems).await
        }
        Err(error) => Err(error),
    }
}
