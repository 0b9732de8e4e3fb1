//! Sessions for people's programs: list, end, and the choice when there are too many.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::sql::Listed;
use super::{end, end_others, list, offered, replace};
use crate::Result;
use crate::db::Caller;
use crate::error::Envelope;
use crate::identity::api::{Delivery, FurtherStep, Tokens, go_on};
use crate::identity::devices::words::Agent;
use crate::ids::SessionId;
use crate::limits::Group;
use crate::web::{self, Access, JsonFields, Lang, Method, Path, Product, Routes};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .api(Method::Get, "/api/v1/me/sessions", Access::Account, mine)
        .api(Method::Delete, "/api/v1/me/sessions", Access::Account, others)
        .api(Method::Delete, "/api/v1/me/sessions/{id}", Access::Account, one::<P>)
        .limited(Group::Auth, |doors| {
            doors.api(Method::Get, "/api/v1/auth/sessions/replace", Access::Public, choices::<P>).api(
                Method::Post,
                "/api/v1/auth/sessions/replace",
                Access::Public,
                choose::<P>,
            )
        })
}

/// An open session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    /// Its id.
    id: Uuid,
    /// `browser` or `api`.
    kind: String,
    /// Browser and system, in words.
    #[schema(example = "Firefox on Windows")]
    device: String,
    /// Where the sign-in came from.
    ip_address: Option<String>,
    /// The tenant it acts for.
    tenant_id: Uuid,
    /// Its name.
    tenant_name: String,
    /// Sign-in.
    created_at: DateTime<Utc>,
    /// Last use, to within five minutes.
    last_seen_at: DateTime<Utc>,
    /// Its end, whatever happens; of a program: unless it refreshes before.
    expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    current: bool,
}

/// Open sessions, the one used last first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// At most 100.
    data: Vec<Session>,
}

fn shown(listed: Vec<Listed>, lang: Lang, current: Option<SessionId>) -> Response {
    let session = |listed: Listed| Session {
        id: listed.id.0,
        device: Agent::of(listed.user_agent.as_deref()).in_words(lang),
        kind: listed.kind,
        ip_address: listed.ip_address,
        tenant_id: listed.tenant.0,
        tenant_name: listed.tenant_name,
        created_at: listed.created_at,
        last_seen_at: listed.last_seen_at,
        expires_at: listed.expires_at,
        current: current == Some(listed.id),
    };
    axum::Json(Sessions { data: listed.into_iter().map(session).collect() }).into_response()
}

/// The caller's open sessions.
#[utoipa::path(get, path = "/api/v1/me/sessions", operation_id = "listSessions", tag = "auth",
    security(("person" = []), ("session" = [])), responses(
    (status = 200, description = "The sessions.", body = Sessions),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
))]
pub(crate) async fn mine(caller: Caller) -> Result<Response> {
    let person = caller.person()?;
    let lang = Lang::parse(&person.language).unwrap_or(Lang::Fr);
    Ok(shown(list(&caller).await?, lang, Some(person.session)))
}

/// Ends every session of the caller but the one that asks.
#[utoipa::path(delete, path = "/api/v1/me/sessions", operation_id = "endOtherSessions", tag = "auth",
    security(("person" = []), ("session" = [])), responses(
    (status = 204, description = "They have ended, everywhere and at once."),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "AUTH_STEP_UP: prove once more who you are.", body = Envelope),
))]
pub(crate) async fn others(caller: Caller) -> Result<StatusCode> {
    end_others(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one of the caller's sessions.
///
/// Ending the one that asks is signing out, and needs no further proof.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", operation_id = "endSession", tag = "auth",
    params(("id" = Uuid, Path, description = "The session.")),
    security(("person" = []), ("session" = [])), responses(
    (status = 204, description = "It has ended, everywhere and at once."),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "AUTH_STEP_UP: prove once more who you are.", body = Envelope),
    (status = 404, description = "It is none of theirs, or has ended already.", body = Envelope),
))]
pub(crate) async fn one<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(session): Path<SessionId>,
) -> Result<Response> {
    let present = end(&caller, session).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if present {
        web::leave(&mut response, &product.branding().realm);
    }
    Ok(response)
}

/// Which session ends for a further one.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Replacement {
    /// Of the answer to the sign-in, which waits for `sessionToEnd`.
    challenge_token: String,
    /// One of the sessions offered.
    end_session_id: Uuid,
    /// Where the tokens go.
    #[serde(default)]
    delivery: Delivery,
}

/// The sessions one of which must end before a sign-in goes on.
#[utoipa::path(get, path = "/api/v1/auth/sessions/replace", operation_id = "listReplaceableSessions", tag = "auth",
    params(("Authorization" = String, Header, description = "Bearer, and the challengeToken of the sign-in.")),
    responses(
    (status = 200, description = "The sessions.", body = Sessions),
    (status = 401, description = "The sign-in is over.", body = Envelope),
))]
pub(crate) async fn choices<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let sessions = offered(&caller, &product.branding().realm, secret).await?;
    Ok(shown(sessions, Lang::En, None))
}

/// Ends the chosen session and goes on with the sign-in.
#[utoipa::path(post, path = "/api/v1/auth/sessions/replace", operation_id = "replaceSession", tag = "auth",
    request_body = Replacement, responses(
    (status = 200, description = "Signed in.", body = Tokens),
    (status = 202, description = "Another sign-in was faster: choose once more.", body = FurtherStep),
    (status = 400, description = "A field is missing or wrong.", body = Envelope),
    (status = 401, description = "The sign-in is over, or was gone on with already.", body = Envelope),
    (status = 404, description = "The session is none of theirs.", body = Envelope),
))]
pub(crate) async fn choose<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(body): JsonFields<Replacement>,
) -> Result<Response> {
    let (app, realm, chosen) = (product.app(), &product.branding().realm, SessionId(body.end_session_id));
    let step = replace(app, &caller, realm, &body.challenge_token, chosen).await?;
    go_on(&product, &caller, body.delivery, step).await
}
