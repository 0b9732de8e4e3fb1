//! What a product tells the kernel about itself.

use std::future::Future;

use super::i18n::Catalogue;
use super::page::NavItem;
use crate::access::{Policies, break_glass};
use crate::db::{Caller, Machine, Tx};
use crate::identity::Realm;
use crate::identity::members::{Newcomer, Permissions};
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
        // A browser follows `..`, also when it is written %2e%2e: out of this product.
        let path = wanted.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
        let stays = !path.split('/').any(|segment| segment == "." || segment == "..");
        if inside && clean && stays { wanted.to_owned() } else { format!("{}{}", self.base, self.home) }
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
    /// Roles of which every tenant keeps at least one holder.
    fn administrators(&self) -> &'static [&'static str] {
        &[]
    }
    /// Granular permissions on top of roles, and who sets them; none by default.
    fn permissions(&self) -> Option<Permissions> {
        None
    }
    /// Which records may be opened by breaking the glass, by whom, and who reviews it; none by default. A product that has
    /// rules mounts [`break_glass::routes`].
    fn break_glass(&self) -> Option<&'static break_glass::Rules> {
        None
    }
    /// A record's glass is broken, in this transaction: the product writes it into the record's own log. `false` when the
    /// tenant has no such record; then nothing is opened.
    fn glass_broken(&self, tx: &mut Tx, opening: &break_glass::Opening) -> impl Future<Output = Result<bool>> + Send {
        let _ = (tx, opening);
        std::future::ready(Ok(false))
    }
    /// What people call a kind of record.
    fn kind_label(&self, kind: &str, lang: Lang) -> String {
        let _ = lang;
        kind.to_owned()
    }
    /// The description of its API: every route for programs, put together from the parts beside the handlers. A product
    /// without any has an empty one, and does not mount [`super::openapi::routes`].
    fn api_document(&self) -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::platform::BRANDING;

    #[test]
    fn a_way_back_stays_inside_the_product() {
        for path in ["/platform/jobs", "/platform/jobs?notice=a..b", "/platform/a/..b/c#/../x", "/platform/"] {
            assert_eq!(BRANDING.landing(path), path);
        }
        for path in [
            "",
            "/",
            "/platform",
            "//platform/jobs",
            "/\\platform/jobs",
            "/platform\\jobs",
            "/platform/../physiotraq/app",
            "/platform/./..//evil.example",
            "/platform/%2e%2e/physiotraq/app",
            "/platform/.%2E/physiotraq/app",
            "/platform/a/..",
            "/platform.evil.example/",
            "/platform@evil.example/",
            "/physiotraq/app",
            "https://evil.example/platform/",
            "javascript:alert(1)//platform/",
            "/platform/\r\nset-cookie: a=b",
            "/platform/\u{0}",
            "/platform/\t/evil",
            "/platform/é",
        ] {
            assert_eq!(BRANDING.landing(path), "/platform/jobs", "{path:?}");
        }
    }
}
