//! Texts: every key that a page uses exists in French and in English with the same places, and no key is left over.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources;

mod built;

use built::BUILT;

/// Words of the sources that look like keys and are none.
const OTHER_WORDS: [&str; 3] = ["break-glass", "data-key", "wifi-off"];

/// Keys with the places (`{ $name }`) in their text.
type Texts = BTreeMap<String, BTreeSet<String>>;

/// A key asked for in a source, with the places that are filled.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    key: String,
    filled: BTreeSet<String>,
}

/// A crate with texts: its name in messages, where its texts, templates and sources lie.
struct Crate {
    locales: &'static str,
    templates: &'static str,
    sources: &'static str,
}

const KERNEL: Crate = Crate { locales: "socle/locales", templates: "socle/templates", sources: "socle/src" };
const PRODUCT: Crate = Crate {
    locales: "products/physiotraq/locales",
    templates: "products/physiotraq/templates",
    sources: "products/physiotraq/src",
};

impl Crate {
    fn texts(&self, language: &str) -> Texts {
        let mut texts = Texts::new();
        for file in sources::files(&format!("{}/{language}", self.locales), ".ftl") {
            for (key, places) in parse(&sources::read(&file)) {
                assert!(texts.insert(key.clone(), places).is_none(), "{file}: {key} is there twice");
            }
        }
        texts
    }

    /// Sources without their tests.
    fn code(&self) -> Vec<(String, String)> {
        let text = |file: String| {
            let whole = sources::read(&file);
            let code = whole.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            (file, code)
        };
        sources::files(self.sources, ".rs").into_iter().map(text).collect()
    }

    fn pages(&self) -> Vec<(String, String)> {
        let text = |file: String| (file.clone(), sources::read(&file));
        sources::files(self.templates, ".html").into_iter().map(text).collect()
    }

    /// Every key with the first place that asks for it.
    fn calls(&self) -> Vec<(String, Call)> {
        let files = self.pages().into_iter().chain(self.code());
        files.flat_map(|(file, text)| calls(&text).into_iter().map(move |call| (file.clone(), call))).collect()
    }

    /// Keys that reach the texts through a variable: whatever literal of the sources is a key or looks like one.
    fn literals(&self, known: &Texts) -> BTreeSet<String> {
        let first = |key: &str| key.split('-').next().unwrap_or_default().to_owned();
        let families: BTreeSet<String> = known.keys().filter(|key| key.contains('-')).map(|key| first(key)).collect();
        let literals = self.code().into_iter().flat_map(|(_, code)| literals(&code));
        let like_a_key = |text: &String| {
            let kebab = text.split('-').count() > 1
                && text
                    .split('-')
                    .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            // The name of a mail's template, a queue of break-glass, the purpose of a key: no texts of their own.
            let other = known.contains_key(&format!("mail-{text}-subject")) || OTHER_WORDS.contains(&text.as_str());
            known.contains_key(text) || kebab && !other && families.contains(&first(text))
        };
        literals.filter(like_a_key).collect()
    }
}

/// The keys of a Fluent file. A text goes on until the next key, comment or end.
fn parse(ftl: &str) -> Texts {
    let mut texts = Texts::new();
    let mut current: Option<String> = None;
    for line in ftl.lines() {
        let name = line.split(" =").next().unwrap_or_default();
        let begins = line.contains(" =")
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if begins {
            assert!(texts.insert(name.to_owned(), BTreeSet::new()).is_none(), "{name} is there twice");
            current = Some(name.to_owned());
        } else if line.starts_with('#') {
            current = None;
        }
        if let Some(places) = current.as_ref().and_then(|key| texts.get_mut(key)) {
            places.extend(places_of(line));
        } else {
            assert!(line.trim().is_empty() || line.starts_with('#'), "neither key nor comment: {line}");
        }
    }
    texts
}

fn places_of(line: &str) -> impl Iterator<Item = String> + '_ {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    line.split('$').skip(1).map(name)
}

/// `.t("key")`, `.t1("key", "name", …)`, `.t2("key", "name", …, "name", …)`; other first arguments are variables.
fn calls(text: &str) -> Vec<Call> {
    let mut found = Vec::new();
    for (opening, places) in [(".t(", &[][..]), (".t1(", &[1]), (".t2(", &[1, 3])] {
        for (at, _) in text.match_indices(opening) {
            let arguments = arguments(&text[at + opening.len()..]);
            let literal = |place: usize| arguments.get(place).and_then(|argument| unquoted(argument));
            if let Some(key) = literal(0) {
                let filled =
                    places.iter().map(|place| literal(*place).unwrap_or_else(|| panic!("{key}: no place named")));
                found.push(Call { key: key.clone(), filled: filled.collect() });
            }
        }
    }
    found
}

fn unquoted(argument: &str) -> Option<String> {
    let inner = argument.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('"')).then(|| inner.to_owned())
}

/// The arguments of a call, from behind its opening parenthesis to the closing one.
fn arguments(text: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let (mut depth, mut quoted) = (0, false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().unwrap().push(c);
    }
    arguments.iter().map(|argument| argument.trim().to_owned()).collect()
}

/// The string literals of a Rust source; comments, raw strings and escapes are told apart.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, here) = rest.split_at(at);
        if here.starts_with("//") {
            rest = here.split_once('\n').map_or("", |(_, next)| next);
        } else if here.starts_with("'\"'") || here.starts_with("'\\\"'") {
            rest = &here[here[1..].find('\'').unwrap() + 2..];
        } else if here.starts_with('"') && before.ends_with("r#") {
            rest = here[1..].split_once("\"#").map_or("", |(_, next)| next);
        } else if let Some(inner) = here.strip_prefix('"') {
            let mut escaped = false;
            let end = inner.find(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            let end = end.unwrap_or(inner.len());
            found.push(inner[..end].to_owned());
            rest = inner.get(end + 1..).unwrap_or_default();
        } else {
            rest = &here[1..];
        }
    }
    found
}

/// Every key a crate asks for by name.
fn used(of: &Crate, known: &Texts) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = of.calls().into_iter().map(|(_, call)| call.key).collect();
    used.extend(of.literals(known));
    used
}

/// Every key that can be put together.
fn built() -> BTreeSet<String> {
    let one = |(pattern, parts): &(&str, &[&str])| {
        let hole = &pattern[pattern.find('{').unwrap()..=pattern.find('}').unwrap()];
        parts.iter().map(|part| pattern.replace(hole, part)).collect::<Vec<_>>()
    };
    BUILT.iter().flat_map(one).collect()
}

fn both(language: &str) -> Texts {
    let mut texts = KERNEL.texts(language);
    texts.extend(PRODUCT.texts(language));
    texts
}

#[test]
fn french_and_english_have_the_same_keys_with_the_same_places() {
    for of in [KERNEL, PRODUCT] {
        let (french, english) = (of.texts("fr"), of.texts("en"));
        assert!(french.len() > 40, "{} was to have texts", of.locales);
        let missing: Vec<&String> = french.keys().filter(|key| !english.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{}: not in English: {missing:?}", of.locales);
        let missing: Vec<&String> = english.keys().filter(|key| !french.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{}: not in French: {missing:?}", of.locales);
        for (key, places) in &french {
            assert_eq!(places, &english[key], "{}: {key}: French and English name other places", of.locales);
        }
    }
}

#[test]
fn every_key_that_is_used_exists() {
    let known = both("fr");
    let kernel = KERNEL.texts("fr");
    let missing: Vec<String> = used(&PRODUCT, &known).into_iter().filter(|key| !known.contains_key(key)).collect();
    assert!(missing.is_empty(), "used in {} and defined nowhere: {missing:#?}", PRODUCT.sources);
    let missing: Vec<String> = used(&KERNEL, &kernel).into_iter().filter(|key| !kernel.contains_key(key)).collect();
    assert!(missing.is_empty(), "used in {} and not defined there: {missing:#?}", KERNEL.sources);
    let missing: Vec<String> = built().into_iter().filter(|key| !known.contains_key(key)).collect();
    assert!(missing.is_empty(), "put together with format! and defined nowhere: {missing:#?}");
}

#[test]
fn no_key_is_left_over() {
    let known = both("fr");
    let mut asked = used(&KERNEL, &known);
    asked.extend(used(&PRODUCT, &known));
    asked.extend(built());
    let over: Vec<&String> = known.keys().filter(|key| !asked.contains(*key)).collect();
    assert!(over.is_empty(), "nobody asks for {over:#?}");
}

#[test]
fn every_place_of_a_text_is_filled_and_nothing_else() {
    let known = both("fr");
    for (file, call) in KERNEL.calls().into_iter().chain(PRODUCT.calls()) {
        if let Some(places) = known.get(&call.key) {
            assert_eq!(&call.filled, places, "{file}: {}", call.key);
        }
    }
}

#[test]
fn keys_in_templates_are_written_out_and_built_keys_are_listed() {
    for (file, text) in KERNEL.pages().into_iter().chain(PRODUCT.pages()) {
        for opening in [".t(", ".t1(", ".t2("] {
            let variable = text.match_indices(opening).find(|(at, _)| !text[at + opening.len()..].starts_with('"'));
            assert!(variable.is_none(), "{file}: a key that no test can see, after {opening}");
        }
    }
    let listed: BTreeSet<&str> = BUILT.iter().map(|(pattern, _)| *pattern).collect();
    let mut put_together = BTreeSet::new();
    for (_, code) in KERNEL.code().into_iter().chain(PRODUCT.code()) {
        let patterns = code.split(".t(&format!(\"").skip(1).filter_map(|rest| rest.split('"').next());
        put_together.extend(patterns.map(ToOwned::to_owned));
        for (_, rest) in code.match_indices("notice=").map(|(at, word)| (at, &code[at + word.len()..])) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            let known = BUILT.iter().any(|(pattern, parts)| *pattern == "notice-{name}" && parts.contains(&&*name));
            assert!(name.is_empty() || known, "?notice={name} is not in the list of this test");
        }
    }
    let unlisted: Vec<&String> = put_together.iter().filter(|pattern| !listed.contains(pattern.as_str())).collect();
    assert!(unlisted.is_empty(), "built keys that this test does not know: {unlisted:?}");
}

#[test]
fn the_readers_of_this_test_read() {
    let ftl = "# c\na-b = x { $n } y\nc = { $n ->\n    [one] 1\n   *[other] { $m }\n}\n\n## d\ne = f\n";
    let places = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let expected = [("a-b", places(&["n"])), ("c", places(&["m", "n"])), ("e", places(&[]))];
    assert_eq!(parse(ftl), expected.map(|(key, places)| (key.to_owned(), places)).into());
    let call = |key: &str, names: &[&str]| Call { key: key.to_owned(), filled: places(names) };
    assert_eq!(calls("{{ page.t2(\"k\", \"a\", f(1, \"x\"), \"b\", y) }}"), [call("k", &["a", "b"])]);
    assert_eq!(calls("page.t(key) page.t(\"k\")"), [call("k", &[])]);
    assert_eq!(literals("a(\"x-y\", '\"', \"q\\\"r\") // \"no\"\n r#\"raw \"in\" it\"# \"z\""), ["x-y", "q\\\"r", "z"]);
}
