//! What a row says: built step by step, with nothing in it that was not chosen.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A text of a request or an answer is cut to so many characters.
const TEXT: usize = 200;

/// What is done with the browsers that somebody signs in from.
const KNOWN_DEVICES: [&str; 4] = ["device.known", "device.trusted", "device.distrusted", "device.forgotten"];

/// What happened. `details` holds only keys the caller chose one by one: never medical content, names or secrets.
#[derive(Clone, Debug)]
pub struct Entry {
    /// E.g. `treatment.started`.
    pub action: &'static str,
    /// E.g. `Treatment`.
    pub resource: &'static str,
    /// Its id, when there is one.
    pub id: Option<Uuid>,
    /// Whether it was done or refused.
    pub outcome: Outcome,
    /// A flat object.
    pub details: Value,
    /// What kind of event it is; follows from the action unless said otherwise.
    pub event_type: EventType,
    /// The stable code of a refusal or failure.
    pub error_code: Option<Cow<'static, str>>,
    pub(super) changes: Option<Value>,
    pub(super) request: Option<Value>,
    pub(super) response: Option<Value>,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It was tried, and failed by no fault of who asked.
    Failed,
}

impl Outcome {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The kinds of specs/trackingbms.md §2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Who somebody is: sessions, accounts, factors, the browsers they sign in from, memberships.
    Auth,
    /// What a product is for.
    Data,
    /// How it is set up.
    Config,
    /// What the platform does by itself.
    System,
    /// What a security officer looks for: refusals, emergencies, suspended tenants, networks, keys, the trail itself.
    Security,
}

impl EventType {
    /// As the table spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Data => "data",
            Self::Config => "config",
            Self::System => "system",
            Self::Security => "security",
        }
    }

    /// What an action is, by its first word. Products have devices of their own; the browsers that somebody signs in from
    /// are told by the whole action.
    #[must_use]
    pub fn of(action: &str) -> Self {
        match action.split('.').next().unwrap_or_default() {
            "session" | "account" | "password" | "factor" | "passkey" | "email" | "phone" | "user_name" | "member"
            | "invitation" => Self::Auth,
            "device" if KNOWN_DEVICES.contains(&action) => Self::Auth,
            "license" | "rules" | "setting" | "role" => Self::Config,
            "job" | "mail" | "sms" | "retention" | "partition" => Self::System,
            "audit" | "access" | "break_glass" | "keys" | "networks" | "security" | "tenant" => Self::Security,
            _ => Self::Data,
        }
    }
}

/// A key of a request or an answer that may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// As it is.
    Plain(&'static str),
    /// Its first character only: it names somebody.
    Masked(&'static str),
}

impl Entry {
    /// Something done to a resource.
    #[must_use]
    pub fn done(action: &'static str, resource: &'static str, id: impl Into<Uuid>) -> Self {
        Self::new(action, resource, Some(id.into()), Outcome::Done)
    }

    /// Something that anybody may ask for; whose it will turn out to be is not known yet.
    #[must_use]
    pub fn asked_for(action: &'static str, resource: &'static str) -> Self {
        Self::new(action, resource, None, Outcome::Done)
    }

    /// Something refused.
    #[must_use]
    pub fn refused(action: &'static str, resource: &'static str, id: Option<Uuid>) -> Self {
        Self::new(action, resource, id, Outcome::Refused)
    }

    /// Something that was tried and failed, with the failure's stable code.
    #[must_use]
    pub fn failed(
        action: &'static str,
        resource: &'static str,
        id: Option<Uuid>,
        code: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(action, resource, id, Outcome::Failed).because(code)
    }

    fn new(action: &'static str, resource: &'static str, id: Option<Uuid>, outcome: Outcome) -> Self {
        Self {
            action,
            resource,
            id,
            outcome,
            details: Value::Object(Map::new()),
            event_type: EventType::of(action),
            error_code: None,
            changes: None,
            request: None,
            response: None,
        }
    }

    /// Adds chosen details.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// Says the kind where the action's first word does not.
    #[must_use]
    pub fn of(self, event_type: EventType) -> Self {
        Self { event_type, ..self }
    }

    /// Adds the stable code of a refusal or failure.
    #[must_use]
    pub fn because(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self { error_code: Some(code.into()), ..self }
    }

    /// Adds what changed, of the chosen keys; a key that stayed as it was is left out.
    #[must_use]
    pub fn changed(self, before: &Value, after: &Value, keys: &[&str]) -> Self {
        let mut changes = Map::new();
        for key in keys {
            let (old, new) = (before.get(key).unwrap_or(&Value::Null), after.get(key).unwrap_or(&Value::Null));
            if old != new {
                changes.insert((*key).to_owned(), json!({ "before": bounded(old), "after": bounded(new) }));
            }
        }
        Self { changes: Some(Value::Object(changes)), ..self }
    }

    /// Adds the chosen keys of what was asked. Keys that are not listed, lists and objects are never kept.
    #[must_use]
    pub fn asked(self, body: &Value, keys: &[Key]) -> Self {
        Self { request: Some(kept(body, keys)), ..self }
    }

    /// Adds the chosen keys of what was answered.
    #[must_use]
    pub fn answered(self, body: &Value, keys: &[Key]) -> Self {
        Self { response: Some(kept(body, keys)), ..self }
    }
}

fn kept(body: &Value, keys: &[Key]) -> Value {
    let mut kept = Map::new();
    for key in keys {
        let (name, masked) = match key {
            Key::Plain(name) => (*name, false),
            Key::Masked(name) => (*name, true),
        };
        if let Some(value) = body.get(name).filter(|value| !value.is_object() && !value.is_array()) {
            kept.insert(name.to_owned(), if masked { mask(value) } else { bounded(value) });
        }
    }
    Value::Object(kept)
}

/// A scalar that fits: texts are cut, and hold no NUL, which PostgreSQL cannot store; lists and objects are left out.
fn bounded(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let kept: String = text.chars().take(TEXT).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
            Value::String(kept)
        }
        Value::Array(_) | Value::Object(_) => Value::Null,
        scalar => scalar.clone(),
    }
}

fn mask(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(text) => {
            let first = text.chars().next().filter(|c| *c != '\0').map(String::from);
            Value::String(first.unwrap_or_default() + "…")
        }
        _ => Value::String("…".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_keys_are_kept_and_names_are_masked() {
        let body = json!({ "email": "ada@example.org", "role": "admin", "password": "s3cret", "list": ["s3cret"],
                           "nested": { "password": "s3cret" }, "age": 45, "long": "x".repeat(500), "nul": "a\0b" });
        let keys = [
            Key::Masked("email"),
            Key::Plain("role"),
            Key::Plain("list"),
            Key::Plain("nested"),
            Key::Masked("age"),
            Key::Plain("long"),
            Key::Plain("nul"),
            Key::Plain("missing"),
        ];
        let entry = Entry::done("member.added", "Account", Uuid::nil()).asked(&body, &keys).answered(&body, &[]);
        let asked = entry.request.unwrap();
        assert_eq!(asked["email"], "a…");
        assert_eq!((asked["role"].as_str(), asked["age"].as_str()), (Some("admin"), Some("…")));
        assert_eq!(asked["long"].as_str().map(str::len), Some(TEXT));
        assert_eq!(asked["nul"], "a\u{fffd}b");
        assert!(!asked.to_string().contains("s3cret"), "{asked}");
        let mut names: Vec<&str> = asked.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["age", "email", "long", "nul", "role"]);
        assert_eq!(entry.response, Some(json!({})));
    }

    #[test]
    fn changes_name_what_differs_before_and_after() {
        let (before, after) =
            (json!({ "role": "operator", "name": "A", "secret": 1 }), json!({ "role": "admin", "name": "A" }));
        let entry = Entry::done("member.changed", "Account", Uuid::nil()).changed(&before, &after, &["role", "name"]);
        assert_eq!(entry.changes, Some(json!({ "role": { "before": "operator", "after": "admin" } })));
    }

    #[test]
    fn the_kind_follows_from_the_first_word_unless_it_is_said() {
        for (action, kind) in [
            ("session.opened", EventType::Auth),
            ("user_name.changed", EventType::Auth),
            ("device.trusted", EventType::Auth),
            ("device.renamed", EventType::Data),
            ("consent.given", EventType::Data),
            ("treatment.started", EventType::Data),
            ("license.created", EventType::Config),
            ("mail.queued", EventType::System),
            ("audit.viewed", EventType::Security),
            ("access.refused", EventType::Security),
            ("break_glass.opened", EventType::Security),
            ("keys.destroyed", EventType::Security),
            ("networks.restricted", EventType::Security),
            ("tenant.suspended", EventType::Security),
        ] {
            assert_eq!(EventType::of(action), kind, "{action}");
        }
        let entry = Entry::failed("job.run", "Job", None, "SYS_TIMEOUT").of(EventType::Data);
        assert_eq!((entry.event_type, entry.outcome.name()), (EventType::Data, "failed"));
        assert_eq!(entry.error_code.as_deref(), Some("SYS_TIMEOUT"));
    }
}
