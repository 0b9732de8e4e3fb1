//! The second step of a sign-in by a browser, and the sign-in by passkey alone.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;

use super::{Asked, Given};
use crate::db::Caller;
use crate::identity::actions::Client;
use crate::identity::factors::api::{self, Options};
use crate::identity::factors::{passkeys, second_step};
use crate::identity::{entry, pages};
use crate::limits::Group;
use crate::web::{self, Access, Form, Method, Page, Product, Query, Routes, SideCookie, html};
use crate::{Error, Result};

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/sign_in/second_factor", Access::Public, show::<P>)
        .page(Method::Post, "/sign_in/second_factor", Access::Public, answer::<P>)
        // Each call leaves a row; whoever asks need not be anybody.
        .limited(Group::Auth, |doors| {
            doors
                .page(Method::Post, "/sign_in/second_factor/options", Access::Public, options::<P>)
                .page(Method::Post, "/sign_in/passkey/options", Access::Public, api::sign_in_options::<P>)
                .page(Method::Post, "/sign_in/passkey", Access::Public, passkey::<P>)
        })
}

#[derive(Template)]
#[template(path = "factors/second_factor.html")]
struct SecondFactor {
    page: Page,
    asked: Asked,
    next: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// The secret of the sign-in under way.
fn secret<P: Product>(product: &P, headers: &HeaderMap) -> Result<String> {
    web::side_cookie(headers, &product.branding().realm, SideCookie::Step).ok_or_else(entry::over)
}

/// The first step again, when the sign-in is over; every other refusal as it is.
fn or_from_the_start<P: Product>(product: &P, page: Page, (next, error): (String, Error)) -> Result<Response> {
    if error.code != entry::over().code {
        return Err(error);
    }
    let message = page.t("factors-over");
    let mut response = pages::from_the_start(&product.branding().realm, page, next, message)?;
    web::clear_side_cookie(&mut response, &product.branding().realm, SideCookie::Step);
    Ok(response)
}

async fn show<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Query(query): Query<Next>,
) -> Result<Response> {
    let held = match secret(&product, &headers) {
        Ok(secret) => second_step::look(&caller, &product.branding().realm, (&secret, Client::Browser)).await,
        Err(over) => Err(over),
    };
    match held {
        Ok((held, may_trust)) => {
            let asked = Asked { may_trust, ..Asked::new(&held, Vec::new()) };
            Ok(html(&SecondFactor { page, asked, next: query.next })?.into_response())
        }
        Err(error) => or_from_the_start(&product, page, (query.next, error)),
    }
}

async fn answer<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Result<Response> {
    let (next, field) = (given.next.clone(), given.field());
    let error = match step(&product, &caller, &headers, given).await {
        Ok(step) => return Ok(pages::go_on(&product, &step, &next)),
        Err(error) => error,
    };
    let Some(problem) = super::problem_of(&page, field, &error) else {
        return or_from_the_start(&product, page, (next, error));
    };
    let secret = secret(&product, &headers)?;
    let step = (secret.as_str(), Client::Browser);
    let (held, may_trust) = second_step::look(&caller, &product.branding().realm, step).await?;
    let asked = Asked { may_trust, ..Asked::new(&held, vec![problem]) };
    super::again(&error, &SecondFactor { page, asked, next })
}

async fn step<P: Product>(product: &P, caller: &Caller, headers: &HeaderMap, given: Given) -> Result<entry::Step> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let secret = secret(product, headers)?;
    let trust = given.trust == "on";
    second_step::answer(app, caller, realm, ((&secret, Client::Browser), given.answer()?), trust).await
}

/// For the script: what the browser's passkey is asked with.
async fn options<P: Product>(State(product): State<P>, caller: Caller, headers: HeaderMap) -> Result<Response> {
    let secret = secret(&product, &headers)?;
    let step = (secret.as_str(), Client::Browser);
    let options = second_step::ask(product.app(), &caller, &product.branding().realm, step).await?;
    Ok(axum::Json(Options::of(options, None)).into_response())
}

#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    challenge: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    next: String,
}

async fn passkey<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Form(form): Form<Signed>,
) -> Result<Response> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let signature = super::signature(&form.credential)?;
    let signed = (form.challenge.as_str(), &signature);
    match passkeys::sign_in(app, &caller, realm, (signed, pages::by_browser(&headers, realm))).await {
        Ok(step) => Ok(pages::go_on(&product, &step, &form.next)),
        Err(error) if error.code == "AUTH_PASSKEY" => {
            let message = page.t("factors-passkey-unknown");
            pages::from_the_start(realm, page, form.next, message)
        }
        Err(error) => Err(error),
    }
}
