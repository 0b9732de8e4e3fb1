//! Address, phone and user name, for programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{email, phone, user_name};
use crate::Result;
use crate::db::Caller;
use crate::web::{Access, JsonFields, Method, Product, Routes};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .api(Method::Get, "/api/v1/auth/contact", Access::SignedIn, contact::<P>)
        .api(Method::Post, "/api/v1/auth/email", Access::SignedIn, ask_email::<P>)
        .api(Method::Post, "/api/v1/auth/email/confirm", Access::SignedIn, confirm_email::<P>)
        .api(Method::Post, "/api/v1/auth/phone", Access::SignedIn, ask_phone::<P>)
        .api(Method::Post, "/api/v1/auth/phone/confirm", Access::SignedIn, confirm_phone::<P>)
        .api(Method::Delete, "/api/v1/auth/phone", Access::SignedIn, remove_phone)
        .api(Method::Put, "/api/v1/auth/user-name", Access::SignedIn, ask_user_name::<P>)
}

/// Where the caller's account is reached.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnContact {
    /// Sign-in address.
    email: String,
    /// User name, where there are any.
    user_name: Option<String>,
    /// Phone in E.164.
    phone: Option<String>,
    /// Whether text messages go to it.
    phone_verified: bool,
}

/// The caller's own address, phone and user name.
#[utoipa::path(get, path = "/api/v1/auth/contact", tag = "auth", security(("person" = [])), responses(
    (status = 200, description = "Their own.", body = OwnContact),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
))]
pub(crate) async fn contact<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let super::Contact { email, user_name, phone, phone_verified, .. } = super::of(product.app(), &caller).await?;
    Ok(axum::Json(OwnContact { email, user_name, phone, phone_verified }).into_response())
}

/// A new address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEmail {
    /// The address that is to take the present one's place.
    email: String,
}

/// Asks for a change of address: a code goes to the new one, a notice to the present one, which stays until the code comes
/// back.
#[utoipa::path(post, path = "/api/v1/auth/email", tag = "auth", security(("person" = [])), request_body = NewEmail,
    responses(
    (status = 202, description = "A code is on its way."),
    (status = 400, description = "No address, or the present one.", body = crate::error::Envelope),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 403, description = "Prove first who you are.", body = crate::error::Envelope),
    (status = 429, description = "Three within an hour.", body = crate::error::Envelope),
))]
pub(crate) async fn ask_email<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<NewEmail>,
) -> Result<Response> {
    email::ask(&product, &caller, &given.email).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A code that was sent.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Code {
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Confirms the new address by its code.
#[utoipa::path(post, path = "/api/v1/auth/email/confirm", tag = "auth", security(("person" = [])), request_body = Code,
    responses(
    (status = 204, description = "The address has changed."),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 409, description = "The address has an account of its own.", body = crate::error::Envelope),
    (status = 422, description = "The code does not fit, was used or is over.", body = crate::error::Envelope),
))]
pub(crate) async fn confirm_email<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<Code>,
) -> Result<Response> {
    email::by_code(product.app(), &caller, &given.code).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A phone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPhone {
    /// E.164.
    #[schema(example = "+33612345678")]
    phone: String,
}

/// Asks for a phone: a code goes to it by text message.
#[utoipa::path(post, path = "/api/v1/auth/phone", tag = "auth", security(("person" = [])), request_body = NewPhone,
    responses(
    (status = 202, description = "A code is on its way."),
    (status = 400, description = "No number in E.164.", body = crate::error::Envelope),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 403, description = "Prove first who you are.", body = crate::error::Envelope),
    (status = 422, description = "This server sends no text messages.", body = crate::error::Envelope),
    (status = 429, description = "Three within an hour.", body = crate::error::Envelope),
))]
pub(crate) async fn ask_phone<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<NewPhone>,
) -> Result<Response> {
    phone::ask(product.app(), &caller, &product.branding().realm, &given.phone).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Confirms the phone by its code.
#[utoipa::path(post, path = "/api/v1/auth/phone/confirm", tag = "auth", security(("person" = [])), request_body = Code,
    responses(
    (status = 204, description = "The phone is verified."),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 409, description = "Another account has verified this number.", body = crate::error::Envelope),
    (status = 422, description = "The code does not fit, was used or is over.", body = crate::error::Envelope),
))]
pub(crate) async fn confirm_phone<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<Code>,
) -> Result<Response> {
    phone::confirm(product.app(), &caller, &given.code).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes the phone.
#[utoipa::path(delete, path = "/api/v1/auth/phone", tag = "auth", security(("person" = [])), responses(
    (status = 204, description = "Removed."),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 403, description = "Prove first who you are.", body = crate::error::Envelope),
    (status = 404, description = "There is none.", body = crate::error::Envelope),
))]
pub(crate) async fn remove_phone(caller: Caller) -> Result<Response> {
    phone::remove(&caller).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A user name.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUserName {
    /// 3 to 50 letters, digits, points, hyphens or underscores, with a letter first.
    #[schema(example = "marie.durand")]
    user_name: String,
}

/// Asks for a user name; a mail says whether it was free. Where the product has none it is a 404.
#[utoipa::path(put, path = "/api/v1/auth/user-name", tag = "auth", security(("person" = [])), request_body = NewUserName,
    responses(
    (status = 202, description = "A mail says what came of it."),
    (status = 400, description = "This can be no user name.", body = crate::error::Envelope),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 403, description = "Prove first who you are.", body = crate::error::Envelope),
    (status = 404, description = "There are no user names.", body = crate::error::Envelope),
    (status = 429, description = "Three within an hour.", body = crate::error::Envelope),
))]
pub(crate) async fn ask_user_name<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<NewUserName>,
) -> Result<Response> {
    user_name::ask(&product, &caller, &given.user_name).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
