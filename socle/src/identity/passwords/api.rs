//! The change of one's own password, for programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;

use super::change::{self, Change};
use crate::Result;
use crate::db::Caller;
use crate::identity::actions::Client;
use crate::identity::api::{self, Delivery, Tokens};
use crate::web::{self, Access, JsonFields, Method, Product, Routes, TokenCookie};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.api(Method::Post, "/api/v1/auth/password/change", Access::Account, change::<P>)
}

/// The present password and the new one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The new one: 8 to 128 characters, not soon guessed, and another.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Changes the password. Every other session ends; this one goes on with new tokens.
#[utoipa::path(post, path = "/api/v1/auth/password/change", tag = "auth", security(("person" = []), ("session" = [])),
    request_body = PasswordChange, responses(
    (status = 200, description = "Changed; the next pair of tokens.", body = Tokens),
    (status = 204, description = "Changed; the browser has its new cookie."),
    (status = 400, description = "The new password does not do.", body = crate::error::Envelope),
    (status = 401, description = "Nobody is signed in, or the present password does not fit.",
     body = crate::error::Envelope),
    (status = 429, description = "Too many wrong passwords.", body = crate::error::Envelope),
))]
pub(crate) async fn change<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
    JsonFields(given): JsonFields<PasswordChange>,
) -> Result<Response> {
    let realm = &product.branding().realm;
    let given = Change { current: given.current_password, new: given.password };
    let changed = change::change(&product, &caller, given).await?;
    if changed.client == Client::Browser {
        let mut response = StatusCode::NO_CONTENT.into_response();
        web::set_cookie(&mut response, realm, &changed.opened.token);
        return Ok(response);
    }
    let by_cookie = web::token_cookie(&headers, realm, TokenCookie::Refresh).is_some();
    let delivery = if by_cookie { Delivery::Cookies } else { Delivery::Bearer };
    api::tokens(&product, &caller, delivery, changed.opened).await
}
