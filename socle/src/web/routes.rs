//! Routes declared with their access. This is the only type the server accepts, so a route without one does not
//! compile.
#![expect(clippy::disallowed_types, reason = "this is where raw routers are wrapped")]

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::page::see_other;
use super::{Product, finish, gate, idempotency};
use crate::access::Action;
use crate::identity::Rules;
use crate::limits::Group;

/// A request whose body has not arrived, or whose answer has not begun, after this long is ended.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The same for uploads, which take as long as somebody's line takes: 64 MiB at 1 Mbit/s.
const UPLOAD_WITHIN: Duration = Duration::from_secs(600);

/// Who may knock at a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; the list of these may only shrink.
    Public,
    /// Anybody who is signed in, even when a new password or a second factor is due first: what they do about that.
    Account,
    /// Anybody who is signed in: their own session and memberships.
    SignedIn,
    /// A person whom the policies allow this action on some resource; the action decides on the real one.
    To(Action),
    /// A device with its credential.
    Device,
}

/// What a route answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTML for people.
    Page,
    /// JSON, CSV or events for programs.
    Api,
}

/// A verb. Forms and links know the first two; the others are for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or does.
    Post,
    /// Replaces a thing as a whole.
    Put,
    /// Changes some of its fields.
    Patch,
    /// Removes it.
    Delete,
}

impl Method {
    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// As HTTP spells it: `GET`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A declared route, for the printed matrix and the tests that walk it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Verb.
    pub method: Method,
    /// Path below the product's base.
    pub path: &'static str,
    /// Who may knock.
    pub access: Access,
    /// HTML or JSON.
    pub kind: Kind,
    /// What calls count as.
    pub group: Group,
}

/// The routes of a product.
pub struct Routes<P: Product> {
    product: P,
    router: Router<P>,
    declared: Vec<Route>,
    group: Group,
}

impl<P: Product> Routes<P> {
    /// No route yet.
    #[must_use]
    pub fn new(product: P) -> Self {
        Self { product, router: Router::new(), declared: Vec::new(), group: Group::General }
    }

    /// A page.
    #[must_use]
    pub fn page<H, T>(self, method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, P>,
        T: 'static,
    {
        let route = Route { method, path, access, kind: Kind::Page, group: self.group };
        self.add(route, handler)
    }

    /// A route for programs.
    #[must_use]
    pub fn api<H, T>(self, method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, P>,
        T: 'static,
    {
        let route = Route { method, path, access, kind: Kind::Api, group: self.group };
        self.add(route, handler)
    }

    /// A creation by people's programs (POST). It may carry an `Idempotency-Key`: sent again with the same key and
    /// body, it is not done again and gets the first answer. Answers are kept for a day, sealed; still, a route that
    /// hands out a secret is declared with [`Routes::api`] instead, and keeps none.
    #[must_use]
    pub fn creation<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, P>,
        T: 'static,
    {
        let route = Route { method: Method::Post, path, access, kind: Kind::Api, group: self.group };
        let once = from_fn_with_state((self.product.clone(), route), idempotency::once::<P>);
        self.mount(route, on(route.method.filter(), handler).layer(once))
    }

    /// Routes whose calls are counted as another group than [`Group::General`]:
    /// `routes.limited(Group::Upload, |routes| routes.creation("/api/v1/documents", …))`.
    #[must_use]
    pub fn limited(self, group: Group, declare: impl FnOnce(Self) -> Self) -> Self {
        let before = self.group;
        let declared = declare(Self { group, ..self });
        Self { group: before, ..declared }
    }

    fn add<H, T>(self, route: Route, handler: H) -> Self
    where
        H: Handler<T, P>,
        T: 'static,
    {
        self.mount(route, on(route.method.filter(), handler))
    }

    /// The gate is the outermost layer of a route: nothing of it runs before the caller is known and admitted.
    fn mount(mut self, route: Route, service: MethodRouter<P>) -> Self {
        let gate = from_fn_with_state((self.product.clone(), route), gate::gate::<P>);
        let within = if route.group == Group::Upload { UPLOAD_WITHIN } else { ANSWER_WITHIN };
        let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, within);
        self.router = self.router.route(route.path, service.layer::<_, Infallible>(gate).layer(timeout));
        self.declared.push(route);
        self
    }

    /// Every route, in the order of declaration.
    #[must_use]
    pub fn declared(&self) -> &[Route] {
        &self.declared
    }

    /// The rules of the product's realm: what they close is not mounted.
    pub(crate) fn rules(&self) -> &'static Rules {
        &self.product.branding().realm.rules
    }

    /// The product's base path.
    #[must_use]
    pub fn base(&self) -> &'static str {
        self.product.branding().base
    }

    /// The finished service, at the product's base.
    pub(super) fn into_router(self) -> Router {
        let base = self.base();
        let outer = from_fn_with_state(self.product.clone(), finish::finish::<P>);
        let inner = self
            .router
            .fallback(gate::nothing_here)
            .layer(DefaultBodyLimit::disable())
            .layer(CatchPanicLayer::new())
            .layer(outer)
            .with_state(self.product);
        // Nesting answers "/base" and "/base/x", not "/base/".
        let slash = Router::new().route("/", axum::routing::any(move || async move { see_other(base) }));
        Router::new().nest(base, inner).nest(&format!("{base}/"), slash)
    }
}
