//! `/account/data/erasure`: what becomes of each kind of data, what stands in the way, and the button.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{Becomes, FATES, Fate, IN_USE, Use};
use crate::db::PROVED_FOR;
use crate::privacy::moment;
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Routes, SideCookie, html, problem, see_other};
use crate::{Caller, Result};

const PAGE: &str = "/account/data/erasure";

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, PAGE, Access::SignedIn, show::<P>).page(Method::Post, PAGE, Access::SignedIn, ask::<P>)
}

#[derive(Template)]
#[template(path = "privacy/erasure.html")]
struct Erasure {
    page: Page,
    fates: Vec<Line>,
    uses: Vec<Shown>,
    holds: Vec<Shown>,
    /// Its day, when it is asked for already.
    due: Option<String>,
    proved: bool,
    problems: Vec<FieldError>,
}

impl Erasure {
    fn problem(&self, field: &str) -> Option<&str> {
        problem(&self.problems, field)
    }
}

/// A kind of data.
struct Line {
    what: String,
    becomes: String,
    reason: Option<String>,
    until: Option<String>,
}

/// Something that stands in the way: where, and what.
struct Shown {
    place: String,
    text: String,
}

/// The key of what becomes of something.
pub(super) fn word(becomes: Becomes) -> &'static str {
    match becomes {
        Becomes::Deleted => "erasure-deleted",
        Becomes::Anonymised => "erasure-anonymised",
        Becomes::Kept => "erasure-kept",
    }
}

async fn show<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    answer(&product, &caller, page, (StatusCode::OK, Vec::new())).await
}

async fn answer<P: Product>(
    product: &P,
    caller: &Caller,
    page: Page,
    (status, problems): (StatusCode, Vec<FieldError>),
) -> Result<Response> {
    let (texts, lang) = (product.branding().texts, page.language());
    let pending = super::pending(caller).await?;
    let day = pending.map_or(caller.now() + super::PENDING, |pending| pending.due_at);
    let line = |fate: &Fate| Line {
        what: texts.text(lang, fate.what),
        becomes: texts.text(lang, word(fate.becomes)),
        reason: fate.reason.map(|key| texts.text(lang, key)),
        until: fate.kept.map(|span| moment(span.after(day), lang)),
    };
    let in_the_way = |found: Use| Shown { text: texts.text(lang, found.text), place: found.place };
    let held = |held: super::Held| Shown {
        place: held.basis.unwrap_or_default(),
        text: held.until.map(|until| moment(until, lang)).unwrap_or_default(),
    };
    let template = Erasure {
        fates: product.fates().iter().chain(&FATES).map(line).collect(),
        uses: super::uses_of(product, caller).await?.into_iter().map(in_the_way).collect(),
        holds: super::holds(caller).await?.into_iter().map(held).collect(),
        due: pending.map(|pending| moment(pending.due_at, lang)),
        proved: caller.now() - caller.person()?.authenticated_at <= PROVED_FOR,
        page,
        problems,
    };
    Ok((status, html(&template)?).into_response())
}

#[derive(Deserialize)]
struct Sure {
    /// The box.
    sure: Option<String>,
}

async fn ask<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Sure>,
) -> Result<Response> {
    if form.sure.is_none() {
        let problems = vec![FieldError { field: "sure".into(), message: page.t("erasure-tick") }];
        return answer(&product, &caller, page, (StatusCode::UNPROCESSABLE_ENTITY, problems)).await;
    }
    match super::ask(&product, &caller).await {
        Err(error) if error.code == IN_USE => {
            return answer(&product, &caller, page, (StatusCode::CONFLICT, Vec::new())).await;
        }
        other => drop(other?),
    }
    let branding = product.branding();
    let mut response = see_other(&format!("{}/sign_in?notice=erasure-asked", branding.base));
    web::clear_cookie(&mut response, &branding.realm);
    web::clear_token_cookies(&mut response, &branding.realm);
    web::clear_side_cookie(&mut response, &branding.realm, SideCookie::Step);
    Ok(response)
}
