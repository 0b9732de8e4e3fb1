//! Sign-in, sign-out, language, change of tenant and invitations: the same pages for every product.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

use super::actions::{self, Client, Opened};
use super::entry::{self, Step, Wish};
use super::invitations::{self, Acceptance, Open};
use super::passwords::policy;
use super::refusal::Refusal;
use super::{Membership, Realm, Registration, account, contact, devices, factors, passwords, recovery, registration};
use super::{sessions, verification};
use crate::db::Caller;
use crate::error::NETWORK;
use crate::ids::TenantId;
use crate::web::{
    self, Access, FieldError, Form, Lang, Method, Page, Product, Query, Routes, SideCookie, html, see_other,
};
use crate::{Error, Result, limits};

/// Adds the sign-in pages to a product.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    let routes = sessions::pages::routes(devices::pages::routes(account::routes(routes)));
    let routes = contact::pages::routes(passwords::pages::routes(recovery::pages::routes(routes)));
    let routes = match routes.rules().registration {
        Registration::Open => registration::pages::routes(verification::pages::routes(routes)),
        Registration::Invitation => routes,
    };
    let routes = routes
        .page(Method::Get, "/sign_in", Access::Public, show::<P>)
        .page(Method::Post, "/sign_in", Access::Public, sign_in::<P>)
        .page(Method::Post, "/sign_out", Access::Public, sign_out::<P>)
        .page(Method::Post, "/language", Access::Public, language::<P>)
        .page(Method::Get, "/memberships", Access::SignedIn, memberships)
        .page(Method::Post, "/memberships", Access::SignedIn, change_tenant::<P>)
        .page(Method::Get, "/invitation", Access::Public, invitation::<P>)
        .page(Method::Post, "/invitation", Access::Public, accept::<P>);
    factors::pages::routes(routes)
}

#[derive(Template)]
#[template(path = "identity/sign_in.html")]
struct SignIn {
    page: Page,
    email: String,
    next: String,
    /// Whether accounts have user names to sign in with.
    user_names: bool,
    /// Whether anybody may register.
    open: bool,
    error: Option<String>,
}

impl SignIn {
    fn new(realm: &Realm, page: Page, (email, next): (String, String), error: Option<String>) -> Self {
        let (user_names, open) = (realm.rules.user_names, realm.rules.registration == Registration::Open);
        Self { page, email, next, user_names, open, error }
    }
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
    let empty = (String::new(), query.next);
    Ok(html(&SignIn::new(&product.branding().realm, page, empty, None))?.into_response())
}

async fn sign_in<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let wish = by_browser(&headers, realm);
    let error = match actions::know(app, &caller, realm, (&form.email, form.password), wish.device.as_deref()).await {
        Ok(Some(known)) => match entry::enter(app, &caller, realm, known, wish).await {
            Ok(step) => return Ok(go_on(&product, &step, &form.next)),
            Err(error) => error,
        },
        Ok(None) => Error::unauthenticated("AUTH_CREDENTIALS", "Address or password do not fit."),
        Err(error) => error,
    };
    let told = refusal(&page, &error)?;
    let again = SignIn::new(realm, page, (form.email, form.next), Some(told));
    // The time to wait is written by the outer layer, as for every error; the page is ours.
    let mut response = (error.status, html(&again)?).into_response();
    web::retry_after(&mut response, &error);
    Ok(response)
}

/// What the form says of a refused sign-in; what is none goes on as the error that it is.
pub(super) fn refusal(page: &Page, error: &Error) -> Result<String> {
    match error.status {
        StatusCode::UNAUTHORIZED => Ok(page.t("sign-in-failed")),
        StatusCode::SERVICE_UNAVAILABLE => Ok(page.t("sign-in-busy")),
        StatusCode::FORBIDDEN if error.code == NETWORK => Ok(page.t("limits-network-refused")),
        StatusCode::TOO_MANY_REQUESTS => Ok(page.t1("limits-too-many", "minutes", limits::minutes(error).unwrap_or(1))),
        _ => Err(error.clone()),
    }
}

/// The form of the first step again, with what was wrong with a later one.
pub(super) fn from_the_start(realm: &Realm, page: Page, next: String, error: String) -> Result<Response> {
    let again = html(&SignIn::new(realm, page, (String::new(), next), Some(error)))?;
    Ok((StatusCode::UNAUTHORIZED, again).into_response())
}

/// A sign-in by a browser.
pub(super) fn by_browser(headers: &HeaderMap, realm: &Realm) -> Wish {
    Wish { tenant: None, client: Client::Browser, device: web::device_cookies(headers, realm) }
}

/// Leads to what a sign-in wants next, or into the product.
pub(super) fn go_on<P: Product>(product: &P, step: &Step, next: &str) -> Response {
    let branding = product.branding();
    let (path, secret) = match step {
        Step::In(opened) => return enter(product, opened, next),
        Step::SecondFactor(secret) => ("second_factor", secret),
        Step::TooManySessions(secret) => ("sessions", secret),
    };
    let query = serde_html_form::to_string([("next", next)]).unwrap_or_default();
    let mut response = see_other(&format!("{}/sign_in/{path}?{query}", branding.base));
    web::set_side_cookie(&mut response, &branding.realm, SideCookie::Step, (secret, entry::STEP_WITHIN));
    response
}

/// Leads into the product with the new cookie.
pub(super) fn enter<P: Product>(product: &P, opened: &Opened, next: &str) -> Response {
    let mut response = see_other(&product.branding().landing(next));
    web::set_cookie(&mut response, &product.branding().realm, &opened.token);
    web::clear_side_cookie(&mut response, &product.branding().realm, SideCookie::Step);
    // A token cookie of an API client would speak before this session.
    web::clear_token_cookies(&mut response, &product.branding().realm);
    if let Some((account, device)) = &opened.device {
        web::set_device_cookie(&mut response, &product.branding().realm, *account, device);
    }
    if let Some(lang) = Lang::parse(&opened.language) {
        web::keep_language(&mut response, lang);
    }
    response
}

async fn sign_out<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    if caller.person().is_ok() {
        actions::sign_out(&caller).await?;
    }
    Ok(signed_out(&product))
}

/// Leads to the sign-in; nothing of the session stays in the browser.
pub(super) fn signed_out<P: Product>(product: &P) -> Response {
    let branding = product.branding();
    let mut response = see_other(&format!("{}/sign_in?notice=signed-out", branding.base));
    web::leave(&mut response, &branding.realm);
    response
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

#[derive(Template)]
#[template(path = "identity/memberships.html")]
struct Memberships {
    page: Page,
    present: Uuid,
    memberships: Vec<Membership>,
}

async fn memberships(caller: Caller, page: Page) -> Result<Response> {
    let present = caller.person()?.tenant.0;
    let memberships = actions::memberships(&caller).await?;
    Ok(html(&Memberships { page, present, memberships })?.into_response())
}

#[derive(Deserialize)]
struct Tenant {
    tenant: Uuid,
}

async fn change_tenant<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Form(form): Form<Tenant>,
) -> Result<Response> {
    let opened = actions::change_tenant(&caller, &product.branding().realm, TenantId(form.tenant)).await?;
    Ok(enter(&product, &opened, ""))
}

#[derive(Template)]
#[template(path = "identity/invitation.html")]
struct Invitation {
    page: Page,
    open: Open,
    role: String,
    token: String,
    least: usize,
    problems: Vec<FieldError>,
    wrong_password: bool,
}

impl Invitation {
    fn problem(&self, field: &str) -> Option<&str> {
        web::problem(&self.problems, field)
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

async fn invitation<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    Query(query): Query<Token>,
) -> Result<Response> {
    let open = invitations::look(&product, &caller, &query.token).await?;
    let role = product.role_label(&open.role, page.language());
    let least = *policy::LENGTH.start();
    let (problems, token) = (Vec::new(), query.token);
    Ok(html(&Invitation { page, open, role, token, least, problems, wrong_password: false })?.into_response())
}

#[derive(Deserialize)]
struct Accepting {
    #[serde(default)]
    token: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    password: SecretString,
}

async fn accept<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Form(form): Form<Accepting>,
) -> Result<Response> {
    let open = invitations::look(&product, &caller, &form.token).await?;
    let Accepting { token, first_name, last_name, password } = form;
    let open = Open { first_name: first_name.clone(), last_name: last_name.clone(), ..open };
    let error =
        match invitations::accept(&product, &caller, &token, Acceptance { first_name, last_name, password }).await {
            Ok(accepted) => {
                let (app, realm) = (product.app(), &product.branding().realm);
                let wish = Wish { tenant: Some(accepted.tenant), ..by_browser(&headers, realm) };
                let step = entry::enter_account(app, &caller, realm, accepted.account, wish).await?;
                return Ok(go_on(&product, &step, ""));
            }
            Err(error) if matches!(error.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => error,
            Err(error) => return Err(error),
        };
    let role = product.role_label(&open.role, page.language());
    let (status, wrong_password) = (error.status, error.status == StatusCode::UNAUTHORIZED);
    let problems = if wrong_password { Vec::new() } else { Refusal::of(&page, error, "password")?.problems };
    let least = *policy::LENGTH.start();
    let again = html(&Invitation { page, open, role, token, least, problems, wrong_password })?;
    Ok((status, again).into_response())
}
