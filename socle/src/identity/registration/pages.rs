//! The page on which somebody makes an account.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde::Deserialize;

use super::Registration;
use crate::Result;
use crate::db::Caller;
use crate::identity::passwords::policy;
use crate::identity::refusal::Refusal;
use crate::identity::verification::pages::Verify;
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Routes, html};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.page(Method::Get, "/register", Access::Public, show::<P>).page(
        Method::Post,
        "/register",
        Access::Public,
        submit::<P>,
    )
}

#[derive(Template)]
#[template(path = "identity/register.html")]
struct Register {
    page: Page,
    user_names: bool,
    least: usize,
    typed: Typed,
    problems: Vec<FieldError>,
}

/// What is kept of a form that is shown again: everything but the password.
#[derive(Default)]
struct Typed {
    email: String,
    phone: String,
    user_name: String,
    terms: bool,
}

impl Register {
    fn new<P: Product>(product: &P, page: Page, (typed, problems): (Typed, Vec<FieldError>)) -> Self {
        let user_names = product.branding().realm.rules.user_names;
        Self { page, user_names, least: *policy::LENGTH.start(), typed, problems }
    }

    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

async fn show<P: Product>(State(product): State<P>, page: Page) -> Result<Response> {
    Ok(html(&Register::new(&product, page, Default::default()))?.into_response())
}

/// Nothing else is read: a form that names a role or a status is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    user_name: String,
    accept_terms: Option<String>,
}

async fn submit<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let Fields { email, password, phone, user_name, accept_terms } = form;
    let terms = accept_terms.is_some_and(|ticked| ticked == "on");
    let typed = Typed { email: email.clone(), phone: phone.clone(), user_name: user_name.clone(), terms };
    let given = Registration { email, password, phone, user_name, terms, language: page.language() };
    match super::register(&product, &caller, given).await {
        Ok(()) => Ok(html(&Verify::sent(page, typed.email))?.into_response()),
        Err(error) => {
            let refusal = Refusal::of(&page, error, "email")?;
            let status = refusal.status();
            Ok((status, html(&Register::new(&product, page, (typed, refusal.problems)))?).into_response())
        }
    }
}
