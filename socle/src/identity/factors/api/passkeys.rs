//! Passkeys for programs: registered, asked for, and a sign-in of their own.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Result;
use crate::db::Caller;
use crate::error::Envelope;
use crate::identity::actions::Client;
use crate::identity::api::{self, Delivery, FurtherStep, Tokens};
use crate::identity::entry::Wish;
use crate::identity::factors::passkeys::{self, NewCredential, Signature};
use crate::identity::factors::{remove_passkey, second_step, step_up};
use crate::ids::TenantId;
use crate::limits::Group;
use crate::web::{Access, JsonFields, Method, Path, Product, Routes};

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .limited(Group::Auth, |doors| {
            doors
                .api(Method::Post, "/api/v1/auth/mfa/passkey/options", Access::Public, second_step_options::<P>)
                .api(Method::Post, "/api/v1/auth/passkey/options", Access::Public, sign_in_options::<P>)
                .api(Method::Post, "/api/v1/auth/passkey/login", Access::Public, passkey_login::<P>)
        })
        .api(Method::Post, "/api/v1/auth/passkeys/options", Access::Account, registration_options::<P>)
        .api(Method::Post, "/api/v1/auth/passkeys", Access::Account, register::<P>)
        .api(Method::Delete, "/api/v1/auth/passkeys/{id}", Access::Account, remove::<P>)
        .api(Method::Post, "/api/v1/auth/reauthenticate/options", Access::Account, step_up_options::<P>)
}

/// What a browser's `navigator.credentials` is asked with, as `PublicKeyCredential.parse…FromJSON` reads it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// The options of the ceremony.
    #[schema(value_type = Object)]
    public_key: Value,
    /// For a sign-in by passkey alone: to be sent with the signature.
    challenge_token: Option<String>,
}

impl Options {
    pub(in crate::identity::factors) fn of(mut options: Value, challenge_token: Option<String>) -> Self {
        let public_key = options.get_mut("publicKey").map(Value::take).unwrap_or_default();
        Self { public_key, challenge_token }
    }
}

/// A sign-in under way.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnderWay {
    /// What the sign-in answered as `challengeToken`.
    challenge_token: String,
}

/// Asks for a passkey as the second factor of a sign-in.
#[utoipa::path(post, path = "/api/v1/auth/mfa/passkey/options", operation_id = "secondFactorOptions", tag = "auth",
    request_body = UnderWay, responses(
    (status = 200, description = "For navigator.credentials.get.", body = Options),
    (status = 400, description = "The challenge token is missing.", body = Envelope),
    (status = 401, description = "The sign-in is over.", body = Envelope),
    (status = 409, description = "The account has no passkey.", body = Envelope),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
))]
pub(crate) async fn second_step_options<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<UnderWay>,
) -> Result<Response> {
    let step = (given.challenge_token.as_str(), Client::Api);
    let options = second_step::ask(product.app(), &caller, &product.branding().realm, step).await?;
    Ok(axum::Json(Options::of(options, None)).into_response())
}

/// Asks for a passkey of whoever it may be.
#[utoipa::path(post, path = "/api/v1/auth/passkey/options", operation_id = "passkeySignInOptions", tag = "auth",
    responses(
    (status = 200, description = "For navigator.credentials.get.", body = Options),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
))]
pub(crate) async fn sign_in_options<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let (token, options) = passkeys::ask_anybody(product.app(), &caller, &product.branding().realm).await?;
    Ok(axum::Json(Options::of(options, Some(token))).into_response())
}

/// A sign-in by passkey alone.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasskeyLogin {
    /// What came with the options.
    challenge_token: String,
    /// The passkey's signature, as `PublicKeyCredential.toJSON()` gives it.
    #[schema(value_type = Object)]
    credential: Signature,
    /// The tenant to act for; the one used last when it is not given.
    tenant_id: Option<Uuid>,
    /// Where the tokens go.
    #[serde(default)]
    delivery: Delivery,
}

/// Signs in by a passkey, which is password and second factor in one.
#[utoipa::path(post, path = "/api/v1/auth/passkey/login", operation_id = "passkeySignIn", tag = "auth",
    request_body = PasskeyLogin, responses(
    (status = 200, description = "Signed in.", body = Tokens),
    (status = 202, description = "One step more is wanted.", body = FurtherStep),
    (status = 400, description = "A field is missing, or is no signature.", body = Envelope),
    (status = 401, description = "The passkey is not known here.", body = Envelope),
    (status = 422, description = "Not a member of that tenant, or passkeys cannot be used here.", body = Envelope),
))]
pub(crate) async fn passkey_login<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<PasskeyLogin>,
) -> Result<Response> {
    let wish = Wish { tenant: given.tenant_id.map(TenantId), client: Client::Api, device: None };
    let signed = (given.challenge_token.as_str(), &given.credential);
    let (app, realm) = (product.app(), &product.branding().realm);
    let step = passkeys::sign_in(app, &caller, realm, (signed, wish)).await?;
    api::go_on(&product, &caller, given.delivery, step).await
}

/// Begins to register a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/options", operation_id = "passkeyOptions", tag = "auth",
    security(("person" = [])), responses(
    (status = 200, description = "For navigator.credentials.create.", body = Options),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "Password or second factor were proved too long ago.", body = Envelope),
    (status = 409, description = "There are as many as an account may have.", body = Envelope),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
))]
pub(crate) async fn registration_options<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let options = passkeys::begin(&product, &caller).await?;
    Ok(axum::Json(Options::of(options, None)).into_response())
}

/// A new passkey.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPasskey {
    /// What its owner calls it, 1 to 80 characters.
    #[schema(example = "Telephone")]
    name: String,
    /// The new credential, as `PublicKeyCredential.toJSON()` gives it.
    #[schema(value_type = Object)]
    credential: NewCredential,
}

/// Registers a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys", operation_id = "registerPasskey", tag = "auth",
    security(("person" = [])), request_body = NewPasskey, responses(
    (status = 200, description = "It works from now on.", body = super::AddedBody),
    (status = 400, description = "A field is missing, or the credential is not what was asked for.", body = Envelope),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "Password or second factor were proved too long ago.", body = Envelope),
    (status = 409, description = "It is registered already, or nothing was asked for.", body = Envelope),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
))]
pub(crate) async fn register<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
    JsonFields(given): JsonFields<NewPasskey>,
) -> Result<Response> {
    let registered = passkeys::register(&product, &caller, (&given.name, &given.credential)).await?;
    super::added(&product, &caller, &headers, registered).await
}

/// Removes a passkey.
#[utoipa::path(delete, path = "/api/v1/auth/passkeys/{id}", operation_id = "removePasskey", tag = "auth",
    params(("id" = Uuid, Path, description = "The passkey.")), security(("person" = [])), responses(
    (status = 204, description = "It is removed."),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The second factor was proved too long ago.", body = Envelope),
    (status = 404, description = "There is no such passkey.", body = Envelope),
    (status = 409, description = "The role demands a second factor, and it is the last one.", body = Envelope),
))]
pub(crate) async fn remove<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response> {
    remove_passkey(&product, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Asks for a passkey to prove once more who one is.
#[utoipa::path(post, path = "/api/v1/auth/reauthenticate/options", operation_id = "reauthenticateOptions", tag = "auth",
    security(("person" = [])), responses(
    (status = 200, description = "For navigator.credentials.get.", body = Options),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 409, description = "The account has no passkey.", body = Envelope),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
))]
pub(crate) async fn step_up_options<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let options = step_up::ask(product.app(), &caller, &product.branding().realm).await?;
    Ok(axum::Json(Options::of(options, None)).into_response())
}
