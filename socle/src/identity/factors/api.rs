//! Second factors for programs: the second step of a sign-in, setting up, proving once more.

mod passkeys;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use passkeys::*;

use super::passkeys::Signature;
use super::{Added, Answer, Held, apps, second_step, step_up};
use crate::db::Caller;
use crate::error::{Detail, Envelope};
use crate::identity::actions::Client;
use crate::identity::api::{self, Delivery, FurtherStep, Tokens};
use crate::limits::Group;
use crate::web::{Access, JsonFields, Method, Product, Routes};
use crate::{Error, Result};

/// Adds second factors to a product's API.
#[must_use]
pub fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    let routes = routes
        .limited(Group::Auth, |doors| doors.api(Method::Post, "/api/v1/auth/mfa/verify", Access::Public, verify::<P>))
        .api(Method::Get, "/api/v1/auth/mfa", Access::Account, factors::<P>)
        .api(Method::Post, "/api/v1/auth/mfa/setup", Access::Account, set_up::<P>)
        .api(Method::Post, "/api/v1/auth/mfa/enable", Access::Account, enable::<P>)
        .api(Method::Post, "/api/v1/auth/mfa/disable", Access::Account, disable::<P>)
        .api(Method::Post, "/api/v1/auth/mfa/recovery-codes", Access::Account, renew_codes::<P>)
        .api(Method::Post, "/api/v1/auth/reauthenticate", Access::Account, reauthenticate::<P>);
    passkeys::routes(routes)
}

/// One of three answers to "a second factor, please".
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verify {
    /// What the sign-in answered as `challengeToken`.
    challenge_token: String,
    /// A code of the authenticator app.
    #[schema(example = "123456")]
    code: Option<String>,
    /// A recovery code.
    #[schema(example = "7XK2-9QPA-M4TE")]
    recovery_code: Option<String>,
    /// A passkey's signature, as `PublicKeyCredential.toJSON()` gives it.
    #[schema(value_type = Option<Object>)]
    credential: Option<Signature>,
    /// Where the tokens go.
    #[serde(default)]
    delivery: Delivery,
}

/// The one answer that was given.
fn answer_of(code: Option<String>, recovery: Option<String>, credential: Option<Signature>) -> Result<Answer> {
    match (code, recovery, credential) {
        (Some(code), None, None) => Ok(Answer::App(code)),
        (None, Some(code), None) => Ok(Answer::Recovery(code)),
        (None, None, Some(signature)) => Ok(Answer::Passkey(Box::new(signature))),
        _ => Err(second_step::nothing_answered()),
    }
}

/// Gives the second factor of a sign-in.
#[utoipa::path(post, path = "/api/v1/auth/mfa/verify", operation_id = "verifySecondFactor", tag = "auth",
    request_body = Verify, responses(
    (status = 200, description = "Signed in.", body = Tokens),
    (status = 202, description = "The factor fits; one step more is wanted.", body = FurtherStep),
    (status = 400, description = "Not one answer.", body = Envelope),
    (status = 401, description = "It does not fit, or the sign-in is over.", body = Envelope),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
    (status = 429, description = "The app's codes are paused.", body = Envelope),
))]
pub(crate) async fn verify<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(given): JsonFields<Verify>,
) -> Result<Response> {
    let Verify { challenge_token, code, recovery_code, credential, delivery } = given;
    let answer = answer_of(code, recovery_code, credential)?;
    let (app, realm) = (product.app(), &product.branding().realm);
    let step = (challenge_token.as_str(), Client::Api);
    let step = second_step::answer(app, &caller, realm, (step, answer), false).await?;
    api::go_on(&product, &caller, delivery, step).await
}

/// The second factors of one's own account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Factors {
    /// Since when it has an authenticator app; `null` when it has none.
    app_since: Option<DateTime<Utc>>,
    /// Its passkeys, the oldest first.
    passkeys: Vec<PasskeyBody>,
    /// Recovery codes that were not used yet.
    recovery_codes_left: i64,
    /// Whether the role demands a second factor.
    required: bool,
}

/// A passkey of one's own.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyBody {
    /// Its id.
    id: Uuid,
    /// The name it was given.
    name: String,
    /// Since when it is registered.
    created_at: DateTime<Utc>,
    /// When it was last used.
    last_used_at: Option<DateTime<Utc>>,
}

/// What second factors one has.
#[utoipa::path(get, path = "/api/v1/auth/mfa", operation_id = "secondFactors", tag = "auth",
    security(("person" = [])), responses(
    (status = 200, description = "The factors.", body = Factors),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
))]
pub(crate) async fn factors<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let Held { app_since, passkeys, recovery_codes } = super::own(&caller).await?;
    let required = product.branding().realm.rules.second_factor.contains(&caller.person()?.role.as_str());
    let body =
        |super::PasskeyInfo { id, name, created_at, last_used_at }| PasskeyBody { id, name, created_at, last_used_at };
    let passkeys = passkeys.into_iter().map(body).collect();
    let factors = Factors { app_since, passkeys, recovery_codes_left: recovery_codes, required };
    Ok(axum::Json(factors).into_response())
}

/// What an authenticator app is set up with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// The secret in base32.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same with names, for a QR code.
    otpauth_url: String,
}

/// Begins to set an authenticator app up.
#[utoipa::path(post, path = "/api/v1/auth/mfa/setup", operation_id = "setUpApp", tag = "auth",
    security(("person" = [])), responses(
    (status = 200, description = "Show it to the app, then enable it with its first code.", body = Setup),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "Password or second factor were proved too long ago.", body = Envelope),
))]
pub(crate) async fn set_up<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let app = apps::set_up(&product, &caller).await?;
    Ok(axum::Json(Setup { secret: app.secret(), otpauth_url: app.url()? }).into_response())
}

/// A code of the app being set up.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enable {
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// A factor was added: every other session has ended, and this one goes on with new tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedBody {
    /// With the first factor: ten codes for the day when it is not at hand. They are never shown again.
    recovery_codes: Vec<String>,
    /// The new tokens; `null` when they are cookies.
    tokens: Option<Tokens>,
}

/// Answers that a factor was added.
async fn added<P: Product>(product: &P, caller: &Caller, headers: &HeaderMap, added: Added) -> Result<Response> {
    let Added { recovery_codes, opened, client } = added;
    let body = |tokens| axum::Json(AddedBody { recovery_codes, tokens }).into_response();
    api::hand_over(product, caller, (opened, client, api::delivery_of(headers)), body).await
}

/// Confirms the authenticator app by its first code.
#[utoipa::path(post, path = "/api/v1/auth/mfa/enable", operation_id = "enableApp", tag = "auth",
    security(("person" = [])), request_body = Enable, responses(
    (status = 200, description = "It works from now on.", body = AddedBody),
    (status = 400, description = "The code is none of the app's.", body = Envelope),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "Password or second factor were proved too long ago.", body = Envelope),
    (status = 409, description = "Nothing is being set up.", body = Envelope),
))]
pub(crate) async fn enable<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
    JsonFields(given): JsonFields<Enable>,
) -> Result<Response> {
    let confirmed = apps::confirm(&product, &caller, &given.code).await?;
    added(&product, &caller, &headers, confirmed).await
}

/// Removes the authenticator app.
#[utoipa::path(post, path = "/api/v1/auth/mfa/disable", operation_id = "disableApp", tag = "auth",
    security(("person" = [])), responses(
    (status = 204, description = "It is removed."),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The second factor was proved too long ago.", body = Envelope),
    (status = 404, description = "There is none.", body = Envelope),
    (status = 409, description = "The role demands a second factor, and it is the last one.", body = Envelope),
))]
pub(crate) async fn disable<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    super::remove_app(&product, &caller).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A set of recovery codes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Codes {
    /// Ten codes, each good for one sign-in. They are never shown again.
    recovery_codes: Vec<String>,
}

/// Makes a new set of recovery codes; the former set is over.
#[utoipa::path(post, path = "/api/v1/auth/mfa/recovery-codes", operation_id = "renewRecoveryCodes", tag = "auth",
    security(("person" = [])), responses(
    (status = 200, description = "The new set.", body = Codes),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The second factor was proved too long ago.", body = Envelope),
    (status = 409, description = "There is no second factor.", body = Envelope),
))]
pub(crate) async fn renew_codes<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let recovery_codes = super::renew_recovery_codes(&product, &caller).await?;
    Ok(axum::Json(Codes { recovery_codes }).into_response())
}

/// One proof of who one is.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reauthenticate {
    /// The password; where a second factor is demanded it does not do.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// A code of the authenticator app.
    #[schema(example = "123456")]
    code: Option<String>,
    /// A recovery code.
    recovery_code: Option<String>,
    /// A passkey's signature, as `PublicKeyCredential.toJSON()` gives it.
    #[schema(value_type = Option<Object>)]
    credential: Option<Signature>,
}

/// Proves once more who one is; the session goes on under a new id. The fifth wrong answer ends it.
#[utoipa::path(post, path = "/api/v1/auth/reauthenticate", operation_id = "reauthenticate", tag = "auth",
    security(("person" = [])), request_body = Reauthenticate, responses(
    (status = 200, description = "Proved; these tokens go on.", body = Tokens),
    (status = 204, description = "Proved; the cookies go on."),
    (status = 400, description = "Not one answer.", body = Envelope),
    (status = 401, description = "It does not fit, or the session has ended.", body = Envelope),
    (status = 422, description = "Passkeys cannot be used here.", body = Envelope),
    (status = 429, description = "The app's codes are paused.", body = Envelope),
))]
pub(crate) async fn reauthenticate<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
    JsonFields(given): JsonFields<Reauthenticate>,
) -> Result<Response> {
    let (app, realm) = (product.app(), &product.branding().realm);
    let Reauthenticate { password, code, recovery_code, credential } = given;
    let (opened, client) = match (password, code.is_some() || recovery_code.is_some() || credential.is_some()) {
        (Some(password), false) => step_up::by_password(app, &caller, realm, password).await?,
        (Some(_), true) => {
            let message = "Give the password or a second factor, not both.";
            return Err(Error::invalid(vec![Detail::new("password", "UNKNOWN", message)]));
        }
        (None, _) => step_up::by_factor(app, &caller, realm, answer_of(code, recovery_code, credential)?).await?,
    };
    let body = |tokens: Option<Tokens>| match tokens {
        Some(tokens) => axum::Json(tokens).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    api::hand_over(&product, &caller, (opened, client, api::delivery_of(&headers)), body).await
}
