//! The session cookie: opaque, `__Host-`, HttpOnly, SameSite=Lax.

use axum::response::Response;
use axum_extra::extract::cookie::Cookie;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, header};

use crate::identity::{ABSOLUTE_LIMIT, Realm};

/// The value of a cookie in a request.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut all = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    all.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// Adds the session cookie to an answer.
pub fn set_cookie(response: &mut Response, realm: &Realm, token: &str) {
    append(response, &host_cookie(realm.cookie, token, ABSOLUTE_LIMIT.num_seconds(), true));
}

/// Removes the session cookie.
pub fn clear_cookie(response: &mut Response, realm: &Realm) {
    append(response, &host_cookie(realm.cookie, "", 0, true));
}

/// A further cookie of a realm's pages: `__Host-<realm>-<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideCookie {
    /// The secret of a sign-in under way.
    Step,
    /// A known device.
    Device,
}

impl SideCookie {
    fn name(self, realm: &Realm) -> String {
        match self {
            Self::Step => format!("{}-step", realm.cookie),
            Self::Device => format!("{}-device", realm.cookie),
        }
    }
}

/// The value of a side cookie of a request.
#[must_use]
pub fn side_cookie(headers: &HeaderMap, realm: &Realm, which: SideCookie) -> Option<String> {
    cookie(headers, &which.name(realm)).filter(|value| !value.is_empty())
}

/// Adds a side cookie to an answer.
pub fn set_side_cookie(
    response: &mut Response,
    realm: &Realm,
    which: SideCookie,
    (value, lifetime): (&str, TimeDelta),
) {
    append(response, &host_cookie(&which.name(realm), value, lifetime.num_seconds(), true));
}

/// Removes a side cookie.
pub fn clear_side_cookie(response: &mut Response, realm: &Realm, which: SideCookie) {
    append(response, &host_cookie(&which.name(realm), "", 0, true));
}

/// The cookies of an API client that asked for cookies instead of bearer tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCookie {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
}

impl TokenCookie {
    fn name(self, realm: &Realm) -> String {
        match self {
            Self::Access => format!("{}-access", realm.cookie),
            Self::Refresh => format!("{}-refresh", realm.cookie),
        }
    }
}

/// A token that came as a cookie.
#[must_use]
pub fn token_cookie(headers: &HeaderMap, realm: &Realm, which: TokenCookie) -> Option<String> {
    cookie(headers, &which.name(realm)).filter(|token| !token.is_empty())
}

/// Adds a token as a cookie.
pub fn set_token_cookie(
    response: &mut Response,
    realm: &Realm,
    which: TokenCookie,
    (token, lifetime): (&str, TimeDelta),
) {
    append(response, &host_cookie(&which.name(realm), token, lifetime.num_seconds(), true));
}

/// Removes both.
pub fn clear_token_cookies(response: &mut Response, realm: &Realm) {
    for which in [TokenCookie::Access, TokenCookie::Refresh] {
        append(response, &host_cookie(&which.name(realm), "", 0, true));
    }
}

/// Tells the browser to forget what it kept of this origin. Not its cookies: other products' sessions are among them.
pub fn clear_site_data(response: &mut Response) {
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
}

/// Keeps a choice that is no secret (language) for a year.
pub(super) fn keep_choice(response: &mut Response, name: &'static str, value: &str) {
    append(response, &host_cookie(name, value, 365 * 86_400, false));
}

fn host_cookie(name: &str, value: &str, seconds: i64, secret: bool) -> String {
    let secure = if secret { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// Values are base64url tokens and language codes: nothing in them needs quoting.
fn append(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
