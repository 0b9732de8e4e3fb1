//! A forgotten password, for programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::Result;
use crate::db::Caller;
use crate::identity::actions::Client;
use crate::identity::api::{self, Delivery, FurtherStep, Tokens};
use crate::identity::entry::{self, Wish};
use crate::limits::Group;
use crate::web::{Access, JsonFields, Method, Product, Routes};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.limited(Group::Auth, |routes| {
        routes.api(Method::Post, "/api/v1/auth/password/reset-request", Access::Public, request::<P>).api(
            Method::Post,
            "/api/v1/auth/password/reset-confirm",
            Access::Public,
            confirm::<P>,
        )
    })
}

/// Whose password is forgotten.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetRequest {
    /// Sign-in address.
    #[schema(example = "marie.durand@clinique.fr")]
    email: String,
}

/// Asks for a link that sets a new password. The answer is the same whether the address has an account or not.
#[utoipa::path(post, path = "/api/v1/auth/password/reset-request", tag = "auth", request_body = ResetRequest, responses(
    (status = 202, description = "If the address has an account, a mail is on its way."),
    (status = 400, description = "This is no address.", body = crate::error::Envelope),
))]
pub(crate) async fn request<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<ResetRequest>,
) -> Result<Response> {
    super::ask(product.app(), &caller, &given.email).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// The link's secret and the new password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetConfirm {
    /// The link's `token`.
    token: String,
    /// The new password: 8 to 128 characters, not soon guessed, not the present one.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Where the tokens go.
    #[serde(default)]
    delivery: Delivery,
}

/// Sets a new password by a link's secret, once. Every session ends; a second factor is still asked for.
#[utoipa::path(post, path = "/api/v1/auth/password/reset-confirm", tag = "auth", request_body = ResetConfirm, responses(
    (status = 200, description = "Set, and signed in.", body = Tokens),
    (status = 202, description = "Set; the sign-in wants one step more.", body = FurtherStep),
    (status = 400, description = "The password does not do.", body = crate::error::Envelope),
    (status = 422, description = "The link was used, is over or void.", body = crate::error::Envelope),
))]
pub(crate) async fn confirm<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<ResetConfirm>,
) -> Result<Response> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let account = super::confirm(&product, &caller, &given.token, given.password).await?;
    let wish = Wish { tenant: None, client: Client::Api, device: None };
    let step = entry::enter_account(app, &caller, realm, account, wish).await?;
    api::go_on(&product, &caller, given.delivery, step).await
}
