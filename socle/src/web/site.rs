//! The whole site: products at their bases, the list of them, assets, health, figures; and the listener.
#![expect(clippy::disallowed_types, reason = "this is where raw routers are wrapped")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Router, ServiceExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::net::TcpListener;
use tower::Layer;
use tower::util::MapRequestLayer;

use super::compression::{self, Squeezed};
use super::front::Front;
use super::hosts::Hosts;
use super::page::see_other;
use super::{Branding, Product, Routes, finish, surface};
use crate::ops::metrics;
use crate::{App, audit};

/// Streams and slow clients have this long after accepting has ended; then the server ends all the same.
const DRAIN: Duration = Duration::from_secs(5);

/// Everything one server answers.
pub struct Site {
    app: App,
    router: Router,
    products: Vec<&'static Branding>,
}

/// What the site's own routes share.
#[derive(Clone)]
struct Kernel {
    app: App,
    squeezed: Squeezed,
    /// The signal to end has come: whoever routes requests is to send them elsewhere.
    ending: Arc<AtomicBool>,
}

impl Site {
    /// Nothing but assets, health and the list of products; products are mounted onto it.
    #[must_use]
    pub fn new(app: App) -> Self {
        // Installed before the first request, so that no figure is lost.
        drop(metrics::recorder());
        Self { app, router: Router::new(), products: Vec::new() }
    }

    /// Adds a product at its base, and to the list at `/`.
    #[must_use]
    pub fn mount<P: Product>(mut self, branding: &'static Branding, routes: Routes<P>) -> Self {
        self.products.push(branding);
        self.mount_apart(routes)
    }

    /// Adds what is mounted like a product and is none: the operators' pages. The list at `/` does not name them, and no
    /// host name leads to them.
    #[must_use]
    pub fn mount_apart<P: Product>(mut self, routes: Routes<P>) -> Self {
        self.router = self.router.merge(routes.into_router().layer(compression::layer()));
        self
    }

    /// Refuses settings that do not fit the mounted products; asked at start, before the port is announced.
    ///
    /// # Errors
    /// A host name that is to show a product which is not there.
    pub fn refuse_unfit(&self) -> Result<(), String> {
        self.hosts().map(drop)
    }

    fn hosts(&self) -> Result<Hosts, String> {
        let bases: Vec<&'static str> = self.products.iter().map(|product| product.base).collect();
        Hosts::new(&self.app.config.http.hosts, &bases)
    }

    /// Serves until `ending` resolves. Then `/health/ready` says 503 at once; after the setting `http.drain_seconds` no
    /// connection is accepted any more and live streams are told to come back; requests under way finish, for a bounded
    /// time.
    ///
    /// # Errors
    /// When the listener fails, or a setting does not fit (see [`Site::refuse_unfit`]).
    pub async fn serve(
        self,
        listener: TcpListener,
        ending: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let hosts = Arc::new(self.hosts().map_err(std::io::Error::other)?);
        let ended = Arc::new(AtomicBool::new(false));
        let (live, app, wait) = (self.app.live.clone(), self.app.clone(), self.app.config.drain());
        let router = self.into_router(Arc::clone(&ended));
        let (drain, mut draining) = tokio::sync::watch::channel(false);
        let signal = async move {
            ending.await;
            ended.store(true, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
            live.close();
            drain.send_replace(true);
        };
        // Without TCP_NODELAY small answers wait 40 ms for the client's acknowledgement.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
        });
        // Around the router, not in it: a layer inside runs after the route has been chosen.
        let service = MapRequestLayer::new(move |request: Request| hosts.rewrite(request)).layer(router);
        let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(service);
        let serving = axum::serve(listener, service).with_graceful_shutdown(signal);
        tokio::select! {
            served = serving.into_future() => served,
            () = metrics::upkeep(&app.db) => Ok(()),
            () = audit::keep(&app) => Ok(()),
            () = async {
                if draining.wait_for(|ending| *ending).await.is_ok() {
                    tokio::time::sleep(DRAIN).await;
                } else {
                    std::future::pending::<()>().await;
                }
            } => Ok(()),
        }
    }

    /// The products' routes and the site's own.
    fn into_router(self, ending: Arc<AtomicBool>) -> Router {
        let mut own = Router::new()
            .route("/assets/{*name}", get(asset))
            .route("/health", get(health))
            .route("/health/ready", get(ready));
        if self.app.config.metrics_on_main() {
            own = own.route("/metrics", get(metrics::page));
        }
        if self.app.config.environment.allows_dev_pages() {
            own = own.route("/dev/{*page}", get(dev));
        }
        let config = Arc::clone(&self.app.config);
        let kernel = Kernel { app: self.app.clone(), squeezed: Squeezed::default(), ending };
        let front = Front::new(self.app, self.products).into_router();
        let own: Router = own.with_state(kernel);
        let strict = surface::strict_transport(&config);
        let site = self.router.merge(own.merge(front).layer(from_fn(counted)));
        site.layer(from_fn(move |request: Request, next: Next| surface::cover(strict.clone(), request, next)))
    }
}

/// Counts what no product answers; a product's `finish` counts its own.
async fn counted(request: Request, next: Next) -> Response {
    let (started, method) = (Instant::now(), request.method().clone());
    let template = finish::template(request.extensions()).to_owned();
    let response = next.run(request).await;
    metrics::answered(&method, &template, response.status(), started.elapsed());
    response
}

async fn asset(State(kernel): State<Kernel>, Path(name): Path<String>, mut headers: HeaderMap) -> Response {
    // A compressed file's tag is the plain one's, marked as weak.
    let held = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.as_bytes().strip_prefix(b"W/"));
    if let Some(Ok(strong)) = held.map(HeaderValue::from_bytes) {
        headers.insert(header::IF_NONE_MATCH, strong);
    }
    kernel.squeezed.answer(kernel.app.assets.serve(&name, &headers), &headers).await
}

/// `/dev/mail`, `/dev/components`: short for the platform's own pages.
async fn dev(Path(page): Path<String>) -> Response {
    see_other(&format!("/platform/dev/{page}"))
}

/// Alive: the process answers.
async fn health() -> &'static str {
    "ok"
}

/// Ready: the server is not about to end, and the database answers.
async fn ready(State(kernel): State<Kernel>) -> Response {
    if kernel.ending.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is ending").into_response();
    }
    match kernel.app.db.ping().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
        }
    }
}
