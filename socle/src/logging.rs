//! Logs: JSON lines with the request id; what could name a person is masked before it is written. Traces start and end
//! with them, because both hang on the one subscriber of the process.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Config, Log};
use crate::ops::traces::{self, BoxedLayer};

/// Starts logging to standard error. A second call (tests in one process) changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(settings: &Log) -> Result<(), String> {
    begin(settings, None)
}

/// Starts logging, and sending traces when a collector is configured. A second call changes nothing.
///
/// # Errors
/// When the filter or the collector's address cannot be read.
pub fn start_with_traces(config: &Config) -> Result<(), String> {
    begin(&config.log, traces::layer(config)?)
}

/// Sends the traces that wait; the last thing a process does. It blocks, so it is called outside the runtime.
pub fn end() {
    traces::flush();
}

/// The lines have a filter of their own; spans are made down to its level, and never below INFO.
fn begin(settings: &Log, traces: Option<BoxedLayer>) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|e| format!("log.filter: {e}"))?;
    let level = filter.max_level_hint().unwrap_or(LevelFilter::TRACE).max(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(std::io::stderr);
    let lines: BoxedLayer = if settings.json {
        // The span that is current carries the request id; the list of all spans would say it again.
        lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed()
    } else {
        lines.with_filter(filter).boxed()
    };
    // Not a list of layers: that would not tell the traces' layer where it is.
    let started = match traces {
        Some(traces) => tracing_subscriber::registry().with(level.and_then(traces).and_then(lines)).try_init(),
        None => tracing_subscriber::registry().with(lines).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
    Ok(())
}

/// Masks an e-mail address for a log line: the first character and the domain, `m…@clinique.fr`.
#[must_use]
pub fn mask_email(email: &str) -> String {
    match email.split_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().take(1).collect::<String>()),
        None => "…".to_owned(),
    }
}

/// Masks a phone number for a log line: the first three and the last two characters, `+33…78`.
#[must_use]
pub fn mask_phone(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    match (characters.first_chunk::<3>(), characters.last_chunk::<2>()) {
        (Some(first), Some(last)) if characters.len() >= 8 => {
            format!("{}…{}", String::from_iter(first), String::from_iter(last))
        }
        _ => "…".to_owned(),
    }
}

/// Masks an address for a log line: the last part is cut (`192.0.2.…`, `2001:db8:…`).
#[must_use]
pub fn mask_ip(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.…")
        }
        std::net::IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            format!("{a:x}:{b:x}:…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_name_a_person_is_masked() {
        assert_eq!(mask_email("marie.durand@clinique.fr"), "m…@clinique.fr");
        assert_eq!(mask_email("no address"), "…");
        assert_eq!(mask_phone("+33612345678"), "+33…78");
        assert_eq!(mask_phone("+336"), "…");
        assert_eq!(mask_ip("192.0.2.17".parse().unwrap()), "192.0.2.…");
        assert_eq!(mask_ip("2001:db8:1:2::3".parse().unwrap()), "2001:db8:…");
    }
}
