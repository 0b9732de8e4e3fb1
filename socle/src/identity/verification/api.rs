//! The proof of an address, for programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use crate::Result;
use crate::db::Caller;
use crate::limits::Group;
use crate::web::{Access, JsonFields, Method, Product, Routes};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.limited(Group::Auth, |routes| {
        routes.api(Method::Post, "/api/v1/auth/verify-email", Access::Public, verify::<P>).api(
            Method::Post,
            "/api/v1/auth/verify-email/resend",
            Access::Public,
            resend::<P>,
        )
    })
}

/// An address with the code that was sent to it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEmail {
    /// Sign-in address.
    email: String,
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Proves an address; its account can then sign in. A code lives 15 minutes and bears five wrong ones.
#[utoipa::path(post, path = "/api/v1/auth/verify-email", tag = "auth", request_body = VerifyEmail, responses(
    (status = 204, description = "Proved."),
    (status = 422, description = "The code does not fit, was used or is over.", body = crate::error::Envelope),
))]
pub(crate) async fn verify<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<VerifyEmail>,
) -> Result<Response> {
    super::by_code(&product, &caller, &given.email, &given.code).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who has not got the code.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResendVerification {
    /// Sign-in address.
    email: String,
}

/// Asks for the verification once more: at most three mails an hour. The answer is the same for every address.
#[utoipa::path(post, path = "/api/v1/auth/verify-email/resend", tag = "auth", request_body = ResendVerification,
    responses(
    (status = 202, description = "If the address waits for its verification, a mail is on its way."),
    (status = 400, description = "This is no address.", body = crate::error::Envelope),
))]
pub(crate) async fn resend<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<ResendVerification>,
) -> Result<Response> {
    super::resend(product.app(), &caller, &given.email).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
