//! The pages of a forgotten password.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use crate::Result;
use crate::db::Caller;
use crate::identity::passwords::policy;
use crate::identity::refusal::Refusal;
use crate::identity::{entry, pages};
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Query, Routes, html};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/password/forgot", Access::Public, forgot)
        .page(Method::Post, "/password/forgot", Access::Public, ask::<P>)
        .page(Method::Get, "/password/reset", Access::Public, show::<P>)
        .page(Method::Post, "/password/reset", Access::Public, reset::<P>)
}

#[derive(Template)]
#[template(path = "identity/password_forgot.html")]
struct Forgot {
    page: Page,
    email: String,
    sent: bool,
    problems: Vec<FieldError>,
}

impl Forgot {
    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

async fn forgot(page: Page) -> Result<Response> {
    Ok(html(&Forgot { page, email: String::new(), sent: false, problems: Vec::new() })?.into_response())
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    email: String,
}

async fn ask<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Asked>,
) -> Result<Response> {
    let email = form.email;
    match super::ask(product.app(), &caller, &email).await {
        Ok(()) => Ok(html(&Forgot { page, email, sent: true, problems: Vec::new() })?.into_response()),
        Err(error) => {
            let refusal = Refusal::of(&page, error, "email")?;
            let status = refusal.status();
            Ok((status, html(&Forgot { page, email, sent: false, problems: refusal.problems })?).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "identity/password_reset.html")]
struct Reset {
    page: Page,
    /// `None`: the link is over.
    token: Option<String>,
    least: usize,
    problems: Vec<FieldError>,
}

impl Reset {
    fn new(page: Page, token: Option<String>, problems: Vec<FieldError>) -> Self {
        Self { page, token, least: *policy::LENGTH.start(), problems }
    }

    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

async fn show<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(query): Query<Token>,
) -> Result<Response> {
    if super::is_open(&caller, &product.branding().realm, &query.token).await? {
        return Ok(html(&Reset::new(page, Some(query.token), Vec::new()))?.into_response());
    }
    over(page)
}

/// The page of a link that no longer works: a new one is a click away.
fn over(page: Page) -> Result<Response> {
    Ok((StatusCode::NOT_FOUND, html(&Reset::new(page, None, Vec::new()))?).into_response())
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: SecretString,
}

async fn reset<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Form(form): Form<Chosen>,
) -> Result<Response> {
    let realm = &product.branding().realm;
    match super::confirm(&product, &caller, &form.token, form.password).await {
        Ok(account) => {
            let wish = pages::by_browser(&headers, realm);
            let step = entry::enter_account(product.app(), &caller, realm, account, wish).await?;
            Ok(pages::go_on(&product, &step, ""))
        }
        Err(error) if error.code == "AUTH_CODE" => over(page),
        Err(error) => {
            let refusal = Refusal::of(&page, error, "password")?;
            let status = refusal.status();
            Ok((status, html(&Reset::new(page, Some(form.token), refusal.problems))?).into_response())
        }
    }
}
