//! Sign-in for API clients: JSON in, an access token of 15 minutes and a refresh token of 7 days out, as bearer tokens
//! or, when asked for at sign-in, as httpOnly cookies.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::access_token::{Claims, LIFETIME};
use super::actions::{self, Client, Opened};
use super::entry::{self, Step, Wish};
use super::{ABSOLUTE_LIMIT, Membership, Proof, Realm, Registration, devices, factors, person_of, sessions};
use super::{contact, passwords, recovery, refresh, registration, verification};
use crate::db::{Caller, Person, Who};
use crate::error::Detail;
use crate::ids::TenantId;
use crate::limits::Group;
use crate::web::{self, Access, Json, Method, Product, Routes, TokenCookie};
use crate::{Error, Result};

/// Adds the sign-in of API clients to a product.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    let routes = factors::api::routes(sessions::api::routes(devices::api::routes(routes)));
    let routes = contact::api::routes(passwords::api::routes(recovery::api::routes(routes)));
    let routes = match routes.rules().registration {
        Registration::Open => registration::api::routes(verification::api::routes(routes)),
        Registration::Invitation => routes,
    };
    routes
        .api(Method::Post, "/api/v1/auth/login", Access::Public, login::<P>)
        .limited(Group::Auth, |routes| routes.api(Method::Post, "/api/v1/auth/refresh", Access::Public, refresh::<P>))
        .api(Method::Post, "/api/v1/auth/logout", Access::Account, logout::<P>)
        .api(Method::Get, "/api/v1/auth/me", Access::SignedIn, me)
}

/// How an API client gets its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// In the answer's body, to be sent as `Authorization: Bearer`.
    #[default]
    Bearer,
    /// As httpOnly cookies; the body holds no token.
    Cookies,
}

/// What an API client signs in with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// Sign-in address.
    #[serde(default)]
    #[schema(example = "marie.durand@clinique.fr")]
    email: String,
    /// Password, 8 to 128 characters.
    #[serde(default)]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// The tenant to act for; the one used last when it is not given.
    tenant_id: Option<uuid::Uuid>,
    /// Where the tokens go.
    #[serde(default)]
    delivery: Delivery,
}

/// What a client goes on with. With cookies it is `{}`.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshToken {
    /// The refresh token; left out when it is in its cookie.
    refresh_token: Option<String>,
}

/// A pair of tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Sent as `Authorization: Bearer`; `null` with cookies.
    access_token: Option<String>,
    /// Good for one refresh; `null` with cookies.
    refresh_token: Option<String>,
    /// `Bearer` or `Cookie`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token is over.
    #[schema(example = 900)]
    expires_in: i64,
}

/// Who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The account.
    account_id: uuid::Uuid,
    /// Sign-in address.
    email: String,
    /// First and last name.
    name: String,
    /// `fr` or `en`.
    language: String,
    /// The tenant the session acts for.
    tenant_id: uuid::Uuid,
    /// The role in it.
    role: String,
    /// All memberships.
    memberships: Vec<Membership>,
}

/// Signs in.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = Login, responses(
    (status = 200, description = "Signed in.", body = Tokens),
    (status = 202, description = "The password fits; one step more is wanted.", body = FurtherStep),
    (status = 400, description = "A field is missing.", body = crate::error::Envelope),
    (status = 401, description = "Address or password do not fit.", body = crate::error::Envelope),
    (status = 403, description = "Not from this network.", body = crate::error::Envelope),
    (status = 422, description = "Not a member of that tenant.", body = crate::error::Envelope),
    (status = 429, description = "Too many wrong passwords; Retry-After says when to try again.",
     body = crate::error::Envelope),
))]
pub(crate) async fn login<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Json(login): Json<Login>,
) -> Result<Response> {
    if login.email.trim().is_empty() {
        return Err(Error::invalid(vec![Detail::new("email", "REQUIRED", "Give the sign-in address.")]));
    }
    let (app, realm) = (product.app(), &product.branding().realm);
    let known = actions::know(app, &caller, realm, (&login.email, login.password), None).await?;
    let known = known.ok_or_else(|| Error::unauthenticated("AUTH_CREDENTIALS", "Address or password do not fit."))?;
    let wish = Wish { tenant: login.tenant_id.map(TenantId), client: Client::Api, device: None };
    let step = entry::enter(app, &caller, realm, known, wish).await?;
    go_on(&product, &caller, login.delivery, step).await
}

/// Tokens, or what the sign-in wants next.
pub(super) async fn go_on<P: Product>(
    product: &P,
    caller: &Caller,
    delivery: Delivery,
    step: Step,
) -> Result<Response> {
    let (waits_for, challenge_token) = match step {
        Step::In(opened) => return tokens(product, caller, delivery, opened).await,
        Step::SecondFactor(secret) => (WaitsFor::SecondFactor, secret),
        Step::TooManySessions(secret) => (WaitsFor::SessionToEnd, secret),
    };
    let expires_in = entry::STEP_WITHIN.num_seconds();
    Ok((StatusCode::ACCEPTED, axum::Json(FurtherStep { waits_for, challenge_token, expires_in })).into_response())
}

/// The tokens of a session just opened.
pub(super) async fn tokens<P: Product>(
    product: &P,
    caller: &Caller,
    delivery: Delivery,
    opened: Opened,
) -> Result<Response> {
    let access = access_token(product, caller, opened.session).await?;
    Ok(answer(product, delivery, (access, opened.token)))
}

/// What a sign-in wants next.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaitsFor {
    /// `auth/mfa/verify`.
    SecondFactor,
    /// There are as many sessions as allowed: `auth/sessions/replace`.
    SessionToEnd,
}

/// A sign-in that wants one step more. Its token opens nothing else.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FurtherStep {
    /// Which.
    waits_for: WaitsFor,
    /// To be sent with the next step.
    challenge_token: String,
    /// Seconds until it is over.
    #[schema(example = 300)]
    expires_in: i64,
}

/// Exchanges a refresh token for the next pair.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = RefreshToken, responses(
    (status = 200, description = "The next pair.", body = Tokens),
    (status = 401, description = "Unknown, over, or used before: then the session has ended.",
     body = crate::error::Envelope),
))]
pub(crate) async fn refresh<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
    Json(given): Json<RefreshToken>,
) -> Result<Response> {
    let realm = &product.branding().realm;
    let (token, delivery) = match given.refresh_token {
        Some(token) => (token, Delivery::Bearer),
        None => {
            let cookie = web::token_cookie(&headers, realm, TokenCookie::Refresh);
            let missing = || Error::unauthenticated("AUTH_REFRESH", "Send the refresh token.");
            (cookie.ok_or_else(missing)?, Delivery::Cookies)
        }
    };
    let next = refresh::take(&caller, realm, &product.app().successors, &token).await?;
    let access = access_token(&product, &caller, next.session).await?;
    Ok(answer(&product, delivery, (access, next.token)))
}

/// Ends the session, everywhere and at once.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", security(("person" = [])), responses(
    (status = 204, description = "The session has ended."),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
))]
pub(crate) async fn logout<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    actions::sign_out(&caller).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    web::leave(&mut response, &product.branding().realm);
    Ok(response)
}

/// Who is signed in, and where else they could act.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth", security(("person" = [])), responses(
    (status = 200, description = "The person.", body = Me),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
))]
pub(crate) async fn me(caller: Caller) -> Result<Response> {
    let memberships = actions::memberships(&caller).await?;
    let Person { account, email, name, language, tenant, role, .. } = caller.person()?.clone();
    let me = Me { account_id: account.0, email, name, language, tenant_id: tenant.0, role, memberships };
    Ok(axum::Json(me).into_response())
}

/// An access token for a session, with what is true of it now.
async fn access_token<P: Product>(product: &P, caller: &Caller, session: crate::ids::SessionId) -> Result<String> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let found = person_of(app, caller, realm, Proof::Session(session)).await?;
    let (person, _) = found.ok_or_else(|| Error::unauthenticated("AUTH_REQUIRED", "Sign in again."))?;
    let actions = product.policies().at_best(&person).map(ToOwned::to_owned);
    let permissions = person.permissions.iter().cloned().chain(actions).collect();
    let caller = caller.becoming(Who::Person(Box::new(person)));
    let person = caller.person()?;
    let claims = Claims {
        sub: person.account,
        email: person.email.clone(),
        role: person.role.clone(),
        permissions,
        aud: realm.name.to_owned(),
        sid: session,
        iss: String::new(),
        iat: 0,
        nbf: 0,
        exp: 0,
        jti: uuid::Uuid::nil(),
    };
    app.access_tokens.sign(claims, caller.now())
}

/// Hands a session that goes on under a new id to its client: the body is made with the tokens, when it gets any there.
pub(super) async fn hand_over<P: Product>(
    product: &P,
    caller: &Caller,
    (opened, client, delivery): (Opened, Client, Delivery),
    body: impl FnOnce(Option<Tokens>) -> Response,
) -> Result<Response> {
    let realm = &product.branding().realm;
    if client == Client::Browser {
        let mut response = body(None);
        web::set_cookie(&mut response, realm, &opened.token);
        return Ok(response);
    }
    let access = access_token(product, caller, opened.session).await?;
    Ok(delivered(realm, delivery, (access, opened.token), |tokens| {
        body(Some(tokens).filter(|_| delivery == Delivery::Bearer))
    }))
}

/// How the client of a request got its tokens.
pub(super) fn delivery_of(headers: &HeaderMap) -> Delivery {
    if headers.contains_key(header::AUTHORIZATION) { Delivery::Bearer } else { Delivery::Cookies }
}

fn answer<P: Product>(product: &P, delivery: Delivery, pair: (String, String)) -> Response {
    delivered(&product.branding().realm, delivery, pair, |tokens| axum::Json(tokens).into_response())
}

fn delivered(
    realm: &Realm,
    delivery: Delivery,
    (access, refresh): (String, String),
    body: impl FnOnce(Tokens) -> Response,
) -> Response {
    let expires_in = LIFETIME.num_seconds();
    if delivery == Delivery::Bearer {
        let (access_token, refresh_token) = (Some(access), Some(refresh));
        return body(Tokens { access_token, refresh_token, token_type: "Bearer", expires_in });
    }
    let mut response = body(Tokens { access_token: None, refresh_token: None, token_type: "Cookie", expires_in });
    web::set_token_cookie(&mut response, realm, TokenCookie::Access, (&access, LIFETIME));
    web::set_token_cookie(&mut response, realm, TokenCookie::Refresh, (&refresh, ABSOLUTE_LIMIT));
    // Somebody else's browser session must not speak when the access token is over.
    web::clear_cookie(&mut response, realm);
    response
}
