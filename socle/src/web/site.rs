//! The whole site: products at their bases, assets, health; and the listener.
#![expect(clippy::disallowed_types, reason = "this is where raw routers are wrapped")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

use super::page::see_other;
use super::{Product, Routes};
use crate::App;

/// Streams and slow clients have this long after the signal; then the server ends all the same.
const DRAIN: Duration = Duration::from_secs(5);

/// Everything one server answers.
pub struct Site {
    app: App,
    router: Router,
}

impl Site {
    /// Assets and health; products are mounted onto it.
    #[must_use]
    pub fn new(app: App) -> Self {
        let kernel = Router::new()
            .route("/assets/{*name}", get(asset))
            .route("/health", get(health))
            .route("/health/ready", get(ready))
            .with_state(app.clone());
        Self { app, router: kernel }
    }

    /// Adds a product at its base; the first one is also where `/` leads.
    #[must_use]
    pub fn mount<P: Product>(self, routes: Routes<P>, front: bool) -> Self {
        let base = routes.base();
        let mut router = self.router.merge(routes.into_router());
        if front {
            router = router.route("/", get(move || async move { see_other(&format!("{base}/")) }));
        }
        Self { app: self.app, router }
    }

    /// Serves until `ending` resolves, then lets requests finish for a bounded time.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        ending: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let live = self.app.live.clone();
        let (drain, mut draining) = tokio::sync::watch::channel(false);
        let signal = async move {
            ending.await;
            live.close();
            drain.send_replace(true);
        };
        // Without TCP_NODELAY small answers wait 40 ms for the client's acknowledgement.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
        });
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(signal);
        tokio::select! {
            served = serving.into_future() => served,
            () = async {
                if draining.wait_for(|ending| *ending).await.is_ok() {
                    tokio::time::sleep(DRAIN).await;
                } else {
                    std::future::pending::<()>().await;
                }
            } => Ok(()),
        }
    }
}

async fn asset(State(app): State<App>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    app.assets.serve(&name, &headers)
}

/// Alive: the process answers.
async fn health() -> &'static str {
    "ok"
}

/// Ready: the database answers too.
async fn ready(State(app): State<App>) -> Response {
    match app.db.ping().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
        }
    }
}
