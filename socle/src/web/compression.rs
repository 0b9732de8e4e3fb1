//! Smaller answers: pages and API answers are compressed as they leave, built files once.
//!
//! An answer that holds a secret next to words its reader sent could be guessed by its compressed size (BREACH). Other
//! sites cannot send such requests with our cookies (SameSite=Lax, and no page of ours may be framed); still, the pages
//! of signing in and of invitations, answers to forms and answers that set a cookie are sent as they are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

/// Below this many bytes an answer fits into one packet anyway.
const WORTH_IT: u64 = 860;

/// First segments, below a product's base, of pages that carry a secret beside what the asker wrote.
const SECRETIVE: [&str; 9] =
    ["account", "invitation", "invitations", "password", "recover", "reset", "sign_in", "sign_up", "verify"];

/// Marks an answer that is not compressed.
#[derive(Clone, Copy)]
pub(super) struct AsItIs;

/// Whether an answer to this request is sent as it is; `path` is below the product's base.
pub(super) fn as_it_is(method: &Method, path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !matches!(*method, Method::GET | Method::HEAD) || SECRETIVE.contains(&first)
}

type Rule = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Compresses pages and API answers as they leave; quickly, because nobody asks for the same one twice.
pub(super) fn layer() -> CompressionLayer<And<SizeAbove, Rule>> {
    let rule = SizeAbove::new(WORTH_IT).and(may_shrink as Rule);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(rule)
}

fn may_shrink(_: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions) -> bool {
    is_text(headers) && !headers.contains_key(header::SET_COOKIE) && extensions.get::<AsItIs>().is_none()
}

/// Text is worth it; pictures and fonts are compressed already, and a live stream must not be held back.
fn is_text(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = media_type.starts_with("text/") && !media_type.starts_with("text/event-stream");
    plain
        || ["application/json", "application/javascript", "application/manifest+json", "image/svg+xml"]
            .iter()
            .any(|worthy| media_type.starts_with(worthy))
}

/// What identifies a compressed file: its ETag, and the encoding.
type Key = (String, &'static str);

/// Built files, compressed once on first use. They are few, and none changes while the server runs.
#[derive(Clone, Default)]
pub(super) struct Squeezed(Arc<Mutex<HashMap<Key, Bytes>>>);

impl Squeezed {
    /// A file's answer, compressed if the browser takes that.
    pub(super) async fn answer(&self, plain: Response, asked: &HeaderMap) -> Response {
        let (mut parts, body) = plain.into_parts();
        if parts.status != StatusCode::OK || !is_text(&parts.headers) {
            return Response::from_parts(parts, body);
        }
        parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        let etag = parts.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
        let (Some(encoding), Some(etag)) = (preferred(asked), etag) else {
            return Response::from_parts(parts, body);
        };
        let Some(bytes) = self.bytes((etag.clone(), encoding), body).await else {
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            return Response::from_parts(parts, Body::empty());
        };
        parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        // Other bytes than the plain file's: the same tag has to be weak.
        if let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}")) {
            parts.headers.insert(header::ETAG, weak);
        }
        Response::from_parts(parts, Body::from(bytes))
    }

    async fn bytes(&self, key: Key, body: Body) -> Option<Bytes> {
        if let Some(bytes) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(bytes.clone());
        }
        let squeezed = squeeze(body, key.1).await;
        let bytes = squeezed.inspect_err(|error| tracing::error!(%error, "a built file")).ok()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, bytes.clone());
        Some(bytes)
    }
}

/// Compresses a whole body.
async fn squeeze(body: Body, encoding: &'static str) -> Result<Bytes, axum::Error> {
    let mut once = Some(body);
    let give =
        service_fn(move |_: Request| ready(Ok::<Response, Infallible>(Response::new(once.take().unwrap_or_default()))));
    let mut request = Request::new(Body::empty());
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    let Ok(answer) = CompressionLayer::new().layer(give).oneshot(request).await;
    axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX).await
}

/// The better of the two encodings that the browser takes.
fn preferred(asked: &HeaderMap) -> Option<&'static str> {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let taken: Vec<&str> = lines.flat_map(|line| line.split(',')).filter_map(taken).collect();
    ["br", "gzip"].into_iter().find(|encoding| taken.iter().any(|name| name.eq_ignore_ascii_case(encoding)))
}

/// The name in `gzip;q=0.5`; a weight of nought is a refusal.
fn taken(entry: &str) -> Option<&str> {
    let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
    let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
    (!refused).then(|| name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(line: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(line))])
    }

    fn file(media_type: &'static str, bytes: Vec<u8>) -> Response {
        let mut file = Response::new(Body::from(bytes));
        file.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        file.headers_mut().insert(header::ETAG, HeaderValue::from_static("\"abc\""));
        file
    }

    #[test]
    fn the_better_encoding_that_is_taken_is_chosen() {
        for (line, chosen) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("br;q=0, GZIP;q=0.5", Some("gzip")),
            ("identity", None),
            ("", None),
        ] {
            assert_eq!(preferred(&accepting(line)), chosen, "{line}");
        }
    }

    #[test]
    fn answers_with_secrets_beside_what_was_sent_stay_as_they_are() {
        for path in ["/sign_in", "/invitations/abc", "/account/sessions"] {
            assert!(as_it_is(&Method::GET, path), "{path}");
        }
        assert!(as_it_is(&Method::POST, "/app/treatments"));
        assert!(!as_it_is(&Method::GET, "/app/treatments"));
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
        let (mut marked, plain) = (Extensions::new(), Extensions::new());
        marked.insert(AsItIs);
        let allowed = |headers: &HeaderMap, extensions: &Extensions| {
            may_shrink(StatusCode::OK, Version::HTTP_11, headers, extensions)
        };
        assert!(allowed(&headers, &plain));
        assert!(!allowed(&headers, &marked));
        headers.insert(header::SET_COOKIE, HeaderValue::from_static("a=b"));
        assert!(!allowed(&headers, &plain));
    }

    #[tokio::test]
    async fn a_text_file_is_compressed_once_and_a_font_never() {
        let squeezed = Squeezed::default();
        let text = "body { color: teal; }\n".repeat(500).into_bytes();
        for _ in 0..2 {
            let answer = squeezed.answer(file("text/css", text.clone()), &accepting("gzip")).await;
            assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
            assert_eq!(answer.headers()[header::ETAG], "W/\"abc\"");
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
            let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() < text.len() / 10, "{} bytes", bytes.len());
        }
        assert_eq!(squeezed.0.lock().unwrap().len(), 1);
        let font = squeezed.answer(file("font/woff2", text.clone()), &accepting("br, gzip")).await;
        assert!(!font.headers().contains_key(header::CONTENT_ENCODING));
        let old = squeezed.answer(file("text/css", text), &HeaderMap::new()).await;
        assert!(!old.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(old.headers()[header::ETAG], "\"abc\"");
    }
}
