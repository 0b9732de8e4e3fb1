//! Every setting with its section, and the built-in values.

use std::collections::HashMap;
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::files::Files;
use super::lists::{hosts, networks};
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
kms_mount = "transit"
kms_key = "socle"
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
[audit]
anchor_seconds = 300
[limits]
failures = 5
failure_minutes = 15
failures_per_address = 100
window_seconds = 60
calls = 100
uploads = 10
billing = 20
auth_per_address = 600
[geo]
[ops]
[tracing]
[privacy]
[files]
s3_region = "eu-west-3"
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
    /// The audit trail.
    pub audit: Audit,
    /// How often somebody may try, and call.
    pub limits: Limits,
    /// Where addresses are.
    pub geo: Geo,
    /// What operators look at.
    pub ops: Ops,
    /// OpenTelemetry traces.
    pub tracing: Tracing,
    /// Personal rights.
    pub privacy: Privacy,
    /// Uploaded files.
    pub files: Files,
}

/// The HTTP listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Http {
    /// Address to bind, e.g. `127.0.0.1`.
    pub address: String,
    /// Port to bind; 0 takes a free one.
    pub port: u16,
    /// Networks of proxies whose `X-Forwarded-For` is believed; none by default. From the environment:
    /// `10.0.0.0/8,192.0.2.7`.
    #[serde(default, deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Where people find the server, without a slash at the end: the base of links in mails.
    #[serde(serialize_with = "masked_address")]
    pub public_url: Option<String>,
    /// `Strict-Transport-Security` of every answer in production, and wherever `public_url` is https; see [`Config::hsts`]
    /// for the default. Empty: it is not sent.
    pub hsts: Option<String>,
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
    /// File that holds it.
    pub url_file: Option<PathBuf>,
    /// Password of `socle_app`; when set, `serve` signs in as that role.
    #[serde(serialize_with = "masked")]
    pub app_password: Option<SecretString>,
    /// File that holds it.
    pub app_password_file: Option<PathBuf>,
    /// Password of `socle_ingest`.
    #[serde(serialize_with = "masked")]
    pub ingest_password: Option<SecretString>,
    /// File that holds it.
    pub ingest_password_file: Option<PathBuf>,
    /// Connections of the app role.
    pub connections: u32,
}

/// Sealed fields: where the key-encryption keys (KEKs) are, and where persons' keys are.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sealed {
    /// Hex of the current 32-byte KEK.
    #[serde(serialize_with = "masked")]
    pub key: Option<SecretString>,
    /// Hex of further KEKs, for unwrapping only, with commas between them.
    #[serde(serialize_with = "masked")]
    pub other_keys: Option<SecretString>,
    /// File that holds them.
    pub other_keys_file: Option<PathBuf>,
    /// File that holds KEKs, one a line, the current one first; made on first use in development.
    pub key_file: Option<PathBuf>,
    /// A KMS that speaks the wire format of Vault's transit engine: `https://kms.example.org`.
    #[serde(serialize_with = "masked_address")]
    pub kms_url: Option<String>,
    /// Where the engine is mounted.
    pub kms_mount: String,
    /// The name of the KEK in the KMS.
    pub kms_key: String,
    /// The token for the KMS.
    #[serde(serialize_with = "masked")]
    pub kms_token: Option<SecretString>,
    /// File that holds it.
    pub kms_token_file: Option<PathBuf>,
    /// Folder of persons' wrapped keys, shared by all servers, apart from every backup of the database.
    pub key_store: Option<PathBuf>,
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
    /// File that holds it.
    pub smtp_url_file: Option<PathBuf>,
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
    /// File that holds it.
    pub account_sid_file: Option<PathBuf>,
    /// Its token.
    #[serde(serialize_with = "masked")]
    pub auth_token: Option<SecretString>,
    /// File that holds it.
    pub auth_token_file: Option<PathBuf>,
    /// The sender: a number of the account in E.164, or a name where the country allows one.
    pub from: Option<String>,
}

/// Background work.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Jobs {
    /// Seconds after which the queue is looked at, even when nobody said that there is work.
    pub poll_seconds: u64,
}

/// The audit trail's anchors outside the database.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Audit {
    /// Folder of the anchors, outside the database's own disk. Without it there are none (not in production).
    pub anchor_store: Option<PathBuf>,
    /// Seconds between two anchors; none is written while nothing changes.
    pub anchor_seconds: u64,
    /// Hex of the 32-byte seed of the Ed25519 key that signs them; without it one is derived from the key-encryption
    /// key, and changes with that.
    #[serde(serialize_with = "masked")]
    pub signing_key: Option<SecretString>,
    /// File that holds it.
    pub signing_key_file: Option<PathBuf>,
}

/// How often somebody may try a password, and how often a program may call. What each is for: `docs/operations.md`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Limits {
    /// Wrong passwords or codes of one name from one address, or from one known device, before it is closed.
    pub failures: u16,
    /// How long it is closed, in minutes; failures older than that are forgotten.
    pub failure_minutes: u16,
    /// Wrong passwords or codes from one address, of whatever name, before it is closed for as long.
    pub failures_per_address: u16,
    /// The window of the figures below, in seconds.
    pub window_seconds: u16,
    /// Calls of one account's programs.
    pub calls: u16,
    /// Uploads of one account.
    pub uploads: u16,
    /// Billing operations of one account.
    pub billing: u16,
    /// Calls from one address to the API's open doors (refresh, registration), whoever calls.
    pub auth_per_address: u16,
}

impl Limits {
    /// Whether one of the figures is zero.
    pub(super) fn has_none(&self) -> bool {
        let tries = [self.failures, self.failure_minutes, self.failures_per_address];
        let calls = [self.window_seconds, self.calls, self.uploads, self.billing, self.auth_per_address];
        tries.into_iter().chain(calls).any(|figure| figure == 0)
    }
}

/// Where addresses are, for noticing impossible travel.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Geo {
    /// A file in MaxMind's format (countries or cities). Without one every place is unknown; nobody outside is asked.
    pub database: Option<PathBuf>,
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

/// Personal rights: what lies beside the database.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Privacy {
    /// Where people's exports wait, sealed, until they are downloaded; a day at most. One folder for all servers.
    pub export_folder: Option<PathBuf>,
    /// Where every erasure is written down, so that it is done again after a restore. One folder for all servers, and not
    /// part of the database's backup.
    pub erasure_journal: Option<PathBuf>,
}
