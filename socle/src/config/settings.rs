//! Every setting with its section, and the built-in values.

use std::collections::HashMap;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

use super::printed::{masked, masked_address, masked_address_of, masked_url};

/// Built-in values: enough to run in development without any file.
pub(super) const DEFAULTS: &str = r#"
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
[mail]
transport = "mailbox"
from = "Socle <no-reply@localhost>"
[sms]
transport = "mailbox"
url = "https://api.twilio.com"
[jobs]
poll_seconds = 1
[ops]
[tracing]
"#;

/// Where the server runs; production refuses demo seeds, development pages and stand-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer's machine, tests, the demo. Synthetic data only.
    Development,
    /// Rehearsal with synthetic data.
    Staging,
    /// Real health data.
    Production,
}

impl Environment {
    /// Whether demo data may be put into the database.
    #[must_use]
    pub fn allows_demo(self) -> bool {
        self != Self::Production
    }

    /// Whether `/dev/…` pages (mailbox, component gallery) are there.
    #[must_use]
    pub fn allows_dev_pages(self) -> bool {
        self != Self::Production
    }

    /// Whether something that only looks like an outside service (mailbox, payment) may stand in for it.
    #[must_use]
    pub fn allows_stand_ins(self) -> bool {
        self != Self::Production
    }

    /// `development`, `staging` or `production`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

/// All settings of the server. Serialised they are masked: no secret leaves through it.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    /// Mails.
    pub mail: Mail,
    /// Text messages.
    pub sms: Sms,
    /// Background work.
    pub jobs: Jobs,
    /// What operators look at.
    pub ops: Ops,
    /// OpenTelemetry traces.
    pub tracing: Tracing,
}

/// The HTTP listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Http {
    /// Address to bind, e.g. `127.0.0.1`.
    pub address: String,
    /// Port to bind; 0 takes a free one.
    pub port: u16,
    /// A proxy whose `X-Forwarded-For` is believed; none by default.
    pub trusted_proxy: Option<std::net::IpAddr>,
    /// Where people find the server, without a slash at the end: the base of links in mails.
    #[serde(serialize_with = "masked_address")]
    pub public_url: Option<String>,
    /// Host names that show one product at `/`: host name → product. From the environment: `a.fr=one,b.fr=two`.
    #[serde(default, deserialize_with = "hosts")]
    pub hosts: HashMap<String, String>,
    /// Seconds between the signal to end (`/health/ready` says 503 at once) and the end of accepting; see
    /// [`Config::drain`] for the default.
    pub drain_seconds: Option<u64>,
}

/// PostgreSQL. Either whole URLs, or one URL and the passwords that `socle migrate` set for the roles.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Database {
    /// `postgres://…/database`: for `migrate` a role that may create roles; for `serve` any URL of the database.
    #[serde(serialize_with = "masked_url")]
    pub url: Option<SecretString>,
    /// Password of `socle_app`; when set, `serve` signs in as that role.
    #[serde(serialize_with = "masked")]
    pub app_password: Option<SecretString>,
    /// Password of `socle_ingest`.
    #[serde(serialize_with = "masked")]
    pub ingest_password: Option<SecretString>,
    /// Connections of the app role.
    pub connections: u32,
}

/// Sealed fields.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sealed {
    /// Hex of a 32-byte key-encryption key.
    #[serde(serialize_with = "masked")]
    pub key: Option<SecretString>,
    /// File that holds it; made on first use in development.
    pub key_file: Option<std::path::PathBuf>,
}

/// Logging.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Log {
    /// Filter directives, e.g. `info,sqlx=warn`.
    pub filter: String,
    /// JSON lines (default) or text for a terminal.
    pub json: bool,
}

/// The telemetry writer (decision on group commit in `docs/decisions`).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Readings {
    /// Parallel writer lanes, each with its own connection; devices are spread over them.
    pub lanes: usize,
    /// Readings that may wait in memory, over all lanes, before 503 is answered.
    pub queue: usize,
    /// Requests of one device under way at once before 429 is answered.
    pub per_device: usize,
}

/// How mails leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// A stand-in: mails stay in the database, and a development page shows them.
    Mailbox,
    /// A mail server.
    Smtp,
}

/// Mails.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Mail {
    /// How they leave.
    pub transport: MailTransport,
    /// `smtp://user:password@host:port`, for the transport `smtp`.
    #[serde(serialize_with = "masked_url")]
    pub smtp_url: Option<SecretString>,
    /// The sender, `Name <address>`.
    pub from: String,
}

/// How text messages leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsTransport {
    /// A stand-in: the development mailbox shows them. In production none is sent, and what needs one is refused.
    Mailbox,
    /// Twilio's HTTP API.
    Twilio,
}

/// Text messages.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sms {
    /// How they leave.
    pub transport: SmsTransport,
    /// Where Twilio's API is.
    #[serde(serialize_with = "masked_address_of")]
    pub url: String,
    /// Twilio's account SID.
    #[serde(serialize_with = "masked")]
    pub account_sid: Option<SecretString>,
    /// Its token.
    #[serde(serialize_with = "masked")]
    pub auth_token: Option<SecretString>,
    /// The sender: a number of the account in E.164, or a name where the country allows one.
    pub from: Option<String>,
}

/// Background work.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Jobs {
    /// Seconds after which the queue is looked at, even when nobody said that there is work.
    pub poll_seconds: u64,
}

/// What operators look at.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ops {
    /// A listener of its own for `/metrics`, e.g. `127.0.0.1:9090`. Without it `/metrics` is on the main listener, in
    /// development only.
    pub metrics_address: Option<String>,
}

/// OpenTelemetry traces.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tracing {
    /// The collector, OTLP over plain HTTP: `http://127.0.0.1:4318`. None by default: no trace leaves.
    #[serde(serialize_with = "masked_address")]
    pub otlp_endpoint: Option<String>,
    /// Share of traces that are sent, 0 to 1; see [`Config::sample_ratio`] for the default.
    pub sample_ratio: Option<f64>,
}

/// A table, or one line of `host=product` pairs: an environment variable cannot be a table with dots in its keys.
fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Hosts {
        Table(HashMap<String, String>),
        Line(String),
    }
    let pair = |text: &str| match text.split_once('=') {
        Some((host, product)) => Ok((host.trim().to_owned(), product.trim().to_owned())),
        None => Err(<D::Error as serde::de::Error>::custom(format!(
            "http.hosts is host=product,host=product; {text:?} has no ="
        ))),
    };
    match Hosts::deserialize(deserializer)? {
        Hosts::Table(table) => Ok(table),
        Hosts::Line(line) => line.split(',').map(str::trim).filter(|part| !part.is_empty()).map(pair).collect(),
    }
}
