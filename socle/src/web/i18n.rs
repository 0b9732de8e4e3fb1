//! French and English. Texts are Fluent files per crate; a test proves that keys used = French = English.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{Loader, StaticLoader};
use unic_langid::{LanguageIdentifier, langid};

fluent_templates::static_loader! {
    static KERNEL = {
        locales: "./locales",
        fallback_language: "fr",
        // Bidirectional isolation marks would show up inside titles and attributes.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static FRENCH: LanguageIdentifier = langid!("fr");
static ENGLISH: LanguageIdentifier = langid!("en");

/// A language of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// French, the first language.
    Fr,
    /// English.
    En,
}

impl Lang {
    /// `fr` or `en`; anything else is `None`.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// `fr` or `en`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The first of the two languages that an `Accept-Language` header names; French when it names neither.
    #[must_use]
    pub fn negotiate(header: &str) -> Self {
        let wanted = header.split(',').map(|part| part.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
        wanted.filter_map(|code| Self::parse(&code)).next().unwrap_or(Self::Fr)
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Self::Fr => &FRENCH,
            Self::En => &ENGLISH,
        }
    }
}

/// The texts of one crate, with the kernel's behind them.
pub struct Catalogue {
    own: Option<&'static LazyLock<StaticLoader>>,
}

impl Catalogue {
    /// The texts of a product.
    #[must_use]
    pub const fn new(own: &'static LazyLock<StaticLoader>) -> Self {
        Self { own: Some(own) }
    }

    /// The kernel's texts alone.
    #[must_use]
    pub const fn kernel() -> Self {
        Self { own: None }
    }

    /// A text without arguments. A key that exists nowhere is shown as itself and logged.
    #[must_use]
    pub fn text(&self, lang: Lang, key: &str) -> String {
        self.find(lang, key, None)
    }

    /// A text with named arguments.
    #[must_use]
    pub fn text_with(&self, lang: Lang, key: &str, args: Vec<(&'static str, FluentValue<'_>)>) -> String {
        let args: HashMap<Cow<'static, str>, FluentValue<'_>> =
            args.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
        self.find(lang, key, Some(&args))
    }

    /// A text with arguments whose names were stored.
    #[must_use]
    pub fn text_of(&self, lang: Lang, key: &str, args: &HashMap<Cow<'static, str>, FluentValue<'_>>) -> String {
        self.find(lang, key, Some(args))
    }

    /// A text whose key came from outside: `None`, without a word in the log, when there is none.
    #[must_use]
    pub fn known(&self, lang: Lang, key: &str) -> Option<String> {
        self.lookup(lang, key, None)
    }

    fn find(&self, lang: Lang, key: &str, args: Option<&HashMap<Cow<'static, str>, FluentValue<'_>>>) -> String {
        self.lookup(lang, key, args).unwrap_or_else(|| {
            tracing::error!(key, "missing text");
            key.to_owned()
        })
    }

    fn lookup(
        &self,
        lang: Lang,
        key: &str,
        args: Option<&HashMap<Cow<'static, str>, FluentValue<'_>>>,
    ) -> Option<String> {
        let own = self.own.and_then(|texts| texts.try_lookup_complete(lang.id(), key, args));
        own.or_else(|| KERNEL.try_lookup_complete(lang.id(), key, args))
    }
}
