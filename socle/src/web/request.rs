//! Facts about a request: its id, its address, where it was sent from.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::Lang;
use crate::db::Trace;
use crate::{Error, Result, ids};

/// The trace of a request. A forwarded address is believed only from the configured proxy.
pub(super) fn trace(parts: &Parts, trusted: Option<IpAddr>, now: chrono::DateTime<chrono::Utc>) -> Trace {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let forwarded = peer.filter(|ip| Some(*ip) == trusted).and_then(|_| forwarded_for(&parts.headers));
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
    Trace {
        request_id: format!("req_{}", ids::fresh(now).simple()),
        ip: forwarded.or(peer),
        user_agent: user_agent.map(|agent| agent.chars().take(300).collect()),
        started: Some(Instant::now()),
    }
}

/// The last address a proxy appended: the one it saw itself.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let list = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    list.rsplit(',').next()?.trim().parse().ok()
}

/// The language: the choice kept in a cookie, else what the browser accepts.
pub(super) fn language(headers: &HeaderMap) -> Lang {
    if let Some(chosen) = super::session::cookie(headers, "lang").as_deref().and_then(Lang::parse) {
        return chosen;
    }
    headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).map_or(Lang::Fr, Lang::negotiate)
}

/// Refuses a state change that another site asked for: `Sec-Fetch-Site` where the browser sends it, else `Origin`
/// against `Host`. A request with neither is no browser's, and carries no ambient cookie worth forging.
pub(super) fn refuse_foreign(method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let foreign = || Err(Error { code: "AUTHZ_ORIGIN".into(), ..Error::forbidden() });
    match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => return Ok(()),
        Some(_) => return foreign(),
        None => {}
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let origin = origin.to_str().unwrap_or_default();
    let same = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
    if same { Ok(()) } else { foreign() }
}
