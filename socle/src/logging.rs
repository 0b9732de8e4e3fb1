//! Logs: JSON lines with the request id; what could name a person is masked before it is written.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Log;

/// Starts logging to standard error. A second call (tests in one process) changes nothing.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(settings: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|e| format!("log.filter: {e}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = if settings.json {
        let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        registry.with(json).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).try_init()
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
        assert_eq!(mask_ip("192.0.2.17".parse().unwrap()), "192.0.2.…");
        assert_eq!(mask_ip("2001:db8:1:2::3".parse().unwrap()), "2001:db8:…");
    }
}
