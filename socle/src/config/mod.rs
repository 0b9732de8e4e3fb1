//! Layered settings: built-in defaults, then `socle.toml`, then `SOCLE_<SECTION>__<KEY>`; `DATABASE_URL` and
//! `SOCLE_PORT` are short names for the two that everybody sets. See `docs/operations.md`.

mod files;
mod lists;
mod printed;
mod settings;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

pub use files::Files;
pub use settings::{
    Audit, Config, Database, Environment, Geo, Http, Jobs, Limits, Log, Mail, MailTransport, Ops, Privacy, Readings,
    Sealed, Sms, SmsTransport, Tracing,
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
        let mut config: Self = builder.build()?.try_deserialize()?;
        config.read_secret_files().map_err(config::ConfigError::Message)?;
        Ok(config)
    }

    /// Reads the secrets that are given as files: orchestrators mount them so, and an environment is read by more than
    /// the process it is for. (`sealed.key_file` is read by whoever opens the vault: development makes it on first use.)
    fn read_secret_files(&mut self) -> Result<(), String> {
        let (database, sealed, mail) = (&mut self.database, &mut self.sealed, &mut self.mail);
        let (sms, audit, stored) = (&mut self.sms, &mut self.audit, &mut self.files);
        let files = [
            ("database.url", &mut database.url, &database.url_file),
            ("database.app_password", &mut database.app_password, &database.app_password_file),
            ("database.ingest_password", &mut database.ingest_password, &database.ingest_password_file),
            ("sealed.other_keys", &mut sealed.other_keys, &sealed.other_keys_file),
            ("sealed.kms_token", &mut sealed.kms_token, &sealed.kms_token_file),
            ("mail.smtp_url", &mut mail.smtp_url, &mail.smtp_url_file),
            ("sms.account_sid", &mut sms.account_sid, &sms.account_sid_file),
            ("sms.auth_token", &mut sms.auth_token, &sms.auth_token_file),
            ("audit.signing_key", &mut audit.signing_key, &audit.signing_key_file),
            ("files.s3_secret_access_key", &mut stored.s3_secret_access_key, &stored.s3_secret_access_key_file),
        ];
        for (name, secret, file) in files {
            let Some(file) = file else { continue };
            if secret.is_some() {
                return Err(format!("{name} and {name}_file are both set; keep one"));
            }
            let text = std::fs::read_to_string(file).map_err(|e| format!("{name}_file {}: {e}", file.display()))?;
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Err(format!("{name}_file {} is empty", file.display()));
            }
            *secret = Some(text.into());
        }
        Ok(())
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

    /// `Strict-Transport-Security`, where the site is reached over https: in production, and wherever the public address
    /// says so. Two years, subdomains too, ready for the browsers' preload list.
    #[must_use]
    pub fn hsts(&self) -> Option<&str> {
        let https = self.http.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
        let value = self.http.hsts.as_deref().unwrap_or("max-age=63072000; includeSubDomains; preload");
        (!value.is_empty() && (https || self.environment == Environment::Production)).then_some(value)
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

    /// Where people's exports wait; outside production a folder among the machine's temporary files will do.
    #[must_use]
    pub fn export_folder(&self) -> PathBuf {
        self.privacy.export_folder.clone().unwrap_or_else(|| std::env::temp_dir().join("socle-exports"))
    }

    /// Where erasures are written down; outside production a folder among the machine's temporary files will do.
    #[must_use]
    pub fn erasure_journal(&self) -> PathBuf {
        self.privacy.erasure_journal.clone().unwrap_or_else(|| std::env::temp_dir().join("socle-erasures"))
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
        if self.http.hsts.as_ref().is_some_and(|value| http::HeaderValue::from_str(value).is_err()) {
            faults.push("http.hsts must be the value of a header".to_owned());
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
        if self.audit.anchor_seconds == 0 {
            faults.push("audit.anchor_seconds must be at least 1".to_owned());
        }
        let sources = [self.sealed.key.is_some(), self.sealed.key_file.is_some(), self.sealed.kms_url.is_some()];
        if sources.into_iter().filter(|set| *set).count() > 1 {
            faults.push("sealed.key, sealed.key_file and sealed.kms_url exclude each other: set one".to_owned());
        }
        if self.sealed.kms_url.is_some() && self.sealed.kms_token.is_none() {
            faults.push("sealed.kms_url is set, but sealed.kms_token is not".to_owned());
        }
        if self.sealed.other_keys.is_some() && self.sealed.key.is_none() {
            faults.push("sealed.other_keys goes with sealed.key alone; a key file holds them all".to_owned());
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
        faults.extend(self.files.faults());
        if self.limits.has_none() {
            faults.push("every figure of limits must be at least 1: zero would let nobody in".to_owned());
        }
        faults
    }

    fn faults_in_production(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.sealed.key.is_none() && self.sealed.key_file.is_none() && self.sealed.kms_url.is_none() {
            let wanted =
                "production needs sealed.kms_url, sealed.key_file or sealed.key: where is the key-encryption key?";
            faults.push(wanted.to_owned());
        }
        if self.sealed.key_store.is_none() {
            faults.push("production needs sealed.key_store: where are persons' keys?".to_owned());
        }
        if self.privacy.export_folder.is_none() {
            faults.push("production needs privacy.export_folder: where do people's exports wait?".to_owned());
        }
        if self.privacy.erasure_journal.is_none() {
            faults.push("production needs privacy.erasure_journal: what is done again after a restore?".to_owned());
        }
        if self.audit.anchor_store.is_none() {
            faults.push("production needs audit.anchor_store: where are the audit trail's anchors kept?".to_owned());
        }
        if self.files.folder.is_none() && self.files.s3_bucket.is_none() {
            faults.push("production needs files.folder or files.s3_bucket: where do uploaded files lie?".to_owned());
        }
        if self.files.s3_endpoint.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            faults.push("production needs files.s3_endpoint to begin with https://".to_owned());
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
