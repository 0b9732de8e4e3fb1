//! The page of address, phone and user name, and the page behind the link that confirms a new address.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{Contact, email, phone, user_name};
use crate::db::Caller;
use crate::identity::refusal::Refusal;
use crate::web::{self, Access, FieldError, Form, Method, Page, Product, Query, Routes, html, see_other};
use crate::{Error, Result};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/account/contact", Access::SignedIn, show::<P>)
        .page(Method::Post, "/account/contact/email", Access::SignedIn, ask_email::<P>)
        .page(Method::Post, "/account/contact/email/confirm", Access::SignedIn, confirm_email::<P>)
        .page(Method::Post, "/account/contact/phone", Access::SignedIn, ask_phone::<P>)
        .page(Method::Post, "/account/contact/phone/confirm", Access::SignedIn, confirm_phone::<P>)
        .page(Method::Post, "/account/contact/phone/remove", Access::SignedIn, remove_phone::<P>)
        .page(Method::Post, "/account/contact/user_name", Access::SignedIn, ask_user_name::<P>)
        .page(Method::Get, "/confirm_email", Access::Public, link::<P>)
        .page(Method::Post, "/confirm_email", Access::Public, confirm_link::<P>)
}

#[derive(Template)]
#[template(path = "identity/contact.html")]
struct ContactPage {
    page: Page,
    contact: Contact,
    user_names: bool,
    texts: bool,
    typed: Fields,
    problems: Vec<FieldError>,
}

impl ContactPage {
    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

/// Every field of the page's forms; each form sends its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    email: String,
    email_code: String,
    phone: String,
    phone_code: String,
    user_name: String,
}

/// The page, after a form of it was refused or as it is.
async fn shown<P: Product>(
    product: &P,
    caller: &Caller,
    page: Page,
    (typed, problems): (Fields, Vec<FieldError>),
) -> Result<impl IntoResponse> {
    let contact = super::of(product.app(), caller).await?;
    let user_names = product.branding().realm.rules.user_names;
    html(&ContactPage { page, contact, user_names, texts: product.app().mail.can_text(), typed, problems })
}

async fn show<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    Ok(shown(&product, &caller, page, Default::default()).await?.into_response())
}

/// Back to the page with a word about what was done, or the page with what is wrong.
async fn after<P: Product>(
    product: &P,
    caller: &Caller,
    page: Page,
    (done, typed): (Result<&'static str, (Error, &'static str)>, Fields),
) -> Result<Response> {
    match done {
        Ok(notice) => Ok(see_other(&format!("{}/account/contact?notice={notice}", product.branding().base))),
        Err((error, field)) => {
            let refusal = Refusal::of(&page, error, field)?;
            let status = refusal.status();
            Ok((status, shown(product, caller, page, (typed, refusal.problems)).await?).into_response())
        }
    }
}

async fn ask_email<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let done = email::ask(&product, &caller, &form.email).await;
    let done = done.map(|()| "email-asked").map_err(|error| (error, "email"));
    after(&product, &caller, page, (done, form)).await
}

async fn confirm_email<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let done = email::by_code(product.app(), &caller, &form.email_code).await;
    let done = done.map(|()| "email-changed").map_err(|error| (error, "emailCode"));
    after(&product, &caller, page, (done, form)).await
}

async fn ask_phone<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let done = phone::ask(product.app(), &caller, &product.branding().realm, &form.phone).await;
    let done = done.map(|()| "phone-asked").map_err(|error| (error, "phone"));
    after(&product, &caller, page, (done, form)).await
}

async fn confirm_phone<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let done = phone::confirm(product.app(), &caller, &form.phone_code).await;
    let done = done.map(|()| "phone-verified").map_err(|error| (error, "phoneCode"));
    after(&product, &caller, page, (done, form)).await
}

async fn remove_phone<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    phone::remove(&caller).await?;
    Ok(see_other(&format!("{}/account/contact?notice=phone-removed", product.branding().base)))
}

async fn ask_user_name<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let done = user_name::ask(&product, &caller, &form.user_name).await;
    let done = done.map(|()| "user-name-asked").map_err(|error| (error, "userName"));
    after(&product, &caller, page, (done, form)).await
}

#[derive(Template)]
#[template(path = "identity/confirm_email.html")]
struct ConfirmPage {
    page: Page,
    /// `None`: the link is over.
    token: Option<String>,
    taken: bool,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

async fn link<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(query): Query<Token>,
) -> Result<Response> {
    let open = email::is_open(&caller, &product.branding().realm, &query.token).await?;
    let status = if open { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok((status, html(&ConfirmPage { page, token: open.then_some(query.token), taken: false })?).into_response())
}

async fn confirm_link<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Form(form): Form<Token>,
) -> Result<Response> {
    let branding = product.branding();
    match email::by_link(product.app(), &caller, &branding.realm, &form.token).await {
        Ok(()) => Ok(see_other(&format!("{}/sign_in?notice=email-changed", branding.base))),
        Err(error) if error.status.is_client_error() => {
            let taken = error.status == StatusCode::CONFLICT;
            Ok((error.status, html(&ConfirmPage { page, token: None, taken })?).into_response())
        }
        Err(error) => Err(error),
    }
}
