//! OpenTelemetry: a span per request, sent over OTLP to a collector when one is configured.
//!
//! Only spans leave, never log lines: what an error says may quote data. A span carries verb, route template, status
//! and request id. Whether a trace is kept follows from its id alone, so that a stranger who sends a `traceparent`
//! cannot switch sending on.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::Config;

/// A layer of the one subscriber.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// A collector that does not answer is given up after this long.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The layer that sends spans; `None` without a collector, and when this process sends already.
///
/// # Errors
/// When the collector's address cannot be read.
pub(crate) fn layer(config: &Config) -> Result<Option<BoxedLayer>, String> {
    let Some(endpoint) = &config.tracing.otlp_endpoint else { return Ok(None) };
    let provider = provider(config, endpoint)?;
    let tracer = provider.tracer("socle");
    if PROVIDER.set(provider).is_err() {
        return Ok(None);
    }
    let layer = tracing_opentelemetry::layer::<Registry>().with_tracer(tracer);
    // Where in the sources a span was made says nothing of the request.
    let layer = layer.with_location(false).with_threads(false);
    // No filter of its own around it: `Filtered` does not tell a layer its dispatcher, without which it makes no span.
    Ok(Some(layer.boxed()))
}

/// Built on a thread of its own, and it sends from one: its HTTP client blocks, which no thread of the runtime may.
fn provider(config: &Config, endpoint: &str) -> Result<SdkTracerProvider, String> {
    let address = traces_address(endpoint);
    let sampler = Sampler::TraceIdRatioBased(config.sample_ratio());
    let environment = KeyValue::new("deployment.environment.name", config.environment.name());
    let build = move || -> Result<SdkTracerProvider, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(address)
            .with_timeout(EXPORT_WITHIN)
            .build()
            .map_err(|error| format!("tracing.otlp_endpoint: {error}"))?;
        let resource = Resource::builder().with_service_name("socle").with_attribute(environment).build();
        // A line that is logged inside a span would leave with it.
        let builder = SdkTracerProvider::builder().with_batch_exporter(exporter).with_max_events_per_span(0);
        Ok(builder.with_sampler(sampler).with_resource(resource).build())
    };
    std::thread::spawn(build).join().unwrap_or_else(|_| Err("the sender of traces could not be made".to_owned()))
}

/// The collector's address for traces: its base is enough.
fn traces_address(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") }
}

/// Sends what waits and stops sending; at the end of the process, outside the runtime.
pub(crate) fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(%error, "the last traces could not be sent");
    }
}

/// The span of a request, continuing the trace of the caller when it names one. Without a collector it only carries the
/// request id into the log lines written inside it.
pub(crate) fn request_span(method: &'static str, template: &str, request_id: &str, headers: &HeaderMap) -> Span {
    if PROVIDER.get().is_none() {
        return tracing::info_span!("request", request_id);
    }
    let name = format!("{method} {template}");
    let span = tracing::info_span!(
        "request",
        request_id,
        otel.name = name.as_str(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = template,
        http.response.status_code = Empty,
    );
    if let Some(parent) = parent(headers)
        && let Err(error) = span.set_parent(parent)
    {
        tracing::debug!(?error, "a request's trace could not be continued");
    }
    span
}

/// Notes how a request ended.
pub(crate) fn ended(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The id of the trace a span belongs to, as 32 hexadecimal digits, for its log line.
pub(crate) fn trace_id(span: &Span) -> Option<String> {
    PROVIDER.get()?;
    let context = span.context();
    let found = context.span().span_context().clone();
    found.is_valid().then(|| found.trace_id().to_string())
}

/// The caller's trace, from a W3C `traceparent`; one that is not well formed counts as none.
fn parent(headers: &HeaderMap) -> Option<Context> {
    let line = headers.get("traceparent")?.to_str().ok()?;
    let carrier = HashMap::from([("traceparent".to_owned(), line.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    let valid = context.span().span_context().is_valid();
    valid.then_some(context)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_collectors_base_is_enough() {
        for endpoint in ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"] {
            assert_eq!(traces_address(endpoint), "http://c:4318/v1/traces");
        }
    }

    #[test]
    fn a_trace_is_continued_only_when_its_header_is_well_formed() {
        let trace_of = |line: &'static str| {
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), HeaderValue::from_static(line))]);
            parent(&headers).map(|context| context.span().span_context().trace_id().to_string())
        };
        let line = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace_of(line).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        for line in ["", "nonsense", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert_eq!(trace_of(line), None, "{line}");
        }
        assert!(parent(&HeaderMap::new()).is_none());
    }
}
