//! `/account/data/consents`: one box per purpose, none ticked beforehand, withdrawing as easy as giving.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{Channel, Given, Shown, Text};
use crate::privacy::moment;
use crate::web::{Access, FieldError, Form, Lang, Method, Page, Path, Product, Routes, html, problem, see_other};
use crate::{Caller, Result};

const PAGE: &str = "/account/data/consents";

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, PAGE, Access::SignedIn, show::<P>)
        .page(Method::Post, "/account/data/consents/{kind}", Access::SignedIn, give::<P>)
        .page(Method::Post, "/account/data/consents/{kind}/withdraw", Access::SignedIn, withdraw::<P>)
}

#[derive(Template)]
#[template(path = "privacy/consents.html")]
struct Consents {
    page: Page,
    purposes: Vec<Purpose>,
    past: Vec<Past>,
    problems: Vec<FieldError>,
}

/// A purpose, and whether it is agreed to.
struct Purpose {
    kind: &'static str,
    version: &'static str,
    title: String,
    body: String,
    stops: Option<String>,
    /// Since when.
    since: Option<String>,
    /// It was agreed to in an earlier version that does not hold any more.
    outdated: bool,
    /// What is wrong with the box.
    problem: Option<String>,
}

/// A consent of the history.
struct Past {
    title: String,
    version: String,
    given: String,
    withdrawn: Option<String>,
    closed: Option<String>,
}

async fn show<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    list(&product, &caller, page, Vec::new()).await
}

async fn list<P: Product>(product: &P, caller: &Caller, page: Page, problems: Vec<FieldError>) -> Result<Response> {
    let history = super::history(caller).await?;
    let (texts, lang) = (product.branding().texts, page.language());
    let purpose = |text: &&'static Text| {
        let open = history.iter().find(|given| given.open() && given.consent_type == text.kind);
        let holding = open.filter(|given| text.holds(given));
        Purpose {
            kind: text.kind,
            version: text.version,
            title: texts.text(lang, text.title),
            body: texts.text(lang, text.body),
            stops: text.stops.map(|key| texts.text(lang, key)),
            since: holding.map(|given| moment(given.consented_at, lang)),
            problem: problem(&problems, &format!("agree-{}", text.kind)).map(ToOwned::to_owned),
            outdated: open.is_some() && holding.is_none(),
        }
    };
    let past = |given: &Given| Past {
        title: title_of(product, &given.consent_type, lang),
        version: given.version.clone(),
        given: moment(given.consented_at, lang),
        withdrawn: given.withdrawn_at.map(|at| moment(at, lang)),
        closed: given.closed_at.map(|at| moment(at, lang)),
    };
    let purposes = product.consents().iter().map(|text| purpose(&text)).collect();
    let past = history.iter().filter(|given| !given.open()).map(past).collect();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&Consents { page, purposes, past, problems })?).into_response())
}

/// A purpose's name; of one that the product asks for no more, its own word.
fn title_of<P: Product>(product: &P, kind: &str, lang: Lang) -> String {
    let text = product.consents().iter().find(|text| text.kind == kind);
    text.map_or_else(|| kind.to_owned(), |text| product.branding().texts.text(lang, text.title))
}

#[derive(Deserialize)]
struct Ticked {
    #[serde(default)]
    version: String,
    /// The box.
    agree: Option<String>,
}

async fn give<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Path(kind): Path<String>,
    Form(form): Form<Ticked>,
) -> Result<Response> {
    let shown = Shown { kind: &kind, version: &form.version, language: page.language(), channel: Channel::Page };
    if form.agree.is_none() {
        let field = format!("agree-{kind}").into();
        let problems = vec![FieldError { field, message: page.t("consents-tick") }];
        return list(&product, &caller, page, problems).await;
    }
    super::give(&product, &caller, shown).await?;
    Ok(done(&product, "consent-given"))
}

async fn withdraw<P: Product>(State(product): State<P>, caller: Caller, Path(kind): Path<String>) -> Result<Response> {
    super::withdraw(&product, &caller, &kind).await?;
    Ok(done(&product, "consent-withdrawn"))
}

fn done<P: Product>(product: &P, notice: &str) -> Response {
    see_other(&format!("{}{PAGE}?notice={notice}", product.branding().base))
}
