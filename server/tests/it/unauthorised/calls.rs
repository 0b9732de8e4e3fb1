//! One request to a route, with ids put wherever one may stand: path, query, form, JSON.

use std::time::Duration;

use anyhow::Result;
use reqwest::header::{ACCEPT, AUTHORIZATION, COOKIE, LOCATION};
use serde_json::{Value, json};
use socle::web::{Access, Kind, Method, Route};
use uuid::Uuid;

use super::scene::{Caller, Objects};

/// Names under which forms and queries carry ids.
const FIELDS: [&str; 14] = [
    "id",
    "device",
    "operator",
    "user",
    "alert",
    "treatment",
    "tenant",
    "account",
    "member",
    "session",
    "record",
    "case",
    "opening",
    "invitation",
];
/// What forms want besides.
const OTHERS: [(&str, &str); 8] = [
    ("kind", "Case"),
    ("reason", "une raison assez longue"),
    ("verdict", "justified"),
    ("name", "Renommé"),
    ("anonymous", "on"),
    ("word", "drop"),
    ("note", "une note assez longue"),
    ("lang", "fr"),
];

/// Keys of answers whose values are drawn anew for each.
const DRAWN: [&str; 4] = ["challenge", "challengeToken", "secret", "otpauthUrl"];

/// `GET /physiotraq/app`.
pub fn named(base: &str, route: &Route) -> String {
    format!("{} {base}{}", route.method.name(), route.path)
}

/// Signing out ends the session with which the next routes are asked; it is the caller's own.
pub fn may_be_called(route: &Route) -> bool {
    !route.path.ends_with("/sign_out") && !route.path.ends_with("/auth/logout") && route.access != Access::Device
}

/// The same, of a walk through everything; the development mailbox is not there in production (see `platform`).
pub fn may_be_walked(route: &Route) -> bool {
    !route.path.ends_with("/sign_out") && !route.path.ends_with("/auth/logout") && !route.path.starts_with("/dev/")
}

/// One's own trail holds one's own refusals, with the ids that one asked for: of another tenant or of nobody alike.
pub fn shows_what_was_asked(route: &Route) -> bool {
    ["/admin/audit", "/admin/audit/export", "/audit", "/audit/export", "/api/v1/audit-logs"].contains(&route.path)
}

/// Where wrong guesses are counted, and a few of them close it or end the session: open doors, and one's own password.
fn counts_guesses(route: &Route) -> bool {
    const OWN: [&str; 3] = ["/reauthenticate", "/account/password", "/auth/password/change"];
    route.access == Access::Public || OWN.iter().any(|path| route.path.ends_with(path))
}

/// A request.
pub struct Call {
    method: Method,
    kind: Kind,
    pub path: String,
    fields: Vec<(String, String)>,
    body: Value,
    sent: Vec<Uuid>,
}

/// What was answered.
pub struct Told {
    pub status: u16,
    pub location: String,
    pub headers: String,
    /// The same, `name: value` per line.
    pub lines: String,
    pub body: String,
}

impl Call {
    /// With the first object of the tenant that fits.
    pub fn new(base: &str, route: &Route, objects: &Objects) -> Self {
        let [id, ..] = objects.all.as_slice() else { panic!("no objects") };
        Self::with(base, route, *id)
    }

    /// With each object of another tenant, beside the same request with an id that is nowhere.
    pub fn pairs(base: &str, route: &Route, objects: &Objects) -> Vec<(Self, Self)> {
        let nowhere = Uuid::from_u128(0x0195_00a0_0000_7000_8000_0000_dead_beef);
        let most = if counts_guesses(route) { 1 } else { objects.all.len() };
        objects
            .all
            .iter()
            .take(most)
            .map(|id| (Self::with(base, route, *id), Self::with(base, route, nowhere)))
            .collect()
    }

    fn with(base: &str, route: &Route, id: Uuid) -> Self {
        let mut path = String::from(base);
        for segment in route.path.split('/').filter(|segment| !segment.is_empty()) {
            path.push('/');
            path.push_str(if segment.starts_with('{') { "ID" } else { segment });
        }
        let path = path.replace("/ID", &format!("/{id}"));
        let ids = FIELDS.iter().map(|field| ((*field).to_owned(), id.to_string()));
        let mut fields: Vec<(String, String)> = ids.collect();
        if route.method == Method::Get {
            fields.push(("topic".to_owned(), format!("device:{id}")));
        } else {
            fields.extend(OTHERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
        Self { method: route.method, kind: route.kind, path, fields, body: body(route.path, id), sent: vec![id] }
    }

    /// Sends it. A stream that begins is cut off: its head is what counts.
    pub async fn by(&self, http: &reqwest::Client, url: &str, caller: &Caller) -> Result<Told> {
        let method = reqwest::Method::from_bytes(self.method.name().as_bytes())?;
        let mut url = reqwest::Url::parse(&format!("{url}{}", self.path))?;
        if self.method == Method::Get {
            url.query_pairs_mut().extend_pairs(&self.fields);
        }
        let mut request = http.request(method, url);
        request = request.header(ACCEPT, if self.kind == Kind::Page { "text/html" } else { "application/json" });
        if let Some(cookie) = &caller.cookie {
            request = request.header(COOKIE, cookie);
        }
        if let Some(bearer) = &caller.bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        request = match (self.method, self.kind) {
            (Method::Get, _) => request,
            (_, Kind::Page) => request.form(&self.fields),
            (_, Kind::Api) => request.json(&self.body),
        };
        let mut answer = request.send().await?;
        let location =
            answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        let line = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            format!("{name}: {}\n", value.to_str().unwrap_or_default())
        };
        let lines = answer.headers().iter().map(line).collect();
        let mut body = Vec::new();
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout(Duration::from_millis(800), answer.chunk()).await {
            body.extend_from_slice(&chunk);
        }
        Ok(Told { status, location, headers, lines, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Whether an id was part of the request: an answer may repeat it.
    pub fn sent(&self, text: &str) -> bool {
        self.sent.iter().any(|id| id.to_string() == text)
    }

    /// The answer without what belongs to the very request: its ids, the id it was given, and what was drawn for it.
    pub fn neutral(&self, told: &Told) -> String {
        let mut text = format!("{}\n{}", told.location, undrawn(&told.body));
        for id in &self.sent {
            text = text.replace(&id.to_string(), "ID");
        }
        let mut parts = text.split("req_");
        let mut neutral = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            neutral.push_str("req_");
            neutral.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        }
        neutral
    }
}

/// An answer in JSON without what was drawn for it; any other text as it is.
fn undrawn(body: &str) -> String {
    fn blank(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !DRAWN.contains(&key.as_str()));
                fields.values_mut().for_each(blank);
            }
            Value::Array(items) => items.iter_mut().for_each(blank),
            _ => {}
        }
    }
    let Ok(mut value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    blank(&mut value);
    value.to_string()
}

/// What a route for programs reads; unknown fields would be refused before any id was looked at.
///
/// Nothing in it is right: a right address or number would have a code sent, and only so many are.
fn body(path: &str, id: Uuid) -> Value {
    let path = path.trim_start_matches("/api/v1/");
    if let Some(door) = path.strip_prefix("auth/") {
        return sign_in_body(door, id);
    }
    match path {
        "treatments" => json!({ "deviceId": id, "anonymous": true }),
        "treatments/{id}/acknowledge" => json!({ "alertId": id, "note": "vu" }),
        "devices" => json!({ "serialNumber": "PT-0000-00000", "secret": "x", "name": "Volé" }),
        "devices/{id}" => json!({ "name": "Volé" }),
        "devices/{id}/assignments" => json!({ "userIds": [id] }),
        "devices/{id}/calibration" => json!({ "tempSlope": "1.01", "tempIntercept": "0" }),
        "devices/{id}/wifi" => json!({ "networks": [{ "ssid": "Volé", "password": "" }] }),
        "team" => json!({ "email": "no address", "deviceIds": [id] }),
        "team/{id}" => json!({ "firstName": "Volé", "lastName": "Volé" }),
        "team/{id}/assignments" => json!({ "deviceIds": [id] }),
        "break-glass" => json!({ "kind": "Case", "recordId": id, "reason": "une raison assez longue" }),
        "break-glass/{id}/review" => json!({ "verdict": "justified" }),
        "members/{id}/permissions" => json!({ "permissions": [] }),
        "members/{id}/role" => json!({ "role": "OPS" }),
        "me/consents" => json!({ "consentType": "NOTHING", "version": "1.0.0", "language": "fr" }),
        _ => json!({}),
    }
}

/// The same below `auth/`.
fn sign_in_body(path: &str, id: Uuid) -> Value {
    const TOKEN: &str = "a token that nobody was given";
    match path {
        "login" => json!({ "email": "nobody@test.fr", "password": "x", "tenantId": id }),
        "refresh" => json!({ "refreshToken": TOKEN }),
        "register" => json!({ "email": "no address", "password": "x", "acceptTerms": false }),
        "verify-email" => json!({ "email": "nobody@test.fr", "code": "123456" }),
        "verify-email/resend" | "password/reset-request" => json!({ "email": "nobody@test.fr" }),
        "password/reset-confirm" => json!({ "token": TOKEN, "password": "x" }),
        "password/change" => json!({ "currentPassword": "x", "password": "y" }),
        "reauthenticate" => json!({ "password": "x" }),
        "sessions/replace" => json!({ "challengeToken": TOKEN, "endSessionId": id }),
        "mfa/verify" => json!({ "challengeToken": TOKEN, "code": "123456" }),
        "mfa/passkey/options" => json!({ "challengeToken": TOKEN }),
        "passkey/login" => json!({ "challengeToken": TOKEN, "credential": signature(), "tenantId": id }),
        "passkeys" => json!({ "name": "Téléphone", "credential": registered() }),
        "mfa/enable" | "email/confirm" | "phone/confirm" => json!({ "code": "none" }),
        "email" => json!({ "email": "no address" }),
        "phone" => json!({ "phone": "no number" }),
        "user-name" => json!({ "userName": "1" }),
        _ => json!({}),
    }
}

/// A passkey's signature that signs nothing.
fn signature() -> Value {
    let response = json!({ "authenticatorData": "AAAA", "clientDataJSON": "AAAA", "signature": "AAAA",
                           "userHandle": null });
    json!({ "id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": response })
}

/// A new passkey that attests nothing.
fn registered() -> Value {
    let response = json!({ "attestationObject": "AAAA", "clientDataJSON": "AAAA" });
    json!({ "id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": response })
}
