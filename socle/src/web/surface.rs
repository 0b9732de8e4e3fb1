//! Headers of every answer of the site, whoever made it: products, assets, health, the list of products.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::config::Config;

/// The value of `Strict-Transport-Security`, when the site is reached over https: in production, and wherever the public
/// address says so.
pub(super) fn strict_transport(config: &Config) -> Option<HeaderValue> {
    config.hsts().and_then(|value| HeaderValue::from_str(value).ok())
}

/// Adds what the answer does not say already.
pub(super) async fn cover(strict_transport: Option<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(value) = strict_transport {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    plain(response.headers_mut());
    response
}

/// What holds for files and for `/health` too.
fn plain(headers: &mut HeaderMap) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        // What has no page of its own needs nothing; but a worker lives under its script's policy, not its page's.
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
