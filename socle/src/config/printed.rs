//! The settings in force, to be read by people and kept in logs: every secret is `***`, whatever its length.

use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;
use serde_json::{Map, Value};

use super::Config;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// The first lines of the printed settings.
const HEAD: &str = "# The settings in force. Later sources win: built-in defaults, then socle.toml in the working folder,\n\
                    # then SOCLE_<SECTION>__<KEY> in the environment, then DATABASE_URL and SOCLE_PORT.\n\
                    # *** stands for a secret that is set.\n";

impl Config {
    /// As TOML, with the order of the sources in a comment.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut lines = HEAD.to_owned();
        if let Value::Object(settings) = self.masked() {
            write_table(&mut lines, "", &settings);
        }
        lines
    }

    /// As one line of JSON, for the log.
    #[must_use]
    pub fn printed_json(&self) -> String {
        self.masked().to_string()
    }

    /// The serialised settings: the fields mask themselves. A path that is not UTF-8 makes it empty.
    fn masked(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A table's plain values, then the tables inside it.
fn write_table(lines: &mut String, name: &str, table: &Map<String, Value>) {
    let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_object());
    if !name.is_empty() {
        lines.push_str(&format!("\n[{name}]\n"));
    }
    for (key, value) in values {
        let line = match value {
            Value::Null => format!("# {key} is not set\n"),
            value => format!("{} = {value}\n", bare_or_quoted(key)),
        };
        lines.push_str(&line);
    }
    for (key, value) in tables {
        let inner = bare_or_quoted(key);
        let path = if name.is_empty() { inner } else { format!("{name}.{inner}") };
        if let Value::Object(table) = value {
            write_table(lines, &path, table);
        }
    }
}

/// TOML's rule for keys; a JSON string is a TOML string.
fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { Value::from(key).to_string() }
}

/// Serialises a secret as `***`.
pub(super) fn masked<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_some(MASK),
        None => serializer.serialize_none(),
    }
}

/// Serialises a secret URL with its password as `***`.
pub(super) fn masked_url<S: Serializer>(url: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match url {
        Some(url) => serializer.serialize_some(&without_password(url.expose_secret())),
        None => serializer.serialize_none(),
    }
}

/// Serialises an address that is no secret itself, but may hold a password.
pub(super) fn masked_address<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match url {
        Some(url) => serializer.serialize_some(&without_password(url)),
        None => serializer.serialize_none(),
    }
}

/// The same for one that is always there.
pub(super) fn masked_address_of<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_password(url))
}

/// A URL whose password is masked: before the last `@`, and in parameters that are named like one. What is no URL is
/// masked as a whole, and so is a user without a password, which may be a token.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let (who, rest) = match rest.rsplit_once('@') {
        None => (String::new(), rest),
        Some((who, rest)) => match who.split_once(':') {
            Some((user, _)) => (format!("{user}:{MASK}@"), rest),
            None => (format!("{MASK}@"), rest),
        },
    };
    let Some((place, query)) = rest.split_once('?') else { return format!("{scheme}://{who}{rest}") };
    let parameters: Vec<String> = query.split('&').map(without_secret).collect();
    format!("{scheme}://{who}{place}?{}", parameters.join("&"))
}

fn without_secret(parameter: &str) -> String {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let lower = name.to_ascii_lowercase();
    let secret = ["pass", "secret", "token", "key"].iter().any(|word| lower.contains(word));
    if secret && !value.is_empty() { format!("{name}={MASK}") } else { parameter.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_masked_wherever_it_stands() {
        let cases = [
            ("postgres://admin:s3cret@db/socle", "postgres://admin:***@db/socle"),
            ("postgres://admin:s3/c@ret@db:5432/socle", "postgres://admin:***@db:5432/socle"),
            ("postgres://db/socle?password=s3cret&sslmode=require", "postgres://db/socle?password=***&sslmode=require"),
            ("https://s3cret@collector/v1/traces", "https://***@collector/v1/traces"),
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
            ("host=db password=s3cret", "***"),
        ];
        for (url, shown) in cases {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn keys_with_dots_are_quoted() {
        assert_eq!(bare_or_quoted("drain_seconds"), "drain_seconds");
        assert_eq!(bare_or_quoted("physio.example.org"), "\"physio.example.org\"");
    }
}
