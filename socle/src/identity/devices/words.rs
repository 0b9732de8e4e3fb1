//! What a browser says of itself, as people say it: "Firefox on Windows". A few honest rules instead of a list of a
//! thousand devices: names of our own are shown, never a text that the other side has chosen.

use crate::web::{Catalogue, Lang};

static TEXTS: Catalogue = Catalogue::kernel();

/// Marks of browsers, the more particular first: almost every one calls itself Chrome and Safari too.
const BROWSERS: [(&str, &str); 16] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
    ("okhttp/", "OkHttp"),
];

/// Marks of systems, the more particular first: an Android says that it is a Linux, an iPhone that it is like a Mac.
const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Browser and system behind a `User-Agent` header, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// E.g. `Firefox`.
    pub browser: Option<&'static str>,
    /// E.g. `Windows`.
    pub system: Option<&'static str>,
}

impl Agent {
    /// Reads a header.
    #[must_use]
    pub fn of(user_agent: Option<&str>) -> Self {
        let said = user_agent.unwrap_or_default();
        let first =
            |marks: &[(&str, &'static str)]| marks.iter().find(|(mark, _)| said.contains(mark)).map(|(_, name)| *name);
        Self { browser: first(&BROWSERS), system: first(&SYSTEMS) }
    }

    /// In the words of a language.
    #[must_use]
    pub fn in_words(&self, lang: Lang) -> String {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => {
                TEXTS.text_with(lang, "devices-words", vec![("browser", browser.into()), ("system", system.into())])
            }
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => TEXTS.text(lang, "devices-words-unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn browsers_and_systems_are_told_apart_although_each_claims_to_be_all() {
        for (said, browser, system) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "Windows"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
                 Safari/537.36 Edg/131.0.0.0",
                "Edge",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.1 Safari/605.1.15",
                "Safari",
                "macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 CriOS/131.0 Mobile/15E148 Safari/604.1",
                "Chrome",
                "iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) \
                 SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                "Samsung Internet",
                "Android",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox", "Linux"),
        ] {
            assert_eq!(Agent::of(Some(said)), Agent { browser: Some(browser), system: Some(system) }, "{said}");
        }
    }

    #[test]
    fn they_are_put_into_words_in_both_languages() {
        let both = Agent { browser: Some("Firefox"), system: Some("Windows") };
        assert_eq!(both.in_words(Lang::Fr), "Firefox sur Windows");
        assert_eq!(both.in_words(Lang::En), "Firefox on Windows");
        assert_eq!(Agent::of(Some("curl/8.5.0")).in_words(Lang::Fr), "curl");
        assert_eq!(Agent::of(None).in_words(Lang::Fr), "Appareil inconnu");
        assert_eq!(Agent::of(Some("<script>alert(1)</script>")).in_words(Lang::En), "Unknown device");
    }

    proptest! {
        #[test]
        fn whatever_the_other_side_says_only_our_own_names_are_shown(said in "\\PC{0,300}") {
            let agent = Agent::of(Some(&said));
            prop_assert!(agent.browser.is_none_or(|name| BROWSERS.iter().any(|(_, known)| *known == name)));
            prop_assert!(agent.system.is_none_or(|name| SYSTEMS.iter().any(|(_, known)| *known == name)));
        }
    }
}
