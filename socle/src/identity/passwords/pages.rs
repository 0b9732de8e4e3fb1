//! The page on which somebody changes their password; also where people are led who must.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use super::change::{self, Change};
use super::policy;
use crate::Result;
use crate::db::{Caller, Due};
use crate::identity::refusal::Refusal;
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Routes, html, see_other};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, "/account/password", Access::Account, show).page(
        Method::Post,
        "/account/password",
        Access::Account,
        submit::<P>,
    )
}

#[derive(Template)]
#[template(path = "identity/password.html")]
struct PasswordPage {
    page: Page,
    email: String,
    due: bool,
    least: usize,
    problems: Vec<FieldError>,
}

impl PasswordPage {
    fn new(caller: &Caller, page: Page, problems: Vec<FieldError>) -> Result<Self> {
        let person = caller.person()?;
        let due = person.due == Some(Due::Password);
        Ok(Self { page, email: person.email.clone(), due, least: *policy::LENGTH.start(), problems })
    }

    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

async fn show(caller: Caller, page: Page) -> Result<Response> {
    Ok(html(&PasswordPage::new(&caller, page, Vec::new())?)?.into_response())
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    current: SecretString,
    #[serde(default)]
    password: SecretString,
}

async fn submit<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    match change::change(&product, &caller, Change { current: form.current, new: form.password }).await {
        Ok(changed) => {
            let branding = product.branding();
            let mut response = see_other(&format!("{}?notice=password-changed", branding.landing("")));
            web::set_cookie(&mut response, &branding.realm, &changed.opened.token);
            Ok(response)
        }
        Err(error) => {
            let refusal = Refusal::of(&page, error, "current")?;
            let status = match refusal.status() {
                // The session is a good one: the browser must not think otherwise.
                StatusCode::UNAUTHORIZED => StatusCode::UNPROCESSABLE_ENTITY,
                status => status,
            };
            Ok((status, html(&PasswordPage::new(&caller, page, refusal.problems)?)?).into_response())
        }
    }
}
