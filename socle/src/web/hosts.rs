//! Host names that show one product at `/`: `physio.example.org/app` is `/physiotraq/app`.
//!
//! Links that pages make carry the product's base; they work on both.

use std::collections::HashMap;

use axum::extract::Request;
use http::uri::{Authority, PathAndQuery};
use http::{Uri, header};

/// First segments that belong to the whole site, on every host.
const OF_THE_SITE: [&str; 3] = ["assets", "health", "metrics"];

/// Host name → base of the product it shows.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<String, &'static str>);

impl Hosts {
    /// From the setting `http.hosts` and the bases of the mounted products.
    pub fn new(wanted: &HashMap<String, String>, bases: &[&'static str]) -> Result<Self, String> {
        let base_of = |product: &str| bases.iter().find(|base| base.trim_start_matches('/') == product).copied();
        let named = wanted.iter().map(|(host, product)| match base_of(product.as_str()) {
            Some(base) => Ok((host.to_ascii_lowercase(), base)),
            None => Err(format!("http.hosts: {host} names {product}, and no product is called that")),
        });
        named.collect::<Result<_, _>>().map(Self)
    }

    /// The same request, at the product's base when its host shows one.
    pub fn rewrite(&self, mut request: Request) -> Request {
        if let Some(uri) = self.base_of(&request).and_then(|base| below(base, request.uri())) {
            *request.uri_mut() = uri;
        }
        request
    }

    fn base_of(&self, request: &Request) -> Option<&'static str> {
        if self.0.is_empty() {
            return None;
        }
        let asked = match request.uri().authority() {
            Some(authority) => authority.clone(),
            None => request.headers().get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok()?,
        };
        self.0.get(&asked.host().to_ascii_lowercase()).copied()
    }
}

/// The address below a base; `None` when it is there already, or belongs to the whole site.
fn below(base: &str, uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if first == base.trim_start_matches('/') || OF_THE_SITE.contains(&first) {
        return None;
    }
    let path = if path == "/" { base.to_owned() } else { format!("{base}{path}") };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn hosts() -> Hosts {
        let wanted = HashMap::from([("Physio.test".to_owned(), "physiotraq".to_owned())]);
        Hosts::new(&wanted, &["/huntzen", "/physiotraq"]).unwrap()
    }

    fn rewritten(host: &str, path: &str) -> String {
        let request = Request::builder().uri(path).header(header::HOST, host).body(Body::empty()).unwrap();
        hosts().rewrite(request).uri().to_string()
    }

    #[test]
    fn a_host_shows_its_product_at_the_root() {
        for (path, inside) in [
            ("/", "/physiotraq"),
            ("/?notice=saved", "/physiotraq?notice=saved"),
            ("/app/monitor?a=b", "/physiotraq/app/monitor?a=b"),
            ("/physiotraq/app", "/physiotraq/app"),
            ("/physiotraq", "/physiotraq"),
            ("/physiotraquenard", "/physiotraq/physiotraquenard"),
            ("/huntzen/app", "/physiotraq/huntzen/app"),
            ("/assets/app.css?v=1", "/assets/app.css?v=1"),
            ("/health/ready", "/health/ready"),
        ] {
            assert_eq!(rewritten("physio.test:8080", path), inside);
        }
    }

    #[test]
    fn other_hosts_see_the_whole_site() {
        for host in ["localhost:8080", "physio.test.evil.example", "[::1]:8080"] {
            assert_eq!(rewritten(host, "/app"), "/app");
        }
        assert_eq!(rewritten("PHYSIO.TEST", "/app"), "/physiotraq/app");
    }

    #[test]
    fn a_product_that_is_not_there_is_named() {
        let wanted = HashMap::from([("a.test".to_owned(), "nobody".to_owned())]);
        let reason = Hosts::new(&wanted, &["/physiotraq"]).unwrap_err();
        assert!(reason.contains("a.test") && reason.contains("nobody"), "{reason}");
    }
}
