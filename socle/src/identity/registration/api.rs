//! Registration, for programs.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use super::Registration;
use crate::db::Caller;
use crate::error::Detail;
use crate::limits::Group;
use crate::web::{Access, JsonFields, Lang, Method, Product, Routes};
use crate::{Error, Result};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes.limited(Group::Auth, |doors| doors.api(Method::Post, "/api/v1/auth/register", Access::Public, register::<P>))
}

/// What somebody registers with. There is no other field: role, status and tenant are not theirs to say.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// Sign-in address.
    #[schema(example = "marie.durand@clinique.fr")]
    email: String,
    /// Password: 8 to 128 characters, not soon guessed.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Phone in E.164, to be verified later.
    phone: Option<String>,
    /// User name, where there are any: given when it is free.
    user_name: Option<String>,
    /// Whether the terms of use are accepted: they must be.
    accept_terms: bool,
    /// `fr` (when it is not given) or `en`.
    language: Option<String>,
}

/// Registers. The answer is the same whether the address has an account or not; a mail says how to go on.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", request_body = Register, responses(
    (status = 202, description = "A mail is on its way, with a code and a link."),
    (status = 400, description = "A field does not do, or is not known.", body = crate::error::Envelope),
))]
pub(crate) async fn register<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<Register>,
) -> Result<Response> {
    let language = Lang::parse(given.language.as_deref().unwrap_or(Lang::Fr.code()));
    let unknown = || Error::invalid(vec![Detail::new("language", "INVALID_FORMAT", "A language is fr or en.")]);
    let given = Registration {
        email: given.email,
        password: given.password,
        phone: given.phone.unwrap_or_default(),
        user_name: given.user_name.unwrap_or_default(),
        terms: given.accept_terms,
        language: language.ok_or_else(unknown)?,
    };
    super::register(&product, &caller, given).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
