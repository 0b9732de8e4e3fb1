//! The outermost layer of a product: trace, foreign requests, the body of every error, headers, one log line, figures.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use tracing::{Instrument, Span};

use super::page::{ErrorPage, Page, html};
use super::{Product, compression, request as facts};
use crate::db::{Caller, Trace};
use crate::error::{self, Envelope, Error};
use crate::limits::Standing;
use crate::ops::{metrics, traces};

/// Scripts, styles, fonts and connections from this origin only; nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";

/// No page of ours asks for any of these, save one that scans a code: [`with_camera`].
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=()";

/// Lets the page that this answer holds ask its reader for the camera.
#[must_use]
pub fn with_camera(mut response: Response) -> Response {
    let allowed = HeaderValue::from_static("camera=(self), microphone=(), geolocation=()");
    response.headers_mut().insert("permissions-policy", allowed);
    response
}

/// What a request asked for, kept until it is answered.
struct Asked {
    method: Method,
    path: String,
    /// The route's template with the product's base.
    template: String,
    trace: Trace,
    span: Span,
    started: Instant,
}

pub(super) async fn finish<P: Product>(State(product): State<P>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let now = product.app().clock.now();
    let (mut parts, body) = request.into_parts();
    let trace = facts::trace(&parts, &product.app().config.http.trusted_proxies, now);
    parts.extensions.insert(trace.clone());
    let template = template(&parts.extensions).to_owned();
    let span = traces::request_span(metrics::verb(&parts.method), &template, &trace.request_id, &parts.headers);
    let path = parts.uri.path().to_owned();
    let asked = Asked { method: parts.method.clone(), path, template, trace, span, started };
    let page = Page::for_anybody(&product, &parts);
    let as_json = wants_json(&asked.path, &parts.headers);

    let mut response = match facts::refuse_foreign(&asked.method, &parts.headers) {
        Ok(()) => next.run(Request::from_parts(parts, body)).instrument(asked.span.clone()).await,
        Err(error) => error.into_response(),
    };
    if let Some(error) = error_of(&response) {
        asked.span.in_scope(|| log_failure(&error, &asked.trace));
        let extensions = std::mem::take(response.extensions_mut());
        // Of a range that is not there: how long the whole is.
        let place = response.headers_mut().remove(header::CONTENT_RANGE);
        let page = match caller_of(&extensions) {
            Some(caller) => page.for_caller(&product, caller),
            None => page,
        };
        response = if as_json { envelope(&error, &asked.trace, now) } else { error_page(&error, &asked.trace, page) };
        *response.extensions_mut() = extensions;
        response.headers_mut().extend(place.map(|place| (header::CONTENT_RANGE, place)));
    }
    headers(response.headers_mut(), &asked.trace);
    if let Some(standing) = response.extensions().get::<Standing>().copied() {
        standing.write(&mut response);
    }
    if compression::as_it_is(&asked.method, &asked.path) {
        response.extensions_mut().insert(compression::AsItIs);
    }
    account_for(&asked, response.status());
    counted_while_live(response)
}

/// The route's template with the product's base; what no route matches is one template too.
pub(super) fn template(extensions: &Extensions) -> &str {
    extensions.get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str)
}

/// The figures, the span's end and the one log line of a request.
fn account_for(asked: &Asked, status: StatusCode) {
    let took = asked.started.elapsed();
    metrics::answered(&asked.method, &asked.template, status, took);
    traces::ended(&asked.span, status);
    tracing::info!(
        request_id = asked.trace.request_id,
        trace_id = traces::trace_id(&asked.span),
        method = asked.method.as_str(),
        path = asked.path,
        status = status.as_u16(),
        ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        ip = asked.trace.ip.map(crate::logging::mask_ip),
        "request"
    );
}

/// Counts a live stream until its reader has gone.
fn counted_while_live(mut response: Response) -> Response {
    let media_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !media_type.starts_with(b"text/event-stream") {
        return response;
    }
    let open = metrics::LiveStream::open();
    // The framework says no-cache, which allows to keep it.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The stream owns the count: both end together, whoever ends them.
    response.map(|body| Body::from_stream(body.into_data_stream().inspect(move |_| open.beats())))
}

/// Paths of the API, and whoever does not ask for HTML, get JSON.
pub(super) fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    path.starts_with("/api/") || !accepts.contains("text/html")
}

/// The error of an answer: ours, or one the framework made (405, 408, a caught panic).
pub(super) fn error_of(response: &Response) -> Option<Error> {
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

pub(super) fn log_failure(error: &Error, trace: &Trace) {
    if error.status.is_server_error() {
        tracing::error!(request_id = trace.request_id, code = %error.code, cause = error.cause, "request failed");
    } else if let Some(cause) = &error.cause {
        tracing::warn!(request_id = trace.request_id, code = %error.code, cause, "request refused by the database");
    }
}

/// An error for programs (specs/axtech.md §3.1).
pub(super) fn envelope(error: &Error, trace: &Trace, now: chrono::DateTime<chrono::Utc>) -> Response {
    let envelope = Envelope {
        error: error::Body {
            code: error.code.clone(),
            message: error.message.clone(),
            details: error.details.clone(),
            request_id: trace.request_id.clone(),
            timestamp: now,
        },
    };
    let mut response = (error.status, axum::Json(envelope)).into_response();
    retry_after(&mut response, error);
    response
}

/// Says when to come back, when the error knows it.
pub fn retry_after(response: &mut Response, error: &Error) {
    if let Some(value) = error.retry_after.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
}

/// The texts of an error: of its code where that has texts of its own, else of its status.
fn key_of(error: &Error) -> String {
    match &*error.code {
        error::NETWORK => "network".to_owned(),
        error::KEYS_UNAVAILABLE => "keys".to_owned(),
        _ => worded_as(error.status).to_string(),
    }
}

/// The texts of a status: the status whose texts are shown.
pub(super) fn worded_as(status: StatusCode) -> u16 {
    match status.as_u16() {
        known @ (400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 503) => known,
        405 | 408 => 400,
        _ => 500,
    }
}

fn error_page(error: &Error, trace: &Trace, page: Page) -> Response {
    let key = key_of(error);
    let template = ErrorPage {
        status: error.status.as_u16(),
        title: page.t(&format!("error-{key}-title")),
        message: page.t(&format!("error-{key}")),
        request_id: trace.request_id.clone(),
        home: format!("{}/", page.base),
        page,
    };
    let mut response = match html(&template) {
        Ok(body) => (error.status, body).into_response(),
        Err(broken) => {
            tracing::error!(cause = broken.cause, "the error page is broken");
            error.status.into_response()
        }
    };
    retry_after(&mut response, error);
    response
}

pub(super) fn headers(headers: &mut HeaderMap, trace: &Trace) {
    if let Ok(id) = HeaderValue::from_str(&trace.request_id) {
        headers.insert("x-request-id", id);
    }
    // The one page that shows a letter has a stricter one with the letter's own styles.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    // The one page that scans a code has one that lets it ask for the camera.
    headers.entry("permissions-policy").or_insert(HeaderValue::from_static(PERMISSIONS));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The caller of a request that has passed its gate; anonymous for an error before it.
pub(super) fn caller_of(extensions: &Extensions) -> Option<&Caller> {
    extensions.get::<Caller>()
}
