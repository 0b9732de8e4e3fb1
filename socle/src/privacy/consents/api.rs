//! Consents for people's programs, in the names of specs/axtech.md.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Channel, Given, Shown};
use crate::error::Detail;
use crate::web::{Access, JsonFields, Lang, Method, Path, Product, Routes};
use crate::{Caller, Error, Result};

/// What the API's document says of consents.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, give, withdraw))]
pub struct Document;

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .api(Method::Get, "/api/v1/me/consents", Access::SignedIn, list::<P>)
        .api(Method::Post, "/api/v1/me/consents", Access::SignedIn, give::<P>)
        .api(Method::Delete, "/api/v1/me/consents/{type}", Access::SignedIn, withdraw::<P>)
}

/// The texts asked for, and what was agreed to.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consents {
    /// What the product asks for now.
    asked: Vec<Asked>,
    /// Every consent ever given, newest first.
    data: Vec<Consent>,
}

/// A text that people are asked to agree to.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The purpose.
    #[schema(example = "HEALTH_DATA")]
    consent_type: &'static str,
    /// Version of the text.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// The text, in the account's language.
    text: String,
    /// SHA-256 of the text, in hexadecimal.
    text_hash: String,
    /// Whether it can be withdrawn.
    withdrawable: bool,
    /// Whether a consent that holds was given.
    given: bool,
}

/// A consent.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Id.
    id: uuid::Uuid,
    /// The purpose.
    consent_type: String,
    /// Version of the text.
    version: String,
    /// SHA-256 of the text that was shown, in hexadecimal.
    text_hash: String,
    /// Language it was shown in.
    language: String,
    /// `page` or `api`.
    channel: String,
    /// From which address.
    ip_address: Option<String>,
    /// With which browser or program.
    user_agent: Option<String>,
    /// When.
    consented_at: DateTime<Utc>,
    /// When it was withdrawn.
    withdrawn_at: Option<DateTime<Utc>>,
    /// When a later version took its place.
    closed_at: Option<DateTime<Utc>>,
}

impl From<Given> for Consent {
    fn from(given: Given) -> Self {
        Self {
            id: given.id.0,
            consent_type: given.consent_type,
            version: given.version,
            text_hash: given.text_hash,
            language: given.language,
            channel: given.channel,
            ip_address: given.ip_address,
            user_agent: given.user_agent,
            consented_at: given.consented_at,
            withdrawn_at: given.withdrawn_at,
            closed_at: given.closed_at,
        }
    }
}

/// What is agreed to.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Agreement {
    /// The purpose.
    #[schema(example = "HEALTH_DATA")]
    consent_type: String,
    /// The version that was shown.
    #[schema(example = "1.0.0")]
    version: String,
    /// The language it was shown in: `fr` or `en`.
    #[schema(example = "fr")]
    language: String,
}

/// What is asked for, and every consent of the person.
#[utoipa::path(get, path = "/api/v1/me/consents", tag = "me", security(("person" = [])), responses(
    (status = 200, description = "Texts and consents.", body = Consents),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
))]
pub(crate) async fn list<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let history = super::history(&caller).await?;
    let lang = Lang::parse(&caller.person()?.language).unwrap_or(Lang::Fr);
    let asked = product.consents().iter().map(|text| Asked {
        consent_type: text.kind,
        version: text.version,
        text: product.branding().texts.text(lang, text.body),
        text_hash: text.hash(&product, lang),
        withdrawable: text.stops.is_some(),
        given: history.iter().any(|given| text.holds(given)),
    });
    let asked = asked.collect();
    Ok(axum::Json(Consents { asked, data: history.into_iter().map(Consent::from).collect() }).into_response())
}

/// Gives a consent.
#[utoipa::path(post, path = "/api/v1/me/consents", tag = "me", security(("person" = [])), request_body = Agreement,
    responses(
    (status = 204, description = "It is given; given before, it is the same one."),
    (status = 400, description = "A field is wrong.", body = crate::error::Envelope),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 404, description = "No such consent is asked for.", body = crate::error::Envelope),
    (status = 409, description = "The text is another by now.", body = crate::error::Envelope),
))]
pub(crate) async fn give<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(agreement): JsonFields<Agreement>,
) -> Result<Response> {
    let Agreement { consent_type, version, language } = &agreement;
    let language = Lang::parse(language)
        .ok_or_else(|| Error::invalid(vec![Detail::new("language", "INVALID_FORMAT", "language is fr or en.")]))?;
    let shown = Shown { kind: consent_type, version, language, channel: Channel::Api };
    super::give(&product, &caller, shown).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Withdraws a consent: what needs it is refused from the next request on.
#[utoipa::path(delete, path = "/api/v1/me/consents/{type}", tag = "me", security(("person" = [])),
    params(("type" = String, Path, description = "The purpose.", example = "HEALTH_DATA")), responses(
    (status = 204, description = "It is withdrawn; the record stays."),
    (status = 401, description = "Nobody is signed in.", body = crate::error::Envelope),
    (status = 404, description = "There is none to withdraw.", body = crate::error::Envelope),
    (status = 422, description = "It cannot be withdrawn while the account is used.", body = crate::error::Envelope),
))]
pub(crate) async fn withdraw<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(kind): Path<String>,
) -> Result<Response> {
    super::withdraw(&product, &caller, &kind).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
