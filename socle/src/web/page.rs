//! What every page knows: language, texts, who looks, navigation; and how a template becomes an answer.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use fluent_templates::fluent_bundle::FluentValue;
use http::{HeaderValue, StatusCode, header};

use super::{Assets, Catalogue, Lang, Product, finish, request, session};
use crate::db::Caller;
use crate::{Error, Result};

/// The part of a page that is the same everywhere.
pub struct Page {
    /// `fr` or `en`.
    pub lang: &'static str,
    /// The product's base path.
    pub base: &'static str,
    /// Path and query of this page, for the language switch.
    pub path: String,
    /// Theme of the stylesheet.
    pub theme: &'static str,
    /// The product's name.
    pub product_name: &'static str,
    /// Who looks at it.
    pub viewer: Option<Viewer>,
    /// Main navigation.
    pub nav: Vec<NavItem>,
    /// The outcome of the action before (after a redirect).
    pub notice: Option<Notice>,
    language: Lang,
    texts: &'static Catalogue,
    assets: Assets,
}

/// Who looks at a page.
pub struct Viewer {
    /// First and last name.
    pub name: String,
    /// Sign-in address.
    pub email: String,
    /// The role's name in the page's language.
    pub role: String,
}

/// An entry of the navigation.
pub struct NavItem {
    /// Where it leads.
    pub href: String,
    /// Its text.
    pub label: String,
    /// A Lucide icon's name.
    pub icon: &'static str,
    /// Whether it is this page.
    pub current: bool,
}

/// A message about the action before.
pub struct Notice {
    /// `success`, `warning` or `error`.
    pub kind: &'static str,
    /// The message.
    pub text: String,
}

/// The page of an error.
#[derive(Template)]
#[template(path = "error.html")]
pub(super) struct ErrorPage {
    pub page: Page,
    pub status: u16,
    pub title: String,
    pub message: String,
    pub request_id: String,
    pub home: String,
}

impl Page {
    /// A page before anybody is known: errors that happen ahead of the gate.
    pub(super) fn for_anybody<P: Product>(product: &P, parts: &Parts) -> Self {
        let branding = product.branding();
        let language = request::language(&parts.headers);
        let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        Self {
            lang: language.code(),
            base: branding.base,
            path: format!("{}{path}", branding.base),
            theme: branding.theme,
            product_name: branding.name,
            viewer: None,
            nav: Vec::new(),
            notice: None,
            language,
            texts: branding.texts,
            assets: product.app().assets.clone(),
        }
    }

    /// The same page for a caller.
    pub(super) fn for_caller<P: Product>(mut self, product: &P, caller: &Caller) -> Self {
        if let Ok(person) = caller.person() {
            self.nav = product.nav(caller, self.language, &self.path);
            self.viewer = Some(Viewer {
                name: person.name.clone(),
                email: person.email.clone(),
                role: product.role_label(&person.role, self.language),
            });
        }
        self
    }

    /// The same page once the person's session has ended: no name and no navigation.
    pub(crate) fn for_nobody(self) -> Self {
        Self { viewer: None, nav: Vec::new(), ..self }
    }

    /// The page's language.
    #[must_use]
    pub fn language(&self) -> Lang {
        self.language
    }

    /// A text.
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        self.texts.text(self.language, key)
    }

    /// A text with one argument.
    #[must_use]
    pub fn t1<'a>(&self, key: &str, name: &'static str, value: impl Into<FluentValue<'a>>) -> String {
        self.texts.text_with(self.language, key, vec![(name, value.into())])
    }

    /// A text with two arguments.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "templates write t2(key, name, value, name, value)")]
    pub fn t2<'a>(
        &self,
        key: &str,
        first: &'static str,
        one: impl Into<FluentValue<'a>>,
        second: &'static str,
        two: impl Into<FluentValue<'a>>,
    ) -> String {
        self.texts.text_with(self.language, key, vec![(first, one.into()), (second, two.into())])
    }

    /// The address of a built file.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        self.assets.url(name)
    }
}

impl<P: Product> FromRequestParts<P> for Page {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, product: &P) -> Result<Self> {
        let page = Self::for_anybody(product, parts);
        let mut page = match finish::caller_of(&parts.extensions) {
            Some(caller) => page.for_caller(product, caller),
            None => page,
        };
        page.notice = notice_of(&page, parts);
        Ok(page)
    }
}

/// `?notice=started` after a redirect: only keys that exist as `notice-…` texts, never free text from an address.
fn notice_of(page: &Page, parts: &Parts) -> Option<Notice> {
    let query = parts.uri.query()?;
    let name = query.split('&').find_map(|pair| pair.strip_prefix("notice="))?;
    let known = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let key = format!("notice-{name}");
    let text = known.then(|| page.texts.known(page.language, &key)).flatten()?;
    Some(Notice { kind: "success", text })
}

/// A template as an HTML answer.
///
/// # Errors
/// 500 when the template fails.
pub fn html(template: &impl Template) -> Result<Html<String>> {
    Ok(Html(template.render()?))
}

/// 303 to a path of this server.
#[must_use]
pub fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Keeps the chosen language in a cookie.
pub fn keep_language(response: &mut Response, lang: Lang) {
    session::keep_choice(response, "lang", lang.code());
}
