//! Layered settings: built-in defaults, then `socle.toml`, then `SOCLE_<SECTION>__<KEY>`; `DATABASE_URL` and
//! `SOCLE_PORT` are short names for the two that everybody sets. See `docs/operations.md`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Where the server runs; production refuses demo seeds and development pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer's machine, tests, the demo.
    Development,
    /// Rehearsal with synthetic data.
    Staging,
    /// Real health data.
    Production,
}

/// All settings of the server.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where the server runs.
    pub environment: Environment,
    /// The HTTP listener.
    pub http: Http,
    /// PostgreSQL.
    pub database: Database,
    /// Sealed fields.
    pub sealed: Sealed,
    /// Logging.
    pub log: Log,
    /// The telemetry writer.
    pub readings: Readings,
}

/// The HTTP listener.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address to bind, e.g. `127.0.0.1`.
    pub address: String,
    /// Port to bind; 0 takes a free one.
    pub port: u16,
    /// A proxy whose `X-Forwarded-For` is believed; none by default.
    pub trusted_proxy: Option<std::net::IpAddr>,
}

/// PostgreSQL. Either whole URLs, or one URL and the passwords that `socle migrate` set for the roles.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// `postgres://…/database`: for `migrate` a role that may create roles; for `serve` any URL of the database.
    pub url: Option<SecretString>,
    /// Password of `socle_app`; when set, `serve` signs in as that role.
    pub app_password: Option<SecretString>,
    /// Password of `socle_ingest`.
    pub ingest_password: Option<SecretString>,
    /// Connections of the app role.
    pub connections: u32,
}

/// Sealed fields.
#[derive(Clone, Debug, Deserialize)]
pub struct Sealed {
    /// Hex of a 32-byte key-encryption key.
    pub key: Option<SecretString>,
    /// File that holds it; made on first use in development.
    pub key_file: Option<std::path::PathBuf>,
}

/// Logging.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// Filter directives, e.g. `info,sqlx=warn`.
    pub filter: String,
    /// JSON lines (default) or text for a terminal.
    pub json: bool,
}

/// The telemetry writer (decision on group commit in `docs/decisions`).
#[derive(Clone, Debug, Deserialize)]
pub struct Readings {
    /// Parallel writer lanes, each with its own connection; devices are spread over them.
    pub lanes: usize,
    /// Readings that may wait in memory, over all lanes, before 503 is answered.
    pub queue: usize,
    /// Requests of one device under way at once before 429 is answered.
    pub per_device: usize,
}

/// Built-in values: enough to run in development without any file.
const DEFAULTS: &str = r#"
environment = "development"
[http]
address = "127.0.0.1"
port = 8080
[database]
connections = 16
[sealed]
[log]
filter = "info,sqlx=warn"
json = true
[readings]
lanes = 4
queue = 100000
per_device = 4
"#;

impl Config {
    /// Reads defaults, `socle.toml` in the working folder when present, and the environment.
    ///
    /// # Errors
    /// When a file or variable cannot be read as the setting it names; the message names it.
    pub fn load() -> Result<Self, config::ConfigError> {
        let environment = config::Environment::with_prefix("SOCLE").prefix_separator("_").separator("__");
        let mut builder = config::Config::builder()
            .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml))
            .add_source(config::File::with_name("socle").format(config::FileFormat::Toml).required(false))
            .add_source(environment);
        if let Ok(url) = std::env::var("DATABASE_URL") {
            builder = builder.set_override("database.url", url)?;
        }
        if let Ok(port) = std::env::var("SOCLE_PORT") {
            builder = builder.set_override("http.port", port)?;
        }
        builder.build()?.try_deserialize()
    }

    /// The database URL for a role: the configured one, with role and password put in when they are set apart.
    ///
    /// # Errors
    /// When no URL is configured or it is not a `postgres://` URL.
    pub fn database_url(&self, role: Role) -> Result<SecretString, String> {
        let url = self.database.url.as_ref().ok_or("DATABASE_URL is not set; in development use bin/demo")?;
        let (name, password) = match role {
            Role::App => ("socle_app", &self.database.app_password),
            Role::Ingest => ("socle_ingest", &self.database.ingest_password),
        };
        let Some(password) = password else { return Ok(url.clone()) };
        with_user(url.expose_secret(), name, password.expose_secret()).map(SecretString::from)
    }
}

/// A database role of the running server.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// `socle_app`: everything under row-level security.
    App,
    /// `socle_ingest`: COPY into the leaves of telemetry tables.
    Ingest,
}

/// Puts another user and password into a `postgres://` URL.
///
/// # Errors
/// When the URL has no `//`.
pub fn with_user(url: &str, user: &str, password: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").ok_or("the database URL is not of the form postgres://…")?;
    let (authority, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let password = utf8_percent_encode(password, NON_ALPHANUMERIC);
    Ok(format!("{scheme}://{user}:{password}@{host}/{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_the_place_of_the_urls_own() {
        let put = |url| with_user(url, "socle_app", "secret");
        assert_eq!(put("postgres://admin:x@db.example/socle").unwrap(), "postgres://socle_app:secret@db.example/socle");
        assert_eq!(put("postgres://db:5432/socle?a=b").unwrap(), "postgres://socle_app:secret@db:5432/socle?a=b");
        assert_eq!(with_user("postgres://h/d", "u", "p@/#").unwrap(), "postgres://u:p%40%2F%23@h/d");
        assert!(put("db/socle").is_err());
    }

    #[test]
    fn the_defaults_are_whole_and_secrets_are_not_printed() {
        let mut config = Config::load().unwrap();
        config.database.url = Some("postgres://u:hidden@h/d".into());
        assert!(!format!("{config:?}").contains("hidden"));
        assert_eq!(config.readings.lanes, 4);
    }
}
