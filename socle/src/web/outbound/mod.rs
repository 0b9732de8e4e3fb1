//! Requests to URLs that people gave us: webhooks, pictures. Nothing of ours is reached through them.
//!
//! A URL is http or https, at a port of the [`Limits`], without a user or password in it. Its host's addresses are
//! resolved **by the connection itself**: the addresses that were checked are the ones that are connected to, so that a
//! name that answers differently the second time (rebinding) gains nothing. If one of them is not the world's (loopback,
//! private, link-local, carrier-grade NAT, multicast, a cloud's metadata, an IPv4 address in IPv6 clothes), the request is
//! refused. Each redirect of a GET is a new URL and is checked like the first; a POST follows none. Proxies of the
//! environment are not used. Size and time are bounded.
//!
//! ```no_run
//! # async fn example(url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let outbound = socle::web::outbound::Outbound::new(Default::default())?;
//! let answer = outbound.get(url).await?;
//! println!("{} {} bytes", answer.status, answer.body.len());
//! # Ok(())
//! # }
//! ```
//!
//! Whoever gave the URL is told [`Refused`]'s text and no more: "refused" and "closed" inside our network must look alike
//! to a person who is scanning it, so a refused address and one that does not answer are worded the same for them.

mod addresses;
mod names;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode, header};
use ipnet::IpNet;
use reqwest::Client;
use reqwest::redirect::Policy;
use url::{Host, Url};

pub use names::{Names, System};

/// What a request to a user-given URL may do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Ports that may be connected to.
    pub ports: Vec<u16>,
    /// Networks that may be reached although they are inside: an operator's own, and the tests'.
    pub allowed: Vec<IpNet>,
    /// Redirects that a GET follows.
    pub redirects: usize,
    /// Bytes of an answer; a longer one is refused.
    pub most_bytes: usize,
    /// All of it, redirects included.
    pub within: Duration,
}

impl Default for Limits {
    /// Ports 80 and 443, three redirects, a mebibyte, ten seconds.
    fn default() -> Self {
        Self {
            ports: vec![80, 443],
            allowed: Vec::new(),
            redirects: 3,
            most_bytes: 1024 * 1024,
            within: Duration::from_secs(10),
        }
    }
}

impl Limits {
    fn may_reach(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !addresses::inside(address) || self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a URL that is requested: the part that is wrong.
    #[error("the address cannot be used: {0}")]
    Url(&'static str),
    /// It leads inside, or nobody answers there. The cause is for the log alone.
    #[error("nothing can be reached at this address")]
    Unreachable(String),
    /// It leads on and on.
    #[error("the address leads on too often")]
    Redirects,
    /// The answer is longer than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// It took too long.
    #[error("the answer took too long")]
    TooLate,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
}

/// The client for user-given URLs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    limits: Arc<Limits>,
}

impl Outbound {
    /// Over the system's resolver.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(limits: Limits) -> Result<Self, reqwest::Error> {
        Self::resolving(limits, System)
    }

    /// Over another resolver.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn resolving(limits: Limits, names: impl Names) -> Result<Self, reqwest::Error> {
        let limits = Arc::new(limits);
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            // A connection kept open would outlive the check of its addresses.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(names::Checked::new(names, Arc::clone(&limits))))
            .build()?;
        Ok(Self { client, limits })
    }

    /// Gets a URL, following a bounded number of redirects, each checked like the first.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, url: &str) -> Result<Answer, Refused> {
        self.bounded(async {
            let mut url = self.checked(url)?;
            for _ in 0..=self.limits.redirects {
                let response = sent(self.client.get(url.clone())).await?;
                let Some(next) = leads_to(&url, response.status(), response.headers()) else {
                    return self.read(response).await;
                };
                url = self.checked(next?.as_str())?;
            }
            Err(Refused::Redirects)
        })
        .await
    }

    /// Posts to a URL. A redirect is an answer like another: what was meant for one address is sent to no other.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Refused> {
        self.bounded(async {
            let url = self.checked(url)?;
            let response = sent(self.client.post(url).headers(headers).body(body)).await?;
            self.read(response).await
        })
        .await
    }

    async fn bounded(&self, request: impl Future<Output = Result<Answer, Refused>>) -> Result<Answer, Refused> {
        tokio::time::timeout(self.limits.within, request).await.unwrap_or(Err(Refused::TooLate))
    }

    /// What can be told from the URL itself. A host name is checked when it is resolved; an address here: it is not.
    fn checked(&self, url: &str) -> Result<Url, Refused> {
        let url = Url::parse(url).map_err(|_| Refused::Url("it is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Url("only http and https are requested"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Url("it holds a user or a password"));
        }
        if !url.port_or_known_default().is_some_and(|port| self.limits.ports.contains(&port)) {
            return Err(Refused::Url("its port is not one that is requested"));
        }
        let address = match url.host() {
            None => return Err(Refused::Url("it has no host")),
            Some(Host::Domain(_)) => return Ok(url),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.limits.may_reach(address) { Ok(url) } else { Err(Refused::Unreachable(format!("{address} is inside"))) }
    }

    async fn read(&self, response: reqwest::Response) -> Result<Answer, Refused> {
        let most = self.limits.most_bytes;
        let (status, headers) = (response.status(), response.headers().clone());
        if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > most)) {
            return Err(Refused::TooLarge);
        }
        let mut chunks = response.bytes_stream();
        let mut body = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| unreachable_by(&error))?;
            if body.len().saturating_add(chunk.len()) > most {
                return Err(Refused::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

async fn sent(request: reqwest::RequestBuilder) -> Result<reqwest::Response, Refused> {
    request.send().await.map_err(|error| unreachable_by(&error))
}

/// The whole chain of causes, for the log.
fn unreachable_by(error: &reqwest::Error) -> Refused {
    let mut causes = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push_str(": ");
        causes.push_str(&cause.to_string());
        source = cause.source();
    }
    Refused::Unreachable(causes)
}

/// Where a redirect leads; `None` for an answer that is none.
fn leads_to(from: &Url, status: StatusCode, headers: &HeaderMap) -> Option<Result<Url, Refused>> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(header::LOCATION)?.to_str().ok();
    let next = location.and_then(|location| from.join(location).ok());
    Some(next.ok_or(Refused::Url("it leads to what is no URL")))
}
