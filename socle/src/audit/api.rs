//! The trail for programs, in the words of the product's specification.
#![expect(unused_qualifications, reason = "the documentation macro writes paths in full")]

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::search::{Filter, tenant_of};
use super::shapes::Shaped;
use super::{Entry, pages, record, sql};
use crate::error::Envelope;
use crate::web::cursor::{Cursor, Pagination, Paging};
use crate::web::{Product, Query};
use crate::{Caller, Error, Result};

/// What an API's document says of the trail; for products that mount [`super::routes`].
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, pages::export))]
pub struct Document;

/// How much of the trail is asked for.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Turn {
    /// Rows of the answer, 20 by default.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100, example = 20)]
    limit: Option<String>,
    /// pagination.cursor of the answer before.
    cursor: Option<String>,
}

/// Rows of the audit trail, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLogs {
    /// The page.
    data: Vec<Shaped>,
    /// Where it goes on.
    pagination: Pagination,
}

/// The organisation's audit trail, newest first. Reading it is itself recorded.
#[utoipa::path(
    get,
    path = "/api/v1/audit-logs",
    operation_id = "listAuditLogs",
    tag = "audit",
    params(Filter, Turn),
    responses(
        (status = 200, description = "A page of the trail.", body = AuditLogs),
        (status = 400, description = "A field of the query cannot be read; see details.", body = Envelope),
        (status = 403, description = "Your role does not see the trail.", body = Envelope),
        (status = "default", description = "Any other refusal or failure.", body = Envelope),
    ),
    security(("person" = []), ("session" = [])),
)]
pub(super) async fn list<P: Product>(
    State(product): State<P>,
    caller: Caller,
    Query(filter): Query<Filter>,
    Query(turn): Query<Turn>,
) -> Result<Response> {
    let paging = Paging::read(turn.limit.as_deref(), turn.cursor.as_deref());
    let (wanted, paging) = match (filter.wanted(&caller), paging) {
        (Ok(wanted), Ok(paging)) => (wanted, paging),
        (wanted, paging) => {
            let faults = wanted.err().into_iter().chain(paging.err()).flatten().collect();
            return Err(Error::invalid(faults));
        }
    };
    let mut tx = caller.begin().await?;
    let rows = sql::rows(&mut tx, &wanted, (paging.after(), false), paging.rows()).await?;
    record(&mut tx, Entry::done("audit.viewed", "AuditLog", tenant_of(&caller)?.0)).await?;
    tx.commit().await?;
    let (rows, pagination) = paging.cut(rows, |row| Cursor { at: row.occurred_at, id: row.id });
    let shape = product.audit_shape();
    let data = rows.into_iter().map(|row| shape.show(row)).collect();
    Ok(axum::Json(AuditLogs { data, pagination }).into_response())
}
