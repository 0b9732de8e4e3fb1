//! Tenants of every product: who there is, and suspending them.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;

use super::{MANAGE_TENANTS, Platform, TENANT};
use crate::access::Resource;
use crate::error::Detail;
use crate::ids::TenantId;
use crate::limits::tenants::{self, ROWS, Tenant};
use crate::web::{
    Access, FieldError, Form, Method, Page, Path, Product, Query, Routes, field_errors, html, problem, see_other,
};
use crate::{Caller, Error, Result};

const PATH: &str = "/platform/tenants";

pub(super) fn routes(routes: Routes<Platform>) -> Routes<Platform> {
    let manage = Access::To(MANAGE_TENANTS);
    routes
        .page(Method::Get, "/tenants", manage, list)
        .page(Method::Post, "/tenants/{tenant}/suspend", manage, suspend)
        .page(Method::Post, "/tenants/{tenant}/resume", manage, resume)
}

#[derive(Template)]
#[template(path = "platform/tenants.html")]
struct TenantsPage {
    page: Page,
    wanted: Wanted,
    tenants: Vec<Tenant>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
    /// The tenant whose form was refused.
    refused: Option<TenantId>,
    problems: Vec<FieldError>,
}

impl TenantsPage {
    fn time(at: &DateTime<Utc>) -> String {
        super::time(at)
    }

    fn problem(&self, tenant: &Tenant) -> Option<&str> {
        let here = self.refused.is_some_and(|refused| refused.0 == tenant.id);
        problem(&self.problems, &format!("reason-{}", tenant.id)).filter(|_| here)
    }
}

#[derive(Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: i32,
}

async fn list(
    State(product): State<Platform>,
    caller: Caller,
    page: Page,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    show(&product, &caller, (page, wanted), None).await
}

async fn show(
    product: &Platform,
    caller: &Caller,
    (page, wanted): (Page, Wanted),
    refused: Option<(TenantId, &Error)>,
) -> Result<Response> {
    decide(product, caller)?;
    let number = wanted.page.max(1);
    let (tenants, total) = tenants::list(&product.app().db, &wanted.q, number).await?;
    let rows = i64::from(ROWS);
    let before = i64::from(number - 1) * rows;
    let shown = i64::try_from(tenants.len()).unwrap_or_default();
    let address = |number: i32| {
        let query = serde_html_form::to_string([("q", wanted.q.as_str()), ("page", &number.to_string())]);
        format!("{PATH}?{}", query.unwrap_or_default())
    };
    let (status, problems) = match refused {
        Some((tenant, error)) => {
            let fault = Detail::new(format!("reason-{tenant}"), "REQUIRED", "limits-reason-error");
            (error.status, field_errors(&page, &[fault]))
        }
        None => (StatusCode::OK, Vec::new()),
    };
    let list = TenantsPage {
        previous: (number > 1).then(|| address(number - 1)),
        next: (before + shown < total).then(|| address(number + 1)),
        first: if shown == 0 { 0 } else { before + 1 },
        last: before + shown,
        refused: refused.map(|(tenant, _)| tenant),
        problems,
        page,
        wanted,
        tenants,
        total,
    };
    Ok((status, html(&list)?).into_response())
}

/// Whether the caller may manage tenants.
fn decide(product: &Platform, caller: &Caller) -> Result<()> {
    let may = product.policies().allows(caller.person()?, MANAGE_TENANTS, &Resource::of(TENANT.0));
    if may { Ok(()) } else { Err(Error::forbidden()) }
}

#[derive(Deserialize)]
struct Suspension {
    #[serde(default)]
    reason: String,
}

async fn suspend(
    State(product): State<Platform>,
    caller: Caller,
    page: Page,
    Path(tenant): Path<TenantId>,
    Form(form): Form<Suspension>,
) -> Result<Response> {
    decide(&product, &caller)?;
    match tenants::suspend(&caller, tenant, &form.reason).await {
        Ok(()) => Ok(see_other(&format!("{PATH}?notice=tenant-suspended"))),
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let wanted = Wanted { q: tenant.to_string(), page: 1 };
            show(&product, &caller, (page, wanted), Some((tenant, &error))).await
        }
        Err(error) => Err(error),
    }
}

async fn resume(State(product): State<Platform>, caller: Caller, Path(tenant): Path<TenantId>) -> Result<Response> {
    decide(&product, &caller)?;
    tenants::resume(&caller, tenant).await?;
    Ok(see_other(&format!("{PATH}?notice=tenant-resumed")))
}
