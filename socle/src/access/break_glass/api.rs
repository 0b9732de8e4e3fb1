//! Break-glass for programs. A product that mounts it merges [`Document`] into its API's description.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Opening, OpeningId, Seen, Verdict, Wish, actions};
use crate::error::Envelope;
use crate::web::{JsonFields, Path, Product};
use crate::{Caller, Result};

/// What the API says of break-glass.
#[derive(utoipa::OpenApi)]
#[openapi(paths(ask, mine, end, queue, review))]
pub struct Document;

/// The same as a value.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    <Document as utoipa::OpenApi>::openapi()
}

/// What somebody asks for.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asking {
    /// The kind of record.
    #[schema(example = "Case")]
    kind: String,
    /// The one record.
    record_id: Uuid,
    /// Why, in 10 to 1000 characters. It is kept sealed, for the reviewers.
    #[schema(example = "Patiente sans connaissance, allergies inconnues.")]
    reason: String,
}

/// A record that is open.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// Id of the opening.
    id: Uuid,
    /// The kind of record.
    kind: String,
    /// The record.
    record_id: Uuid,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// When it closes by itself; nothing prolongs it.
    expires_at: DateTime<Utc>,
}

impl From<Opening> for Opened {
    fn from(opening: Opening) -> Self {
        let Opening { id, kind, record, opened_at, expires_at, .. } = opening;
        Self { id: id.0, kind, record_id: record, opened_at, expires_at }
    }
}

/// What the caller has open.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Mine {
    /// `null` when nothing is.
    open: Option<Opened>,
}

/// An opening, as reviewers see it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reviewed {
    /// The opening.
    #[serde(flatten)]
    opened: Opened,
    /// Whose it was.
    account_id: Uuid,
    /// Their name at that time.
    person: String,
    /// The reason given.
    reason: String,
    /// How often the record was used through it.
    uses: i32,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// What was said of it; `null` while nobody has.
    verdict: Option<Verdict>,
    /// The reviewer's note.
    note: Option<String>,
    /// The reviewer.
    reviewed_by: Option<String>,
    /// When.
    reviewed_at: Option<DateTime<Utc>>,
}

impl From<Seen> for Reviewed {
    fn from(seen: Seen) -> Self {
        let (account_id, review) = (seen.opening.account.0, seen.review.as_ref());
        Self {
            account_id,
            verdict: review.map(|review| review.verdict),
            note: review.map(|review| review.note.clone()),
            reviewed_by: review.map(|review| review.reviewer.clone()),
            reviewed_at: review.map(|review| review.at),
            opened: seen.opening.into(),
            person: seen.person,
            reason: seen.reason,
            uses: seen.uses,
            ended_at: seen.ended_at,
        }
    }
}

/// What waits for a review, oldest first, then what was reviewed last: 200 of each at most.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Reviews {
    /// The openings.
    data: Vec<Reviewed>,
}

/// What a reviewer says.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Review {
    /// Whether it was justified.
    verdict: Verdict,
    /// Up to 1000 characters; at least 10 when it was not justified.
    #[serde(default)]
    note: String,
}

/// Opens one record for 30 minutes, in this session.
#[utoipa::path(post, path = "/api/v1/break-glass", tag = "break-glass", security(("person" = [])), request_body = Asking,
responses(
    (status = 201, description = "It is open.", body = Opened),
    (status = 400, description = "The reason will not do.", body = Envelope),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The role may not, or the second factor must be proved once more.", body = Envelope),
    (status = 404, description = "There is no such record.", body = Envelope),
    (status = 409, description = "One is open already.", body = Envelope),
    (status = 422, description = "Records of this kind are never opened.", body = Envelope),
))]
pub(super) async fn ask<P: Product>(
    State(product): State<P>,
    caller: Caller,
    JsonFields(asking): JsonFields<Asking>,
) -> Result<Response> {
    let wish = Wish { kind: asking.kind, record: asking.record_id, reason: asking.reason };
    let opened = actions::ask(&product, &caller, wish).await?;
    Ok((StatusCode::CREATED, axum::Json(Opened::from(opened))).into_response())
}

/// What the caller has open.
#[utoipa::path(get, path = "/api/v1/break-glass", tag = "break-glass", security(("person" = [])), responses(
    (status = 200, description = "What is open, or null.", body = Mine),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The role may not ask for it.", body = Envelope),
))]
pub(super) async fn mine<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let open = actions::mine(&product, &caller).await?.map(Opened::from);
    Ok(axum::Json(Mine { open }).into_response())
}

/// Ends it before its time: one's own, or as a reviewer anybody's.
#[utoipa::path(delete, path = "/api/v1/break-glass/{id}", tag = "break-glass", security(("person" = [])),
params(("id" = Uuid, Path, description = "The opening.")), responses(
    (status = 204, description = "It has ended."),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 404, description = "It is not open, or not theirs.", body = Envelope),
))]
pub(super) async fn end<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(id): Path<OpeningId>,
) -> Result<StatusCode> {
    actions::end(&product, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The reviewers' list.
#[utoipa::path(get, path = "/api/v1/break-glass/reviews", tag = "break-glass", security(("person" = [])), responses(
    (status = 200, description = "What waits, then what was reviewed last.", body = Reviews),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The role may not review.", body = Envelope),
))]
pub(super) async fn queue<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    let data = actions::queue(&product, &caller).await?.into_iter().map(Reviewed::from).collect();
    Ok(axum::Json(Reviews { data }).into_response())
}

/// Says whether it was justified.
#[utoipa::path(post, path = "/api/v1/break-glass/{id}/review", tag = "break-glass", security(("person" = [])),
params(("id" = Uuid, Path, description = "The opening.")), request_body = Review, responses(
    (status = 204, description = "It is reviewed."),
    (status = 400, description = "The note will not do.", body = Envelope),
    (status = 401, description = "Nobody is signed in.", body = Envelope),
    (status = 403, description = "The role may not review, or it is one's own.", body = Envelope),
    (status = 404, description = "There is no such opening.", body = Envelope),
    (status = 409, description = "It is still open, or was reviewed already.", body = Envelope),
))]
pub(super) async fn review<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Path(id): Path<OpeningId>,
    JsonFields(said): JsonFields<Review>,
) -> Result<StatusCode> {
    actions::review(&product, &caller, id, (said.verdict, &said.note)).await?;
    Ok(StatusCode::NO_CONTENT)
}
