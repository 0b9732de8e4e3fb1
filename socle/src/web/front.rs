//! The page at `/`: the products of this server, each in its colours. It belongs to none of them.
#![expect(clippy::disallowed_types, reason = "the site's own pages stand outside every product's routes")]

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fluent_templates::fluent_bundle::FluentValue;
use http::HeaderMap;
use serde::Deserialize;
use tower_http::catch_panic::CatchPanicLayer;

use super::page::{NavItem, Notice, Viewer, html, keep_language, see_other};
use super::{Assets, Branding, Catalogue, Form, Lang, compression, finish, gate, request as facts};
use crate::error::Error;
use crate::{App, Result};

static TEXTS: Catalogue = Catalogue::kernel();

/// The site's own pages.
#[derive(Clone)]
pub(super) struct Front {
    app: App,
    products: Arc<[&'static Branding]>,
}

/// What the layout asks of a page, for a page of no product.
struct Frame {
    lang: &'static str,
    base: &'static str,
    path: &'static str,
    theme: &'static str,
    product_name: &'static str,
    viewer: Option<Viewer>,
    nav: Vec<NavItem>,
    notice: Option<Notice>,
    language: Lang,
    assets: Assets,
}

impl Frame {
    fn new(app: &App, headers: &HeaderMap) -> Self {
        let language = facts::language(headers);
        Self {
            lang: language.code(),
            base: "",
            path: "/",
            theme: "platform",
            product_name: "Socle",
            viewer: None,
            nav: Vec::new(),
            notice: None,
            language,
            assets: app.assets.clone(),
        }
    }

    fn t(&self, key: &str) -> String {
        TEXTS.text(self.language, key)
    }

    fn t1<'a>(&self, key: &str, name: &'static str, value: impl Into<FluentValue<'a>>) -> String {
        TEXTS.text_with(self.language, key, vec![(name, value.into())])
    }

    fn asset(&self, name: &str) -> String {
        self.assets.url(name)
    }
}

/// A product on the page.
struct Card {
    name: &'static str,
    base: &'static str,
    theme: &'static str,
    about: String,
    open: String,
}

#[derive(Template)]
#[template(path = "front.html")]
struct List {
    page: Frame,
    products: Vec<Card>,
}

/// The error page, for an address that belongs to no product.
#[derive(Template)]
#[template(path = "error.html")]
struct Failed {
    page: Frame,
    status: u16,
    title: String,
    message: String,
    request_id: String,
    home: &'static str,
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    lang: String,
}

impl Front {
    pub fn new(app: App, products: Vec<&'static Branding>) -> Self {
        Self { app, products: products.into() }
    }

    /// `/`, the language switch on it, and the answer to every address where nothing is.
    pub fn into_router(self) -> Router {
        Router::new()
            .route("/", get(list))
            .route("/language", post(language))
            .fallback(gate::nothing_here)
            .layer(CatchPanicLayer::new())
            .layer(from_fn_with_state(self.clone(), dress))
            .layer(compression::layer())
            .with_state(self)
    }
}

async fn list(State(front): State<Front>, headers: HeaderMap) -> Result<Response> {
    let page = Frame::new(&front.app, &headers);
    let card = |product: &&'static Branding| {
        let name = product.base.trim_start_matches('/');
        Card {
            name: product.name,
            base: product.base,
            theme: product.theme,
            about: page.t(&format!("front-{name}")),
            open: page.t1("front-open", "product", product.name),
        }
    };
    let products = front.products.iter().map(card).collect();
    Ok(html(&List { page, products })?.into_response())
}

async fn language(Form(chosen): Form<Chosen>) -> Result<Response> {
    let lang = Lang::parse(&chosen.lang).ok_or_else(|| Error::malformed("lang is fr or en."))?;
    let mut response = see_other("/");
    keep_language(&mut response, lang);
    Ok(response)
}

/// What `finish` does for a product: refuses foreign requests, words errors, sets the headers.
async fn dress(State(front): State<Front>, request: Request, next: Next) -> Response {
    let now = front.app.clock.now();
    let (parts, body) = request.into_parts();
    let trace = facts::trace(&parts, &front.app.config.http.trusted_proxies, now);
    let page = Frame::new(&front.app, &parts.headers);
    let as_json = finish::wants_json(parts.uri.path(), &parts.headers);
    let mut response = match facts::refuse_foreign(&parts.method, &parts.headers) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    };
    if let Some(error) = finish::error_of(&response) {
        finish::log_failure(&error, &trace);
        response =
            if as_json { finish::envelope(&error, &trace, now) } else { failed(page, &error, &trace.request_id) };
    }
    finish::headers(response.headers_mut(), &trace);
    response
}

fn failed(page: Frame, error: &Error, request_id: &str) -> Response {
    let key = finish::worded_as(error.status);
    let template = Failed {
        status: error.status.as_u16(),
        title: page.t(&format!("error-{key}-title")),
        message: page.t(&format!("error-{key}")),
        request_id: request_id.to_owned(),
        home: "/",
        page,
    };
    match html(&template) {
        Ok(body) => (error.status, body).into_response(),
        Err(_) => error.status.into_response(),
    }
}
