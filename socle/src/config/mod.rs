//! Layered settings: built-in defaults, then `socle.toml`, then `SOCLE_<SECTION>__<KEY>`; `DATABASE_URL` and
//! `SOCLE_PORT` are short names for the two that everybody sets. See `docs/operations.md`.

mod printed;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

pub use settings::{
    Config, Database, Environment, Http, Jobs, Log, Mail, MailTransport, Ops, Readings, Sealed, Sms, SmsTransport,
    Tracing,
};

use settings::DEFAULTS;

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

    /// Where people find the server, without a slash at the end; the base of links in mails.
    #[must_use]
    pub fn public_url(&self) -> String {
        match &self.http.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://localhost:{}", self.http.port),
        }
    }

    /// How long the server still accepts after the signal to end, so that a balancer can see `/health/ready` say 503:
    /// nothing in development, 5 s elsewhere.
    #[must_use]
    pub fn drain(&self) -> Duration {
        let usual = if self.environment == Environment::Development { 0 } else { 5 };
        Duration::from_secs(self.http.drain_seconds.unwrap_or(usual))
    }

    /// Share of traces that are sent, 0 to 1: a tenth in production (specs/axtech.md §10.3), all elsewhere.
    #[must_use]
    pub fn sample_ratio(&self) -> f64 {
        let usual = if self.environment == Environment::Production { 0.1 } else { 1.0 };
        self.tracing.sample_ratio.unwrap_or(usual)
    }

    /// Whether `/metrics` is on the main listener: in development, as long as it has no listener of its own.
    #[must_use]
    pub fn metrics_on_main(&self) -> bool {
        self.environment == Environment::Development && self.ops.metrics_address.is_none()
    }

    /// Refuses settings with which the server must not start.
    ///
    /// # Errors
    /// One sentence per fault, each naming the setting.
    pub fn refuse_unfit(&self) -> Result<(), String> {
        let mut faults = self.faults();
        if self.environment == Environment::Production {
            faults.extend(self.faults_in_production());
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(0.0..=1.0).contains(&self.sample_ratio()) {
            faults.push("tracing.sample_ratio must be from 0 to 1".to_owned());
        }
        if let Some(url) = &self.http.public_url
            && !url.starts_with("http://")
            && !url.starts_with("https://")
        {
            faults.push("http.public_url must begin with http:// or https://".to_owned());
        }
        if let Some(url) = &self.tracing.otlp_endpoint
            && !url.starts_with("http://")
        {
            faults
                .push("tracing.otlp_endpoint must begin with http://: the collector runs beside the server".to_owned());
        }
        if self.mail.transport == MailTransport::Smtp && self.mail.smtp_url.is_none() {
            faults.push("mail.transport is smtp, but mail.smtp_url is not set".to_owned());
        }
        if self.mail.transport == MailTransport::Mailbox && !self.environment.allows_stand_ins() {
            let environment = self.environment.name();
            faults.push(format!("{environment} refuses the stand-in mail.transport mailbox; set it to smtp"));
        }
        let twilio = [&self.sms.account_sid, &self.sms.auth_token];
        if self.sms.transport == SmsTransport::Twilio
            && (twilio.iter().any(|secret| secret.is_none()) || self.sms.from.is_none())
        {
            faults.push("sms.transport is twilio: it needs sms.account_sid, sms.auth_token and sms.from".to_owned());
        }
        if self.jobs.poll_seconds == 0 {
            faults.push("jobs.poll_seconds must be at least 1".to_owned());
        }
        faults
    }

    fn faults_in_production(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.sealed.key.is_none() && self.sealed.key_file.is_none() {
            faults
                .push("production needs sealed.key_file (or sealed.key): where is the key-encryption key?".to_owned());
        }
        let plain = |url: &SecretString| {
            let url = url.expose_secret();
            !url.starts_with("smtps://") && !url.contains("tls=required")
        };
        if self.mail.smtp_url.as_ref().is_some_and(plain) {
            faults.push("production needs mail.smtp_url to be smtps://… or to end in ?tls=required".to_owned());
        }
        if !self.sms.url.starts_with("https://") {
            faults.push("production needs sms.url to begin with https://".to_owned());
        }
        if !self.http.public_url.as_ref().is_some_and(|url| url.starts_with("https://")) {
            faults.push("production needs http.public_url, and it must begin with https://".to_owned());
        }
        faults
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
