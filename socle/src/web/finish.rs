//! The outermost layer of a product: trace, foreign requests, the body of every error, headers, one log line.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::page::{ErrorPage, Page, html};
use super::{Product, request as facts};
use crate::Error;
use crate::db::{Caller, Trace};

/// Scripts, styles, fonts and connections from this origin only; nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";

pub(super) async fn finish<P: Product>(State(product): State<P>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let now = product.app().clock.now();
    let (mut parts, body) = request.into_parts();
    let trace = facts::trace(&parts, product.app().config.http.trusted_proxy, now);
    parts.extensions.insert(trace.clone());
    let method = parts.method.clone();
    let path = parts.uri.path().to_owned();
    let page = Page::for_anybody(&product, &parts);
    let as_json = wants_json(&path, &parts.headers);
    let foreign = facts::refuse_foreign(&method, &parts.headers);

    let mut response = match foreign {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    };
    if let Some(error) = error_of(&response) {
        log_failure(&error, &trace);
        let extensions = std::mem::take(response.extensions_mut());
        let page = match caller_of(&extensions) {
            Some(caller) => page.for_caller(&product, caller),
            None => page,
        };
        response = body_of(&error, &trace, now, if as_json { None } else { Some(page) });
        *response.extensions_mut() = extensions;
    }
    headers(response.headers_mut(), &trace);
    tracing::info!(
        request_id = trace.request_id,
        method = method.as_str(),
        path,
        status = response.status().as_u16(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        ip = trace.ip.map(crate::logging::mask_ip),
        "request"
    );
    response
}

/// Paths of the API, and whoever does not ask for HTML, get JSON.
fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    path.starts_with("/api/") || !accepts.contains("text/html")
}

/// The error of an answer: ours, or one the framework made (405, 408, a caught panic).
fn error_of(response: &Response) -> Option<Error> {
    if let Some(error) = response.extensions().get::<Error>() {
        return Some(error.clone());
    }
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Error {
            status: StatusCode::METHOD_NOT_ALLOWED,
            ..Error::malformed("This address does not take that method.")
        }),
        StatusCode::REQUEST_TIMEOUT => Some(Error {
            status: StatusCode::REQUEST_TIMEOUT,
            ..Error::malformed("The request took too long to arrive; send it again.")
        }),
        StatusCode::INTERNAL_SERVER_ERROR => Some(Error::internal("a handler panicked")),
        _ => None,
    }
}

fn log_failure(error: &Error, trace: &Trace) {
    if error.status.is_server_error() {
        tracing::error!(request_id = trace.request_id, code = %error.code, cause = error.cause, "request failed");
    } else if let Some(cause) = &error.cause {
        tracing::warn!(request_id = trace.request_id, code = %error.code, cause, "request refused by the database");
    }
}

fn body_of(error: &Error, trace: &Trace, now: chrono::DateTime<chrono::Utc>, page: Option<Page>) -> Response {
    let retry_after = error.retry_after;
    let status = error.status;
    let mut response = match page {
        Some(page) => error_page(error, trace, page),
        None => {
            let envelope = json!({"error": {
                "code": error.code, "message": error.message, "details": error.details,
                "requestId": trace.request_id, "timestamp": now,
            }});
            (status, axum::Json(envelope)).into_response()
        }
    };
    if let Some(value) = retry_after.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn error_page(error: &Error, trace: &Trace, page: Page) -> Response {
    let status = error.status.as_u16();
    let key = match status {
        400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 503 => status,
        405 | 408 => 400,
        _ => 500,
    };
    let template = ErrorPage {
        status,
        title: page.t(&format!("error-{key}-title")),
        message: page.t(&format!("error-{key}")),
        request_id: trace.request_id.clone(),
        home: format!("{}/", page.base),
        page,
    };
    match html(&template) {
        Ok(body) => (error.status, body).into_response(),
        Err(broken) => {
            tracing::error!(cause = broken.cause, "the error page is broken");
            error.status.into_response()
        }
    }
}

fn headers(headers: &mut HeaderMap, trace: &Trace) {
    if let Ok(id) = HeaderValue::from_str(&trace.request_id) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("permissions-policy", HeaderValue::from_static("camera=(self), microphone=(), geolocation=()"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The caller of a request that has passed its gate; anonymous for an error before it.
pub(super) fn caller_of(extensions: &http::Extensions) -> Option<&Caller> {
    extensions.get::<Caller>()
}
