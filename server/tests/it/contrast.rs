//! Colours that can be read: every theme, light and dark, every pair that components put together (WCAG 2.2, 1.4.3 and
//! 1.4.11).

use std::collections::BTreeMap;

use crate::sources;

const THEMES: &str = "web/styles/themes";

/// Text on its ground: 4.5:1. A `-soft` ground carries its own colour and ordinary text, a `-fill` what is written on it.
const TEXT: [(&str, &[&str]); 23] = [
    ("background", &["foreground", "muted-foreground", "link", "destructive", "normal"]),
    ("card", &["card-foreground", "foreground", "muted-foreground", "link", "destructive", "normal"]),
    ("card", &["ok", "watch", "critical", "info"]),
    ("popover", &["popover-foreground", "muted-foreground", "link"]),
    ("muted", &["foreground", "muted-foreground", "link"]),
    ("secondary", &["secondary-foreground"]),
    ("accent", &["accent-foreground", "foreground", "muted-foreground"]),
    ("primary", &["primary-foreground"]),
    ("primary-strong", &["primary-foreground"]),
    ("hero-from", &["hero-foreground"]),
    ("hero-to", &["hero-foreground"]),
    ("hero-strong", &["hero-foreground"]),
    ("stop-from", &["stop-foreground"]),
    ("stop-to", &["stop-foreground"]),
    ("stop-strong", &["stop-foreground"]),
    ("sidebar", &["sidebar-foreground", "sidebar-muted-foreground"]),
    ("sidebar-muted", &["sidebar-foreground", "sidebar-muted-foreground"]),
    ("sidebar-accent", &["sidebar-accent-foreground"]),
    ("ok-soft", &["ok", "foreground"]),
    ("watch-soft", &["watch", "foreground"]),
    ("critical-soft", &["critical", "foreground", "muted-foreground"]),
    ("info-soft", &["info", "foreground"]),
    ("foreground", &["background"]),
];

/// What is written on a filled surface: 4.5:1 as well.
const FILLS: [(&str, &[&str]); 2] = [("watch-fill", &["watch-on-fill"]), ("critical-fill", &["critical-on-fill"])];

/// Parts that one must make out: focus rings, edges of fields, lines of a curve, filled bars: 3:1.
const PARTS: [(&str, &[&str]); 5] = [
    ("background", &["ring", "input", "normal", "primary", "chart-line", "watch-line", "critical-line"]),
    ("card", &["ring", "input", "destructive", "primary", "chart-line", "watch-line", "critical-line"]),
    ("popover", &["ring", "input"]),
    ("muted", &["ring", "primary"]),
    ("sidebar", &["sidebar-ring"]),
];

/// The place of a mode's colour in `light-dark(…, …)`.
const MODES: [(&str, usize); 2] = [("light", 0), ("dark", 1)];

/// A theme's tokens with their values as written.
type Theme = BTreeMap<String, String>;

/// The tokens of a style sheet that holds one rule.
fn parse(css: &str) -> Theme {
    let mut plain = String::new();
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    plain.push_str(rest);
    let rule = plain.split_once('{').expect("a rule").1.split_once('}').expect("its end").0;
    let token = |line: &str| {
        let (name, value) = line.trim().strip_prefix("--")?.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    rule.split(';').filter_map(token).collect()
}

/// Every theme by its name, which is also what its rule must be for.
fn themes() -> BTreeMap<String, Theme> {
    let theme = |file: String| {
        let css = sources::read(&file);
        let name = file.rsplit('/').next().unwrap().strip_suffix(".css").unwrap().to_owned();
        assert!(css.contains(&format!("[data-theme=\"{name}\"] {{")), "{file} is to hold the theme {name}");
        (name, parse(&css))
    };
    sources::files(THEMES, ".css").into_iter().map(theme).collect()
}

/// A colour as red, green and blue, from 0 to 1. `var(--x)` is followed.
fn colour(theme: &Theme, token: &str, mode: usize) -> Option<[f64; 3]> {
    let value = theme.get(token)?;
    if let Some(other) = value.strip_prefix("var(--").and_then(|rest| rest.strip_suffix(')')) {
        return colour(theme, other, mode);
    }
    let hex = match value.strip_prefix("light-dark(").and_then(|rest| rest.strip_suffix(')')) {
        Some(both) => both.split(',').nth(mode)?.trim(),
        None => value,
    };
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok().map(|part| f64::from(part) / 255.0);
    Some([channel(0)?, channel(2)?, channel(4)?])
}

/// Relative luminance as WCAG defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |part: f64| if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The contrast ratio of two colours, from 1 to 21.
fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// What of the pairs is below the least ratio, in words.
fn faint(name: &str, theme: &Theme, pairs: &[(&str, &[&str])], least: f64) -> Vec<String> {
    let mut found = Vec::new();
    for (mode, place) in MODES {
        for (ground, tokens) in pairs {
            for token in *tokens {
                let read = |token: &str| {
                    colour(theme, token, place).unwrap_or_else(|| panic!("{name}: --{token} is no colour in {mode}"))
                };
                let contrast = ratio(read(token), read(ground));
                if contrast < least {
                    found.push(format!("{name}, {mode}: --{token} on --{ground} is {contrast:.2}:1, not {least}:1"));
                }
            }
        }
    }
    found
}

#[test]
fn every_theme_is_readable_by_day_and_by_night() {
    let mut found = Vec::new();
    for (name, theme) in themes() {
        for (pairs, least) in [(&TEXT[..], 4.5), (&FILLS[..], 4.5), (&PARTS[..], 3.0)] {
            found.extend(faint(&name, &theme, pairs, least));
        }
    }
    assert!(found.is_empty(), "too faint: {found:#?}");
}

#[test]
fn every_theme_has_the_same_tokens() {
    let themes = themes();
    assert!(themes.len() >= 6, "the themes were to be there: {:?}", themes.keys());
    let sheet = sources::read("web/styles/app.css");
    for (name, theme) in &themes {
        assert!(sheet.contains(&format!("@import \"./themes/{name}.css\";")), "app.css does not import {name}");
        for (other, reference) in &themes {
            let missing: Vec<&String> = reference.keys().filter(|token| !theme.contains_key(*token)).collect();
            assert!(missing.is_empty(), "{name} lacks what {other} has: {missing:?}");
        }
    }
}

#[test]
fn every_token_that_the_style_sheets_use_belongs_to_the_themes() {
    let themes = themes();
    let theme = &themes["physiotraq"];
    // Of the kit, and not of a theme.
    let foreign = ["chevron-down-icon"];
    let used = |file: String| {
        let css = sources::read(&file);
        let names = css.split("var(--").skip(1).filter_map(|rest| rest.split([')', ',']).next());
        names.map(|name| (file.clone(), name.to_owned())).collect::<Vec<_>>()
    };
    let used: Vec<(String, String)> = sources::files("web/styles", ".css").into_iter().flat_map(used).collect();
    assert!(used.len() > 100, "the style sheets were to use tokens: {}", used.len());
    let unknown: Vec<&(String, String)> =
        used.iter().filter(|(_, name)| !theme.contains_key(name) && !foreign.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "no theme says what these are: {unknown:#?}");
}

#[test]
fn the_ruler_of_this_test_measures() {
    let theme = parse(
        "/* a { } */ [data-theme=\"x\"] {\n --a: light-dark(#ffffff, #000000);\n --b: var(--a);\n --c: #777777;\n}",
    );
    let read = |token, mode| colour(&theme, token, mode).unwrap();
    assert_eq!(theme.len(), 3);
    assert!((ratio(read("a", 0), read("b", 1)) - 21.0).abs() < 0.001);
    assert!((ratio(read("c", 0), read("a", 0)) - 4.478).abs() < 0.001, "a grey that is known to be just too pale");
    assert_eq!(faint("x", &theme, &[("a", &["c"])], 4.5).len(), 1, "in light; on black the same grey is 4.69:1");
    assert_eq!(colour(&theme, "d", 0), None);
}
