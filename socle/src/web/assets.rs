//! Built web files: served with their hash in the address, so that they may be kept for ever.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

/// One file.
#[derive(Clone)]
pub struct Asset {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub media_type: String,
    /// A short hash of its bytes.
    pub hash: String,
}

/// All files by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Assets(Arc<HashMap<String, Asset>>);

impl Assets {
    /// From the files that the server embeds.
    #[must_use]
    pub fn new(files: HashMap<String, Asset>) -> Self {
        Self(Arc::new(files))
    }

    /// The address of a file, with its hash; a name that was not built gets an address that answers 404.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(asset) => format!("/assets/{name}?v={}", asset.hash),
            None => format!("/assets/{name}"),
        }
    }

    /// Answers a request for a file: 304 when the browser has it, 404 when there is none.
    #[must_use]
    pub fn serve(&self, name: &str, request: &HeaderMap) -> Response {
        let Some(asset) = self.0.get(name) else { return StatusCode::NOT_FOUND.into_response() };
        let etag = format!("\"{}\"", asset.hash);
        if request.get(header::IF_NONE_MATCH).is_some_and(|held| held.as_bytes() == etag.as_bytes()) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        let headers = [
            (header::CONTENT_TYPE, asset.media_type.clone()),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
            (header::ETAG, etag),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        (headers, asset.bytes.clone().into_owned()).into_response()
    }
}
