//! The pages of sessions: the list with its ends, and the choice when there are too many.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::sql::Listed;
use super::{end, end_others, list, offered, replace};
use crate::db::Caller;
use crate::identity::devices::words::Agent;
use crate::identity::pages::{go_on, signed_out};
use crate::ids::SessionId;
use crate::web::instants::{instant, zone_of};
use crate::web::{self, Access, Form, Lang, Method, Page, Path, Product, Query, Routes, SideCookie, html, see_other};
use crate::{Error, Result};

pub(in crate::identity) fn routes<P: Product>(routes: Routes<P>) -> Routes<P> {
    routes
        .page(Method::Get, "/account/sessions", Access::Account, show)
        .page(Method::Post, "/account/sessions/end_others", Access::Account, others::<P>)
        .page(Method::Post, "/account/sessions/{id}/end", Access::Account, one::<P>)
        .page(Method::Get, "/sign_in/sessions", Access::Public, choose::<P>)
        .page(Method::Post, "/sign_in/sessions", Access::Public, chosen::<P>)
}

/// A session in the words of the page's language.
struct Row {
    id: String,
    device: String,
    program: bool,
    place: String,
    tenant: String,
    begun: String,
    seen: String,
    present: bool,
}

fn row(listed: &Listed, (zone, lang): (Tz, Lang), present: Option<SessionId>) -> Row {
    Row {
        id: listed.id.to_string(),
        device: Agent::of(listed.user_agent.as_deref()).in_words(lang),
        program: listed.kind == "api",
        place: listed.ip_address.clone().unwrap_or_else(|| "?".to_owned()),
        tenant: listed.tenant_name.clone(),
        begun: instant(listed.created_at, zone, lang),
        seen: instant(listed.last_seen_at, zone, lang),
        present: present == Some(listed.id),
    }
}

#[derive(Template)]
#[template(path = "sessions/list.html")]
struct Sessions {
    page: Page,
    sessions: Vec<Row>,
}

async fn show(caller: Caller, page: Page) -> Result<Response> {
    let (words, present) = ((zone_of(&caller), page.language()), caller.person()?.session);
    let sessions = list(&caller).await?.iter().map(|listed| row(listed, words, Some(present))).collect();
    Ok(html(&Sessions { page, sessions })?.into_response())
}

async fn one<P: Product>(State(product): State<P>, caller: Caller, Path(session): Path<SessionId>) -> Result<Response> {
    let present = end(&caller, session).await?;
    Ok(after(&product, present, "sessions?notice=session-ended"))
}

async fn others<P: Product>(State(product): State<P>, caller: Caller) -> Result<Response> {
    end_others(&caller).await?;
    Ok(after(&product, false, "sessions?notice=sessions-ended"))
}

/// Back to a list of the account; whose own session has ended is signed out.
pub(in crate::identity) fn after<P: Product>(product: &P, own: bool, list: &str) -> Response {
    if own { signed_out(product) } else { see_other(&format!("{}/account/{list}", product.branding().base)) }
}

#[derive(Template)]
#[template(path = "sessions/choose.html")]
struct Choose {
    page: Page,
    sessions: Vec<Row>,
    next: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    session: String,
    #[serde(default)]
    next: String,
}

async fn choose<P: Product>(
    State(product): State<P>,
    caller: Caller,
    page: Page,
    headers: HeaderMap,
    Query(query): Query<Next>,
) -> Result<Response> {
    let realm = &product.branding().realm;
    let secret = web::side_cookie(&headers, realm, SideCookie::Step).unwrap_or_default();
    let words = (zone_of(&caller), page.language());
    match offered(&caller, realm, &secret).await {
        Ok(sessions) => {
            let sessions = sessions.iter().map(|listed| row(listed, words, None)).collect();
            Ok(html(&Choose { page, sessions, next: query.next })?.into_response())
        }
        Err(error) => begin_again(&product, error, &query.next),
    }
}

async fn chosen<P: Product>(
    State(product): State<P>,
    caller: Caller,
    headers: HeaderMap,
    Form(form): Form<Chosen>,
) -> Result<Response> {
    let realm = &product.branding().realm;
    let secret = web::side_cookie(&headers, realm, SideCookie::Step).unwrap_or_default();
    let session = form.session.parse().map_err(|_| Error::not_found())?;
    match replace(product.app(), &caller, realm, &secret, session).await {
        Ok(step) => Ok(go_on(&product, &step, &form.next)),
        Err(error) => begin_again(&product, error, &form.next),
    }
}

/// A sign-in that is over begins again with address and password; any other refusal stays.
fn begin_again<P: Product>(product: &P, error: Error, next: &str) -> Result<Response> {
    if error.status != StatusCode::UNAUTHORIZED {
        return Err(error);
    }
    let query = serde_html_form::to_string([("next", next)]).unwrap_or_default();
    Ok(see_other(&format!("{}/sign_in?{query}", product.branding().base)))
}
