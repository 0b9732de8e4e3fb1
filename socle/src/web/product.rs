//! What a product tells the kernel about itself.

use std::future::Future;

use uuid::Uuid;

use super::i18n::Catalogue;
use super::page::NavItem;
use crate::access::Policies;
use crate::audit::Shape;
use crate::db::{Caller, Machine, Tx};
use crate::identity::Realm;
use crate::identity::members::Newcomer;
use crate::ids::{AccountId, TenantId};
use crate::web::Lang;
use crate::{App, Result};

/// Names, place and texts of a product.
pub struct Branding {
    /// First path segment: `/physiotraq`.
    pub base: &'static str,
    /// The name people read.
    pub name: &'static str,
    /// The theme of the stylesheet.
    pub theme: &'static str,
    /// Where a person lands after signing in, below `base`.
    pub home: &'static str,
    /// Its accounts.
    pub realm: Realm,
    /// Its texts; the kernel's are the fallback.
    pub texts: &'static Catalogue,
}

impl Branding {
    /// Where a form may lead back to: a path of this product is followed, anything else leads home.
    #[must_use]
    pub fn landing(&self, wanted: &str) -> String {
        let inside = wanted.strip_prefix(self.base).is_some_and(|rest| rest.starts_with('/'));
        let clean = wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if inside && clean { wanted.to_owned() } else { format!("{}{}", self.base, self.home) }
    }
}

/// A product's shared state, as its handlers get it.
pub trait Product: Clone + Send + Sync + 'static {
    /// The shared parts of the server.
    fn app(&self) -> &App;
    /// Names, place and texts.
    fn branding(&self) -> &'static Branding;
    /// Who may do what.
    fn policies(&self) -> &Policies;
    /// The navigation of a caller, in a language; `path` marks the current entry.
    fn nav(&self, caller: &Caller, lang: Lang, path: &str) -> Vec<NavItem>;
    /// The roles of its members, as the policies spell them.
    fn roles(&self) -> &'static [&'static str];
    /// A role's name in a language.
    fn role_label(&self, role: &str, lang: Lang) -> String;
    /// The device behind a bearer credential.
    fn device(&self, credential: &str) -> impl Future<Output = Result<Option<Machine>>> + Send;
    /// Somebody joins a tenant, in this transaction: the product writes its profile row.
    fn joined(&self, tx: &mut Tx, newcomer: &Newcomer) -> impl Future<Output = Result<()>> + Send;
    /// Where somebody belongs who registers without an invitation: tenant, its name, role. Only asked where the realm's
    /// rules leave registration open.
    fn place(&self, account: AccountId) -> Option<(TenantId, String, &'static str)> {
        let _ = account;
        None
    }
    /// The words in which its API gives the audit trail.
    fn audit_shape(&self) -> Shape {
        Shape::AuditEvent
    }
    /// The people of the transaction's tenant by account and name, for lists of who did something.
    fn people(&self, tx: &mut Tx) -> impl Future<Output = Result<Vec<(Uuid, String)>>> + Send {
        let _ = tx;
        async { Ok(Vec::new()) }
    }
    /// The description of its API: every route for programs, put together from the parts beside the handlers. A product
    /// without any has an empty one, and does not mount [`super::openapi::routes`].
    fn api_document(&self) -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }
}
