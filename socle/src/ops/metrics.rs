//! Figures for Prometheus, with the names of specs/axtech.md §10.2 where it names them.
//!
//! Label values come from lists that are bounded: verbs, route templates, status codes, queues. Never from what a
//! stranger sends, or every made-up address would cost memory for ever.

use std::sync::OnceLock;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use super::process;
use crate::db::Db;

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
const READINGS: &str = "readings_total";
const STREAMS: &str = "live_streams";
const POOL: &str = "db_pool_connections";

/// Upper ends of the buckets of [`DURATION`], in seconds: 5 ms to 10 s.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often single durations are folded into their buckets.
const FOLD_EVERY: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The figures of this process. The first call installs them; several servers in one process (tests) share them.
#[must_use]
pub fn recorder() -> PrometheusHandle {
    RECORDER.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let matcher = Matcher::Full(DURATION.to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(matcher, &BUCKETS).unwrap_or_else(|error| {
        tracing::error!(%error, "the buckets of request durations");
        PrometheusBuilder::new()
    });
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("figures are recorded elsewhere already; /metrics stays empty");
    }
    describe();
    process::started();
    handle
}

fn describe() {
    describe_counter!(REQUESTS, "Requests answered, by verb, route template and status.");
    describe_histogram!(DURATION, "Seconds from the request's head to the answer's head.");
    describe_counter!(READINGS, "Readings of devices, by what became of them: stored, duplicate, rejected.");
    describe_gauge!(STREAMS, "Live streams that are open.");
    describe_gauge!(POOL, "Database connections of the app role, by state: idle, used.");
    process::describe();
}

/// Counts an answer. `template` is the route's, with the product's base (`/physiotraq/app/monitor/{device}`), never the
/// address that was asked for; `took` ends when the answer begins.
pub fn answered(method: &Method, template: &str, status: StatusCode, took: Duration) {
    let method = verb(method);
    let (path, status) = (template.to_owned(), status.as_str().to_owned());
    histogram!(DURATION, "method" => method, "path" => path.clone()).record(took.as_secs_f64());
    counter!(REQUESTS, "method" => method, "path" => path, "status" => status).increment(1);
}

/// A verb from a list: a client may invent others.
pub(crate) fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Counts readings by what became of them: `stored`, `duplicate` or `rejected`.
pub fn readings(outcome: &'static str, count: i64) {
    counter!(READINGS, "outcome" => outcome).increment(u64::try_from(count).unwrap_or_default());
}

/// Sets the connections of the app role's pool: how many there are, and how many of them nobody uses.
fn pool(size: u32, idle: usize) {
    let idle = u32::try_from(idle).unwrap_or(size).min(size);
    gauge!(POOL, "state" => "idle").set(f64::from(idle));
    gauge!(POOL, "state" => "used").set(f64::from(size - idle));
}

/// An open live stream: counted until it is dropped.
pub struct LiveStream(());

impl LiveStream {
    /// One more.
    #[must_use]
    pub fn open() -> Self {
        gauge!(STREAMS).increment(1.0);
        Self(())
    }

    /// Called with every event: whoever calls it owns the count.
    pub(crate) fn beats(&self) {}
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1.0);
    }
}

/// What Prometheus reads.
pub async fn page() -> Response {
    let figures = recorder();
    process::observe();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.render()).into_response()
}

/// Serves `/metrics`, and nothing else, on a listener of its own until the future is dropped.
///
/// # Errors
/// When the listener fails.
#[expect(clippy::disallowed_types, reason = "a listener for operators alone: no person or device reaches it")]
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let router = axum::Router::new().route("/metrics", axum::routing::get(page));
    axum::serve(listener, router).await
}

/// Folds durations into their buckets for ever (on a server that nobody scrapes each one would stay in memory) and looks
/// at the pool.
pub async fn upkeep(db: &Db) {
    let figures = recorder();
    loop {
        let (size, idle) = db.connections();
        pool(size, idle);
        tokio::time::sleep(FOLD_EVERY).await;
        figures.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn figures() -> String {
        let body = page().await.into_body();
        String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    fn line<'a>(figures: &'a str, name: &str, labels: &[&str]) -> Option<&'a str> {
        let mut named = figures.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        named.find(|line| labels.iter().all(|label| line.contains(label)))
    }

    #[tokio::test]
    async fn figures_carry_the_names_and_labels_of_the_specification() {
        drop(recorder());
        answered(&Method::GET, "/unit/{id}", StatusCode::OK, Duration::from_millis(20));
        answered(&Method::from_bytes(b"BREW").unwrap(), "/unit/{id}", StatusCode::NOT_FOUND, Duration::ZERO);
        readings("stored", 3);
        pool(5, 2);
        let shown = figures().await;
        let path = "path=\"/unit/{id}\"";
        let counted = line(&shown, REQUESTS, &["method=\"GET\"", path, "status=\"200\""]).unwrap();
        assert!(counted.ends_with(" 1"), "{counted}");
        assert!(line(&shown, REQUESTS, &["method=\"other\"", path]).is_some(), "an invented verb costs one label");
        let bucket = |end: &str| line(&shown, "http_request_duration_seconds_bucket", &["\"GET\"", path, end]).unwrap();
        assert!(bucket("le=\"0.01\"").ends_with(" 0"));
        assert!(bucket("le=\"0.025\"").ends_with(" 1"));
        assert!(bucket("le=\"10\"").ends_with(" 1"));
        assert!(line(&shown, READINGS, &["outcome=\"stored\""]).unwrap().ends_with(" 3"));
        assert!(line(&shown, POOL, &["state=\"used\""]).unwrap().ends_with(" 3"));
    }

    #[tokio::test]
    async fn a_stream_is_counted_while_it_lives() {
        drop(recorder());
        let open = |shown: &str| shown.lines().find_map(|line| line.strip_prefix("live_streams ")?.parse::<f64>().ok());
        let before = open(&figures().await).unwrap_or_default();
        let stream = LiveStream::open();
        assert_eq!(open(&figures().await), Some(before + 1.0));
        drop(stream);
        assert_eq!(open(&figures().await), Some(before));
    }

    #[tokio::test]
    async fn the_process_says_how_large_it_is_and_since_when_it_runs() {
        let shown = figures().await;
        for name in ["process_resident_memory_bytes", "process_start_time_seconds"] {
            let value = shown.lines().find_map(|line| line.strip_prefix(&format!("{name} "))?.parse::<f64>().ok());
            assert!(value.is_some_and(|value| value > 1_000_000.0), "{name}: {value:?}");
        }
    }
}
