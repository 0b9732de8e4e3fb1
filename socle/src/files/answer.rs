//! A file as an answer: whole, or one range of it (RFC 9110 §14); an ETag that is the SHA-256 of the content.

use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::File;
use super::store::Place;
use crate::{App, Error, Result};

/// What is asked for of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Beyond,
}

/// Answers with a file that the asker may have: 200, 206 of one range, 304, or 416.
///
/// # Errors
/// 503 when the store is out of reach.
pub async fn answer(app: &App, file: &File, headers: &HeaderMap) -> Result<Response> {
    let etag = format!("\"{}\"", file.sha256);
    if is_known(headers, &etag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        put(&mut response, header::ETAG, &etag);
        return Ok(response);
    }
    let (status, part) = match asked(headers, &etag, file.bytes) {
        Asked::Beyond => return Ok(beyond(file.bytes)),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Asked::Whole => (StatusCode::OK, None),
    };
    let length = part.as_ref().map_or(file.bytes, |range| range.end - range.start);
    let content = app.files.store.read(&Place::of(&file.realm, &file.kind, file.id), part.clone()).await?;
    let mut response = (status, Body::from_stream(content)).into_response();
    if let Some(range) = part {
        let place = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), file.bytes);
        put(&mut response, header::CONTENT_RANGE, &place);
    }
    put(&mut response, header::ETAG, &etag);
    put(&mut response, header::CONTENT_LENGTH, &length.to_string());
    put(&mut response, header::CONTENT_TYPE, &file.content_type);
    put(&mut response, header::CONTENT_DISPOSITION, &disposition(&file.name));
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Always a download, never a page of ours.
fn disposition(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// 416 with the length, so that the asker can begin again.
fn beyond(bytes: u64) -> Response {
    let message = "The range begins after the end of the file; Content-Range says how long it is.";
    let error =
        Error { status: StatusCode::RANGE_NOT_SATISFIABLE, code: "VAL_RANGE".into(), ..Error::malformed(message) };
    let mut response = error.into_response();
    put(&mut response, header::CONTENT_RANGE, &format!("bytes */{bytes}"));
    response
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    tags.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == etag))
}

/// A range counts only while the content is the one that the asker has the beginning of.
fn asked(headers: &HeaderMap, etag: &str, bytes: u64) -> Asked {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(range) = text(header::RANGE) else { return Asked::Whole };
    // A date would be weaker than our tag, and we never gave one.
    if text(header::IF_RANGE).is_some_and(|condition| condition != etag) {
        return Asked::Whole;
    }
    one_range(range, bytes)
}

/// One range of bytes. Several at once, or what cannot be read, are answered with the whole, as the RFC allows.
fn one_range(text: &str, bytes: u64) -> Asked {
    let parsed =
        text.strip_prefix("bytes=").filter(|rest| !rest.contains(',')).and_then(|rest| rest.trim().split_once('-'));
    let Some((first, last)) = parsed else { return Asked::Whole };
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Asked::Whole,
        (true, false) => match last.parse::<u64>() {
            Ok(0) => Asked::Beyond,
            Ok(length) => Asked::Part(bytes.saturating_sub(length)..bytes),
            Err(_) => Asked::Whole,
        },
        (false, open) => {
            let Ok(first) = first.parse::<u64>() else { return Asked::Whole };
            let last = if open { Ok(u64::MAX) } else { last.parse::<u64>() };
            match last {
                Ok(last) if last >= first && first < bytes => Asked::Part(first..last.saturating_add(1).min(bytes)),
                Ok(last) if last >= first => Asked::Beyond,
                Ok(_) | Err(_) => Asked::Whole,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_rfc_has_it() {
        let of_ten = |text| one_range(text, 10);
        assert_eq!(of_ten("bytes=0-3"), Asked::Part(0..4));
        assert_eq!(of_ten("bytes=4-"), Asked::Part(4..10));
        assert_eq!(of_ten("bytes=-3"), Asked::Part(7..10));
        assert_eq!(of_ten("bytes=-99"), Asked::Part(0..10));
        assert_eq!(of_ten("bytes=8-99"), Asked::Part(8..10));
        assert_eq!(of_ten("bytes=9-9"), Asked::Part(9..10));
        assert_eq!(of_ten("bytes=10-"), Asked::Beyond);
        assert_eq!(of_ten("bytes=-0"), Asked::Beyond);
        for odd in ["bytes=5-3", "bytes=a-b", "bytes=-", "bytes=0-1,3-4", "items=0-1", "bytes=", "bytes=0--1"] {
            assert_eq!(of_ten(odd), Asked::Whole, "{odd}");
        }
        assert_eq!(one_range("bytes=0-18446744073709551615", 10), Asked::Part(0..10));
    }

    #[test]
    fn a_name_of_any_letters_is_one_header() {
        assert_eq!(disposition("é\"x.bin"), "attachment; filename=\"__x.bin\"; filename*=UTF-8''%C3%A9%22x%2Ebin");
    }
}
