//! "Prove once more who you are", and back to where it was asked for.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Asked, Given};
use crate::db::Caller;
use crate::identity::api::{self, Delivery};
use crate::identity::factors::{api as factors_api, own, step_up};
use crate::identity::pages;
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Query, Routes, html, see_other};
use crate::{Error, Result};

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/reauthenticate", Access::Account, show)
        .page(Method::Post, "/reauthenticate", Access::Account, prove::<P>)
        .page(Method::Post, "/reauthenticate/options", Access::Account, factors_api::step_up_options::<P>)
}

#[derive(Template)]
#[template(path = "factors/reauthenticate.html")]
struct Reauthenticate {
    page: Page,
    asked: Asked,
    next: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Proof {
    #[serde(default)]
    password: SecretString,
    #[serde(flatten)]
    given: Given,
}

async fn show(caller: Caller, page: Page, Query(query): Query<Next>) -> Result<Response> {
    Ok(html(&form(&caller, page, (query.next, Vec::new())).await?)?.into_response())
}

async fn form(caller: &Caller, page: Page, (next, problems): (String, Vec<FieldError>)) -> Result<Reauthenticate> {
    Ok(Reauthenticate { page, asked: Asked::new(&own(caller).await?, problems), next })
}

async fn prove<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(Proof { password, given }): Form<Proof>,
) -> Result<Response> {
    let next = given.next.clone();
    // Who has a second factor is asked for it: what is wanted may be the factor itself.
    let by_password = own(&caller).await?.count() == 0;
    let field = if by_password { "password" } else { given.field() };
    let (app, realm) = (product.app(), &product.branding().realm);
    let proved = if by_password {
        step_up::by_password(app, &caller, realm, password).await
    } else {
        match given.answer() {
            Ok(answer) => step_up::by_factor(app, &caller, realm, answer).await,
            Err(nothing) => Err(nothing),
        }
    };
    match proved {
        Ok((opened, client)) => {
            let back = see_other(&product.branding().landing(&next));
            api::hand_over(&product, &caller, (opened, client, Delivery::Cookies), |_| back).await
        }
        Err(error) => refused(&product, &caller, page, (next, field, error)).await,
    }
}

async fn refused<P: Product>(
    product: &P,
    caller: &Caller,
    page: Page,
    (next, field, error): (String, &'static str, Error),
) -> Result<Response> {
    if let Some(problem) = super::problem_of(&page, field, &error) {
        return super::again(&error, &form(caller, page, (next, vec![problem])).await?);
    }
    if error.code != "AUTH_REQUIRED" {
        return Err(error);
    }
    let message = page.t("factors-session-ended");
    let mut response = pages::from_the_start(&product.branding().realm, page.for_nobody(), next, message)?;
    web::clear_cookie(&mut response, &product.branding().realm);
    Ok(response)
}
