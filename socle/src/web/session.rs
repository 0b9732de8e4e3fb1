//! The session cookie: opaque, `__Host-`, HttpOnly, SameSite=Lax.

use axum::response::Response;
use axum_extra::extract::cookie::Cookie;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, header};

use crate::identity::{ABSOLUTE_LIMIT, Realm};
use crate::ids::AccountId;

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

/// Ends what a browser holds of a session: its cookies, and what its pages left in caches and storage. (The header does not
/// name cookies: other products' sessions are among them.)
pub fn leave(response: &mut Response, realm: &Realm) {
    clear_cookie(response, realm);
    clear_token_cookies(response, realm);
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
}

/// How long a browser stays known.
const DEVICE_LIFETIME: TimeDelta = TimeDelta::days(365);
/// So many people may be known side by side in one browser; each has a cookie of their own.
const DEVICE_PLACES: u128 = 8;

/// A further cookie of a realm's pages: `__Host-<realm>-<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideCookie {
    /// The secret of a sign-in under way.
    Step,
    /// The known device of an account: people who share a browser keep theirs side by side, and none knows another's.
    Device(AccountId),
}

impl SideCookie {
    fn name(self, realm: &Realm) -> String {
        match self {
            Self::Step => format!("{}-step", realm.cookie),
            // The last bits of an id are random.
            Self::Device(account) => device_name(realm, account.0.as_u128() % DEVICE_PLACES),
        }
    }
}

fn device_name(realm: &Realm, place: u128) -> String {
    format!("{}-device-{place}", realm.cookie)
}

/// The value of a side cookie of a request.
#[must_use]
pub fn side_cookie(headers: &HeaderMap, realm: &Realm, which: SideCookie) -> Option<String> {
    cookie(headers, &which.name(realm)).filter(|value| !value.is_empty())
}

/// The device cookies of a request, of whomever they are, joined by dots: which account it is for is not known yet.
/// [`crate::identity::devices`] reads them.
#[must_use]
pub fn device_cookies(headers: &HeaderMap, realm: &Realm) -> Option<String> {
    let all = (0..DEVICE_PLACES).filter_map(|place| cookie(headers, &device_name(realm, place)));
    let all: Vec<String> = all.filter(|value| !value.is_empty()).collect();
    (!all.is_empty()).then(|| all.join("."))
}

/// Makes the browser the known device of an account.
pub fn set_device_cookie(response: &mut Response, realm: &Realm, account: AccountId, token: &str) {
    set_side_cookie(response, realm, SideCookie::Device(account), (token, DEVICE_LIFETIME));
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
