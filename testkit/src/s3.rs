//! A small stand-in for S3: objects, multipart uploads and ranges in S3's own XML. Whoever signs with another key is
//! refused, and it can be away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::handler::HandlerWithoutStateExt;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode, header};
use tokio::net::TcpListener;

/// The key that it knows.
pub const ACCESS_KEY_ID: &str = "AKIAOFTHETESTS";
/// Its secret.
pub const SECRET: &str = "the secret of the tests' bucket";

/// Bytes of one request at most.
const MOST: usize = 16 * 1024 * 1024;
/// S3 takes no smaller part, save the last.
const SMALLEST: usize = 5 * 1024 * 1024;

/// An upload on its way: where to, and its parts by number.
#[derive(Default)]
struct Upload {
    key: String,
    parts: BTreeMap<u32, Bytes>,
}

#[derive(Default)]
struct Held {
    objects: BTreeMap<String, Bytes>,
    uploads: BTreeMap<String, Upload>,
    begun: u32,
    away: bool,
}

/// The store; it ends with the test's runtime.
#[derive(Clone)]
pub struct S3 {
    url: String,
    held: Arc<Mutex<Held>>,
}

impl S3 {
    /// On a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let s3 = Self { url: format!("http://{}", listener.local_addr()?), held: Arc::default() };
        let inside = s3.clone();
        let handler = move |request: Request| {
            let s3 = inside.clone();
            async move { s3.answer(request).await }
        };
        tokio::spawn(async move { axum::serve(listener, handler.into_make_service()).await });
        Ok(s3)
    }

    /// For the setting `files.s3_endpoint`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The names of its objects, with their bucket.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.held().objects.keys().cloned().collect()
    }

    /// Uploads that were neither completed nor taken back.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.held().uploads.len()
    }

    /// From now on it answers 503, or serves again.
    pub fn set_away(&self, away: bool) {
        self.held().away = away;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MOST).await else {
            return refused(StatusCode::BAD_REQUEST, "EntityTooLarge");
        };
        let signed = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !signed.starts_with(&format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/")) {
            return refused(StatusCode::FORBIDDEN, "InvalidAccessKeyId");
        }
        let mut held = self.held();
        if held.away { refused(StatusCode::SERVICE_UNAVAILABLE, "SlowDown") } else { held.serve(&head, body) }
    }
}

impl Held {
    fn serve(&mut self, head: &Parts, body: Bytes) -> Response {
        let key = head.uri.path().trim_start_matches('/').to_owned();
        let asked = |name: &str| {
            let mut pairs =
                head.uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.find(|(one, _)| *one == name).map(|(_, value)| value.to_owned())
        };
        match (&head.method, asked("uploadId")) {
            (&Method::POST, None) if asked("uploads").is_some() => self.begin(&key),
            (&Method::PUT, Some(upload)) => self.part(&upload, asked("partNumber").as_deref(), body),
            (&Method::POST, Some(upload)) => self.complete(&upload),
            (&Method::DELETE, Some(upload)) => {
                self.uploads.remove(&upload);
                StatusCode::NO_CONTENT.into_response()
            }
            (&Method::DELETE, None) => {
                self.objects.remove(&key);
                StatusCode::NO_CONTENT.into_response()
            }
            (&Method::GET, None) => self.read(&key, head),
            _ => refused(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        }
    }

    fn begin(&mut self, key: &str) -> Response {
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), Upload { key: key.to_owned(), parts: BTreeMap::new() });
        let (bucket, key) = key.split_once('/').unwrap_or_default();
        xml(&format!(
            "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>\
             </InitiateMultipartUploadResult>"
        ))
    }

    fn part(&mut self, upload: &str, number: Option<&str>, body: Bytes) -> Response {
        let number = number.and_then(|number| number.parse().ok());
        let (Some(upload), Some(number)) = (self.uploads.get_mut(upload), number) else {
            return refused(StatusCode::NOT_FOUND, "NoSuchUpload");
        };
        let etag = format!("\"part-{number}-{}\"", body.len());
        upload.parts.insert(number, body);
        [(header::ETAG, etag)].into_response()
    }

    fn complete(&mut self, upload: &str) -> Response {
        let Some(upload) = self.uploads.remove(upload) else { return refused(StatusCode::NOT_FOUND, "NoSuchUpload") };
        let mut sizes = upload.parts.values().rev().map(Bytes::len);
        sizes.next();
        if sizes.any(|size| size < SMALLEST) {
            return refused(StatusCode::BAD_REQUEST, "EntityTooSmall");
        }
        let whole: Vec<u8> = upload.parts.values().flatten().copied().collect();
        let etag = format!("whole-{}", whole.len());
        self.objects.insert(upload.key, whole.into());
        xml(&format!("<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"))
    }

    fn read(&self, key: &str, head: &Parts) -> Response {
        let Some(object) = self.objects.get(key) else { return refused(StatusCode::NOT_FOUND, "NoSuchKey") };
        let known = [
            (header::ETAG, format!("\"whole-{}\"", object.len())),
            (header::LAST_MODIFIED, "Sat, 21 Nov 2026 10:00:00 GMT".to_owned()),
        ];
        let range = head.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let Some(range) = range else { return (known, object.clone()).into_response() };
        let ends = range.trim_start_matches("bytes=").split_once('-');
        let ends = ends.and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?)));
        let Some((first, last)) = ends.filter(|(first, last)| first <= last && *last < object.len()) else {
            return refused(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
        };
        let place = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", object.len()))];
        (StatusCode::PARTIAL_CONTENT, known, place, object.slice(first..=last)).into_response()
    }
}

fn xml(text: &str) -> Response {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}");
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

fn refused(status: StatusCode, code: &str) -> Response {
    (status, xml(&format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))).into_response()
}
