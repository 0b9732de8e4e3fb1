//! Asking for an export and downloading it. The page itself is `/account/data`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;

use super::{Download, ExportId};
use crate::privacy::PAGE;
use crate::web::{Access, Method, Page, Path, Product, Query, Routes, see_other};
use crate::{Caller, Result};

pub(super) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Post, "/account/data/exports", Access::SignedIn, ask::<P>)
        .page(Method::Post, "/account/data/exports/{id}", Access::SignedIn, link::<P>)
        .page(Method::Get, "/account/data/download", Access::SignedIn, download::<P>)
}

async fn ask<P: Product>(State(product): State<P>, caller: Caller, page: Page) -> Result<Response> {
    let base = product.branding().base;
    match super::ask(&caller, page.language()).await {
        // A second click: it is being put together, which is what was asked for.
        Err(error) if error.code == "BIZ_EXPORT_EXISTS" => {}
        other => drop(other?),
    }
    Ok(see_other(&format!("{base}{PAGE}?notice=export-asked")))
}

async fn link<P: Product>(State(product): State<P>, caller: Caller, Path(id): Path<ExportId>) -> Result<Response> {
    let secret = super::link(&caller, id).await?;
    Ok(see_other(&format!("{}/account/data/download?link={secret}", product.branding().base)))
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    link: String,
}

async fn download<P: Product>(State(product): State<P>, caller: Caller, Query(query): Query<Link>) -> Result<Response> {
    let Download { body, bytes, asked_at } = super::download(product.app(), &caller, &query.link).await?;
    let name = format!("{}-{}.zip", product.branding().realm.name, asked_at.format("%Y-%m-%d"));
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    Ok((headers, body).into_response())
}
