//! The page on which an address is proved: by the code from the mail, or by its link and a button.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use crate::Result;
use crate::db::Caller;
use crate::identity::refusal::Refusal;
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Query, Routes, html, see_other};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/verify_email", Access::Public, show::<P>)
        .page(Method::Post, "/verify_email", Access::Public, verify::<P>)
        .page(Method::Post, "/verify_email/resend", Access::Public, resend::<P>)
}

/// The page: with a link's secret a button, without one the field for the code.
#[derive(Template)]
#[template(path = "identity/verify_email.html")]
pub(in crate::identity) struct Verify {
    page: Page,
    token: Option<String>,
    email: String,
    sent: bool,
    problems: Vec<FieldError>,
}

impl Verify {
    /// After a mail was asked for.
    pub(in crate::identity) fn sent(page: Page, email: String) -> Self {
        Self { page, token: None, email, sent: true, problems: Vec::new() }
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
    let open = super::is_open(&caller, &product.branding().realm, &query.token).await?;
    let (status, problems) = match (open, query.token.is_empty()) {
        (true, _) | (false, true) => (StatusCode::OK, Vec::new()),
        (false, false) => (
            StatusCode::NOT_FOUND,
            vec![FieldError { field: "code".into(), message: page.t("credentials-code-unfit") }],
        ),
    };
    let token = open.then_some(query.token);
    Ok((status, html(&Verify { page, token, email: String::new(), sent: false, problems })?).into_response())
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    code: String,
}

async fn verify<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let branding = product.branding();
    let done = if form.token.is_empty() {
        super::by_code(&product, &caller, &form.email, &form.code).await
    } else {
        super::by_link(&caller, &branding.realm, &form.token).await
    };
    match done {
        Ok(()) => Ok(see_other(&format!("{}/sign_in?notice=email-verified", branding.base))),
        Err(error) => {
            let refusal = Refusal::of(&page, error, "code")?;
            let (status, problems) = (refusal.status(), refusal.problems);
            let again = Verify { page, token: None, email: form.email, sent: false, problems };
            Ok((status, html(&again)?).into_response())
        }
    }
}

async fn resend<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    match super::resend(product.app(), &caller, &form.email).await {
        Ok(()) => Ok(html(&Verify::sent(page, form.email))?.into_response()),
        Err(error) => {
            let refusal = Refusal::of(&page, error, "email")?;
            let (status, problems) = (refusal.status(), refusal.problems);
            let again = Verify { page, token: None, email: form.email, sent: false, problems };
            Ok((status, html(&again)?).into_response())
        }
    }
}
