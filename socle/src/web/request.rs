//! Facts about a request: its id, its address, where it was sent from.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use ipnet::IpNet;

use super::Lang;
use crate::db::Trace;
use crate::{Error, Result, ids};

/// The trace of a request. A forwarded address is believed only from the configured proxies.
pub(super) fn trace(parts: &Parts, trusted: &[IpNet], now: chrono::DateTime<chrono::Utc>) -> Trace {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
    Trace {
        request_id: format!("req_{}", ids::fresh(now).simple()),
        ip: peer.map(|peer| client(peer, &parts.headers, trusted)),
        user_agent: user_agent.map(|agent| agent.chars().take(300).collect()),
        started: Some(Instant::now()),
    }
}

/// Who really asks: from the right, the first address that is no proxy of ours. Each proxy appends whom it saw itself, so
/// what stands further left is only what that one said. Where it cannot be read, the proxy that passed it on is all we know.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let ours = |ip: &IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut nearest = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')).map(address);
    while ours(&nearest) {
        match hops.next() {
            Some(Some(hop)) => nearest = hop,
            Some(None) | None => break,
        }
    }
    nearest
}

/// An address as proxies write it: with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let alone = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    alone.map(|ip| ip.to_canonical())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn without_a_configured_proxy_nothing_forwarded_is_believed() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_proxies_the_rightmost_address_that_is_no_proxy_counts() {
        let proxies = &["10.0.0.0/8", "192.0.2.7/32"];
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 198.51.100.1, 192.0.2.7"], proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.9.9.9"], proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1:4711"], proxies), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:443"], proxies), "2001:db8::1");
        assert_eq!(seen("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], proxies), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_is_not_stepped_over() {
        let proxies = &["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, unknown"], proxies), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, , 10.0.0.2"], proxies), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", &[], proxies), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"], proxies), "10.0.0.3");
    }
}
