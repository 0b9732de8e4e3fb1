//! Extractors that answer with our error instead of the framework's text.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use futures_util::StreamExt;
use http::header;
use serde::de::DeserializeOwned;

use super::{BODY_LIMIT, FORM_LIMIT, MOST_FIELDS};
use crate::db::Caller;
use crate::error::Detail;
use crate::{Error, Result};

/// An oversized body is read to its end, up to this, and thrown away: a client that is still sending would
/// otherwise see a broken connection instead of the 413.
const DRAIN: usize = 32 * 1024 * 1024;

/// A JSON body: an object, as every request of ours is.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = object(request).await?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Error::malformed(format!("The body is not valid: {error}.")))
    }
}

/// A JSON body from a person's program: like [`Json`], and a field that is missing, unknown or of the wrong kind is
/// named in `details`. (Devices keep [`Json`]: nobody reads their answers, and they send a thousand times as much.)
pub struct JsonFields<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonFields<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = object(request).await?;
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let read = serde_path_to_error::deserialize(&mut reader);
        let value = read.map_err(|error| faulty(error.inner(), error.path().to_string()))?;
        reader.end().map_err(|error| Error::malformed(format!("The body is not valid: {error}.")))?;
        Ok(Self(value))
    }
}

/// A fault at a path of the body; serde names a missing or unknown field in its message alone.
fn faulty(error: &serde_json::Error, path: String) -> Error {
    let message = error.to_string();
    let told = |opening: &str| message.strip_prefix(opening)?.split('`').next().map(ToOwned::to_owned);
    let (field, code) = match (told("missing field `"), told("unknown field `")) {
        (Some(field), _) => (field, "REQUIRED"),
        (None, Some(field)) => (field, "UNKNOWN"),
        (None, None) => (path, "INVALID_FORMAT"),
    };
    if !error.is_data() || field == "." {
        return Error::malformed(format!("The body is not valid: {message}."));
    }
    Error::invalid(vec![Detail::new(field, code, message)])
}

/// An `application/x-www-form-urlencoded` body.
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !media_type.starts_with("application/x-www-form-urlencoded") {
            return Err(Error::malformed("Send a form (application/x-www-form-urlencoded)."));
        }
        let body = body(request.into_body(), FORM_LIMIT).await?;
        refuse_too_many(&body)?;
        let fields = serde_html_form::from_bytes(&body);
        fields.map(Self).map_err(|error| Error::malformed(format!("The form cannot be read: {error}.")))
    }
}

/// The query string.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        refuse_too_many(query.as_bytes())?;
        let fields = serde_html_form::from_str(query);
        fields.map(Self).map_err(|error| Error::malformed(format!("The query cannot be read: {error}.")))
    }
}

/// Path parameters. One that cannot be an id is the id of nothing: 404.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|inner| Self(inner.0)).map_err(|_| Error::not_found())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Error::internal("a handler ran outside the gate"))
    }
}

/// A form or query of more fields than any page has: reading them would cost more than they are worth.
fn refuse_too_many(fields: &[u8]) -> Result<()> {
    let separators = fields.iter().filter(|byte| **byte == b'&').count();
    if separators < MOST_FIELDS { Ok(()) } else { Err(Error::malformed("There are more than 1000 fields.")) }
}

/// The whole body, which must be an object. (An array would be read as an object's fields in order.)
async fn object(request: Request) -> Result<Vec<u8>> {
    // A page of another site can send text/plain or a form without being asked by the browser; devices may say nothing.
    let media_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    if media_type.is_some_and(|media_type| !media_type.starts_with(b"application/json")) {
        return Err(Error::malformed("Send JSON (application/json)."));
    }
    let body = body(request.into_body(), BODY_LIMIT).await?;
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Error::malformed("The body must be a JSON object."));
    }
    Ok(body)
}

/// The whole body, at most so many bytes of it.
pub(super) async fn body(body: Body, most: usize) -> Result<Vec<u8>> {
    let mut stream = body.into_data_stream();
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Error::malformed("The body was cut off; send it again."))?;
        seen = seen.saturating_add(chunk.len());
        if seen > DRAIN {
            break;
        }
        if seen <= most {
            kept.extend_from_slice(&chunk);
        }
    }
    if seen > most { Err(Error::too_large()) } else { Ok(kept) }
}
