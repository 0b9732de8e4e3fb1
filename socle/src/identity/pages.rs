//! Sign-in, sign-out and language, the same for every product.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use super::actions;
use crate::db::Caller;
use crate::web::{self, Access, Form, Lang, Method, Page, Product, Query, Routes, html, see_other};
use crate::{Error, Result};

/// Adds the sign-in pages to a product.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/sign_in", Access::Public, show::<P>)
        .page(Method::Post, "/sign_in", Access::Public, sign_in::<P>)
        .page(Method::Post, "/sign_out", Access::Public, sign_out::<P>)
        .page(Method::Post, "/language", Access::Public, language::<P>)
}

#[derive(Template)]
#[template(path = "identity/sign_in.html")]
struct SignIn {
    page: Page,
    email: String,
    next: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    lang: String,
    #[serde(default)]
    back: String,
}

async fn show<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(query): Query<Next>,
) -> Result<Response> {
    if caller.person().is_ok() {
        return Ok(see_other(&product.branding().landing(&query.next)));
    }
    Ok(html(&SignIn { page, email: String::new(), next: query.next, error: None })?.into_response())
}

async fn sign_in<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let realm = &product.branding().realm;
    let opened = actions::sign_in(&caller, &product.app().passwords, realm, &form.email, form.password).await;
    let error = match opened {
        Ok(Some(opened)) => {
            let mut response = see_other(&product.branding().landing(&form.next));
            web::set_cookie(&mut response, realm, &opened.token);
            if let Some(lang) = Lang::parse(&opened.language) {
                web::keep_language(&mut response, lang);
            }
            return Ok(response);
        }
        Ok(None) => page.t("sign-in-failed"),
        Err(error) if error.status == StatusCode::SERVICE_UNAVAILABLE => page.t("sign-in-busy"),
        Err(error) => return Err(error),
    };
    let again = html(&SignIn { page, email: form.email, next: form.next, error: Some(error) })?;
    Ok((StatusCode::UNAUTHORIZED, again).into_response())
}

async fn sign_out<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    if caller.person().is_ok() {
        actions::sign_out(&caller).await?;
    }
    let branding = product.branding();
    let mut response = see_other(&format!("{}/sign_in?notice=signed-out", branding.base));
    web::clear_cookie(&mut response, &branding.realm);
    response.headers_mut().insert("clear-site-data", http::HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}

async fn language<P: Product>(State(product): State<P>, caller: Caller, Form(form): Form<Choice>) -> Result<Response> {
    let lang = Lang::parse(&form.lang).ok_or_else(|| Error::malformed("lang is fr or en."))?;
    if caller.person().is_ok() {
        actions::choose_language(&caller, lang.code()).await?;
    }
    let mut response = see_other(&product.branding().landing(&form.back));
    web::keep_language(&mut response, lang);
    Ok(response)
}
